"""Whose line it is, who answers it, and under which number."""

from django.db import models

DEFAULT_GREETING = "Thanks for calling {business}. This is {agent}, an automated assistant. How can I help you today?"


class Business(models.Model):
    name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=50, default="America/New_York", help_text="For example America/New_York.")
    country = models.CharField(max_length=2, default="US", help_text="Two letters, for example US.")
    email = models.EmailField(blank=True, help_text="Where messages for the business go.")
    handover_number = models.CharField(
        max_length=16,
        blank=True,
        help_text="The telephone that rings when a caller needs a person, as +15551234567. Never one of our own lines.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "businesses"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


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
        help_text="The first sentence. {business} and {agent} are filled in. Say that this is an automated assistant.",
    )
    instructions = models.TextField(blank=True, help_text="What the agent should know and how it should behave.")
    language = models.CharField(max_length=5, default="en", help_text="The language it speaks, for example en or es.")
    voice = models.CharField(max_length=40, default="marin")
    model = models.CharField(max_length=60, blank=True, help_text="Blank: the model named in OPENAI_REALTIME_MODEL.")
    turn_detection = models.CharField(max_length=20, choices=TurnDetection, default=TurnDetection.SERVER_VAD)
    vad_threshold = models.FloatField(default=0.5, help_text="0 to 1; higher ignores more background noise.")
    silence_ms = models.PositiveIntegerField(
        "silence before an answer (ms)",
        default=500,
        help_text="How long the caller must be quiet, 200 to 2000 ms.",
    )

    class Meta:
        ordering = ["business", "name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.business})"


class PhoneLine(models.Model):
    """A telephone number of ours. Calls to it are answered by its agent; without one, the hand-over number rings."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="lines")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="lines")
    number = models.CharField(max_length=16, unique=True, help_text="The number at Twilio, as +15551234567.")
    label = models.CharField(max_length=50, blank=True)

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.number} {self.label}".strip()
