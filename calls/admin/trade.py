"""What is sold, where, for how much, and what is answered: with the rules in sentences, and open questions first."""

from django.contrib import admin
from django.db.models import BooleanField, Case, Count, F, Q, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from calls.admin import display, sentences, trade_forms, warnings
from calls.admin.business import WarningMixin, attention
from calls.admin.records import BusinessFilter, TradeMixin, call_link
from calls.domain import answers
from calls.domain.money import written_money
from calls.models import KnownAnswer, Service, ServiceArea, Skill

MOST_ASKERS = 20


class OfBusinessMixin(TradeMixin):
    """Rows that belong to a business; a new one belongs to the only one there is."""

    list_select_related = ["business"]
    harmless_lookups = frozenset({"business", "is_active", "kind", "is_excluded"})

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("business")

    def get_changeform_initial_data(self, request: HttpRequest):
        return trade_forms.only_business() | super().get_changeform_initial_data(request)


@admin.register(Skill)
class SkillAdmin(OfBusinessMixin, admin.ModelAdmin):
    list_display = ["name", "technician_count", "service_count"]
    list_filter = [("business", BusinessFilter)]
    search_fields = ["name"]
    fields = ["business", "name"]

    def get_queryset(self, request: HttpRequest):
        known = Count("technicians", distinct=True, filter=Q(technicians__is_active=True))
        return super().get_queryset(request).annotate(known=known, needed=Count("services", distinct=True))

    @admin.display(description="technicians who know it", ordering="known")
    def technician_count(self, skill):
        return skill.known if skill.known else display.badge("Nobody", "warm")

    @admin.display(description="services that need it", ordering="needed")
    def service_count(self, skill):
        return skill.needed


@admin.register(Service)
class ServiceAdmin(WarningMixin, OfBusinessMixin, admin.ModelAdmin):
    form = trade_forms.ServiceForm
    list_display = ["named", "price_in_short", "takes", "needs", "offered", "attention"]
    list_filter = ["is_active", ("business", BusinessFilter)]
    search_fields = ["name", "description"]
    fieldsets = [
        (None, {"fields": ["business", "name", "description", "is_active"]}),
        ("The work", {"fields": ["duration_minutes", "skills"]}),
        ("The price", {"fields": ["sentence", "price_rule", "price", "price_to", "minimum_minutes", "call_out_fee"]}),
        ("On top of it", {"fields": ["after_hours_percent", "weekend_percent", "emergency_percent", "is_taxed"]}),
        ("What is told beside it", {"fields": ["not_included"]}),
    ]
    readonly_fields = ["sentence"]

    def get_queryset(self, request: HttpRequest):
        related = ["skills", "business__technicians__skills"]
        return super().get_queryset(request).prefetch_related(*related)

    @admin.display(description="service", ordering="name")
    def named(self, service):
        return format_html('{}<span class="beside">{}</span>', service.name, service.description)

    @admin.display(description="price", ordering="price")
    def price_in_short(self, service):
        short = sentences.short_price(service, service.business.currency)
        rule = sentences.price_rule(service, service.business.currency, service.business.tax_percent)
        return format_html('<b>{}</b><span class="beside rule">{}</span>', short, rule)

    @admin.display(description="takes", ordering="duration_minutes")
    def takes(self, service):
        return sentences.minutes(service.duration_minutes)

    @admin.display(description="needs")
    def needs(self, service):
        return ", ".join(skill.name for skill in service.skills.all()) or "–"

    @admin.display(description="state", ordering="is_active")
    def offered(self, service):
        return display.badge("Offered", "good") if service.is_active else display.badge("Not offered", "calm")

    @admin.display(description="look at")
    def attention(self, service):
        return attention(warnings.of_service(service))

    @admin.display(description="as a sentence")
    def sentence(self, service):
        if service is None or service.pk is None:
            return "Appears here once the service is saved."
        return sentences.price_rule(service, service.business.currency, service.business.tax_percent)


