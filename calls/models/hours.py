"""When a business is open: the ordinary week, and the days that differ from it. Times are of the business's zone."""

from django.core.exceptions import ValidationError
from django.db import models

from calls.models.business import Business


class Weekday(models.IntegerChoices):
    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class Span(models.Model):
    """A stretch of a day, from `starts_at` to `ends_at` on the clock of the business; it never passes midnight."""

    starts_at = models.TimeField("from")
    ends_at = models.TimeField("to")

    class Meta:
        abstract = True

    def clean(self) -> None:
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValidationError(
                {"ends_at": "Ends before it begins. For hours past midnight enter two spans, one on each day."}
            )


class OpeningHours(Span):
    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="opening_hours")
    weekday = models.IntegerField(choices=Weekday)

    class Meta:
        verbose_name_plural = "opening hours"
        ordering = ["weekday", "starts_at"]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts_at:%H:%M}–{self.ends_at:%H:%M}"


class OpeningException(models.Model):
    """A day unlike its weekday: closed, or open from `starts_at` to `ends_at` alone."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="opening_exceptions")
    on = models.DateField("day")
    starts_at = models.TimeField("from", null=True, blank=True, help_text="Leave both times empty for a closed day.")
    ends_at = models.TimeField("to", null=True, blank=True)
    note = models.CharField(max_length=100, blank=True, help_text="For example Thanksgiving.")

    class Meta:
        ordering = ["on"]
        constraints = [models.UniqueConstraint(fields=["business", "on"], name="one_exception_a_day")]

    def __str__(self) -> str:
        return f"{self.on:%Y-%m-%d} {self.note}".strip()

    def clean(self) -> None:
        if (self.starts_at is None) != (self.ends_at is None):
            raise ValidationError("Enter both times, or neither for a closed day.")
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValidationError({"ends_at": "Ends before it begins."})
