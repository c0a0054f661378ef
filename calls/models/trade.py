"""What a business sells, where, for how much, and what it answers when asked. Money is Decimal in its currency."""

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from calls.models import trade_validators, validators
from calls.models.business import Business

NOT_NEGATIVE = [MinValueValidator(Decimal(0))]
PERCENT = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(500))]


def money(label: str, **options: object) -> models.DecimalField:
    """An amount of money; two places are enough for every currency that is offered."""
    return models.DecimalField(label, max_digits=9, decimal_places=2, validators=NOT_NEGATIVE, **options)


def percent(label: str, **options: object) -> models.DecimalField:
    standing = {"default": 0, "help_text": "Percent on top of the work, for example 50."}
    return models.DecimalField(label, max_digits=6, decimal_places=3, validators=PERCENT, **standing | options)


class Skill(models.Model):
    """Something that not every technician can do."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="skills")
    name = models.CharField(max_length=60)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["business", "name"], name="one_skill_of_a_name")]

    def __str__(self) -> str:
        return self.name


class Service(models.Model):
    """A thing the business sells, with how long it takes and the rule of its price."""

    class PriceRule(models.TextChoices):
        FIXED = "fixed", "One price"
        HOURLY = "hourly", "By the hour, with a minimum"
        RANGE = "range", "Between two prices, fixed on site"

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="services")
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True, help_text="What the caller is told it is.")
    duration_minutes = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(5), MaxValueValidator(720)]
    )
    skills = models.ManyToManyField(
        Skill, blank=True, related_name="services", help_text="What the technician must know."
    )
    price_rule = models.CharField(max_length=6, choices=PriceRule, default=PriceRule.FIXED)
    price = money("price", default=0, help_text="The price, the price of an hour, or the lower end of the range.")
    price_to = money("upper end", null=True, blank=True, help_text="Of a range only.")
    minimum_minutes = models.PositiveIntegerField(default=60, help_text="The least that is charged by the hour.")
    call_out_fee = money("call-out fee", default=0)
    after_hours_percent = percent("after-hours surcharge")
    weekend_percent = percent("weekend surcharge")
    emergency_percent = percent("emergency surcharge")
    is_taxed = models.BooleanField("taxed", default=True)
    not_included = models.CharField(max_length=300, blank=True, help_text="For example parts and permits.")
    is_active = models.BooleanField("offered", default=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["business", "name"], name="one_service_of_a_name")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        refusals = validators.Refusals()
        with refusals.beside("duration_minutes"):
            trade_validators.check_units(self.duration_minutes or 0)
        with refusals.beside("price_to"):
            self._check_upper_end()
        refusals.raise_any()

    def _check_upper_end(self) -> None:
        if self.price_rule != self.PriceRule.RANGE:
            if self.price_to is not None:
                raise ValidationError("Only a price between two prices has an upper end. Leave it empty.")
        elif self.price_to is None or self.price is None or self.price_to < self.price:
            raise ValidationError("A range needs an upper end that is not below the lower one.")


class ServiceArea(models.Model):
    """A part of the world that is served, or, as an exclusion, is not. The most particular entry decides."""

    class Kind(models.TextChoices):
        POSTAL_CODE = "postal_code", "Postal code"
        RANGE = "range", "Range of postal codes"
        PREFIX = "prefix", "Beginning of postal codes"
        TOWN = "town", "Town"

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="areas")
    kind = models.CharField(max_length=11, choices=Kind, default=Kind.POSTAL_CODE)
    value = models.CharField(max_length=60, help_text="12207, or the first code of a range, or 122, or Albany.")
    value_to = models.CharField("last code", max_length=10, blank=True, help_text="Of a range only.")
    is_excluded = models.BooleanField("excluded", default=False)
    travel_fee = money("travel fee", default=0)

    class Meta:
        ordering = ["kind", "value"]

    def __str__(self) -> str:
        span = f"{self.value}–{self.value_to}" if self.value_to else self.value
        return f"not {span}" if self.is_excluded else span

    def clean(self) -> None:
        if not self.business_id or not self.value:
            return  # the form says so already
        refusals = validators.Refusals()
        with refusals.beside("value"):
            self._clean_value()
        with refusals.beside("value_to"):
            self._clean_last_code()
        with refusals.beside("travel_fee"):
            if self.is_excluded and self.travel_fee:
                raise ValidationError("Nobody travels to an excluded place: leave the fee at 0.")
        refusals.raise_any()
        self._refuse_a_second_time()

    def _clean_value(self) -> None:
        country = self.business.country
        if self.kind == self.Kind.TOWN:
            self.value = trade_validators.town(self.value)
        elif self.kind == self.Kind.PREFIX:
            self.value = trade_validators.postal_prefix(self.value, country=country)
        else:
            self.value = trade_validators.postal_code(self.value, country=country)

    def _clean_last_code(self) -> None:
        if self.kind != self.Kind.RANGE:
            if self.value_to:
                raise ValidationError("Only a range has a last code. Leave it empty, or choose the kind “Range”.")
            return
        if not self.value_to:
            raise ValidationError("A range needs the last code that belongs to it.")
        self.value_to = trade_validators.postal_code(self.value_to, country=self.business.country)
        if self.value_to < self.value:
            raise ValidationError("A range needs a last code that is not before the first.")

    def _refuse_a_second_time(self) -> None:
        same = ServiceArea.objects.filter(business=self.business_id, kind=self.kind, value_to=self.value_to)
        if same.filter(value__iexact=self.value).exclude(pk=self.pk).exists():
            raise ValidationError({"value": f"{self} is entered already: open that entry and change it."})


class KnownAnswer(models.Model):
    """A question that callers ask. Without an answer it is open: the owner answers it once, and Cortana knows it."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="answers")
    question = models.CharField(max_length=300)
    answer = models.CharField(max_length=600, blank=True, help_text="Empty: nobody has answered it yet.")
    times_asked = models.PositiveIntegerField(default=0)
    call = models.ForeignKey("calls.Call", on_delete=models.SET_NULL, null=True, blank=True, related_name="questions")
    asked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["question"]
        constraints = [models.UniqueConstraint(fields=["business", "question"], name="one_answer_a_question")]

    def __str__(self) -> str:
        return self.question

    @property
    def is_open(self) -> bool:
        return not self.answer
