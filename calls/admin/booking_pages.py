"""Two pages for bookings: one makes a booking by hand, the other moves one."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from calls.admin import display
from calls.admin.booking_forms import AS_KNOWN, MoveForm, NewBookingForm, WhenForm, value_of
from calls.admin.local_time import common_zone, shown_in
from calls.domain import bookings_by_hand, by_hand, technicians
from calls.domain.bookings_by_hand import Day, NotPossible
from calls.models import Booking, Customer

LOOK = "look"
FIELDSETS = [
    ("For whom", {"fields": ["customer", "number", "name", "email"]}),
    ("What and where", {"fields": ["service", "address", "postal_code", "notes"]}),
]


class ByHandMixin:
    """Bookings that a person makes or moves; who makes one has to be allowed to see customers."""

    def get_urls(self):
        view = self.admin_site.admin_view(self.move_view)
        return [path("<path:object_id>/move/", view, name="calls_booking_move"), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms(["calls.add_booking", "calls.view_customer"])

    # A new booking

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self._new_form(request)
        if request.method == "POST" and form.is_valid() and not form.is_looking and (made := _book(form)):
            self.log_addition(request, made, "Booked by hand.")
            with shown_in(ZoneInfo(made.business.time_zone)):
                messages.success(request, _said_of(made))
            may_look = self.has_view_permission(request)
            return redirect(reverse("admin:calls_booking_change", args=[made.pk]) if may_look else "admin:index")
        service = form.chosen_service
        with shown_in(ZoneInfo(service.business.time_zone) if service else common_zone()) as rendered:
            context = {
                "title": "New booking",
                "form": form,
                "adminform": AdminForm(form, self._fieldsets_of(form), {}, (), self),
                "media": self.media + form.media,
                **_openings(form, service=service, place=form.place),
            }
            return rendered(self._page(request, "admin/calls/booking/add.html", context))

    def _new_form(self, request: HttpRequest) -> NewBookingForm:
        rights = {"may_enter_numbers": display.sees_whole_numbers(request)}
        if request.method == "POST":
            return NewBookingForm(request.POST, is_looking=LOOK in request.POST, **rights)
        initial: dict[str, Any] = {"day": _date_or_none(request.GET.get("day", ""))}
        chosen = request.GET.get("customer", "")
        if chosen.isdecimal() and (customer := Customer.objects.filter(pk=chosen).first()):
            initial |= {"customer": customer.pk, **{name: getattr(customer, name) for name in AS_KNOWN}}
        return NewBookingForm(initial=initial, **rights)

    @staticmethod
    def _fieldsets_of(form: NewBookingForm) -> list[tuple[str, dict[str, Any]]]:
        known = form.fields.keys()
        return [(name, {"fields": [f for f in shown["fields"] if f in known]}) for name, shown in FIELDSETS]

    # Another time

    def move_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        booking = self.get_object(request, unquote(object_id))
        if booking is None:
            raise Http404
        if not self.has_change_permission(request):
            raise PermissionDenied
        back = reverse("admin:calls_booking_change", args=[booking.pk])
        if booking.status not in by_hand.OPEN_BOOKING:
            messages.error(request, f"{booking} is {booking.get_status_display().lower()}: it stays where it is.")
            return redirect(back)
        data = request.POST if request.method == "POST" else None
        form = MoveForm(data, booking=booking, is_looking=data is None or LOOK in data)
        with shown_in(ZoneInfo(booking.business.time_zone)) as rendered:
            if data is not None and form.is_valid() and not form.is_looking and self._move(request, form):
                return redirect(back)
            context = {
                "title": "Another time",
                "form": form,
                "media": self.media,
                "booking": booking,
                "starts": display.show_day_and_time(booking.starts_at),
                "back": back,
                **_openings(form, service=booking.service, place=technicians.place_of(booking=booking), but=booking),
            }
            return rendered(self._page(request, "admin/calls/booking/move.html", context))

    def _move(self, request: HttpRequest, form: MoveForm) -> bool:
        """Whether the booking stands where it was wanted; if not, the form says why."""
        booking, before = form.booking, form.booking.starts_at
        try:
            bookings_by_hand.move(booking=booking, starts_at=form.starts_at, now=timezone.now())
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
            return False
        when = display.show_day_and_time(booking.starts_at)
        if booking.starts_at == before:
            messages.info(request, f"{booking} is on {when} already.")
            return True
        self.log_change(request, booking, f"Moved to {when}.")
        messages.success(request, f"{booking} is moved to {when}; {booking.technician} goes. {_told(booking)}")
        return True

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        return TemplateResponse(
            request, template, {**self.admin_site.each_context(request), "opts": self.opts} | context
        )


def _book(form: NewBookingForm) -> Booking | None:
    try:
        return bookings_by_hand.book(
            service=form.chosen_service, starts_at=form.starts_at, wanted=form.wanted, now=timezone.now()
        )
    except NotPossible as refusal:
        form.add_error(None, str(refusal))
        return None


def _openings(form: WhenForm, *, service: Any, place: Any, but: Booking | None = None) -> dict[str, Any]:
    """The openings as the page shows them: those of the day that was asked for, else of the soonest that has any."""
    if service is None:
        return {"found": None, "choices": []}
    known = form.cleaned_data if form.is_bound else {}
    asked = (None if form.is_looking else known.get("on")) or known.get("day")
    try:
        found = bookings_by_hand.openings(service=service, place=place, on=asked, now=timezone.now(), but=but)
    except NotPossible as refusal:
        found = Day(timezone.localdate(), [], str(refusal))
    chosen = form["opening"].value() or ""
    choices = [(value_of(moment), display.show_clock(moment)) for moment in found.openings]
    return {"found": found, "choices": [(value, words, value == chosen) for value, words in choices]}


def _said_of(booking: Booking) -> str:
    when = display.show_day_and_time(booking.starts_at)
    return f"{booking} is booked for {when}; {booking.technician} goes. {_told(booking)}"


def _told(booking: Booking) -> str:
    """Who hears of it by letter, and who has to be told by a person."""
    customer, technician = booking.customer, booking.technician
    reached = {
        "the customer": booking.email or customer.email,
        "the technician": technician.email or technician.number,
    }
    told = [who for who, is_told in reached.items() if is_told]
    others = [who for who, is_told in reached.items() if not is_told]
    said = f"{' and '.join(told).capitalize()} {'are' if len(told) > 1 else 'is'} told." if told else ""
    return f"{said} No address is known of {' and '.join(others)}: let them know yourself.".strip() if others else said


def _date_or_none(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
