"""Calls: a list to find one in, and a page that reads like a chat. History is read, never written."""

import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, F, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html

from calls.admin import display, recordings, waterfall, wrong
from calls.admin.call_page import CallPage
from calls.admin.left import left_by
from calls.admin.local_time import LocalTimeMixin, common_zone, shown_in
from calls.admin.records import BusinessFilter
from calls.doctor.caller import TEST_CALL_PREFIX
from calls.domain import explanation, explanation_facts
from calls.models import Agent, Call

NOTHING = format_html('<span class="nothing-here">{}</span>', "–")
PLAYED_FROM = "https://api.twilio.com/"  # the policy of these pages lets sound come from there
OUTCOME_TONES = {"emergency": "bad", "booked": "good", "quoted": "good", "callback": "warm", "message": "warm"}

_WRITTEN_NUMBER = re.compile(r"[+(]*\d[\d ().-]{4,}\d")
# What an address may filter the list by without that permission: nothing by which a number could be guessed.
_HARMLESS_LOOKUPS = {
    "status",
    "end_reason",
    "direction",
    "business",
    "agent",
    "rang_at",
    "outcome",
    "needs_review",
    "tests",
}


class AgentFilter(admin.SimpleListFilter):
    """By agent, with the business in the name: Django's own filter would ask for each business singly."""

    title = "agent"
    parameter_name = "agent"

    def lookups(self, request, model_admin):
        return [(str(agent.pk), str(agent)) for agent in Agent.objects.select_related("business")]

    def queryset(self, request, queryset):
        return queryset.filter(agent=self.value()) if (self.value() or "").isdecimal() else queryset


class OccurredFilter(admin.SimpleListFilter):
    """Only the values that have occurred; the whole list would fill the margin."""

    choices_of_field: list[tuple[str, str]]

    def lookups(self, request, model_admin):
        occurred = {*Call.objects.order_by().values_list(self.parameter_name, flat=True).distinct()}
        return [(value, label) for value, label in self.choices_of_field if value in occurred]

    def queryset(self, request, queryset):
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


class EndReasonFilter(OccurredFilter):
    title = "why it ended"
    parameter_name = "end_reason"
    choices_of_field = Call.EndReason.choices


class OutcomeFilter(OccurredFilter):
    title = "outcome"
    parameter_name = "outcome"
    choices_of_field = Call.Outcome.choices


class TestCallFilter(admin.SimpleListFilter):
    """The doctor's own calls are no calls of the business: they are left out unless somebody asks for them."""

    title = "the doctor's test calls"
    parameter_name = "tests"

    def lookups(self, request, model_admin):
        return [("too", "Shown too"), ("only", "Only these")]

    def choices(self, changelist):
        left_out, *others = super().choices(changelist)
        return [left_out | {"display": "Left out"}, *others]

    def queryset(self, request, queryset):
        match self.value():
            case "too":
                return queryset
            case "only":
                return queryset.filter(call_sid__startswith=TEST_CALL_PREFIX)
        return queryset.exclude(call_sid__startswith=TEST_CALL_PREFIX)


