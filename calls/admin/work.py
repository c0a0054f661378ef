"""Messages that agents took: to be read, corrected and ticked off."""

from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator

from calls.admin import display, forms
from calls.admin.local_time import LocalTimeMixin
from calls.admin.records import Deed, DeedMixin, Refused
from calls.domain import by_hand
from calls.models import Message

_OF_THE_PAGE = {"let_ring", "tick_off", "open_again"}
_HARMLESS_LOOKUPS = {"is_done", "business", "taken_at"}


def is_open(message: Message) -> bool:
    return not message.is_done


def let_ring(message: Message) -> None:
    try:
        by_hand.ring_back(message=message, now=timezone.now())
    except by_hand.NotSent as why:
        raise Refused(str(why)) from None


def tick_off(message: Message) -> None:
    Message.objects.filter(pk=message.pk).update(is_done=True)


def open_again(message: Message) -> None:
    Message.objects.filter(pk=message.pk).update(is_done=False)


@admin.register(Message)
class MessageAdmin(DeedMixin, LocalTimeMixin, admin.ModelAdmin):
    form = forms.MessageForm
    list_filter = ["is_done", ("business", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["business"]
    date_hierarchy = "taken_at"
    show_full_result_count = False
    actions = ["mark_done", "mark_open", "ring_back"]
    deeds = [
        Deed("let_ring", "Let the agent call back", "rung as soon as the rules allow", is_open, let_ring, tone="main"),
        Deed("tick_off", "Mark as done", "marked as done", is_open, tick_off),
        Deed("open_again", "Mark as open", "marked as open", lambda message: message.is_done, open_again),
    ]

    class Media:
        css = {"all": ["calls/admin.css", "calls/trade.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # agents take messages, in a call

    def get_changelist_instance(self, request: HttpRequest):
        changelist = super().get_changelist_instance(request)
        changelist.title = "Messages"
        return changelist

    def get_actions(self, request: HttpRequest):
        """The list has the actions of its own: they go through all rows at once, and say when each is due."""
        return {name: found for name, found in super().get_actions(request).items() if name not in _OF_THE_PAGE}

    def get_list_display(self, request: HttpRequest) -> list[str]:
        if display.sees_whole_numbers(request):
            return ["taken", "whole_caller", "whole_start", "state", "of_call"]
        return ["taken", "masked_caller", "masked_start", "state", "of_call"]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return ["caller_name", "text", "number"] if display.sees_whole_numbers(request) else ["caller_name"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        if not display.sees_whole_numbers(request) and lookup.split("__")[0] not in _HARMLESS_LOOKUPS:
            return False
        return super().lookup_allowed(lookup, value, request)

    def get_fieldsets(self, request: HttpRequest, obj: Message | None = None):
        """Who may not see whole numbers may not edit the fields that hold them either, but may tick off."""
        whole = display.sees_whole_numbers(request)
        words = ["caller_name", "number", "text"] if whole else ["caller_name", "masked_number", "masked_text"]
        return [
            (None, {"fields": [*words, "is_done"]}),
            ("Where it comes from", {"fields": ["business", "taken", "of_call", "sound"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Message | None = None) -> list[str]:
        return ["business", "taken", "of_call", "sound", "masked_number", "masked_text"]

    @admin.action(description="Mark as done", permissions=["change"])
    def mark_done(self, request, queryset):
        messages.success(request, f"{queryset.update(is_done=True)} marked as done.")

    @admin.action(description="Mark as open", permissions=["change"])
    def mark_open(self, request, queryset):
        messages.success(request, f"{queryset.update(is_done=False)} marked as open.")

    @admin.action(description="Let the agent call back", permissions=["change"])
    def ring_back(self, request, queryset):
        for message in queryset.select_related("business", "call"):
            try:
                callback = by_hand.ring_back(message=message, now=timezone.now())
            except by_hand.NotSent as why:
                messages.error(request, str(why))
            else:
                messages.success(request, f"{callback}: due {display.show_moment(callback.due_at)}.")

    @admin.display(description="sound")
    def sound(self, message):
        """The voicemail, where there is one; nothing of it loads before somebody presses play."""
        url = message.call.recording_url if message.call else ""
        if not url:
            return "–"
        return format_html('<audio controls preload="none" src="{0}"></audio> <a href="{0}">Listen at Twilio</a>', url)

    @admin.display(description="taken", ordering="taken_at")
    def taken(self, message):
        return display.show_moment(message.taken_at)

    @admin.display(description="from", ordering="caller_name")
    def whole_caller(self, message):
        return _caller(message, whole=True)

    @admin.display(description="from", ordering="caller_name")
    def masked_caller(self, message):
        return _caller(message, whole=False)

    @admin.display(description="message")
    def whole_start(self, message):
        return _start(message, whole=True)

    @admin.display(description="message")
    def masked_start(self, message):
        return _start(message, whole=False)

    @admin.display(description="state", ordering="is_done")
    def state(self, message):
        return display.badge("Done", "good") if message.is_done else display.badge("Open", "warm")

    @admin.display(description="call back on")
    def masked_number(self, message):
        return display.show_number(message.number, whole=False)

    @admin.display(description="message")
    def masked_text(self, message):
        return display.masked(message.text, whole=False)

    @admin.display(description="call")
    def of_call(self, message):
        if message.call_id is None:
            return "–"
        return format_html('<a href="{}">Open call</a>', reverse("admin:calls_call_change", args=[message.call_id]))


def _caller(message: Message, *, whole: bool):
    name, number = message.caller_name or "A caller", display.show_number(message.number, whole=whole)
    return format_html('<b>{}</b><span class="beside">{}</span>', name, number)


def _start(message: Message, *, whole: bool):
    text = Truncator(display.masked(message.text, whole=whole)).chars(100)
    return format_html('{}<span class="beside">{}</span>', text, message.business)
