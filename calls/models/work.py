"""What calls leave to be done."""

import secrets

from django.db import models

from calls.models.business import Business
from calls.models.call import Call
from calls.models.people import Customer, Technician
from calls.models.trade import Service, money

REFERENCE_LETTERS = "ACDEFHJKLMNPRTUVWXY3479"  # none that sounds or looks like another


def new_reference() -> str:
    """Six letters and digits that a caller can read back."""
    return "".join(secrets.choice(REFERENCE_LETTERS) for _ in range(6))


class Message(models.Model):
    """A message that the agent took for the business."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="messages")
    call = models.ForeignKey(Call, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages")
    caller_name = models.CharField(max_length=100, blank=True)
    number = models.CharField("call back on", max_length=64, blank=True)
    text = models.TextField("message")
    taken_at = models.DateTimeField()
    is_done = models.BooleanField("done", default=False)

    class Meta:
        ordering = ["is_done", "-taken_at"]
        constraints = [models.UniqueConstraint(fields=["call", "text"], name="one_message_per_text_and_call")]

    def __str__(self) -> str:
        return f"Message from {self.caller_name or 'a caller'}"  # no number: this line is shown and logged to everybody


class Booking(models.Model):
    """An appointment of a customer with a technician. `starts_at` to `ends_at` is the work, without the buffer."""

    class Status(models.TextChoices):
        BOOKED = "booked"
        CONFIRMED = "confirmed"
        DONE = "done"
        CANCELLED = "cancelled"

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="bookings")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="bookings")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="bookings")
    technician = models.ForeignKey(Technician, on_delete=models.PROTECT, related_name="bookings")
    call = models.ForeignKey(Call, on_delete=models.SET_NULL, null=True, blank=True, related_name="bookings")
    reference = models.CharField(max_length=6, default=new_reference, unique=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    address = models.CharField(max_length=200)
    postal_code = models.CharField(max_length=10, blank=True)
    notes = models.CharField(max_length=500, blank=True)
    email = models.EmailField(blank=True, help_text="Where letters about it go, if not to the customer's own address.")
    status = models.CharField(max_length=9, choices=Status, default=Status.BOOKED)
    booked_at = models.DateTimeField()

    class Meta:
        ordering = ["starts_at"]
        indexes = [models.Index(fields=["business", "starts_at"]), models.Index(fields=["technician", "starts_at"])]
        constraints = [
            models.CheckConstraint(condition=models.Q(starts_at__lt=models.F("ends_at")), name="booking_runs_forward")
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.service}"


class TakenTime(models.Model):
    """Five minutes of a technician that a booking takes, its buffer included.

    The unique constraint is what keeps two bookings apart on every database, whoever asks at the same moment.
    """

    technician = models.ForeignKey(Technician, on_delete=models.CASCADE, related_name="taken_times")
    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="taken_times")
    starts_at = models.DateTimeField(help_text="A multiple of five minutes, UTC.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["technician", "starts_at"], name="one_booking_at_a_time")]

    def __str__(self) -> str:
        return f"{self.technician} at {self.starts_at:%Y-%m-%d %H:%M}"


class Quote(models.Model):
    """A price as the server worked it out, line by line, at the time that was asked for."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="quotes")
    call = models.ForeignKey(Call, on_delete=models.SET_NULL, null=True, blank=True, related_name="quotes")
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="quotes")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="quotes")
    reference = models.CharField(max_length=6, default=new_reference, unique=True)
    wanted_at = models.DateTimeField(null=True, blank=True, help_text="The time that the price is for.")
    total = money("total")
    total_to = money("upper total", null=True, blank=True, help_text="Of a range only.")
    not_included = models.CharField(max_length=500, blank=True)
    quoted_at = models.DateTimeField()

    class Meta:
        ordering = ["-quoted_at"]

    def __str__(self) -> str:
        return f"{self.reference} {self.service}"


class QuoteLine(models.Model):
    quote = models.ForeignKey(Quote, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    text = models.CharField(max_length=120)
    amount = money("amount")
    amount_to = money("upper amount", null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["quote", "position"], name="one_line_a_position")]

    def __str__(self) -> str:
        return f"{self.text}: {self.amount}"


class Callback(models.Model):
    """A promise to ring somebody back. The row is the truth: a worker claims it by `claimed_until`."""

    class Status(models.TextChoices):
        DUE = "due"
        DIALING = "dialing"
        DONE = "done"
        FAILED = "failed", "Given up: a person has to call"
        CANCELLED = "cancelled"

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="callbacks")
    call = models.ForeignKey(Call, on_delete=models.SET_NULL, null=True, blank=True, related_name="callbacks")
    number = models.CharField("call back on", max_length=16, help_text="As +15551234567.")
    caller_name = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=300)
    consent = models.CharField(max_length=300, help_text="The words in which the caller agreed.")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    status = models.CharField(max_length=9, choices=Status, default=Status.DUE)
    attempts = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["due_at"]
        indexes = [models.Index(fields=["status", "due_at"])]

    def __str__(self) -> str:
        return f"Callback for {self.caller_name or 'a caller'}"


class CallbackAttempt(models.Model):
    """One dialing of a callback: written and committed before Twilio is asked, so that none is ever dialed twice."""

    callback = models.ForeignKey(Callback, on_delete=models.CASCADE, related_name="dialings")
    number = models.PositiveIntegerField(help_text="1 for the first.")
    began_at = models.DateTimeField()
    call_sid = models.CharField("CallSid", max_length=64, blank=True)
    answered_by = models.CharField(max_length=30, blank=True, help_text="human, machine_end_beep … as Twilio heard it.")
    result = models.CharField(max_length=40, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["callback", "number"], name="one_dialing_per_attempt")]

    def __str__(self) -> str:
        return f"attempt {self.number}"


class Emergency(models.Model):
    """Something that cannot wait. It is escalated from one on-call person to the next until somebody accepts."""

    class Status(models.TextChoices):
        OPEN = "open", "Nobody has accepted yet"
        ACCEPTED = "accepted"
        UNANSWERED = "unanswered", "Nobody could be reached"
        CLOSED = "closed"

    class RaisedBy(models.TextChoices):
        TOOL = "tool", "The agent"
        WORDS = "words", "The caller's words"

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="emergencies")
    call = models.OneToOneField(Call, on_delete=models.SET_NULL, null=True, blank=True, related_name="emergency")
    raised_by = models.CharField(max_length=5, choices=RaisedBy)
    kind = models.CharField(max_length=40)
    description = models.CharField(max_length=500, blank=True)
    address = models.CharField(max_length=200, blank=True)
    number = models.CharField("caller", max_length=64, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    raised_at = models.DateTimeField()
    accepted_by = models.ForeignKey(
        Technician, on_delete=models.SET_NULL, null=True, blank=True, related_name="emergencies"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "emergencies"
        ordering = ["-raised_at"]

    def __str__(self) -> str:
        return f"{self.kind} at {self.raised_at:%Y-%m-%d %H:%M}"


class EmergencyAlert(models.Model):
    """One telephone that was rung for an emergency."""

    emergency = models.ForeignKey(Emergency, on_delete=models.CASCADE, related_name="alerts")
    technician = models.ForeignKey(Technician, on_delete=models.SET_NULL, null=True, related_name="alerts")
    number = models.CharField(max_length=16)
    position = models.PositiveIntegerField(help_text="1 was rung first.")
    rang_at = models.DateTimeField()
    call_sid = models.CharField("CallSid", max_length=64, blank=True)
    result = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["emergency", "position"], name="one_alert_a_position")]

    def __str__(self) -> str:
        return f"alert {self.position}"
