"""Businesses, their agents and their lines: refusals that explain, warnings that do not stand in the way."""

from django.contrib import admin, messages
from django.db.models import Count
from django.utils.html import format_html, format_html_join

from calls.admin import display, forms, warnings
from calls.models import Agent, Business, PhoneLine


class WarningMixin:
    """Says in the list, and after saving, what works but should be looked at."""

    class Media:
        css = {"all": ["calls/admin.css"]}

    def get_changelist_instance(self, request):
        changelist = super().get_changelist_instance(request)
        changelist.title = self.opts.verbose_name_plural.capitalize()
        return changelist

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        for warning in form.warnings():
            messages.warning(request, warning.sentence)


def attention(found: list[warnings.Warned]):
    """Badges; the sentence shows when the pointer rests on one."""
    if not found:
        return "–"
    return format_html_join(
        " ",
        '<span class="badge badge-warm" title="{}">{}</span>',
        ((warning.sentence, warning.short) for warning in found),
    )


@admin.register(Business)
class BusinessAdmin(WarningMixin, admin.ModelAdmin):
    form = forms.BusinessForm
    list_display = ["name", "person", "line_count", "agent_count", "time_zone", "attention"]
    search_fields = ["name", "lines__number"]
    fieldsets = [
        (None, {"fields": ["name", "country", "time_zone"]}),
        ("A person", {"fields": ["handover_number", "email"]}),
    ]

    def get_queryset(self, request):
        counts = {"lines_held": Count("lines", distinct=True), "agents_held": Count("agents", distinct=True)}
        return super().get_queryset(request).annotate(**counts)

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
class AgentAdmin(WarningMixin, admin.ModelAdmin):
    form = forms.AgentForm
    list_display = ["name", "business", "model_used", "attention"]
    list_select_related = ["business"]
    list_filter = ["business"]
    search_fields = ["name", "business__name", "instructions"]
    fieldsets = [
        (None, {"fields": ["business", "name", "language", "voice"]}),
        ("What it says", {"fields": ["greeting", "instructions"]}),
        (
            "How it listens",
            {
                "fields": ["model", "turn_detection", "vad_threshold", "silence_ms"],
                "description": "The threshold and the silence count only where silence ends the caller's turn.",
            },
        ),
    ]

    @admin.display(description="model and voice", ordering="model")
    def model_used(self, agent):
        return format_html('{}<span class="beside">{}</span>', agent.model or "As set for all", agent.voice)

    @admin.display(description="look at")
    def attention(self, agent):
        return attention(warnings.of_agent(agent))


@admin.register(PhoneLine)
class PhoneLineAdmin(WarningMixin, admin.ModelAdmin):
    form = forms.PhoneLineForm
    list_display = ["shown_number", "agent_name", "business", "label", "attention"]
    list_select_related = ["business", "agent"]
    list_filter = ["business"]
    search_fields = ["number", "label", "business__name"]

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "agent":  # the name of an agent holds its business: one query, not one each
            kwargs["queryset"] = Agent.objects.select_related("business")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="number", ordering="number")
    def shown_number(self, line):
        return display.show_number(line.number, whole=True)

    @admin.display(description="agent", ordering="agent__name")
    def agent_name(self, line):
        return line.agent.name if line.agent else "–"

    @admin.display(description="look at")
    def attention(self, line):
        return attention(warnings.of_line(line))
