"""Letters that leave the house. The row is the truth: written with what it tells of, sent later, tried again, seen."""

from django.db import models

from calls.models.business import Business
from calls.models.call import Call


class Outgoing(models.Model):
    class Status(models.TextChoices):
        QUEUED = "queued"
        SENT = "sent"
        FAILED = "failed", "Given up"

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="%(class)ss")
    call = models.ForeignKey(Call, on_delete=models.SET_NULL, null=True, blank=True, related_name="%(class)ss")
    purpose = models.CharField(max_length=30, help_text="For example quote, booking, emergency.")
    key = models.CharField(max_length=100, unique=True, help_text="What makes it the same letter: it is written once.")
    body = models.TextField()
    status = models.CharField(max_length=6, choices=Status, default=Status.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    written_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Not tried before.")
    claimed_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True
        ordering = ["-written_at"]


class OutgoingEmail(Outgoing):
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    html = models.TextField(blank=True)
    calendar = models.TextField(blank=True, help_text="An .ics file that goes with it.")

    class Meta(Outgoing.Meta):
        verbose_name = "e-mail"
        indexes = [models.Index(fields=["status", "due_at"])]

    def __str__(self) -> str:
        return self.subject


class OutgoingMessage(Outgoing):
    to = models.CharField(max_length=16)
    message_sid = models.CharField("MessageSid", max_length=64, blank=True)
    error_code = models.CharField(max_length=10, blank=True, help_text="Of Twilio, when it was not delivered.")

    class Meta(Outgoing.Meta):
        verbose_name = "text message"
        indexes = [models.Index(fields=["status", "due_at"])]

    def __str__(self) -> str:
        return f"{self.purpose} text message"
