"""The forms in which a booking is made or moved by hand: first the openings are shown, then one of them is chosen.

Both steps post the same form, so that no number stands in an address. A time that is not among the openings can be
typed; the same rules decide, and say in words why not.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget, AutocompleteSelect
from django.core.exceptions import ValidationError
from django.utils import timezone

from calls.domain import bookings_by_hand, customers
from calls.domain.booking import Wanted
from calls.domain.bookings_by_hand import NotPossible
from calls.domain.technicians import Place
from calls.models import Booking, Customer, Service, trade_validators

OTHER = "other"
AS_KNOWN = ("name", "address", "postal_code", "email")


def day_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class WhenForm(forms.Form):
    """When: one of the openings, or another time. `starts_at` is filled once a time has been chosen."""

    day = forms.DateField(label="Openings on", required=False, widget=day_input())
    opening = forms.CharField(required=False)
    on = forms.DateField(label="Day", required=False, widget=day_input())
    at = forms.TimeField(label="Time", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))

    starts_at: datetime | None = None

    def __init__(self, *args: Any, is_looking: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_looking = is_looking

    def read_time(self, business: Any) -> None:
        """The chosen time on the clock of `business`; what is wrong with it is said beside the openings."""
        chosen, on, at = (self.cleaned_data.get(name) for name in ("opening", "on", "at"))
        if chosen and chosen != OTHER:
            if at:
                raise ValidationError("Choose an opening or enter another time, not both.")
            self.starts_at = _moment(chosen)
            return
        if {"on", "at"} & self.errors.keys():
            return
        if not on or not at:
            raise ValidationError("Choose an opening, or enter the day and the time.")
        try:
            self.starts_at = bookings_by_hand.read_clock(business=business, on=on, at=at, now=timezone.now())
        except NotPossible as refusal:
            raise ValidationError(str(refusal)) from None


class MoveForm(WhenForm):
    """Another time for a booking."""

    def __init__(self, *args: Any, booking: Booking, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.booking = booking

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if not self.is_looking:
            self.read_time(self.booking.business)
        return values


class ServiceField(forms.ModelChoiceField):
    """A service; with its business in the name, where there are several."""

    def label_from_instance(self, service: Service) -> str:
        return f"{service.name} ({service.business})" if self.has_several else service.name

    @property
    def has_several(self) -> bool:
        if not hasattr(self, "_has_several"):
            self._has_several = len({service.business_id for service in self.queryset}) > 1
        return self._has_several


class NewBookingForm(WhenForm):
    """Everything that a booking needs. `wanted` and `place` are filled as far as they are known."""

    customer = forms.ModelChoiceField(
        Customer.objects.select_related("business"), required=False, help_text="Somebody who is known already."
    )
    number = forms.CharField(
        label="Or telephone",
        required=False,
        max_length=40,
        widget=AdminTextInputWidget(attrs={"inputmode": "tel", "autocomplete": "off"}),
        help_text="Of a new customer, or of one who is known.",
    )
    name = forms.CharField(required=False, max_length=100, widget=AdminTextInputWidget())
    email = forms.EmailField(
        label="E-mail",
        required=False,
        widget=forms.EmailInput(attrs={"class": "vTextField", "autocomplete": "off"}),
        help_text="For the confirmation. Without one no letter is sent.",
    )
    service = ServiceField(Service.objects.none())
    address = forms.CharField(
        required=False, max_length=150, widget=AdminTextInputWidget(), help_text="Street and number, then the town."
    )
    postal_code = forms.CharField(required=False, max_length=10, widget=forms.TextInput(attrs={"size": 10}))
    notes = forms.CharField(
        label="What has to be done", required=False, max_length=500, widget=AdminTextareaWidget(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, may_enter_numbers: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.place = Place()
        self.known: Customer | None = None
        self.telephone = ""
        self.fields["service"].queryset = Service.objects.filter(is_active=True).select_related("business")
        self.fields["customer"].widget = AutocompleteSelect(
            Booking._meta.get_field("customer"), admin.site, choices=self.fields["customer"].choices
        )
        if not may_enter_numbers:
            del self.fields["number"]

    @property
    def chosen_service(self) -> Service | None:
        return self.cleaned_data.get("service") if self.is_bound else None

    @property
    def wanted(self) -> Wanted:
        """What the domain books, once the form is valid."""
        told = {name: self.cleaned_data[name] for name in ("name", "address", "postal_code", "email", "notes")}
        return Wanted(**told, number=self.telephone, town=self.place.town)

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if self.chosen_service is None:
            return values
        self._read_customer()
        self._fill_in_what_is_known()
        self._read_place()
        if not self.is_looking:
            self._require("address", "Enter where the work is.")
            if "opening" not in self.errors:
                self.read_time(self.chosen_service.business)
        return values

    def _read_customer(self) -> None:
        business, chosen = self.chosen_service.business, self.cleaned_data.get("customer")
        typed = self.cleaned_data.get("number", "").strip()
        if chosen and chosen.business_id != business.pk:
            self.add_error("customer", f"{chosen} is a customer of {chosen.business}, not of {business}.")
            return
        if typed:
            try:
                self.telephone = customers.read_number(typed, country=business.country)
            except customers.NumberUnclear:
                self.add_error("number", "That is not a telephone number that can be called.")
                return
            self.known = Customer.objects.filter(business=business, number=self.telephone).first()
        if chosen and self.telephone and chosen.number != self.telephone:
            self.known, self.telephone = None, ""
            self.add_error("number", f"That is not the number of {chosen}. Choose a customer or enter a number.")
        elif chosen:
            self.known, self.telephone = chosen, chosen.number
        elif not self.telephone and not self.is_looking and "number" not in self.errors:
            field = "number" if "number" in self.fields else "customer"
            self.add_error(field, "Say for whom it is.")

    def _fill_in_what_is_known(self) -> None:
        """What was left blank of a customer who is known; the page shows it before anything is booked."""
        if self.known is None:
            if self.telephone and not self.is_looking:
                self._require("name", "Enter the name of the new customer.")
            return
        name = self.cleaned_data.get("name", "").strip()
        if name and self.known.name and name.casefold() != self.known.name.casefold():
            self.add_error("name", f"This is the number of {self.known.name}. Names are mended on the customer's page.")
        if not self.cleaned_data.get("address") and not self.cleaned_data.get("postal_code"):
            self._fill("address", "postal_code")
        self._fill("name", "email")

    def _fill(self, *names: str) -> None:
        self.data = self.data.copy()
        for name in names:
            if name not in self.errors and not self.cleaned_data.get(name):
                self.data[name] = self.cleaned_data[name] = getattr(self.known, name)

    def _read_place(self) -> None:
        business, code = self.chosen_service.business, self.cleaned_data.get("postal_code", "").strip()
        _, comma, last = self.cleaned_data.get("address", "").rpartition(",")
        town = last.strip() if comma else ""
        if self.is_looking and not code and not town:
            return  # the openings of whoever could go anywhere
        try:
            code = trade_validators.postal_code(code, country=business.country) if code else ""
            self.place = bookings_by_hand.read_place(business=business, postal_code=code, town=town)
            self.cleaned_data["postal_code"] = code
        except ValidationError as refusal:
            self.add_error("postal_code", refusal)
        except NotPossible as refusal:
            self.add_error("postal_code", str(refusal))

    def _require(self, name: str, sentence: str) -> None:
        if name not in self.errors and not self.cleaned_data.get(name, "").strip():
            self.add_error(name, sentence)


def value_of(moment: datetime) -> str:
    """An opening as the form posts it."""
    return moment.astimezone(ZoneInfo("UTC")).replace(tzinfo=None).isoformat(timespec="minutes")


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("UTC"))
    except ValueError:
        raise ValidationError("Choose an opening, or enter the day and the time.") from None
