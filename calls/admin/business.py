"""Businesses, their agents and their lines: refusals that explain, warnings that do not stand in the way."""

from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html, format_html_join

from calls.admin import display, elsewhere, forms, told, trade_forms, warnings
from calls.admin.greetings import KeptGreetingMixin
from calls.admin.local_time import shown_in
from calls.models import Agent, Business, OnCall, OpeningException, OpeningHours, PhoneLine, Technician


class WarningMixin:
    """Says in the list, and after saving, what works but should be looked at."""

    class Media:
        css = {"all": ["calls/admin.css", "calls/trade.css"]}

    def get_changelist_instance(self, request):
        changelist = super().get_changelist_instance(request)
        changelist.title = self.opts.verbose_name_plural.capitalize()
        return changelist

    def save_related(self, request, form, formsets, change):
        """The last that is saved of a row: what hangs on it counts too."""
        super().save_related(request, form, formsets, change)
        for warning in form.warnings():
            messages.warning(request, warning.sentence)


class InlinesLaterMixin:
    """What hangs on a row is entered once the row is there: the first saving leads to its page."""

    def response_add(self, request, obj, post_url_continue=None):
        if not {"_addanother", "_popup"} & request.POST.keys():
            request.POST = request.POST.copy() | {"_continue": "yes"}
        return super().response_add(request, obj, post_url_continue)


def attention(found: list[warnings.Warned]):
    """Badges; the sentence shows when the pointer rests on one."""
    if not found:
        return "–"
    return format_html_join(
        " ",
        '<span class="badge badge-warm" title="{}">{}</span>',
        ((warning.sentence, warning.short) for warning in found),
    )


class OpeningHoursInline(admin.TabularInline):
    model = OpeningHours
    formset = trade_forms.HoursFormSet
    fields = ["weekday", "starts_at", "ends_at"]
    formfield_overrides = trade_forms.HOURS_AND_MINUTES
    extra = 0


class OpeningExceptionInline(admin.TabularInline):
    model = OpeningException
    formfield_overrides = trade_forms.HOURS_AND_MINUTES
    extra = 0
    verbose_name_plural = "days unlike their weekday"


class OnCallInline(admin.TabularInline):
    model = OnCall
    extra = 0

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("technician")

    def get_formset(self, request, obj=None, **kwargs):
        formset = super().get_formset(request, obj, **kwargs)
        if field := formset.form.base_fields.get("technician"):
            field.queryset = Technician.objects.filter(business=obj) if obj else Technician.objects.none()
            field.choices = list(field.choices)  # asked once, not for every row
            field.widget.can_add_related = field.widget.can_change_related = field.widget.can_view_related = False
        return formset


@admin.register(Business)
class BusinessAdmin(InlinesLaterMixin, WarningMixin, admin.ModelAdmin):
    form = forms.BusinessForm
    list_display = ["name", "person", "line_count", "agent_count", "time_zone", "attention"]
    search_fields = ["name", "lines__number"]
    fieldsets = [
        (None, {"fields": ["name", "address", "country", "time_zone"]}),
        ("Money", {"fields": ["currency", "tax_percent"]}),
        ("A person", {"fields": ["handover_number", "emergency_number", "email", "emails_summaries"]}),
        (
            "Rules of booking",
            {
                "fields": ["notice_minutes", "horizon_days", "buffer_minutes", "slot_step_minutes"],
                "description": "Cortana offers no time that these rules do not allow.",
            },
        ),
        ("Calling people back", {"fields": ["callbacks_a_day", "callback_countries"]}),
        (
            "What the agent may cost",
            {
                "fields": ["calls_at_once", "minutes_a_day", "budget_a_day"],
                "description": "A caller beyond one of these hears a sentence and reaches a person or the voicemail.",
            },
        ),
    ]

    def get_inlines(self, request, obj):
        return [OpeningHoursInline, OpeningExceptionInline, OnCallInline] if obj else []

    def get_queryset(self, request):
        counts = {"lines_held": Count("lines", distinct=True), "agents_held": Count("agents", distinct=True)}
        return (
            super()
            .get_queryset(request)
            .annotate(**counts)
            .prefetch_related("opening_hours", "rota__technician", "agents")
        )

    @admin.display(description="hand-over number", ordering="handover_number")
    def person(self, business):
        return display.show_number(business.handover_number, whole=True) if business.handover_number else "–"

    @admin.display(description="lines", ordering="lines_held")
    def line_count(self, business):
        return business.lines_held

    @admin.display(description="agents", ordering="agents_held")
    def agent_count(self, business):
        return business.agents_held

    @admin.display(description="look at")
    def attention(self, business):
        return attention(warnings.of_business(business))


