"""Who is sent, and to whom: technicians with their week, customers with all that they called for."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from calls.admin import display, sentences, trade_forms, warnings
from calls.admin.business import InlinesLaterMixin, WarningMixin, attention
from calls.admin.records import BusinessFilter, TradeMixin, number_of
from calls.admin.trade import OfBusinessMixin
from calls.domain import delivery
from calls.domain.money import written_range
from calls.models import Call, Callback, Customer, Message, Technician, TimeOff, WorkingHours

SHOWN = 20


class WorkingHoursInline(admin.TabularInline):
    model = WorkingHours
    formset = trade_forms.HoursFormSet
    fields = ["weekday", "starts_at", "ends_at"]
    formfield_overrides = trade_forms.HOURS_AND_MINUTES
    extra = 0
    verbose_name_plural = "working hours (none: while the business is open)"


class TimeOffInline(admin.TabularInline):
    model = TimeOff
    extra = 0


@admin.register(Technician)
class TechnicianAdmin(InlinesLaterMixin, WarningMixin, OfBusinessMixin, admin.ModelAdmin):
    form = trade_forms.TechnicianForm
    list_display = ["named", "knows", "goes_to", "active", "attention"]
    list_filter = ["is_active", ("skills", admin.RelatedOnlyFieldListFilter), ("business", BusinessFilter)]
    search_fields = ["name", "email"]
    number_search_fields = ["number"]
    harmless_lookups = frozenset({"business", "is_active", "skills"})

    def get_queryset(self, request: HttpRequest):
        rows = super().get_queryset(request).prefetch_related("skills", "areas", "business__areas")
        return delivery.with_last_text_error(rows)

    def get_inlines(self, request: HttpRequest, obj: Technician | None):
        return [WorkingHoursInline, TimeOffInline] if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: Technician | None = None):
        number = "number" if display.sees_whole_numbers(request) else "masked_number"
        return [
            (None, {"fields": ["business", "name", number, "email", "is_active"]}),
            ("Where they are sent", {"fields": ["skills", "areas", "home_postal_code"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Technician | None = None):
        return [] if display.sees_whole_numbers(request) else ["masked_number"]

    @admin.display(description="technician", ordering="name")
    def named(self, technician):
        return format_html('{}<span class="beside">{}</span>', technician.name, _or_dash(technician))

    @admin.display(description="telephone")
    def masked_number(self, technician):
        return _or_dash(technician)

    @admin.display(description="knows")
    def knows(self, technician):
        return ", ".join(skill.name for skill in technician.skills.all()) or "–"

    @admin.display(description="goes to")
    def goes_to(self, technician):
        return ", ".join(sentences.area(entry) for entry in technician.areas.all()) or "Everywhere that is served"

    @admin.display(description="state", ordering="is_active")
    def active(self, technician):
        return display.badge("Active", "good") if technician.is_active else display.badge("Not active", "calm")

    @admin.display(description="look at")
    def attention(self, technician):
        return attention(warnings.of_technician(technician))


@admin.register(Customer)
class CustomerAdmin(TradeMixin, admin.ModelAdmin):
    form = trade_forms.CustomerForm
    change_form_template = "admin/calls/customer/change_form.html"
    list_display = ["named", "telephone", "lives", "letters"]
    list_filter = ["refuses_sms", ("business", BusinessFilter)]
    list_select_related = ["business"]
    search_fields = ["name", "address", "email"]
    number_search_fields = ["number", "notes"]
    harmless_lookups = frozenset({"business", "refuses_sms"})

    def get_changeform_initial_data(self, request: HttpRequest):
        return trade_forms.only_business() | super().get_changeform_initial_data(request)

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return False  # bookings and quotes name their customer

    def get_fieldsets(self, request: HttpRequest, obj: Customer | None = None):
        """Who may not see whole numbers may not edit the fields that hold them either."""
        whole = display.sees_whole_numbers(request)
        number, notes = ("number", "notes") if whole else ("telephone", "masked_notes")
        where = ["address", "postal_code", "email", "refuses_sms"]
        return [(None, {"fields": ["business", "name", number]}), ("Where and how", {"fields": [*where, notes]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None):
        masked = [] if display.sees_whole_numbers(request) else ["telephone", "masked_notes"]
        return [*masked, "business"] if obj else masked

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and display.sees_whole_numbers(request)

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj:
            context["history"] = history_of(obj, request)
            context["may_book"] = request.user.has_perms(["calls.add_booking", "calls.view_customer"])
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description="customer", ordering="name")
    def named(self, customer):
        return customer.name or "A customer"

    @admin.display(description="telephone")
    def telephone(self, customer):
        return number_of(customer)

    @admin.display(description="address", ordering="address")
    def lives(self, customer):
        return f"{customer.address} {customer.postal_code}".strip() or "–"

    @admin.display(description="reached by")
    def letters(self, customer):
        email = customer.email or "no e-mail"
        sms = "no text messages" if customer.refuses_sms else ""
        return format_html('{}<span class="beside">{}</span>', email, sms)

    @admin.display(description="notes")
    def masked_notes(self, customer):
        return display.masked(customer.notes, whole=False) or "–"


def history_of(customer: Customer, request: HttpRequest) -> list[dict[str, Any]]:
    """The sections of a customer's history that the reader may see; one query each."""
    whole = display.sees_whole_numbers(request)

    def section(title: str, model: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"title": title, "rows": rows, "may_open": request.user.has_perm(f"calls.view_{model}"), "model": model}

    sections = [
        section("Bookings", "booking", [_booking(row) for row in _newest(customer.bookings, "starts_at", "service")]),
        section("Quotes", "quote", [_quote(row, customer) for row in _newest(customer.quotes, "quoted_at", "service")]),
        section("Callbacks", "callback", [_callback(row, whole) for row in _of_number(Callback, customer, "due_at")]),
        section("Messages", "message", [_message(row, whole) for row in _of_number(Message, customer, "taken_at")]),
        section("Calls", "call", [_call(row, whole) for row in _calls(customer)]),
    ]
    return [section for section in sections if section["may_open"]]


