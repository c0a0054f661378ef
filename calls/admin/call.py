"""Calls: a list to find one in, and a page that reads like a chat. History is read, never written."""

import re
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from calls.admin import display
from calls.admin.call_page import CallPage
from calls.admin.local_time import LocalTimeMixin, common_zone, shown_in
from calls.models import Agent, Call

_WRITTEN_NUMBER = re.compile(r"[+(]*\d[\d ().-]{4,}\d")
# What an address may filter the list by without that permission: nothing by which a number could be guessed.
_HARMLESS_LOOKUPS = {"status", "end_reason", "direction", "business", "agent", "rang_at"}


class AgentFilter(admin.SimpleListFilter):
    """By agent, with the business in the name: Django's own filter would ask for each business singly."""

    title = "agent"
    parameter_name = "agent"

    def lookups(self, request, model_admin):
        return [(str(agent.pk), str(agent)) for agent in Agent.objects.select_related("business")]

    def queryset(self, request, queryset):
        return queryset.filter(agent=self.value()) if (self.value() or "").isdecimal() else queryset


class EndReasonFilter(admin.SimpleListFilter):
    """Only the reasons that have occurred; the whole list would fill the margin."""

    title = "why it ended"
    parameter_name = "end_reason"

    def lookups(self, request, model_admin):
        occurred = {*Call.objects.order_by().values_list("end_reason", flat=True).distinct()}
        return [(value, label) for value, label in Call.EndReason.choices if value in occurred]

    def queryset(self, request, queryset):
        return queryset.filter(end_reason=self.value()) if self.value() else queryset


@admin.register(Call)
class CallAdmin(LocalTimeMixin, admin.ModelAdmin):
    list_filter = ["status", EndReasonFilter, AgentFilter, ("business", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["agent", "business"]
    list_per_page = 50
    date_hierarchy = "rang_at"
    ordering = ["-rang_at"]
    show_full_result_count = False
    actions = None

    class Media:
        css = {"all": ["calls/admin.css"]}

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
        return ["when", caller, "answered_by", "status_badge", "why_it_ended", "length"]

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
        page = CallPage(call, whole_numbers=display.sees_whole_numbers(request))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": page.title,
            "call": call,
            "page": page,
            "zone": ZoneInfo(call.business.time_zone) if call.business else common_zone(),
            "may_open_messages": request.user.has_perm("calls.view_message"),
        }
        response = TemplateResponse(request, "admin/calls/call/change_form.html", context)
        with shown_in(context["zone"]) as rendered:
            return rendered(response)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        return super().get_queryset(request).select_related("agent", "business", "line")

    # Columns

    @admin.display(description="rang", ordering="rang_at")
    def when(self, call: Call) -> str:
        return display.show_moment(call.rang_at)

    # Neither column can be sorted by: an order of numbers would let a masked one be guessed.

    @admin.display(description="caller")
    def whole_caller(self, call: Call) -> str:
        return display.show_other_party(call, whole=True)

    @admin.display(description="caller")
    def masked_caller(self, call: Call) -> str:
        return display.show_other_party(call, whole=False)

    @admin.display(description="agent", ordering="agent__name")
    def answered_by(self, call: Call) -> str:
        agent = call.agent.name if call.agent else "–"
        return format_html('{}<span class="beside">{}</span>', agent, call.business or "")

    @admin.display(description="status", ordering="status")
    def status_badge(self, call: Call) -> str:
        return display.status_badge(call)

    @admin.display(description="why it ended", ordering="end_reason")
    def why_it_ended(self, call: Call) -> str:
        return format_html('<span class="end-{}">{}</span>', display.end_tone(call), call.get_end_reason_display())

    @admin.display(description="length", ordering=F("ended_at") - F("rang_at"))
    def length(self, call: Call) -> str:
        return display.show_length(call)