@admin.register(Agent)
class AgentAdmin(KeptGreetingMixin, WarningMixin, admin.ModelAdmin):
    form = forms.AgentForm
    list_display = ["name", "business", "model_used", "attention"]
    list_select_related = ["business"]
    list_filter = ["business"]
    search_fields = ["name", "business__name", "instructions"]
    fieldsets = [
        (None, {"fields": ["business", "name", "language", "voice"]}),
        ("What it says", {"fields": ["greeting", "instructions"]}),
        ("Beside the conversation", {"fields": ["records_calls", "warm_transfer"]}),
        (
            "How it listens",
            {
                "fields": ["model", "turn_detection", "vad_threshold", "silence_ms"],
                "description": "The threshold and the silence count only where silence ends the caller's turn.",
            },
        ),
    ]

    change_form_template = "admin/calls/agent/change_form.html"

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("business")

    def get_urls(self):
        view = self.admin_site.admin_view(self.told_view)
        return [path("<path:object_id>/told/", view, name="calls_agent_told"), *super().get_urls()]

    def told_view(self, request, object_id):
        agent = self.get_object(request, unquote(object_id))
        if agent is None:
            raise Http404
        if not self.has_view_permission(request, agent):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": f"What {agent.name} is told",
            "agent": agent,
        }
        with shown_in(ZoneInfo(agent.business.time_zone)) as rendered:
            context["told"] = told.told_to(agent)
            return rendered(TemplateResponse(request, "admin/calls/agent/told.html", context))

    @admin.display(description="model and voice", ordering="model")
    def model_used(self, agent):
        return format_html('{}<span class="beside">{}</span>', agent.model or "As set for all", agent.voice)

    @admin.display(description="look at")
    def attention(self, agent):
        return attention(warnings.of_agent(agent))


@admin.register(PhoneLine)
class PhoneLineAdmin(WarningMixin, admin.ModelAdmin):
    form = forms.PhoneLineForm
    list_display = ["shown_number", "agent_name", "when", "business", "label", "attention"]
    fieldsets = [
        (None, {"fields": ["number", "label", "business"]}),
        ("Who answers, and when", {"fields": ["agent", "answers", "ring_seconds"]}),
        ("While this server is off", {"fields": ["fallback_url"]}),
    ]
    change_form_template = "admin/calls/phoneline/change_form.html"
    list_select_related = ["business", "agent"]
    list_filter = ["business"]
    search_fields = ["number", "label", "business__name"]

    def get_urls(self):
        view = self.admin_site.admin_view(self.bin_view)
        return [path("<path:object_id>/bin/", view, name="calls_phoneline_bin"), *super().get_urls()]

    def bin_view(self, request, object_id):
        line = self.get_object(request, unquote(object_id))
        if line is None:
            raise Http404
        if not self.has_view_permission(request, line):
            raise PermissionDenied
        text = elsewhere.bin_text(line)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": f"{line.number} while this server is off",
            "line": line,
            "text": text,
            "has_person": "<Dial" in text,
        }
        return TemplateResponse(request, "admin/calls/phoneline/bin.html", context)

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "agent":  # the name of an agent holds its business: one query, not one each
            kwargs["queryset"] = Agent.objects.select_related("business")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="number", ordering="number")
    def shown_number(self, line):
        return display.show_number(line.number, whole=True)

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("business__opening_hours")

    @admin.display(description="answers", ordering="answers")
    def when(self, line):
        if line.answers == PhoneLine.Answers.AFTER_RINGING:
            return f"After {line.ring_seconds} s of ringing"
        return "Outside opening hours" if line.answers == PhoneLine.Answers.OUTSIDE_HOURS else "Always"

    @admin.display(description="agent", ordering="agent__name")
    def agent_name(self, line):
        return line.agent.name if line.agent else "–"

    @admin.display(description="look at")
    def attention(self, line):
        return attention(warnings.of_line(line))