@admin.register(Call)
class CallAdmin(LocalTimeMixin, admin.ModelAdmin):
    list_filter = [
        *("needs_review", OutcomeFilter, "status", EndReasonFilter, AgentFilter),
        *(("business", BusinessFilter), TestCallFilter),
    ]
    list_select_related = ["agent", "business"]
    list_per_page = 50
    date_hierarchy = "rang_at"
    ordering = ["-rang_at"]
    show_full_result_count = False
    actions = None

    class Media:
        css = {"all": ["calls/admin.css", "calls/trade.css"]}

    # Read only, for superusers too: what was said and done is evidence.

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Call | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Call | None = None) -> bool:
        return False

    # Who may see what

    def get_list_display(self, request: HttpRequest) -> list[str]:
        caller = "whole_caller" if display.sees_whole_numbers(request) else "masked_caller"
        return ["when", caller, "outcome_badge", "what_next", "how_it_ended", "length"]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        fields = ["call_sid", "agent__name", "business__name", "turns__text"]
        return [*fields, "from_number", "to_number"] if display.sees_whole_numbers(request) else fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Call], search_term: str
    ) -> tuple[QuerySet[Call], bool]:
        if display.sees_whole_numbers(request):
            plain = _WRITTEN_NUMBER.sub(lambda found: re.sub(r"\D", "", found.group()), search_term)
            return super().get_search_results(request, queryset, plain)
        words = search_term.split()
        # A number that was spoken stands in the transcript: digits are looked for in the CallSid alone.
        for word in [word for word in words if re.search(r"\d", word)]:
            queryset = queryset.filter(call_sid__icontains=word)
        rest = " ".join(word for word in words if not re.search(r"\d", word))
        return super().get_search_results(request, queryset, rest)

    def get_changelist_instance(self, request: HttpRequest):
        changelist = super().get_changelist_instance(request)
        whole = display.sees_whole_numbers(request)
        changelist.search_help_text = (
            "A telephone number, words that were said, an agent, a business or a CallSid."
            if whole
            else "Words that were said, an agent, a business or a CallSid. You may not search by number."
        )
        changelist.title = "Calls"
        return changelist

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        if not display.sees_whole_numbers(request) and lookup.split("__")[0] not in _HARMLESS_LOOKUPS:
            return False
        return super().lookup_allowed(lookup, value, request)

    # The page of a call

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context=None) -> HttpResponse:
        call = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, call) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        if call is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        zone = ZoneInfo(call.business.time_zone) if call.business else common_zone()
        with shown_in(zone) as rendered:
            return rendered(
                TemplateResponse(request, "admin/calls/call/change_form.html", self._context(request, call))
            )

    def _context(self, request: HttpRequest, call: Call) -> dict[str, Any]:
        facts = explanation_facts.read(call)
        page = CallPage(call, whole_numbers=display.sees_whole_numbers(request))
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": page.title,
            "call": call,
            "page": page,
            "left": left_by(call, request),
            "explanation": explanation.explain_facts(call, facts, now=timezone.now()),
            "drawings": waterfall.drawings(facts),
            "audio": self._audio_of(call),
            "plays_at_twilio": call.recording_url.startswith(PLAYED_FROM),
            "may_open_messages": request.user.has_perm("calls.view_message"),
        }

    # The sound

    def get_urls(self):
        own = [
            path("wrong/", self.admin_site.admin_view(self.wrong_view), name="calls_call_wrong"),
            path("<path:object_id>/audio/", self.admin_site.admin_view(self.audio_view), name="calls_call_audio"),
        ]
        return [*own, *super().get_urls()]

    def wrong_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": "Calls that went wrong",
            "wrong": wrong.in_the_last_days(self.get_queryset(request), request, now=timezone.now()),
        }
        with shown_in(common_zone()) as rendered:
            return rendered(TemplateResponse(request, "admin/calls/call/wrong.html", context))

    def audio_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        call = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, call):
            raise PermissionDenied
        path_of_sound = self._audio_of(call) if call else None
        if path_of_sound is None:
            raise Http404
        return recordings.answer(request, path_of_sound)

    @staticmethod
    def _audio_of(call: Call) -> Path | None:
        return recordings.path_of(settings.DATA_DIR / "recordings", call.audio_file)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        is_whole = Value(display.sees_whole_numbers(request), output_field=BooleanField())
        return super().get_queryset(request).annotate(is_whole=is_whole).select_related("agent", "business", "line")

    # Columns

    @admin.display(description="rang", ordering="rang_at")
    def when(self, call: Call) -> str:
        return display.show_moment(call.rang_at)

    # Neither column can be sorted by: an order of numbers would let a masked one be guessed.

    @admin.display(description="caller")
    def whole_caller(self, call: Call) -> str:
        return _caller(call, whole=True)

    @admin.display(description="caller")
    def masked_caller(self, call: Call) -> str:
        return _caller(call, whole=False)

    @admin.display(description="outcome", ordering="outcome")
    def outcome_badge(self, call: Call) -> str:
        if call.outcome == Call.Outcome.NONE:
            return NOTHING
        return display.badge(call.get_outcome_display(), OUTCOME_TONES.get(call.outcome, "calm"))

    @admin.display(description="what next")
    def what_next(self, call: Call) -> str:
        review = display.badge("Review", "bad") if call.needs_review else ""
        whole = call.is_whole
        words = [display.masked(text, whole=whole) for text in (call.next_action, call.review_reason) if text]
        return format_html("{} {}", review, " ".join(words)) if review or words else NOTHING

    @admin.display(description="how it ended", ordering="end_reason")
    def how_it_ended(self, call: Call) -> str:
        reason = call.get_end_reason_display()
        if call.status == Call.Status.ENDED and reason:
            return format_html('<span class="end-{}">{}</span>', display.end_tone(call), reason)
        return format_html('{}<span class="beside">{}</span>', display.status_badge(call), reason)

    @admin.display(description="length", ordering=F("ended_at") - F("rang_at"))
    def length(self, call: Call) -> str:
        return display.show_length(call)


def _caller(call: Call, *, whole: bool) -> str:
    way = "to " if call.direction == Call.Direction.OUTBOUND else ""
    answered = " · ".join(str(part) for part in (call.agent.name if call.agent else "", call.business or "") if part)
    return format_html(
        '<b>{}{}</b><span class="beside">{}</span>', way, display.show_other_party(call, whole=whole), answered
    )
