"""Numbers that no agent answers, and the prices by which calls are counted."""

from decimal import Decimal

from django import forms
from django.contrib import admin

from calls.admin import display
from calls.admin.forms import NumberField, SuggestionInput, show_plainly
from calls.admin.records import BusinessFilter, TradeMixin
from calls.models import Business, ListedNumber, Price, catalog


class ListedNumberForm(forms.ModelForm):
    number = NumberField(help_text=ListedNumber._meta.get_field("number").help_text)

    class Meta:
        model = ListedNumber
        fields = ["business", "number", "treatment", "note"]
        widgets = {"note": forms.TextInput(attrs={"size": 60})}


@admin.register(ListedNumber)
class ListedNumberAdmin(TradeMixin, admin.ModelAdmin):
    form = ListedNumberForm
    fields = ["business", "number", "treatment", "note"]
    list_display = ["shown_number", "what_happens", "note", "business"]
    list_filter = ["treatment", ("business", BusinessFilter)]
    list_select_related = ["business"]
    search_fields = ["note"]
    number_search_fields = ["number"]
    harmless_lookups = frozenset({"treatment", "business"})

    def get_changeform_initial_data(self, request):
        only = Business.objects.values_list("pk", flat=True)[:2]
        initial = super().get_changeform_initial_data(request)
        return initial | ({"business": only[0]} if len(only) == 1 else {})

    def has_view_permission(self, request, obj=None):
        """A number that is typed into its page stands there whole: the page is for who may see whole ones."""
        may_see = obj is None or display.sees_whole_numbers(request)
        return may_see and super().has_view_permission(request, obj)

    def has_change_permission(self, request, obj=None):
        may_see = obj is None or display.sees_whole_numbers(request)
        return may_see and super().has_change_permission(request, obj)

    @admin.display(description="number")
    def shown_number(self, row):
        return display.show_number(row.number, whole=row.is_whole)

    @admin.display(description="what happens", ordering="treatment")
    def what_happens(self, row):
        is_blocked = row.treatment == ListedNumber.Treatment.BLOCKED
        return display.badge("Blocked", "bad") if is_blocked else display.badge("Rings through", "good")


class PriceForm(forms.ModelForm):
    class Meta:
        model = Price
        fields = ["item", "model", "dollars", "since"]
        widgets = {"model": SuggestionInput(catalog.current_models())}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        show_plainly(self, "dollars")


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin):
    form = PriceForm
    list_display = ["item", "model", "price", "since"]
    list_filter = ["item", "model"]
    show_full_result_count = False

    class Media:
        css = {"all": ["calls/admin.css", "calls/trade.css"]}

    def get_changelist_instance(self, request):
        changelist = super().get_changelist_instance(request)
        changelist.title = "Prices of OpenAI and Twilio"
        return changelist

    @admin.display(description="US dollars", ordering="dollars")
    def price(self, row):
        is_in_cents = row.dollars == row.dollars.quantize(Decimal("0.01"))
        return f"${row.dollars:.2f}" if is_in_cents else f"${row.dollars.normalize():f}"
