"""The forms of the admin: values to choose from, refusals that need the clock or the settings, and warnings."""

from decimal import Decimal
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from calls.admin import elsewhere, warnings
from calls.models import Agent, Business, Message, PhoneLine, catalog, trade_validators, validators


class NumberField(forms.CharField):
    """A telephone number as people write it; its value is E.164."""

    def __init__(self, **options):
        super().__init__(**{"max_length": 40, "widget": forms.TextInput(attrs={"inputmode": "tel"})} | options)

    def clean(self, value):
        value = super().clean(value)
        return validators.e164(value) if value else value


class SuggestionInput(forms.TextInput):
    """A text field that suggests values without any script; what is typed may be something else."""

    template_name = "admin/widgets/suggestions.html"

    def __init__(self, suggestions, attrs=None):
        super().__init__(attrs)
        self.suggestions = suggestions

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        list_id = f"{context['widget']['attrs'].get('id', name)}_list"
        context["widget"]["attrs"]["list"] = list_id
        return context | {"list_id": list_id, "suggestions": self.suggestions}


def voice_choices(current: str = "") -> list[tuple[str, str]]:
    """The voices, and the current one even if it cannot be used, so that opening a page changes nothing."""
    choices = [(name, f"{name} ({about})") for name, about in catalog.VOICES.items()]
    if current and current not in catalog.VOICES:
        choices.insert(0, (current, f"{current} (cannot be used)"))
    return choices


def show_plainly(form: forms.ModelForm, *names: str) -> None:
    """Percentages as they were typed: 50, not 50.000."""
    for name in names:
        if isinstance(value := form.initial.get(name), Decimal):
            form.initial[name] = f"{value.normalize():f}"


class BusinessForm(forms.ModelForm):
    handover_number = NumberField(
        label="Hand-over number",
        required=False,
        help_text=Business._meta.get_field("handover_number").help_text,
    )

    class Meta:
        model = Business
        fields = [
            *("name", "time_zone", "country", "address", "currency", "tax_percent", "email", "emails_summaries"),
            *("handover_number", "emergency_number", "notice_minutes", "horizon_days", "buffer_minutes"),
            *("slot_step_minutes", "callbacks_a_day", "callback_countries"),
            *("calls_at_once", "minutes_a_day", "budget_a_day"),
        ]
        widgets = {
            "time_zone": SuggestionInput(sorted(available_timezones())),
            "currency": SuggestionInput(trade_validators.CURRENCIES, attrs={"size": 6}),
        }

        labels = {
            "email": "E-mail",
            "callbacks_a_day": "Calls placed in a day, at most",
            "calls_at_once": "Calls at once, at most",
            "minutes_a_day": "Minutes in a day, at most",
            "budget_a_day": "Budget of a day (US dollars)",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        show_plainly(self, "tax_percent")

    def clean_country(self):
        return self.cleaned_data["country"].upper()

    def clean_callback_countries(self):
        return " ".join(self.cleaned_data["callback_countries"].upper().replace(",", " ").split())

    def clean_currency(self):
        return self.cleaned_data["currency"].strip().upper()

    def warnings(self) -> list[warnings.Warned]:
        return warnings.of_business(self.instance)


class AgentForm(forms.ModelForm):
    class Meta:
        model = Agent
        fields = [
            "business",
            "name",
            "language",
            "voice",
            "greeting",
            "instructions",
            "model",
            "turn_detection",
            "vad_threshold",
            "silence_ms",
            "records_calls",
            "warm_transfer",
        ]
        widgets = {
            "greeting": forms.Textarea(attrs={"rows": 3, "cols": 80}),
            "instructions": forms.Textarea(attrs={"rows": 24, "cols": 80}),
            "vad_threshold": forms.NumberInput(attrs={"step": "0.05"}),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "voice" in self.fields:
            self.fields["voice"].widget = forms.Select(choices=voice_choices(self.instance.voice))
        if "model" in self.fields:
            self.fields["model"].widget = SuggestionInput(catalog.current_models())

    def clean_model(self):
        name = self.cleaned_data["model"].strip()
        if name and (refusal := catalog.refusal_of_model(name, today=timezone.localdate())):
            raise ValidationError(refusal, code="unusable_model")
        return name

    def warnings(self) -> list[warnings.Warned]:
        return warnings.of_agent(self.instance)


class PhoneLineForm(forms.ModelForm):
    number = NumberField(help_text=PhoneLine._meta.get_field("number").help_text)
    fallback_url = forms.URLField(
        label="Address while this server is off",
        assume_scheme="https",
        max_length=300,
        required=False,
        widget=forms.URLInput(attrs={"size": 60}),
        help_text=PhoneLine._meta.get_field("fallback_url").help_text,
    )

    class Meta:
        model = PhoneLine
        fields = ["number", "label", "business", "agent", "answers", "ring_seconds", "fallback_url"]

    def clean_number(self):
        number = self.cleaned_data["number"]
        if number == settings.HANDOVER_NUMBER:
            raise ValidationError(
                "%(number)s is the HANDOVER_NUMBER of this installation, the telephone of a person. As our own line "
                "it would send callers round in a circle.",
                code="handover_number",
                params={"number": number},
            )
        return number

    def clean_fallback_url(self):
        url = self.cleaned_data["fallback_url"]
        if url:
            elsewhere.check_address(url)
        return url

    def warnings(self) -> list[warnings.Warned]:
        return warnings.of_line(self.instance)


class MessageForm(forms.ModelForm):
    class Meta:
        model = Message
        fields = ["caller_name", "number", "text", "is_done"]
        widgets = {"text": forms.Textarea(attrs={"rows": 5, "cols": 80})}

    def clean_number(self):
        number = self.cleaned_data["number"]
        return validators.e164(number) if number and "number" in self.changed_data else number
