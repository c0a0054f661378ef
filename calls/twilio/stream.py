"""Twilio's Media Streams messages as values.

`parse` reads what Twilio sends, `serialize` writes what Twilio accepts. Real clients leave out fields that Twilio
documents (timestamp, chunk, sequenceNumber, parts of `start`), so all but the event and the payload may be missing.
https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

MAX_FRAME = 64 * 1024
"""The longest text frame that is read, in characters; a real one has less than 400."""
LARGEST = 2**63 - 1


class Malformed(ValueError):
    """The peer sent something that is not a Media Streams message."""


class TooLong(Malformed):
    """It is longer than MAX_FRAME."""


@dataclass(frozen=True, slots=True)
class Connected:
    pass


@dataclass(frozen=True, slots=True)
class Start:
    stream_sid: str
    call_sid: str = ""
    account_sid: str = ""
    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8000
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """Sound. `timestamp_ms` is Twilio's own clock of the stream, absent in what goes out and from thin clients."""

    payload: str
    timestamp_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    pass


@dataclass(frozen=True, slots=True)
class Dtmf:
    digit: str


@dataclass(frozen=True, slots=True)
class Stop:
    pass


@dataclass(frozen=True, slots=True)
class Unknown:
    """A well-formed message of a kind that is not known here; counted and passed over."""

    event: str


Incoming = Connected | Start | Media | Mark | Dtmf | Stop | Unknown
Outgoing = Media | Mark | Clear


def parse(text: str) -> tuple[Incoming, str]:
    """The message and the streamSid it names ("" if none). Raises Malformed, and nothing else, on anything else."""
    if len(text) > MAX_FRAME:
        raise TooLong("longer than a Media Streams message can be")
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Malformed("not JSON") from error
    if not isinstance(frame, dict) or not isinstance(event := frame.get("event"), str):
        raise Malformed("not an object with an event")
    read = _READERS.get(event)
    message = read(frame) if read else Unknown(event[:40])
    return message, _text(frame.get("streamSid"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _part(frame: dict[str, Any], name: str) -> dict[str, Any]:
    part = frame.get(name)
    return part if isinstance(part, dict) else {}


def _whole(value: object) -> int | None:
    """Twilio writes its numbers as strings; anything that is none, or beyond 63 bits, counts as missing."""
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -LARGEST <= number <= LARGEST else None


def _read_start(frame: dict[str, Any]) -> Start:
    start = _part(frame, "start")
    stream_sid = _text(start.get("streamSid")) or _text(frame.get("streamSid"))
    if not (stream_sid.isascii() and stream_sid.isalnum() and len(stream_sid) <= 64):
        raise Malformed("start without a usable streamSid")
    format_ = _part(start, "mediaFormat")
    parameters = {str(name): str(value) for name, value in _part(start, "customParameters").items()}
    return Start(
        stream_sid=stream_sid,
        call_sid=_text(start.get("callSid")),
        account_sid=_text(start.get("accountSid")),
        encoding=_text(format_.get("encoding")) or "audio/x-mulaw",
        sample_rate=_whole(format_.get("sampleRate")) or 8000,
        parameters=parameters,
    )


def _read_media(frame: dict[str, Any]) -> Media:
    media = _part(frame, "media")
    payload = _text(media.get("payload"))
    try:
        # Checked, never used: the same text goes on to OpenAI, where a single bad character would be an error.
        b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("media whose payload is not base64") from error
    if not payload:
        raise Malformed("media without a payload")
    return Media(payload, _whole(media.get("timestamp")))


def _read_mark(frame: dict[str, Any]) -> Mark:
    return Mark(_text(_part(frame, "mark").get("name")))


def _read_dtmf(frame: dict[str, Any]) -> Dtmf:
    digit = _text(_part(frame, "dtmf").get("digit"))
    if len(digit) != 1 or digit not in "0123456789*#ABCD":
        raise Malformed("dtmf without a digit")
    return Dtmf(digit)


_READERS: dict[str, Callable[[dict[str, Any]], Incoming]] = {
    "connected": lambda frame: Connected(),
    "start": _read_start,
    "media": _read_media,
    "mark": _read_mark,
    "dtmf": _read_dtmf,
    "stop": lambda frame: Stop(),
}


def serialize(message: Outgoing, stream_sid: str) -> str:
    """The text frame for Twilio. These three are all that Twilio takes: anything else is warning 31951."""
    match message:
        case Media(payload):
            return f'{{"event":"media","streamSid":"{stream_sid}","media":{{"payload":"{payload}"}}}}'
        case Mark(name):
            frame = {"event": "mark", "streamSid": stream_sid, "mark": {"name": name}}
            return orjson.dumps(frame).decode()
        case Clear():
            return f'{{"event":"clear","streamSid":"{stream_sid}"}}'
