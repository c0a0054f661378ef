"""The forms of the trade: what belongs to another business is refused, and hours that lie over one another are."""

from datetime import time

from django import forms
from django.contrib.admin.widgets import AdminTimeWidget
from django.db import models

from calls.admin import sentences, warnings
from calls.admin.forms import NumberField, show_plainly
from calls.models import Business, Customer, KnownAnswer, Service, ServiceArea, Technician, Weekday, trade_validators

ANSWER = forms.Textarea(attrs={"rows": 2, "cols": 60})


def only_business() -> dict[str, int]:
    """The business that a new row belongs to, where there is one alone."""
    found = Business.objects.values_list("pk", flat=True)[:2]
    return {"business": found[0]} if len(found) == 1 else {}


class OfOneBusinessForm(forms.ModelForm):
    """A row whose `parts` are chosen from those of its own business."""

    parts: tuple[str, ...] = ()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self._chosen():
            rows = field.queryset.select_related("business")
            field.queryset = rows.filter(business=self.instance.business_id) if self.instance.business_id else rows
            field.label_from_instance = self.name_of_part

    def name_of_part(self, row):
        name = sentences.area(row) if isinstance(row, ServiceArea) else str(row)
        return name if self.instance.business_id else f"{name} ({row.business})"

    def clean(self):
        values = super().clean()
        business = values.get("business")
        for name in self.parts:
            foreign = [row for row in values.get(name) or () if business and row.business_id != business.pk]
            if foreign:
                self.add_error(name, f"{foreign[0]} belongs to {foreign[0].business}, not to {business}.")
        return values

    def _chosen(self):
        return [self.fields[name] for name in self.parts if name in self.fields]


class ServiceForm(OfOneBusinessForm):
    parts = ("skills",)

    class Meta:
        model = Service
        exclude = []
        widgets = {
            "skills": forms.CheckboxSelectMultiple,
            "description": forms.Textarea(attrs={"rows": 2, "cols": 60}),
            "not_included": forms.Textarea(attrs={"rows": 2, "cols": 60}),
        }
        labels = {"duration_minutes": "Duration (minutes)", "minimum_minutes": "Minimum (minutes)"}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        show_plainly(self, "after_hours_percent", "weekend_percent", "emergency_percent")

    def warnings(self) -> list[warnings.Warned]:
        return warnings.of_service(self.instance)


class ServiceAreaForm(forms.ModelForm):
    class Meta:
        model = ServiceArea
        exclude = []
        widgets = {"kind": forms.RadioSelect}


class KnownAnswerForm(forms.ModelForm):
    class Meta:
        model = KnownAnswer
        fields = ["business", "question", "answer"]
        widgets = {
            "question": forms.Textarea(attrs={"rows": 2, "cols": 60}),
            "answer": forms.Textarea(attrs={"rows": 4, "cols": 60}),
        }


class AnswerInListForm(forms.ModelForm):
    class Meta:
        model = KnownAnswer
        fields = ["answer"]
        widgets = {"answer": ANSWER}


class TechnicianForm(OfOneBusinessForm):
    parts = ("skills", "areas")
    number = NumberField(
        label="Telephone", required=False, help_text="Rung in an emergency, and sent text messages. As +15551234567."
    )

    class Meta:
        model = Technician
        fields = ["business", "name", "number", "email", "skills", "areas", "home_postal_code", "is_active"]
        widgets = {"skills": forms.CheckboxSelectMultiple, "areas": forms.CheckboxSelectMultiple}
        labels = {"email": "E-mail", "home_postal_code": "Postal code of home"}

    def warnings(self) -> list[warnings.Warned]:
        return [*warnings.of_technician(self.instance), *warnings.of_time_off(self.instance)]


class CustomerForm(forms.ModelForm):
    number = NumberField(label="Telephone", help_text=Customer._meta.get_field("number").help_text)

    class Meta:
        model = Customer
        exclude = []
        widgets = {"notes": forms.Textarea(attrs={"rows": 4, "cols": 60})}
        labels = {"email": "E-mail", "refuses_sms": "No text messages"}


HOURS_AND_MINUTES = {models.TimeField: {"widget": AdminTimeWidget(format="%H:%M")}}


class HoursFormSet(forms.BaseInlineFormSet):
    """A week of spans that do not lie over one another."""

    def clean(self):
        super().clean()
        rows = [form for form in self.forms if _is_span(form.cleaned_data if form.is_valid() else {})]
        spans = [tuple(form.cleaned_data[name] for name in ("weekday", "starts_at", "ends_at")) for form in rows]
        for earlier, later in trade_validators.overlaps(spans):
            weekday, starts_at, ends_at = spans[earlier]
            rows[later].add_error(
                "starts_at", f"Lies over {Weekday(weekday).label}, {_clock(starts_at)} to {_clock(ends_at)}."
            )


def _is_span(values: dict[str, object]) -> bool:
    return bool(values) and not values.get("DELETE") and None not in (values.get("starts_at"), values.get("ends_at"))


def _clock(at: time) -> str:
    return f"{at:%-I:%M %p}"