def _newest(rows: Any, field: str, *related: str) -> Any:
    return rows.select_related(*related).order_by(f"-{field}")[:SHOWN]


def _of_number(model: Any, customer: Customer, field: str) -> Any:
    rows = model.objects.filter(business=customer.business_id, number=customer.number)
    return rows.order_by(f"-{field}")[:SHOWN]


def _calls(customer: Customer) -> Any:
    theirs = Call.objects.filter(business=customer.business_id)
    inbound = theirs.filter(from_number=customer.number, direction=Call.Direction.INBOUND)
    outbound = theirs.filter(to_number=customer.number, direction=Call.Direction.OUTBOUND)
    return (inbound | outbound).order_by("-rang_at")[:SHOWN]


def _row(kind: str, row: Any, at: Any, text: str, state: str) -> dict[str, Any]:
    url = reverse(f"admin:calls_{kind}_change", args=[row.pk])
    return {"at": display.show_day_and_time(at), "url": url, "text": text, "state": state}


def _booking(booking: Any) -> dict[str, Any]:
    text = f"{booking.service} {booking.reference}"
    return _row("booking", booking, booking.starts_at, text, booking.get_status_display())


def _quote(quote: Any, customer: Customer) -> dict[str, Any]:
    total = written_range(quote.total, quote.total_to, customer.business.currency)
    return _row("quote", quote, quote.quoted_at, f"{quote.service} {quote.reference}", total)


def _callback(callback: Any, whole: bool) -> dict[str, Any]:
    text = display.masked(callback.reason, whole=whole)
    return _row("callback", callback, callback.due_at, text, callback.get_status_display())


def _message(message: Any, whole: bool) -> dict[str, Any]:
    text = display.masked(message.text, whole=whole)
    return _row("message", message, message.taken_at, text, "Done" if message.is_done else "Open")


def _call(call: Any, whole: bool) -> dict[str, Any]:
    text = display.masked(call.summary, whole=whole) or call.get_end_reason_display() or "Still going on"
    state = call.get_outcome_display() if call.outcome != Call.Outcome.NONE else ""
    return _row("call", call, call.rang_at, text, state)


def _or_dash(technician: Any) -> str:
    return number_of(technician) if technician.number else "–"
