"""Messages of a Media Stream as Twilio writes them, and as it accepts them from a server."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MEDIA_FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
# Every field of these is demanded and no other is known.
SHAPES: dict[str, tuple[str, ...]] = {"media": ("payload",), "mark": ("name",), "clear": ()}


class Refused(ValueError):
    """The server sent something that Twilio ignores with a warning; the text begins with its code."""


@dataclass(frozen=True, slots=True)
class Media:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    pass


def understand(frame: str | bytes, stream_sid: str) -> Media | Mark | Clear:
    """Read one frame of the server; raises Refused for all that Twilio would not act on."""
    if isinstance(frame, bytes):
        raise Refused(f"31950 malformed message: a binary frame of {len(frame)} bytes")
    try:
        message = json.loads(frame)
    except ValueError as error:
        raise Refused(f"31951 invalid message: no JSON ({error})") from error
    if not isinstance(message, dict):
        raise Refused(f"31951 invalid message: a JSON {type(message).__name__}, an object is wanted")
    event = message.get("event")
    if not isinstance(event, str) or event not in SHAPES:
        raise Refused(f"31951 invalid message: unknown event {event!r}")
    _demand_shape(message, event, stream_sid)
    if event == "clear":
        return Clear()
    [value] = message[event].values()
    if event == "mark":
        return Mark(value)
    return Media(_sound(value))


def _demand_shape(message: Mapping[str, Any], event: str, stream_sid: str) -> None:
    inner = SHAPES[event]
    wanted = {"event", "streamSid"} | ({event} if inner else set())
    _demand_keys(message, wanted, event)
    if message["streamSid"] != stream_sid:
        raise Refused(f"31951 invalid message: {event} with streamSid {message['streamSid']!r}")
    if not inner:
        return
    body = message[event]
    if not isinstance(body, dict):
        raise Refused(f"31951 invalid message: {event}.{event} is no object")
    _demand_keys(body, set(inner), f"{event}.{event}")
    for name in inner:
        if not isinstance(body[name], str) or not body[name]:
            raise Refused(f"31951 invalid message: {event}.{name} is no text or empty")


def _demand_keys(body: Mapping[str, Any], wanted: set[str], where: str) -> None:
    missing, unknown = sorted(wanted - body.keys()), sorted(body.keys() - wanted)
    if missing:
        raise Refused(f"31951 invalid message: {where} without {', '.join(missing)}")
    if unknown:
        raise Refused(f"31951 invalid message: {where} with unknown {', '.join(unknown)}")


def _sound(payload: str) -> bytes:
    try:
        decoded = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"31951 invalid message: media.payload is no base64 ({error})") from error
    if decoded.startswith((b"RIFF", b".snd")):
        raise Refused("31951 invalid message: media.payload begins with the header of a sound file")
    return decoded


@dataclass(slots=True)
class Writer:
    """Twilio's side of one stream: numbers its messages, keeps their order, can leave out what is optional."""

    account_sid: str
    call_sid: str
    stream_sid: str
    thin: bool = False
    sequence: int = 0
    chunk: int = 0

    def connected(self) -> str:
        return json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self, parameters: Mapping[str, str], media_format: Mapping[str, Any] = MEDIA_FORMAT) -> str:
        sids = {"accountSid": self.account_sid, "streamSid": self.stream_sid, "callSid": self.call_sid}
        custom = {"customParameters": dict(parameters)}
        if self.thin:
            return self._message("start", sids | (custom if parameters else {}))
        return self._message("start", sids | {"tracks": ["inbound"], "mediaFormat": dict(media_format)} | custom)

    def media(self, payload: bytes, timestamp_ms: int) -> str:
        self.chunk += 1
        text = base64.b64encode(payload).decode()
        if self.thin:
            return self._message("media", {"payload": text})
        numbers = {"track": "inbound", "chunk": str(self.chunk), "timestamp": str(timestamp_ms)}
        return self._message("media", numbers | {"payload": text})

    def dtmf(self, digit: str) -> str:
        return self._message("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        return self._message("mark", {"name": name})

    def stop(self) -> str:
        return self._message("stop", {"accountSid": self.account_sid, "callSid": self.call_sid})

    def unknown(self) -> str:
        return self._message("weather", {"outlook": "fair"})

    def _message(self, event: str, body: Mapping[str, Any]) -> str:
        return json.dumps(dict(self._envelope(event, body)))

    def _envelope(self, event: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        self.sequence += 1
        yield "event", event
        if not self.thin:
            yield "sequenceNumber", str(self.sequence)
        yield event, body
        yield "streamSid", self.stream_sid
