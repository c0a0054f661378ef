"""What an emulated call can be told to do differently: faults of the carrier, of the caller, the person dialed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# Quiet after which even a person who expects more takes the agent for finished.
SURELY_FINISHED_MS = 3000


@dataclass(frozen=True, slots=True)
class Gap:
    """A span without media, `at_ms` after the stream's start or after the caller's first word.

    lost: the carrier dropped the sound, timestamps jump; stopped: nothing is sent and the caller's speech
    goes on afterwards; late: the frames are held back and then come in one burst.
    """

    at_ms: int
    for_ms: int
    kind: Literal["lost", "stopped", "late"] = "lost"
    since: Literal["start", "speech"] = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Ways in which a call differs from a plain one; the default is a plain call.

    STREAM_SID in a text frame of `before_start` and `noise` stands for the stream's own.
    """

    # webhooks
    webhook_method: Literal["POST", "GET"] = "POST"
    duplicate_webhook: bool = False  # the same request a second time, as after a lost answer
    twin_webhook: bool = False  # the same request twice at once
    fallback_first: bool = False  # the first request goes to the fallback URL, with ErrorCode and ErrorUrl
    error_at_voice: bool = False  # the same, sent to the voice URL, as when it was pasted into both fields
    signature: Literal["right", "wrong", "none"] = "right"
    extra_fields: Mapping[str, str] = field(default_factory=dict)

    # stream
    thin: bool = False  # no timestamp, chunk, sequenceNumber, nor any optional field of `start`
    upgrade_signature: Literal["right", "wrong", "none"] = "right"
    token: str | None = None  # replaces the parameter called "token"
    parameters: bool = True  # False: start carries none
    media_format: Mapping[str, Any] | None = None  # replaces the announced one
    second_socket: bool = False  # another socket with the same token while the first one lives
    unknown_event: bool = False  # a message of a kind that nobody knows, after start
    mark_echo: bool = True
    gaps: tuple[Gap, ...] = ()
    subprotocols: tuple[str, ...] = ()  # what the upgrade offers; Twilio offers none
    never_starts: bool = False  # `connected`, and then nothing
    before_start: tuple[str | bytes, ...] = ()  # frames sent between `connected` and `start`
    noise: tuple[str | bytes, ...] = ()  # frames of which one, in turn, comes before each media message
    deaf_ms: int = 0  # reads nothing from the socket for so long after `start`
    freezes_ms: int | None = None  # so long after `start` the host is gone: nothing is sent, read or closed any more
    led_away_ms: int | None = None  # so long after the first `start` the call is sent back to the voice webhook

    # the end
    hang_up_after_ring_ms: int | None = None
    hang_up_after_ms: int | None = None  # after start
    hang_up_on_first_audio: bool = False
    hang_up_after_audio_ms: int = 0  # how long the caller listens before that
    hang_up_how: Literal["stop", "close", "reset"] = "stop"  # `stop` and close, only close, or a cut wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """Who is reached when the line dials somebody."""

    outcome: Literal["answer", "busy", "no-answer", "failed"] = "answer"
    ring_ms: int = 2000
    talk_ms: int = 3000
    presses: str = "1"  # what the callee keys in when a whisper asks
    calls_back: bool = False  # the callee's telephone is forwarded to the number that the caller had dialed
    says_forwarded: bool = False  # ... by a carrier that passes ForwardedFrom on, as few do


@dataclass(frozen=True, slots=True, kw_only=True)
class Voicemail:
    """What the caller does after the tone of <Record>; a `say` that comes next in the script is spoken there."""

    speak_ms: int = 2000  # 0: says nothing
    ends_with: Literal["hangup", "#", "silence"] = "hangup"
