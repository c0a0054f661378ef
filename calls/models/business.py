"""Whose line it is, who answers it, and under which number."""

from django.core.exceptions import ValidationError
from django.db import models

from calls.models import trade_validators, validators

DEFAULT_GREETING = "Thanks for calling {business}. This is {agent}, an automated assistant. How can I help you today?"


# Held here, not as validators of the fields: they need no migration, and all of them are said at once.
BUSINESS_CHECKS = {
    "callback_countries": validators.check_countries,
    "currency": trade_validators.check_currency,
    "tax_percent": trade_validators.check_tax,
    "emergency_number": trade_validators.check_emergency_number,
    "notice_minutes": trade_validators.check_notice,
    "horizon_days": trade_validators.check_horizon,
    "buffer_minutes": trade_validators.check_buffer,
    "slot_step_minutes": trade_validators.check_step,
    "budget_a_day": trade_validators.check_budget,
}


class Business(models.Model):
    name = models.CharField(max_length=100)
    time_zone = models.CharField(
        max_length=50,
        default="America/New_York",
        validators=[validators.check_time_zone],
        help_text="For example America/New_York.",
    )
    country = models.CharField(
        max_length=2, default="US", validators=[validators.check_country], help_text="Two letters, for example US."
    )
    address = models.CharField(max_length=200, blank=True, help_text="Where the business is, as callers are told.")
    currency = models.CharField(max_length=3, default="USD", help_text="Three letters, for example USD.")
    tax_percent = models.DecimalField(
        "tax", max_digits=6, decimal_places=3, default=0, help_text="Percent on what is taxed, for example 8.25."
    )
    email = models.EmailField(blank=True, help_text="Where messages for the business go.")
    emergency_number = models.CharField(
        max_length=6, default="911", help_text="What a caller in danger is told to dial. It is never dialed from here."
    )
    handover_number = models.CharField(
        max_length=16,
        blank=True,
        help_text="The telephone that rings when a caller needs a person, as +15551234567. Never one of our own lines.",
    )
    notice_minutes = models.PositiveIntegerField("booking notice (minutes)", default=120)
    horizon_days = models.PositiveIntegerField("how far ahead (days)", default=30)
    buffer_minutes = models.PositiveIntegerField("time between two bookings (minutes)", default=15)
    slot_step_minutes = models.PositiveIntegerField("bookings begin every (minutes)", default=30)
    callbacks_a_day = models.PositiveIntegerField(
        default=50, help_text="The most calls that are placed by themselves in a day; 0 places none."
    )
    calls_at_once = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="The most that the agent has at a time; others reach a person. Blank: no limit.",
    )
    minutes_a_day = models.PositiveIntegerField(
        null=True, blank=True, help_text="The most that the agent speaks in a day, all calls together. Blank: no limit."
    )
    budget_a_day = models.DecimalField(
        "budget of a day (US dollars)",
        max_digits=8,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="What calls may cost at OpenAI and Twilio in a day; then callers reach a person. Blank: no limit.",
    )
    callback_countries = models.CharField(
        "call back in these countries too",
        max_length=60,
        blank=True,
        help_text="Two letters each, for example CA MX. Ordinary telephones of the business's own country always.",
    )
    emails_summaries = models.BooleanField(
        "e-mail me each call that needs a person", default=True, help_text="To the address above."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "businesses"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        refusals = validators.Refusals()
        if self.handover_number:
            with refusals.beside("handover_number"):
                self._clean_handover_number()
        for name, check in BUSINESS_CHECKS.items():
            with refusals.beside(name):
                check(getattr(self, name))
        refusals.raise_any()

    def _clean_handover_number(self) -> None:
        self.handover_number = validators.e164(self.handover_number)
        line = PhoneLine.objects.select_related("business").filter(number=self.handover_number).first()
        if line:
            raise ValidationError(
                "%(number)s is the line of %(business)s that the agent answers: a caller who needs a person would come "
                "back to the agent. Enter the telephone of a person.",
                code="own_line",
                params={"number": self.handover_number, "business": line.business},
            )


class Agent(models.Model):
    """The voice that answers: persona, voice, model and how it notices that the caller has finished."""

    class TurnDetection(models.TextChoices):
        SERVER_VAD = "server_vad", "Silence (server VAD)"
        SEMANTIC_VAD = "semantic_vad", "Meaning (semantic VAD)"

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="agents")
    name = models.CharField(max_length=50, default="Cortana")
    greeting = models.CharField(
        max_length=500,
        default=DEFAULT_GREETING,
        validators=[validators.check_greeting],
        help_text="The first sentence. {business} and {agent} are filled in. Say that this is an automated assistant.",
    )
    instructions = models.TextField(blank=True, help_text="What the agent should know and how it should behave.")
    language = models.CharField(
        max_length=5,
        default="en",
        validators=[validators.check_language],
        help_text="The language it speaks, for example en or es.",
    )
    voice = models.CharField(max_length=40, default="marin", validators=[validators.check_voice])
    model = models.CharField(
        max_length=60,
        blank=True,
        validators=[validators.check_model],
        help_text="Blank: the model named in OPENAI_REALTIME_MODEL.",
    )
    turn_detection = models.CharField(max_length=20, choices=TurnDetection, default=TurnDetection.SERVER_VAD)
    vad_threshold = models.FloatField(
        "threshold of speech",
        default=0.5,
        validators=[validators.check_threshold],
        help_text="0 to 1; higher ignores more background noise.",
    )
    silence_ms = models.PositiveIntegerField(
        "silence before an answer (ms)",
        default=500,
        validators=[validators.check_silence],
        help_text="How long the caller must be quiet, 200 to 2000 ms.",
    )

    records_calls = models.BooleanField(
        "record calls", default=False, help_text="The consent sentence is then said before anything else."
    )
    warm_transfer = models.BooleanField(
        "announce callers", default=True, help_text="The person hears who calls and presses 1 before being connected."
    )

    class Meta:
        ordering = ["business", "name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.business})"


class PhoneLine(models.Model):
    """A telephone number of ours. Calls to it are answered by its agent; without one, the hand-over number rings."""

    class Answers(models.TextChoices):
        ALWAYS = "always", "Always"
        OUTSIDE_HOURS = "outside_hours", "Outside opening hours; otherwise the hand-over number rings"
        AFTER_RINGING = "after_ringing", "After the hand-over number has rung"

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="lines")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="lines")
    number = models.CharField(max_length=16, unique=True, help_text="The number at Twilio, as +15551234567.")
    label = models.CharField(max_length=50, blank=True)
    answers = models.CharField("the agent answers", max_length=13, choices=Answers, default=Answers.ALWAYS)
    ring_seconds = models.PositiveIntegerField("ring first for (seconds)", default=20, help_text="5 to 60.")
    fallback_url = models.URLField(
        "address while this server is off",
        max_length=300,
        blank=True,
        help_text='What stands in Twilio under "Primary handler fails": the address of a TwiML Bin, on a host that is '
        "not this one.",
    )

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.number} {self.label}".strip()

    def clean(self) -> None:
        refusals = validators.Refusals()
        if self.number:
            with refusals.beside("number"):
                self._clean_number()
        with refusals.beside("agent"):
            self._check_agent()
        with refusals.beside("ring_seconds"):
            why = "fewer nobody can answer in, after more the caller has hung up"
            validators.check_within(self.ring_seconds, 5, 60, why)
        refusals.raise_any()

    def _check_agent(self) -> None:
        if self.agent and self.business_id and self.agent.business_id != self.business_id:
            raise ValidationError(
                "%(agent)s answers for another business. Choose an agent of %(business)s, or make one first.",
                code="foreign_agent",
                params={"agent": self.agent, "business": self.business},
            )

    def _clean_number(self) -> None:
        self.number = validators.e164(self.number)
        business = Business.objects.filter(handover_number=self.number).first()
        if business:
            raise ValidationError(
                "%(number)s is the hand-over number of %(business)s, the telephone of a person: as our own line it "
                "would send callers round in a circle. Change the hand-over number first.",
                code="handover_number",
                params={"number": self.number, "business": business},
            )
