"""Bookings: a list, a calendar of a day, and what a person does with one."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from calls.admin import day, display
from calls.admin.booking_pages import ByHandMixin
from calls.admin.local_time import shown_in
from calls.admin.records import BusinessFilter, Deed, RecordMixin, Refused, call_link, link_to
from calls.domain import appointments, booking_letters, by_hand, copies, dispatch
from calls.models import Booking, Business, Technician

Status = Booking.Status
TONES = {Status.BOOKED: "live", Status.CONFIRMED: "good", Status.DONE: "calm", Status.CANCELLED: "quiet"}
OPEN = by_hand.OPEN_BOOKING


def confirm(booking: Booking) -> None:
    by_hand.confirm_booking(booking=booking, now=timezone.now())


def done(booking: Booking) -> None:
    by_hand.finish_booking(booking=booking)


def cancel(booking: Booking) -> None:
    try:
        appointments.cancel(booking=booking, now=timezone.now())
    except appointments.NotYours:
        raise Refused(f"{booking} is done or cancelled already.") from None


def send_confirmation(booking: Booking) -> None:
    try:
        copies.send_confirmation(booking=booking, now=timezone.now())
    except copies.NothingToSend as refusal:
        raise Refused(str(refusal)) from None


def is_tellable(booking: Booking) -> bool:
    is_to_come = booking.status in OPEN and booking.ends_at > timezone.now()
    return is_to_come and booking_letters.address_of(booking=booking) != ""


def _told(people: list[Technician]) -> str:
    """Who hears of a change of technician by letter, and that the others do not."""
    if len(people) > 1:
        return f"{' and '.join(map(str, people))} are told."
    told = f"{people[0]} is told. Nobody else could be" if people else "Nobody could be told"
    return f"{told}: let them know yourself."


class WhenFilter(admin.SimpleListFilter):
    title = "when"
    parameter_name = "when"

    def lookups(self, request, model_admin):
        return [("coming", "Still to come"), ("over", "Over")]

    def queryset(self, request, queryset):
        match self.value():
            case "coming":
                return queryset.filter(ends_at__gt=timezone.now()).order_by("starts_at")
            case "over":
                return queryset.filter(ends_at__lte=timezone.now()).order_by("-starts_at")
        return queryset


@admin.register(Booking)
class BookingAdmin(ByHandMixin, RecordMixin, admin.ModelAdmin):
    change_list_template = "admin/calls/booking/change_list.html"
    list_display = ["starts", "what", "who", "technician_name", "state", "of_call"]
    list_filter = [WhenFilter, "status", ("technician", admin.RelatedOnlyFieldListFilter), ("business", BusinessFilter)]
    list_select_related = ["business", "customer", "service", "technician"]
    ordering = ["-starts_at"]
    date_hierarchy = "starts_at"
    search_fields = ["reference", "customer__name", "address", "service__name", "technician__name"]
    number_search_fields = ["customer__number", "notes"]
    harmless_lookups = frozenset({"status", "business", "starts_at", "technician"})
    fieldsets = [
        (None, {"fields": ["state", "starts", "until", "service_name", "technician_name"]}),
        (
            "Where and for whom",
            {"fields": ["customer_link", "customer_number", "address", "postal_code", "told", "letters"]},
        ),
        ("Where it comes from", {"fields": ["reference", "booked", "business", "of_call"]}),
    ]
    readonly_fields = [
        *("state", "starts", "until", "service_name", "technician_name", "customer_link", "customer_number"),
        *("address", "postal_code", "told", "letters", "reference", "booked", "business", "of_call"),
    ]
    deeds = [
        Deed("confirm", "Confirm", "confirmed", lambda booking: booking.status == Status.BOOKED, confirm, tone="main"),
        Deed(
            "send_confirmation",
            "Send the confirmation again",
            "confirmed by e-mail again",
            is_tellable,
            send_confirmation,
        ),
        Deed("done", "Mark as done", "marked as done", lambda booking: booking.status in OPEN, done),
        Deed(
            "move",
            "Move it",
            "moved",
            lambda booking: booking.status in OPEN,
            address="admin:calls_booking_move",
        ),
        Deed(
            "reassign",
            "Send somebody else",
            "sent",
            lambda booking: booking.status in OPEN,
            address="admin:calls_booking_reassign",
        ),
        Deed(
            "cancel",
            "Cancel the booking",
            "cancelled",
            lambda booking: booking.status in OPEN,
            cancel,
            asks="Cancel? The time becomes free, and customer and technician are told where they can be reached.",
            tone="bad",
        ),
    ]

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related(*self.list_select_related)

    def get_urls(self):
        site = self.admin_site
        return [
            path("day/", site.admin_view(self.day_view), name="calls_booking_day"),
            path("<path:object_id>/reassign/", site.admin_view(self.reassign_view), name="calls_booking_reassign"),
            *super().get_urls(),
        ]

    # The calendar of a day

    def day_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        businesses = list(Business.objects.all())
        business = self._business(request, businesses)
        on = self._day(request, business)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": f"{on:%A, %B} {on.day}",
            "on": on,
            "business": business,
            "businesses": businesses,
            "day": day.day_of(business=business, on=on) if business else None,
            "before": on - timedelta(days=1),
            "after": on + timedelta(days=1),
            "may_add": self.has_add_permission(request),
            "is_today": business is not None and on == timezone.localdate(timezone=ZoneInfo(business.time_zone)),
        }
        with shown_in(ZoneInfo(business.time_zone) if business else ZoneInfo("UTC")) as rendered:
            return rendered(TemplateResponse(request, "admin/calls/booking/day.html", context))

    @staticmethod
    def _business(request: HttpRequest, businesses: list[Business]) -> Business | None:
        asked = next((b for b in businesses if str(b.pk) == request.GET.get("business")), None)
        return asked or next(iter(businesses), None)

    @staticmethod
    def _day(request: HttpRequest, business: Business | None) -> date:
        try:
            asked = date.fromisoformat(request.GET.get("on", ""))
        except ValueError:
            asked = None
        zone = ZoneInfo(business.time_zone) if business else ZoneInfo("UTC")
        is_showable = asked is not None and 2000 <= asked.year < 2200
        return asked if is_showable else timezone.localdate(timezone=zone)

    # Sending somebody else

    def reassign_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        booking = self.get_object(request, unquote(object_id))
        if booking is None:
            raise Http404
        if not self.has_change_permission(request):
            raise PermissionDenied
        back = reverse("admin:calls_booking_change", args=[booking.pk])
        if booking.status not in OPEN:
            messages.error(request, f"{booking} is {booking.get_status_display().lower()}: nobody is sent to it.")
            return redirect(back)
        if request.method == "POST" and self._send(request, booking):
            return redirect(back)
        with shown_in(ZoneInfo(booking.business.time_zone)) as rendered:
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "media": self.media,
                "title": "Who goes?",
                "booking": booking,
                "starts": self.starts(booking),
                "candidates": dispatch.candidates(booking=booking),
                "back": back,
            }
            return rendered(TemplateResponse(request, "admin/calls/booking/reassign.html", context))

    def _send(self, request: HttpRequest, booking: Booking) -> bool:
        """Whether somebody was sent; if not, the reason is said and the person chooses again."""
        people = Technician.objects.filter(business=booking.business_id, is_active=True)
        chosen = request.POST.get("technician", "")
        technician = people.filter(pk=chosen).first() if chosen.isdecimal() else None
        if technician is None:
            messages.error(request, "Choose who goes.")
            return False
        try:
            told = dispatch.send(booking=booking, technician=technician, now=timezone.now())
        except dispatch.Taken:
            messages.error(request, f"{technician} has another booking then. Choose somebody else.")
            return False
        except dispatch.NotOpen:
            messages.error(request, f"{booking} has been closed meanwhile.")
            return True
        self.log_change(request, booking, f"{technician} sent.")
        messages.success(request, f"{technician} goes to {booking}. {_told(told)}")
        return True

    # Columns and fields

    @admin.display(description="starts", ordering="starts_at")
    def starts(self, booking):
        return display.show_day_and_time(booking.starts_at)

    @admin.display(description="until")
    def until(self, booking):
        return display.show_clock(booking.ends_at)

    @admin.display(description="what", ordering="service__name")
    def what(self, booking):
        return format_html('{}<span class="beside">{}</span>', booking.service, booking.reference)

    @admin.display(description="for", ordering="customer__name")
    def who(self, booking):
        return format_html('<b>{}</b><span class="beside">{}</span>', booking.customer, booking.address)

    @admin.display(description="service")
    def service_name(self, booking):
        return booking.service

    @admin.display(description="technician", ordering="technician__name")
    def technician_name(self, booking):
        return booking.technician

    @admin.display(description="state", ordering="status")
    def state(self, booking):
        return display.badge(booking.get_status_display(), TONES[booking.status])

    @admin.display(description="customer")
    def customer_link(self, booking):
        return link_to(booking.customer)

    @admin.display(description="telephone")
    def customer_number(self, booking):
        return display.show_number(booking.customer.number, whole=booking.is_whole)

    @admin.display(description="notes")
    def told(self, booking):
        return display.masked(booking.notes, whole=booking.is_whole) or "–"

    @admin.display(description="letters go to")
    def letters(self, booking):
        return booking_letters.address_of(booking=booking) or "Nobody: no e-mail address is known"

    @admin.display(description="booked")
    def booked(self, booking):
        return display.show_moment(booking.booked_at)

    @admin.display(description="call")
    def of_call(self, booking):
        return call_link(booking)
