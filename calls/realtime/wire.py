"""OpenAI Realtime (GA) events as values: server events in, client events out.

`parse` keeps of an event what a telephone call needs; unknown events and unknown fields are passed over, since the
vendor adds both without notice. What OpenAI calls `call_id` is `tool_call_id` here: a call is a telephone call.
https://platform.openai.com/docs/api-reference/realtime-server-events
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

FATAL_CODES = frozenset(
    {
        "invalid_api_key",
        "insufficient_quota",
        "account_deactivated",
        "billing_hard_limit_reached",
        "invalid_model",
        "model_not_found",
        "missing_model",
        "beta_api_shape_disabled",
        "session_expired",
    }
)
"""Errors that no second try mends: a key, an account or a model that is wrong, or a session that is over."""


class Malformed(ValueError):
    """The peer sent something that is not a Realtime event."""


@dataclass(frozen=True, slots=True)
class SessionCreated:
    session_id: str
    model: str = ""


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
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ResponseDone:
    """`status` is completed, cancelled, incomplete or failed; `code` says why it failed or stayed incomplete."""

    response_id: str
    status: str
    code: str = ""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class OutputItemAdded:
    response_id: str
    item_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class AgentText:
    """The whole transcript of one part of the agent's item."""

    item_id: str
    content_index: int
    text: str


@dataclass(frozen=True, slots=True)
class AgentTextDelta:
    item_id: str
    content_index: int
    text: str


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
    | OutputItemAdded
    | AgentText
    | AgentTextDelta
    | OutputAudioDelta
    | OutputAudioDone
    | ToolCalled
    | Unknown
)


def parse(frame: str | bytes) -> ServerEvent:
    """The event. Raises Malformed, and nothing else, on what is no event."""
    try:
        event = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise Malformed("not JSON") from error
    if not isinstance(event, dict) or not isinstance(type_ := event.get("type"), str):
        raise Malformed("not an object with a type")
    read = _READERS.get(type_)
    return read(event) if read else Unknown(type_[:80])


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    return value if isinstance(value, str) else ""


def _number(event: Mapping[str, Any], name: str) -> int:
    value = event.get(name)
    return value if isinstance(value, int) else 0


