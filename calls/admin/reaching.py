"""Promises to ring somebody back, and emergencies: what is still owed, and what was tried for it."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from calls.admin import display
from calls.admin.records import BusinessFilter, Deed, RecordMixin, call_link, link_to, number_of
from calls.domain import by_hand, emergencies
from calls.models import Call, Callback, Emergency

CALLBACK_TONES = {"due": "warm", "dialing": "live", "done": "good", "failed": "bad", "cancelled": "quiet"}
ANSWERERS = {
    "human": "A person picked up",
    "fax": "A fax machine picked up",
    "unknown": "Somebody picked up; a person or a machine, it cannot be told",
}
EMERGENCY_TONES = {"open": "bad", "unanswered": "bad", "accepted": "good", "closed": "calm"}


def call_now(callback: Callback) -> None:
    by_hand.ring_now(callback=callback, now=timezone.now())


def reached(callback: Callback) -> None:
    by_hand.close_callback(callback=callback, is_reached=True, now=timezone.now())


def drop(callback: Callback) -> None:
    by_hand.close_callback(callback=callback, is_reached=False, now=timezone.now())


def take(emergency: Emergency) -> None:
    by_hand.take_emergency(emergency=emergency, now=timezone.now())


def close(emergency: Emergency) -> None:
    by_hand.close_emergency(emergency=emergency, now=timezone.now())


def is_owed(callback: Callback) -> bool:
    return callback.status in by_hand.OWED


@admin.register(Callback)
class CallbackAdmin(RecordMixin, admin.ModelAdmin):
    list_display = ["due", "caller", "why", "state", "of_call"]
    list_filter = ["status", ("business", BusinessFilter)]
    list_select_related = ["business"]
    date_hierarchy = "due_at"
    ordering = ["-due_at"]
    search_fields = ["caller_name"]
    number_search_fields = ["number", "reason"]
    harmless_lookups = frozenset({"status", "business", "due_at"})
    fieldsets = [
        (None, {"fields": ["state", "caller_name", "telephone", "why", "due"]}),
        ("What was tried", {"fields": ["dialings_table"]}),
        ("Where it comes from", {"fields": ["agreed", "asked", "business", "of_call"]}),
    ]
    readonly_fields = [
        *("state", "caller_name", "telephone", "why", "due", "dialings_table", "agreed", "asked", "business"),
        "of_call",
    ]
    deeds = [
        Deed(
            "call_now",
            "Call now",
            "rung as soon as the rules allow",
            is_owed,
            call_now,
            tone="main",
        ),
        Deed("reached", "Mark as done", "marked as done", is_owed, reached),
        Deed(
            "drop",
            "Do not call",
            "not called any more",
            is_owed,
            drop,
            asks="Drop the promise? Nobody rings this caller back then.",
            tone="bad",
        ),
    ]

    @admin.display(description="due", ordering="due_at")
    def due(self, callback):
        return display.show_day_and_time(callback.due_at)

    @admin.display(description="whom", ordering="caller_name")
    def caller(self, callback):
        name = callback.caller_name or "A caller"
        return format_html('<b>{}</b><span class="beside">{}</span>', name, number_of(callback))

    @admin.display(description="telephone")
    def telephone(self, callback):
        return number_of(callback)

    @admin.display(description="about")
    def why(self, callback):
        return display.masked(callback.reason, whole=callback.is_whole)

    @admin.display(description="state", ordering="status")
    def state(self, callback):
        badge = display.badge(callback.get_status_display(), CALLBACK_TONES[callback.status])
        tries = {0: "", 1: "tried once"}.get(callback.attempts, f"tried {callback.attempts} times")
        return format_html('{}<span class="beside">{}</span>', badge, tries)

    @admin.display(description="dialed")
    def dialings_table(self, callback):
        dialings = list(callback.dialings.all())
        calls = {call.call_sid: call for call in Call.objects.filter(call_sid__in=[row.call_sid for row in dialings])}
        rows = [
            (
                display.show_day_and_time(row.began_at),
                row.result.replace("_", " ") or "no result yet",
                who_answered(row.answered_by),
                link_to(calls[row.call_sid], row.call_sid) if row.call_sid in calls else row.call_sid or "–",
            )
            for row in dialings
        ]
        return _table(rows) or "Not yet"

    @admin.display(description="agreed in these words")
    def agreed(self, callback):
        return display.masked(callback.consent, whole=callback.is_whole)

    @admin.display(description="asked for")
    def asked(self, callback):
        return display.show_moment(callback.asked_at)

    @admin.display(description="call")
    def of_call(self, callback):
        return call_link(callback)


@admin.register(Emergency)
class EmergencyAdmin(RecordMixin, admin.ModelAdmin):
    list_display = ["raised", "what", "caller", "state", "of_call"]
    list_filter = ["status", "raised_by", ("business", BusinessFilter)]
    list_select_related = ["business", "accepted_by"]
    date_hierarchy = "raised_at"
    search_fields = ["kind", "address"]
    number_search_fields = ["number", "description"]
    harmless_lookups = frozenset({"status", "raised_by", "business", "raised_at"})
    fieldsets = [
        (None, {"fields": ["state", "kind_in_words", "told", "address", "caller"]}),
        ("Who was rung", {"fields": ["alerts_table", "accepted"]}),
        ("Where it comes from", {"fields": ["raised", "raised_by", "business", "of_call"]}),
    ]
    readonly_fields = [
        *("state", "kind_in_words", "told", "address", "caller", "alerts_table", "accepted", "raised", "raised_by"),
        *("business", "of_call"),
    ]
    deeds = [
        Deed(
            "take",
            "I take it",
            "yours now, nobody else is rung for it",
            lambda row: row.status in emergencies.UNTAKEN,
            take,
            tone="main",
        ),
        Deed(
            "close",
            "It is seen to",
            "closed",
            lambda row: row.status in by_hand.UNSETTLED,
            close,
            asks="Close it? Nobody is rung for it any more.",
        ),
    ]

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("business", "accepted_by")

    @admin.display(description="raised", ordering="raised_at")
    def raised(self, emergency):
        return display.show_moment(emergency.raised_at)

    @admin.display(description="what", ordering="kind")
    def what(self, emergency):
        return format_html('<b>{}</b><span class="beside">{}</span>', self.kind_in_words(emergency), emergency.address)

    @admin.display(description="kind")
    def kind_in_words(self, emergency):
        return in_words(emergency.kind)

    @admin.display(description="what was said")
    def told(self, emergency):
        return display.masked(emergency.description, whole=emergency.is_whole) or "–"

    @admin.display(description="caller")
    def caller(self, emergency):
        return number_of(emergency)

    @admin.display(description="state", ordering="status")
    def state(self, emergency):
        badge = display.badge(emergency.get_status_display(), EMERGENCY_TONES[emergency.status])
        return format_html('{}<span class="beside">{}</span>', badge, emergency.accepted_by or "")

    @admin.display(description="rung")
    def alerts_table(self, emergency):
        rows = [
            (
                display.show_moment(alert.rang_at),
                alert.technician or display.show_number(alert.number, whole=emergency.is_whole),
                alert.result.replace("_", " ") or "no answer yet",
                alert.call_sid or "–",
            )
            for alert in emergency.alerts.select_related("technician")
        ]
        return _table(rows) or "Nobody"

    @admin.display(description="accepted")
    def accepted(self, emergency):
        if emergency.accepted_at is None:
            return "By nobody"
        return f"{display.show_moment(emergency.accepted_at)}, by {emergency.accepted_by or 'a person'}"

    @admin.display(description="call")
    def of_call(self, emergency):
        return call_link(emergency)


def who_answered(told: str) -> str:
    """Who picked up, by what Twilio's machine detection made of the first sounds; nothing when it was not heard."""
    if told.startswith("machine"):
        return "An answering machine picked up"
    return ANSWERERS.get(told, told.replace("_", " "))


def in_words(kind: str) -> str:
    words = emergencies.KINDS.get(kind) or kind.replace("_", " ")
    return words[:1].upper() + words[1:]


def _table(rows: list[tuple[object, object, object, object]]):
    if not rows:
        return ""
    cells = format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>", rows)
    return format_html('<table class="tried"><tbody>{}</tbody></table>', cells)
