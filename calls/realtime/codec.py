"""The JSON of OpenAI Realtime: `parse` reads server events, `serialize` writes client events.

Unknown events and unknown fields are passed over, since the vendor adds both without notice.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from calls.realtime import wire

LONGEST_TEXT = 64 * 1024
"""Letters of a text or an id; what is longer is cut. Sound is not."""
LARGEST_NUMBER = 2**31 - 1


class Malformed(ValueError):
    """The peer sent something that is not a Realtime event."""


def parse(frame: str | bytes) -> wire.ServerEvent:
    """The event. Raises Malformed, and nothing else, on what is no event."""
    try:
        event = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise Malformed("not JSON") from error
    if not isinstance(event, dict) or not isinstance(type_ := event.get("type"), str):
        raise Malformed("not an object with a type")
    read = _READERS.get(type_)
    return read(event) if read else wire.Unknown(type_[:80])


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    return value[:LONGEST_TEXT] if isinstance(value, str) else ""


def _number(event: Mapping[str, Any], name: str) -> int:
    value = event.get(name)
    return value if isinstance(value, int) and abs(value) <= LARGEST_NUMBER else 0


def _part(event: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        inner = event.get(name)
        event = inner if isinstance(inner, dict) else {}
    return event


def _read_session_created(event: Mapping[str, Any]) -> wire.SessionCreated:
    session = _part(event, "session")
    return wire.SessionCreated(_text(session, "id"), _text(session, "model"), _number(session, "expires_at"))


def _read_session_updated(event: Mapping[str, Any]) -> wire.SessionUpdated:
    audio = _part(event, "session", "audio")
    return wire.SessionUpdated(
        input_format=_text(_part(audio, "input", "format"), "type"),
        output_format=_text(_part(audio, "output", "format"), "type"),
    )


def _read_error(event: Mapping[str, Any]) -> wire.ErrorEvent:
    error = _part(event, "error")
    return wire.ErrorEvent(
        # A fault of OpenAI's own has a type and, as a rule, no code. Every other error has a type as well, which names
        # only its family: the code says more.
        _text(error, "code") or _text(error, "type"),
        _text(error, "message"),
        _text(error, "event_id"),
        _text(error, "param"),
    )


def _read_item_added(event: Mapping[str, Any]) -> wire.ItemAdded:
    item = _part(event, "item")
    return wire.ItemAdded(_text(item, "id"), _text(item, "type"), _text(item, "role"), _text(event, "previous_item_id"))


def _read_response_created(event: Mapping[str, Any]) -> wire.ResponseCreated:
    response = _part(event, "response")
    # A response outside the conversation carries an explicit null; one without the key belongs to it.
    out_of_band = "conversation_id" in response and response["conversation_id"] is None
    return wire.ResponseCreated(_text(response, "id"), out_of_band)


def _read_response_done(event: Mapping[str, Any]) -> wire.ResponseDone:
    response = _part(event, "response")
    details = _part(response, "status_details")
    kind = _text(_part(response, "metadata"), "kind")
    return wire.ResponseDone(
        response_id=_text(response, "id"),
        status=_text(response, "status"),
        code=_text(_part(details, "error"), "code")
        or _text(_part(details, "error"), "type")
        or _text(details, "reason"),
        usage=_read_usage(_part(response, "usage")),
        kind=kind,
        text=_output_text(response) if kind else "",
    )


def _read_usage(usage: Mapping[str, Any]) -> wire.Usage:
    """Where the vendor does not say what was sound, the cached are text first: instructions and tools come first."""
    details, output = _part(usage, "input_token_details"), _part(usage, "output_token_details")
    cached, audio = _number(details, "cached_tokens"), _number(details, "audio_tokens")
    by_kind = details.get("cached_tokens_details")
    beyond_text = min(audio, max(0, cached - _number(details, "text_tokens")))
    return wire.Usage(
        _number(usage, "input_tokens"),
        cached,
        _number(usage, "output_tokens"),
        audio,
        _number(by_kind, "audio_tokens") if isinstance(by_kind, dict) else beyond_text,
        _number(output, "audio_tokens"),
    )


def _output_text(response: Mapping[str, Any]) -> str:
    parts = (part for item in _objects(response, "output") for part in _objects(item, "content"))
    return "".join(_text(part, "text") for part in parts)


def _objects(event: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = event.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _read_output_item_done(event: Mapping[str, Any]) -> wire.ToolCalled | wire.Unknown:
    item = _part(event, "item")
    # A call whose item is incomplete was cut off by the caller: its arguments may be cut off too.
    if item.get("type") != "function_call" or item.get("status") != "completed":
        return wire.Unknown("response.output_item.done")
    return wire.ToolCalled(
        _text(event, "response_id"),
        _text(item, "id"),
        _text(item, "call_id"),
        _text(item, "name"),
        _text(item, "arguments"),
    )


def _read_audio_delta(event: Mapping[str, Any]) -> wire.OutputAudioDelta:
    payload = event.get("delta")
    if not isinstance(payload, str):
        raise Malformed("audio that is no text")
    try:
        length = len(b64decode(payload, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Malformed("audio that is not base64") from error
    return wire.OutputAudioDelta(
        _text(event, "response_id"), _text(event, "item_id"), _number(event, "content_index"), payload, length
    )


_READERS: dict[str, Callable[[Mapping[str, Any]], wire.ServerEvent]] = {
    "session.created": _read_session_created,
    "session.updated": _read_session_updated,
    "error": _read_error,
    "input_audio_buffer.speech_started": lambda e: wire.SpeechStarted(
        _text(e, "item_id"), _number(e, "audio_start_ms")
    ),
    "input_audio_buffer.speech_stopped": lambda e: wire.SpeechStopped(_text(e, "item_id"), _number(e, "audio_end_ms")),
    "input_audio_buffer.committed": lambda e: wire.Committed(_text(e, "item_id"), _text(e, "previous_item_id")),
    "conversation.item.added": _read_item_added,
    "conversation.item.input_audio_transcription.completed": lambda e: wire.TranscriptCompleted(
        _text(e, "item_id"), _text(e, "transcript")
    ),
    "conversation.item.input_audio_transcription.failed": lambda e: wire.TranscriptFailed(
        _text(e, "item_id"), _text(_part(e, "error"), "code")
    ),
    "response.created": _read_response_created,
    "response.done": _read_response_done,
    "response.output_item.done": _read_output_item_done,
    "response.output_audio_transcript.delta": lambda e: wire.AgentTextDelta(
        _text(e, "item_id"), _number(e, "content_index"), _text(e, "delta"), _text(e, "response_id")
    ),
    "response.output_audio_transcript.done": lambda e: wire.AgentText(
        _text(e, "item_id"), _number(e, "content_index"), _text(e, "transcript"), _text(e, "response_id")
    ),
    "response.output_audio.delta": _read_audio_delta,
    "response.output_audio.done": lambda e: wire.OutputAudioDone(_text(e, "item_id"), _number(e, "content_index")),
}


def serialize(event: wire.ClientEvent) -> str:
    """The text frame for OpenAI."""
    if isinstance(event, wire.AppendAudio):
        # 50 times a second; base64 needs no escaping.
        return f'{{"type":"input_audio_buffer.append","audio":"{event.payload}"}}'
    return orjson.dumps(_body(event)).decode()


def _body(event: wire.ClientEvent) -> dict[str, Any]:
    match event:
        case wire.UpdateSession(event_id, session):
            return {"type": "session.update", "event_id": event_id, "session": session}
        case wire.CommitAudio():
            return {"type": "input_audio_buffer.commit"}
        case wire.AddText() | wire.AddToolCall() | wire.ToolOutput():
            return _new_item(event)
        case wire.TruncateItem(item_id, content_index, audio_end_ms):
            return {
                "type": "conversation.item.truncate",
                "item_id": item_id,
                "content_index": content_index,
                "audio_end_ms": audio_end_ms,
            }
        case wire.DeleteItem(item_id):
            return {"type": "conversation.item.delete", "item_id": item_id}
        case wire.CreateResponse(event_id, instructions):
            asked: dict[str, Any] = {"type": "response.create", "event_id": event_id}
            if instructions:
                asked["response"] = {"instructions": instructions, "input": [], "tool_choice": "none"}
            return asked
        case wire.CancelResponse(response_id):
            return {"type": "response.cancel", "response_id": response_id}
        case wire.CreateNote(kind, instructions):
            response = {
                "conversation": "none",
                "output_modalities": ["text"],
                "instructions": instructions,
                "tool_choice": "none",
                "metadata": {"kind": kind},
            }
            return {"type": "response.create", "response": response}
    raise TypeError(f"not a client event: {event!r}")


def _new_item(event: wire.AddText | wire.AddToolCall | wire.ToolOutput) -> dict[str, Any]:
    match event:
        case wire.AddText(item_id, role, text, previous_item_id):
            content = [{"type": "output_text" if role == "assistant" else "input_text", "text": text}]
            item = {"id": item_id, "type": "message", "role": role, "content": content}
            return _item(item) | ({"previous_item_id": previous_item_id} if previous_item_id else {})
        case wire.AddToolCall(item_id, tool_call_id, name, arguments):
            called = {"type": "function_call", "call_id": tool_call_id, "name": name, "arguments": arguments}
            return _item({"id": item_id, **called})
        case wire.ToolOutput(item_id, tool_call_id, output):
            item = {"id": item_id, "type": "function_call_output", "call_id": tool_call_id, "output": output}
            return _item(item)


def _item(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": item}
