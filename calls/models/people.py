"""Who is sent, and to whom."""

from django.core.exceptions import ValidationError
from django.db import models

from calls.models import trade_validators, validators
from calls.models.business import Business
from calls.models.hours import Span, Weekday
from calls.models.trade import ServiceArea, Skill


class Technician(models.Model):
    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="technicians")
    name = models.CharField(max_length=80)
    number = models.CharField("telephone", max_length=16, blank=True, help_text="As +15551234567.")
    email = models.EmailField(blank=True)
    skills = models.ManyToManyField(Skill, blank=True, related_name="technicians")
    areas = models.ManyToManyField(
        ServiceArea, blank=True, related_name="technicians", help_text="None chosen: everywhere that is served."
    )
    home_postal_code = models.CharField(
        max_length=10, blank=True, help_text="Where the day begins; breaks ties of travel."
    )
    is_active = models.BooleanField("active", default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        _clean_postal_code(self, "home_postal_code")


class WorkingHours(Span):
    """When a technician works; without any, during the business's opening hours."""

    technician = models.ForeignKey(Technician, on_delete=models.CASCADE, related_name="working_hours")
    weekday = models.IntegerField(choices=Weekday)

    class Meta:
        verbose_name_plural = "working hours"
        ordering = ["weekday", "starts_at"]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts_at:%H:%M}–{self.ends_at:%H:%M}"


class TimeOff(models.Model):
    technician = models.ForeignKey(Technician, on_delete=models.CASCADE, related_name="time_off")
    starts_at = models.DateTimeField("from")
    ends_at = models.DateTimeField("to")
    reason = models.CharField(max_length=100, blank=True)

    class Meta:
        verbose_name_plural = "time off"
        ordering = ["starts_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(starts_at__lt=models.F("ends_at")), name="time_off_runs_forward")
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} – {self.ends_at:%Y-%m-%d %H:%M}"

    def clean(self) -> None:
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValidationError({"ends_at": "Ends before it begins."})


class OnCall(models.Model):
    """A place in the on-call rota: rung first is the lowest rank; open-ended without days."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="rota")
    technician = models.ForeignKey(Technician, on_delete=models.CASCADE, related_name="on_call")
    rank = models.PositiveIntegerField(default=1, help_text="1 is rung first.")
    starts_on = models.DateField("first day", null=True, blank=True)
    ends_on = models.DateField("last day", null=True, blank=True)

    class Meta:
        verbose_name = "place in the on-call rota"
        verbose_name_plural = "on-call rota"
        ordering = ["rank", "pk"]

    def __str__(self) -> str:
        return f"{self.rank}. {self.technician}"

    def clean(self) -> None:
        refusals = validators.Refusals()
        with refusals.beside("technician"):
            if self.technician_id and self.business_id and self.technician.business_id != self.business_id:
                raise ValidationError(f"{self.technician} works for another business.")
        with refusals.beside("ends_on"):
            if self.starts_on and self.ends_on and self.starts_on > self.ends_on:
                raise ValidationError("Ends before it begins.")
        refusals.raise_any()


class Customer(models.Model):
    """A person as the business knows them, by the number they call from."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="customers")
    number = models.CharField("telephone", max_length=16, help_text="As +15551234567.")
    name = models.CharField(max_length=100, blank=True)
    address = models.CharField(max_length=200, blank=True)
    postal_code = models.CharField(max_length=10, blank=True)
    email = models.EmailField(blank=True)
    notes = models.TextField(blank=True)
    refuses_sms = models.BooleanField(default=False, help_text="Has written STOP; Twilio delivers nothing to it.")

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["business", "number"], name="one_customer_a_number")]

    def __str__(self) -> str:
        return self.name or "a customer"

    def clean(self) -> None:
        _clean_postal_code(self, "postal_code")


def _clean_postal_code(person: Technician | Customer, name: str) -> None:
    if (code := getattr(person, name)) and person.business_id:
        with validators.on_field(name):
            setattr(person, name, trade_validators.postal_code(code, country=person.business.country))