@admin.register(ServiceArea)
class ServiceAreaAdmin(OfBusinessMixin, admin.ModelAdmin):
    form = trade_forms.ServiceAreaForm
    list_display = ["place", "kind", "is_served", "fee"]
    list_filter = ["kind", "is_excluded", ("business", BusinessFilter)]
    search_fields = ["value", "value_to"]
    fieldsets = [
        (None, {"fields": ["business", "kind", "value", "value_to"]}),
        ("What holds there", {"fields": ["is_excluded", "travel_fee"]}),
    ]

    @admin.display(description="place", ordering="value")
    def place(self, entry):
        return sentences.area(entry)

    @admin.display(description="served", ordering="is_excluded")
    def is_served(self, entry):
        return display.badge("Not served", "bad") if entry.is_excluded else display.badge("Served", "good")

    @admin.display(description="travel fee", ordering="travel_fee")
    def fee(self, entry):
        return written_money(entry.travel_fee, entry.business.currency) if entry.travel_fee else "–"


class OpenFilter(admin.SimpleListFilter):
    title = "answered"
    parameter_name = "open"

    def lookups(self, request, model_admin):
        return [("yes", "Open questions"), ("no", "Answered")]

    def queryset(self, request, queryset):
        match self.value():
            case "yes":
                return queryset.filter(answer="")
            case "no":
                return queryset.exclude(answer="")
        return queryset


@admin.register(KnownAnswer)
class KnownAnswerAdmin(OfBusinessMixin, admin.ModelAdmin):
    """The answer is typed into the list itself: an owner with five open questions saves once."""

    form = trade_forms.KnownAnswerForm
    list_display = ["question_asked", "answer", "asked"]
    list_editable = ["answer"]
    list_filter = [OpenFilter, ("business", BusinessFilter)]
    list_per_page = 25
    search_fields = ["question", "answer"]
    fieldsets = [
        (None, {"fields": ["business", "question", "answer"]}),
        ("Where it comes from", {"fields": ["times_asked", "last_asked", "asked_in"]}),
    ]
    readonly_fields = ["times_asked", "last_asked", "asked_in"]

    def get_queryset(self, request: HttpRequest):
        is_open = Case(When(answer="", then=Value(True)), default=Value(False), output_field=BooleanField())
        return super().get_queryset(request).annotate(is_unanswered=is_open)

    def get_ordering(self, request: HttpRequest):
        return [F("is_unanswered").desc(), "-times_asked", "question"]

    def get_changelist_form(self, request: HttpRequest, **kwargs):
        return super().get_changelist_form(request, form=trade_forms.AnswerInListForm, **kwargs)

    def get_changelist_instance(self, request: HttpRequest):
        changelist = super().get_changelist_instance(request)
        changelist.title = "What callers ask"
        return changelist

    @admin.display(description="question", ordering="question")
    def question_asked(self, row):
        question = display.masked(row.question, whole=row.is_whole)
        return format_html("{} {}", question, display.badge("Open", "warm")) if row.is_open else question

    @admin.display(description="asked", ordering="times_asked")
    def asked(self, row):
        times = {0: "–", 1: "once"}.get(row.times_asked, f"{row.times_asked} times")
        return format_html('{}<span class="beside">{}</span>', times, call_link(row)) if row.call_id else times

    @admin.display(description="last asked")
    def last_asked(self, row):
        return display.show_moment(row.asked_at) if row.asked_at else "–"

    @admin.display(description="asked in")
    def asked_in(self, row):
        """Each call whose caller waits for the answer."""
        calls = answers.askers(row=row)[:MOST_ASKERS]
        links = [
            (reverse("admin:calls_call_change", args=[call.pk]), display.show_moment(call.rang_at)) for call in calls
        ]
        return format_html_join("", '<span class="letter"><a href="{}">{}</a></span>', links) or "–"
