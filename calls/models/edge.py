"""Who is let in: numbers that are treated unlike others, what a call costs, and who has tried to log in how often."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from calls.models import validators
from calls.models.business import Business


class ListedNumber(models.Model):
    """A telephone whose calls no agent answers."""

    class Treatment(models.TextChoices):
        BLOCKED = "blocked", "Blocked: a short sentence, then the end"
        DIRECT = "direct", "Direct: the hand-over number rings at once"

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="listed_numbers")
    number = models.CharField(max_length=16, help_text="The caller's number, as +15551234567.")
    treatment = models.CharField("what happens", max_length=7, choices=Treatment, default=Treatment.BLOCKED)
    note = models.CharField(max_length=200, blank=True, help_text="Who it is, and why.")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["treatment", "number"]
        verbose_name = "blocked or direct number"
        constraints = [models.UniqueConstraint(fields=["business", "number"], name="one_treatment_per_number")]

    def __str__(self) -> str:
        """Told in the history of changes too, which whoever may not see whole numbers reads."""
        return f"{self.note or self.get_treatment_display().partition(':')[0]} (•••{self.number[-2:]})"

    def clean(self) -> None:
        with validators.on_field("number"):
            self.number = validators.e164(self.number)


class Price(models.Model):
    """What OpenAI or Twilio asks for one thing, from a day on; the newest that has begun counts."""

    class Item(models.TextChoices):
        TEXT_IN = "text_in", "Text in (a million tokens)"
        TEXT_CACHED = "text_cached", "Text in, cached (a million tokens)"
        TEXT_OUT = "text_out", "Text out (a million tokens)"
        AUDIO_IN = "audio_in", "Sound in (a million tokens)"
        AUDIO_CACHED = "audio_cached", "Sound in, cached (a million tokens)"
        AUDIO_OUT = "audio_out", "Sound out (a million tokens)"
        INBOUND = "inbound", "Call that comes in (a minute)"
        OUTBOUND = "outbound", "Call that is placed (a minute)"
        STREAM = "stream", "Media stream (a minute)"

    TOKENS = (Item.TEXT_IN, Item.TEXT_CACHED, Item.TEXT_OUT, Item.AUDIO_IN, Item.AUDIO_CACHED, Item.AUDIO_OUT)

    item = models.CharField("for", max_length=12, choices=Item)
    model = models.CharField(max_length=60, blank=True, help_text="Of OpenAI; blank for what Twilio asks for.")
    dollars = models.DecimalField("US dollars", max_digits=10, decimal_places=6)
    since = models.DateField(default=timezone.localdate, help_text="The first day on which it counts.")

    class Meta:
        ordering = ["model", "item", "-since"]
        constraints = [models.UniqueConstraint(fields=["item", "model", "since"], name="one_price_a_day")]

    def __str__(self) -> str:
        return " ".join(part for part in (self.model, self.get_item_display(), f"since {self.since}") if part)

    def clean(self) -> None:
        refusals = validators.Refusals()
        with refusals.beside("dollars"):
            if self.dollars is not None and self.dollars < 0:
                raise ValidationError("A price cannot be less than nothing.", code="negative")
        with refusals.beside("model"):
            if self.item in self.TOKENS and not self.model:
                raise ValidationError("Name the model whose tokens cost this.", code="no_model")
            if self.item not in self.TOKENS and self.model:
                raise ValidationError("Twilio's minutes cost the same with every model: leave it blank.", code="model")
        refusals.raise_any()


class LoginBucket(models.Model):
    """How often a login has failed, for one name, address or both; `key` is a digest, since a slip puts passwords
    where names belong. Each failure moves `full_at` on, and what lies too far ahead is not let in."""

    key = models.CharField(max_length=64, unique=True)
    full_at = models.DateTimeField(help_text="When all attempts are free again.")
    known_until = models.DateTimeField(null=True, blank=True, help_text="Who has logged in from here is known.")

    class Meta:
        indexes = [models.Index(fields=["full_at"])]

    def __str__(self) -> str:
        return self.key[:8]
