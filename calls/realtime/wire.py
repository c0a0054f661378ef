"""OpenAI Realtime (GA) events as values: server events in, client events out.

They keep what a telephone call needs. What OpenAI calls `call_id` is `tool_call_id` here: a call is a telephone call.
https://platform.openai.com/docs/api-reference/realtime-server-events
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """`expires_at`: when OpenAI ends the session, in seconds since 1970; 0 where it does not say so."""

    session_id: str
    model: str = ""
    expires_at: int = 0


@dataclass(frozen=True, slots=True)
class SessionUpdated:
    """The formats that OpenAI now hears and speaks; anything but audio/pcmu would be noise on the telephone."""

    input_format: str
    output_format: str


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """A refusal. `event_id` is that of the client event that caused it, where OpenAI says so."""

    code: str
    message: str = ""
    event_id: str = ""
    param: str = ""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    item_id: str
    audio_start_ms: int = 0


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    item_id: str
    audio_end_ms: int = 0


@dataclass(frozen=True, slots=True)
class Committed:
    """The caller's speech became the item `item_id`."""

    item_id: str
    previous_item_id: str = ""


@dataclass(frozen=True, slots=True)
class ItemAdded:
    item_id: str
    kind: str
    role: str = ""
    previous_item_id: str = ""


@dataclass(frozen=True, slots=True)
class TranscriptCompleted:
    """What the caller said in the item, as the transcription model heard it."""

    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TranscriptFailed:
    item_id: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class ResponseCreated:
    response_id: str
    out_of_band: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """The cached are among the input; those of sound are among each kind, and the rest is text."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    input_audio_tokens: int = 0
    cached_audio_tokens: int = 0
    output_audio_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            self.input_audio_tokens + other.input_audio_tokens,
            self.cached_audio_tokens + other.cached_audio_tokens,
            self.output_audio_tokens + other.output_audio_tokens,
        )


@dataclass(frozen=True, slots=True)
class ResponseDone:
    """`status` is completed, cancelled, incomplete or failed; `code` says why it failed or stayed incomplete."""

    response_id: str
    status: str
    code: str = ""
    usage: Usage = field(default_factory=Usage)
    kind: str = ""
    """What was asked for beside the conversation, by CreateNote; and the text that came."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class AgentText:
    """The whole transcript of one part of the agent's item."""

    item_id: str
    content_index: int
    text: str
    response_id: str = ""


@dataclass(frozen=True, slots=True)
class AgentTextDelta:
    item_id: str
    content_index: int
    text: str
    response_id: str = ""


@dataclass(frozen=True, slots=True)
class OutputAudioDelta:
    """The agent's sound: `payload` is base64 of `length` bytes in the session's output format."""

    response_id: str
    item_id: str
    content_index: int
    payload: str
    length: int


@dataclass(frozen=True, slots=True)
class OutputAudioDone:
    item_id: str
    content_index: int


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A finished function call. `arguments` is the model's JSON text, not yet read."""

    response_id: str
    item_id: str
    tool_call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event that needs no answer here."""

    type: str


ServerEvent = (
    SessionCreated
    | SessionUpdated
    | ErrorEvent
    | SpeechStarted
    | SpeechStopped
    | Committed
    | ItemAdded
    | TranscriptCompleted
    | TranscriptFailed
    | ResponseCreated
    | ResponseDone
    | AgentText
    | AgentTextDelta
    | OutputAudioDelta
    | OutputAudioDone
    | ToolCalled
    | Unknown
)


@dataclass(frozen=True, slots=True)
class UpdateSession:
    event_id: str
    session: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AppendAudio:
    """The caller's sound, base64 of mu-law, as it came from Twilio."""

    payload: str


@dataclass(frozen=True, slots=True)
class CommitAudio:
    """End the caller's turn now, without asking for an answer."""


@dataclass(frozen=True, slots=True)
class AddText:
    """Told to the model in words: what the caller (`user`) did without speaking, what the server (`system`) knows, or
    what the agent (`assistant`) has said without the model.

    The id is ours, 32 letters at most. `previous_item_id` is `root` for the front; empty means the end.
    """

    item_id: str
    role: Literal["user", "system", "assistant"]
    text: str
    previous_item_id: str = ""


@dataclass(frozen=True, slots=True)
class AddToolCall:
    """A tool call of an earlier session: the answer to it can only be given where the call stands too."""

    item_id: str
    tool_call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolOutput:
    item_id: str
    tool_call_id: str
    output: str


@dataclass(frozen=True, slots=True)
class TruncateItem:
    """Of the agent's item only the first `audio_end_ms` milliseconds were heard."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class DeleteItem:
    item_id: str


@dataclass(frozen=True, slots=True)
class CreateResponse:
    """Ask the agent to speak: freely, or under `instructions` alone (then without tools and without the past)."""

    event_id: str
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class CancelResponse:
    response_id: str


@dataclass(frozen=True, slots=True)
class CreateNote:
    """Ask for a text about the conversation that the caller does not hear. Its ResponseDone carries the same kind."""

    kind: str
    instructions: str


ClientEvent = (
    UpdateSession
    | AppendAudio
    | CommitAudio
    | AddText
    | AddToolCall
    | ToolOutput
    | TruncateItem
    | DeleteItem
    | CreateResponse
    | CancelResponse
    | CreateNote
)
