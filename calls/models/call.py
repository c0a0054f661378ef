"""One telephone call and everything that was said and done in it. Rows are written by the product, never by hand."""

from django.db import models

from calls.models.business import Agent, Business, PhoneLine
from calls.models.server import Server

TEST_CALL_PREFIX = "CAd0c70f"  # of the doctor's calls; no CallSid of Twilio's begins with it
OF_THE_DOCTOR = models.Q(call_sid__startswith=TEST_CALL_PREFIX)
"""Calls that no caller placed: they take up no room, no minutes and no budget, and count in no statistics."""


class Call(models.Model):
    class Status(models.TextChoices):
        QUEUED = "queued"
        RINGING = "ringing"
        STREAMING = "streaming"
        HANDED_OVER = "handed_over", "Handed over"
        ENDED = "ended"

    class Direction(models.TextChoices):
        INBOUND = "inbound"
        OUTBOUND = "outbound"

    class EndReason(models.TextChoices):
        CALLER_HANGUP = "caller_hangup", "The caller hung up"
        AGENT_HANGUP = "agent_hangup", "The agent said goodbye and hung up"
        MAX_DURATION = "max_duration", "The longest allowed time was reached"
        SILENCE = "silence", "The caller stayed silent"
        TRANSFERRED = "transferred", "Transferred to a person"
        UPSTREAM_UNAVAILABLE = "upstream_unavailable", "OpenAI could not be reached or refused"
        UPSTREAM_LOST = "upstream_lost", "OpenAI was lost during the call"
        STREAM_LOST = "stream_lost", "Twilio's media stream broke"
        AUTH_FAILED = "auth_failed", "The stream was not authentic"
        OVERLOADED = "overloaded", "Too many calls at once"
        DRAINING = "draining", "The server was shutting down"
        SERVER_RESTART = "server_restart", "The server restarted"
        INTERNAL_ERROR = "internal_error", "An error of ours"
        BUSY = "busy", "The line was busy"
        NO_ANSWER = "no_answer", "Nobody answered"
        FAILED = "failed", "The call could not be placed"
        MACHINE = "machine", "A machine picked up"
        VOICEMAIL = "voicemail", "The caller left a voicemail"
        BLOCKED = "blocked", "The number is blocked"
        OPERATOR = "operator", "A member of staff ended it"

    class Outcome(models.TextChoices):
        BOOKED = "booked"
        QUOTED = "quoted"
        CALLBACK = "callback"
        MESSAGE = "message"
        TRANSFERRED = "transferred"
        EMERGENCY = "emergency"
        ANSWERED = "answered"
        SPAM = "spam"
        HUNG_UP = "hung_up", "Hung up"
        NONE = "none"

    call_sid = models.CharField("CallSid", max_length=64, unique=True)
    account_sid = models.CharField(max_length=64, blank=True)
    business = models.ForeignKey(Business, on_delete=models.SET_NULL, null=True, blank=True, related_name="calls")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="calls")
    line = models.ForeignKey(PhoneLine, on_delete=models.SET_NULL, null=True, blank=True, related_name="calls")
    server = models.ForeignKey(
        Server,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="calls",
        help_text="The process that has told Twilio to open the stream, then the one that carries it.",
    )
    direction = models.CharField(max_length=10, choices=Direction, default=Direction.INBOUND)
    from_number = models.CharField("caller", max_length=64, blank=True, help_text="E.164, or what Twilio sent instead.")
    to_number = models.CharField("number called", max_length=64, blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.RINGING)
    end_reason = models.CharField(max_length=24, choices=EndReason, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.NONE)

    rang_at = models.DateTimeField(
        help_text="When the voice webhook arrived, or we dialed; milliseconds of the call count from here."
    )
    streaming_at = models.DateTimeField(null=True, blank=True)
    handed_over_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    status_sequence = models.IntegerField(default=-1, help_text="SequenceNumber of the newest status callback.")

    token_nonce = models.CharField(max_length=32, blank=True)
    token_issued_at = models.DateTimeField(null=True, blank=True)
    token_used_at = models.DateTimeField(null=True, blank=True)

    model = models.CharField(max_length=60, blank=True, help_text="The Realtime model that answered.")
    realtime_session_id = models.CharField(max_length=64, blank=True)
    first_audio_ms = models.PositiveIntegerField(null=True, blank=True, help_text="From the stream's start.")
    input_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    input_audio_tokens = models.PositiveIntegerField(default=0, help_text="Those of the input that were sound.")
    cached_audio_tokens = models.PositiveIntegerField(default=0, help_text="Those of the cached that were sound.")
    output_audio_tokens = models.PositiveIntegerField(default=0, help_text="Those of the output that were sound.")
    model_cost = models.DecimalField(
        max_digits=10, decimal_places=6, null=True, blank=True, help_text="At OpenAI, in US dollars; blank: not known."
    )
    telephone_cost = models.DecimalField(
        max_digits=10, decimal_places=6, null=True, blank=True, help_text="At Twilio, in US dollars; blank: not known."
    )

    summary = models.TextField(blank=True)
    next_action = models.CharField(max_length=200, blank=True)
    needs_review = models.BooleanField(default=False)
    review_reason = models.CharField(max_length=200, blank=True)
    audio_file = models.CharField(max_length=200, blank=True, help_text="Our own recording, under the data folder.")

    transfer_reason = models.CharField(max_length=200, blank=True, help_text="What the person is told in the whisper.")
    handover_number = models.CharField(max_length=16, blank=True)
    handover_result = models.CharField(max_length=20, blank=True, help_text="What Twilio said of the dial to a person.")
    handover_is_announced = models.BooleanField(
        default=False, help_text="The person had to press 1, so that a voicemail does not count as answered."
    )
    handover_accepted_at = models.DateTimeField(null=True, blank=True, help_text="When the person pressed 1.")
    recording_url = models.URLField(max_length=500, blank=True)
    recording_sid = models.CharField(max_length=64, blank=True)
    recording_seconds = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-rang_at"]
        permissions = [("view_whole_numbers", "Can see and search callers' whole numbers")]
        indexes = [
            models.Index(fields=["-rang_at"]),
            models.Index(fields=["status", "-rang_at"]),
            models.Index(fields=["from_number", "-rang_at"]),
        ]

    def __str__(self) -> str:
        return self.call_sid

    @property
    def other_number(self) -> str:
        """The number of the person we talk to: who rings, or whom we ring."""
        return self.to_number if self.direction == self.Direction.OUTBOUND else self.from_number

    @property
    def is_test(self) -> bool:
        return self.call_sid.startswith(TEST_CALL_PREFIX)

    @property
    def is_live(self) -> bool:
        return self.status != self.Status.ENDED