def _part(event: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        inner = event.get(name)
        event = inner if isinstance(inner, dict) else {}
    return event


def _read_session_created(event: Mapping[str, Any]) -> SessionCreated:
    session = _part(event, "session")
    return SessionCreated(_text(session, "id"), _text(session, "model"))


def _read_session_updated(event: Mapping[str, Any]) -> SessionUpdated:
    audio = _part(event, "session", "audio")
    return SessionUpdated(
        input_format=_text(_part(audio, "input", "format"), "type"),
        output_format=_text(_part(audio, "output", "format"), "type"),
    )


def _read_error(event: Mapping[str, Any]) -> ErrorEvent:
    error = _part(event, "error")
    return ErrorEvent(_text(error, "code"), _text(error, "message"), _text(error, "event_id"), _text(error, "param"))


def _read_item_added(event: Mapping[str, Any]) -> ItemAdded:
    item = _part(event, "item")
    return ItemAdded(_text(item, "id"), _text(item, "type"), _text(item, "role"), _text(event, "previous_item_id"))


def _read_response_created(event: Mapping[str, Any]) -> ResponseCreated:
    response = _part(event, "response")
    # A response outside the conversation carries an explicit null; one without the key belongs to it.
    out_of_band = "conversation_id" in response and response["conversation_id"] is None
    return ResponseCreated(_text(response, "id"), out_of_band)


def _read_response_done(event: Mapping[str, Any]) -> ResponseDone:
    response = _part(event, "response")
    details = _part(response, "status_details")
    usage = _part(response, "usage")
    return ResponseDone(
        _text(response, "id"),
        _text(response, "status"),
        _text(_part(details, "error"), "code") or _text(_part(details, "error"), "type") or _text(details, "reason"),
        Usage(
            _number(usage, "input_tokens"),
            _number(_part(usage, "input_token_details"), "cached_tokens"),
            _number(usage, "output_tokens"),
        ),
    )


def _read_output_item_done(event: Mapping[str, Any]) -> ToolCalled | Unknown:
    item = _part(event, "item")
    # A call whose item is incomplete was cut off by the caller: its arguments may be cut off too.
    if item.get("type") != "function_call" or item.get("status") != "completed":
        return Unknown("response.output_item.done")
    return ToolCalled(
        _text(event, "response_id"),
        _text(item, "id"),
        _text(item, "call_id"),
        _text(item, "name"),
        _text(item, "arguments"),
    )


def _read_audio_delta(event: Mapping[str, Any]) -> OutputAudioDelta:
    payload = _text(event, "delta")
    try:
        length = len(b64decode(payload, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Malformed("audio that is not base64") from error
    return OutputAudioDelta(
        _text(event, "response_id"), _text(event, "item_id"), _number(event, "content_index"), payload, length
    )


_READERS: dict[str, Callable[[Mapping[str, Any]], ServerEvent]] = {
    "session.created": _read_session_created,
    "session.updated": _read_session_updated,
    "error": _read_error,
    "input_audio_buffer.speech_started": lambda e: SpeechStarted(_text(e, "item_id"), _number(e, "audio_start_ms")),
    "input_audio_buffer.speech_stopped": lambda e: SpeechStopped(_text(e, "item_id"), _number(e, "audio_end_ms")),
    "input_audio_buffer.committed": lambda e: Committed(_text(e, "item_id"), _text(e, "previous_item_id")),
    "conversation.item.added": _read_item_added,
    "conversation.item.input_audio_transcription.completed": lambda e: TranscriptCompleted(
        _text(e, "item_id"), _text(e, "transcript")
    ),
    "conversation.item.input_audio_transcription.failed": lambda e: TranscriptFailed(
        _text(e, "item_id"), _text(_part(e, "error"), "code")
    ),
    "response.created": _read_response_created,
    "response.done": _read_response_done,
    "response.output_item.added": lambda e: OutputItemAdded(
        _text(e, "response_id"), _text(_part(e, "item"), "id"), _text(_part(e, "item"), "type")
    ),
    "response.output_item.done": _read_output_item_done,
    "response.output_audio_transcript.delta": lambda e: AgentTextDelta(
        _text(e, "item_id"), _number(e, "content_index"), _text(e, "delta")
    ),
    "response.output_audio_transcript.done": lambda e: AgentText(
        _text(e, "item_id"), _number(e, "content_index"), _text(e, "transcript")
    ),
    "response.output_audio.delta": _read_audio_delta,
    "response.output_audio.done": lambda e: OutputAudioDone(_text(e, "item_id"), _number(e, "content_index")),
}


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
class AddCallerText:
    """Something the caller did that is not speech, told to the model in words. The id is ours, 32 letters at most."""

    item_id: str
    text: str


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


ClientEvent = (
    UpdateSession | AppendAudio | CommitAudio | AddCallerText | ToolOutput | TruncateItem | DeleteItem | CreateResponse
)


def serialize(event: ClientEvent) -> str:
    """The text frame for OpenAI."""
    if isinstance(event, AppendAudio):
        # 50 times a second; base64 needs no escaping.
        return f'{{"type":"input_audio_buffer.append","audio":"{event.payload}"}}'
    return orjson.dumps(_body(event)).decode()


def _body(event: ClientEvent) -> dict[str, Any]:
    match event:
        case UpdateSession(event_id, session):
            return {"type": "session.update", "event_id": event_id, "session": session}
        case CommitAudio():
            return {"type": "input_audio_buffer.commit"}
        case AddCallerText(item_id, text):
            content = [{"type": "input_text", "text": text}]
            return _item({"id": item_id, "type": "message", "role": "user", "content": content})
        case ToolOutput(item_id, tool_call_id, output):
            item = {"id": item_id, "type": "function_call_output", "call_id": tool_call_id, "output": output}
            return _item(item)
        case TruncateItem(item_id, content_index, audio_end_ms):
            return {
                "type": "conversation.item.truncate",
                "item_id": item_id,
                "content_index": content_index,
                "audio_end_ms": audio_end_ms,
            }
        case DeleteItem(item_id):
            return {"type": "conversation.item.delete", "item_id": item_id}
        case CreateResponse(event_id, instructions):
            asked: dict[str, Any] = {"type": "response.create", "event_id": event_id}
            if instructions:
                asked["response"] = {"instructions": instructions, "input": [], "tool_choice": "none"}
            return asked
    raise TypeError(f"not a client event: {event!r}")


def _item(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": item}