class Stream(models.Model):
    """One Media Stream of a call, keyed by Twilio's StreamSid."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="streams")
    stream_sid = models.CharField("StreamSid", max_length=64, unique=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, help_text="StreamError of Twilio's stream status callback.")

    class Meta:
        ordering = ["started_at"]
        indexes = [models.Index(fields=["call"], condition=models.Q(ended_at=None), name="open_streams")]

    def __str__(self) -> str:
        return self.stream_sid


class Turn(models.Model):
    """A line of the transcript. `text` is what was heard; `unheard` is what the agent would have gone on to say."""

    class Role(models.TextChoices):
        CALLER = "caller"
        AGENT = "agent"

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="turns")
    item_id = models.CharField(max_length=64)
    position = models.PositiveIntegerField(help_text="Place in the conversation, by the chain of items.")
    role = models.CharField(max_length=6, choices=Role)
    text = models.TextField(blank=True)
    unheard = models.TextField(blank=True)
    interrupted = models.BooleanField(default=False)
    started_ms = models.PositiveIntegerField(help_text="Since the ring.")
    heard_ms = models.PositiveIntegerField(
        null=True, blank=True, help_text="Length of the agent's sound that was heard."
    )

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["call", "item_id"], name="one_turn_per_item")]

    def __str__(self) -> str:
        return f"{self.role} at {self.started_ms} ms"


class ToolCall(models.Model):
    class Status(models.TextChoices):
        RUNNING = "running"
        OK = "ok"
        REFUSED = "refused"
        FAILED = "failed"
        TIMED_OUT = "timed_out", "Timed out"

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="tool_calls")
    tool_call_id = models.CharField(max_length=64)
    position = models.PositiveIntegerField(help_text="Place in the conversation, by the chain of items.")
    name = models.CharField(max_length=64)
    arguments = models.JSONField(default=dict)
    result = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    started_ms = models.PositiveIntegerField(help_text="Since the ring.")
    duration_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["call", "tool_call_id"], name="one_effect_per_tool_call")]

    def __str__(self) -> str:
        return f"{self.name} at {self.started_ms} ms"


class CallEvent(models.Model):
    """Something that happened, in the order in which it happened; nothing is ever changed or taken away."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=40, help_text="For example webhook, stream_started, first_audio, barge_in.")
    at_ms = models.IntegerField(help_text="Since the ring.")
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["at_ms", "pk"]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at_ms} ms"
