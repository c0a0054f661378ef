"""Open the stream as Twilio does, stay silent, and hear how the agent greets."""

import asyncio
import binascii
import contextlib
import json
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from calls import relay
from calls.audio import BYTES_PER_MS, SILENCE, level_dbov
from calls.doctor import testimony, upgrading
from calls.doctor.caller import SOCKET_AGENT, TestCall, signature
from calls.doctor.ear import heard_in
from calls.doctor.exchange import Refused, Unreachable, WrongSubprotocol, upgraded
from calls.doctor.findings import FAIL, OK, WARN, Finding, saying
from calls.doctor.visit import Visit

PATIENCE_SECONDS = 8.0  # the opening of the socket among them
ENOUGH_MS = 800
_FRAME_SECONDS = 0.02
_SILENT_FRAME = b64encode(bytes([SILENCE]) * 160).decode("ascii")
_SILENCE_HEARD = "The caller hears silence."
_POLICY = 1008
_ASK_OPENAI = "Type: python manage.py doctor --only openai; and read the server's log for this call."


@dataclass(slots=True)
class Heard:
    """What came back on the stream. Sound that waits for the agent (a clip of ours) is kept apart from the agent's."""

    agent_ms: int | None = None
    clip_ms: int | None = None
    agent: bytes = b""
    close_code: int | None = None
    closed_after_ms: int = 0
    foreign: bool = False
    """Something was sent that Twilio would not play: another streamSid, bytes that are no base64, a binary frame."""
    _pending: bytes = field(default=b"", repr=False)

    def take(self, sound: bytes, now_ms: int) -> None:
        self._pending += sound
        rest = _without_clips(self._pending)
        if rest != self._pending or _begins_a_clip(self._pending):
            self.clip_ms = now_ms if self.clip_ms is None else self.clip_ms
        if rest and not _begins_a_clip(rest):
            self.agent_ms = now_ms if self.agent_ms is None else self.agent_ms
            self.agent += rest
            self._pending = b""

    def cleared(self) -> None:
        self._pending = b""

    @property
    def is_enough(self) -> bool:
        """Speech, or so much sound that it will not become any."""
        milliseconds = len(self.agent) // BYTES_PER_MS
        return milliseconds >= 3 * ENOUGH_MS or (milliseconds >= ENOUGH_MS and heard_in(self.agent) != "silence")


@cache
def _clips() -> list[bytes]:
    return [path.read_bytes() for path in sorted(Path(relay.__path__[0], "clips").glob("*.ulaw"))]


def _without_clips(sound: bytes) -> bytes:
    for clip in _clips():
        if sound.startswith(clip):
            return _without_clips(sound[len(clip) :])
    return sound


def _begins_a_clip(sound: bytes) -> bool:
    return bool(sound) and any(clip.startswith(sound) for clip in _clips())


async def first_audio(visit: Visit) -> list[Finding]:
    """After `start` the agent's voice has to come within a second or so, as speech in mu-law."""
    said = saying("first-audio", "First sound of the agent")
    call, document = visit.call, visit.document
    if call is None or document is None or not document.stream_url:
        return [said(FAIL, "no stream to open", _SILENCE_HEARD, "Look at the finding webhook first.")]
    url = document.stream_url
    headers = signature(visit.site, url, {})
    until = time.monotonic() + PATIENCE_SECONDS
    try:
        async with upgraded(url, headers=headers, user_agent=SOCKET_AGENT) as socket:
            heard = await _listen(socket, call, document.token, until)
    except (Unreachable, Refused, WrongSubprotocol) as error:
        seen, remedy = await upgrading.why(visit, url, error)
        return [said(FAIL, seen, _SILENCE_HEARD, remedy)]
    finding = _judged(heard)
    is_mute = heard.agent_ms is None and heard.close_code != _POLICY and not heard.foreign
    if is_mute and (cause := await testimony.of_call(call.call_sid)):
        return [replace(finding, seen=f"{finding.seen}: {cause.seen}", remedy=cause.remedy)]
    return [finding]


async def _listen(socket: ClientConnection, call: TestCall, token: str, until: float) -> Heard:
    heard = Heard()
    await socket.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
    await socket.send(json.dumps(_start(call, token)))
    began = time.monotonic()
    silence = asyncio.create_task(_be_silent(socket, call.stream_sid))
    try:
        async with asyncio.timeout(until - time.monotonic()):
            while not heard.is_enough:
                frame = await socket.recv()
                await _take(socket, heard, frame, call.stream_sid, round((time.monotonic() - began) * 1000))
    except TimeoutError:
        pass
    except ConnectionClosed:
        heard.close_code = socket.close_code
        heard.closed_after_ms = round((time.monotonic() - began) * 1000)
    finally:
        silence.cancel()
        await asyncio.gather(silence, return_exceptions=True)
    if heard.close_code is None:
        with contextlib.suppress(ConnectionClosed):
            stop = {"accountSid": call.account_sid, "callSid": call.call_sid}
            last = {"event": "stop", "sequenceNumber": "3", "streamSid": call.stream_sid, "stop": stop}
            await socket.send(json.dumps(last))
    return heard


def _start(call: TestCall, token: str) -> dict[str, object]:
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": call.stream_sid,
        "start": {
            "accountSid": call.account_sid,
            "streamSid": call.stream_sid,
            "callSid": call.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": token},
        },
    }


async def _be_silent(socket: ClientConnection, stream_sid: str) -> None:
    """The sound of a caller who listens: 50 frames of silence a second."""
    chunk = 0
    with contextlib.suppress(ConnectionClosed):
        while True:
            chunk += 1
            media = {
                "track": "inbound",
                "chunk": str(chunk),
                "timestamp": str(100 + 20 * chunk),
                "payload": _SILENT_FRAME,
            }
            frame = {"event": "media", "sequenceNumber": str(chunk + 1), "streamSid": stream_sid, "media": media}
            await socket.send(json.dumps(frame))
            await asyncio.sleep(_FRAME_SECONDS)


async def _take(socket: ClientConnection, heard: Heard, frame: str | bytes, stream_sid: str, now_ms: int) -> None:
    message = _message(frame)
    if message is None or message.get("streamSid") != stream_sid:
        heard.foreign = True
        return
    match message:
        case {"event": "media", "media": {"payload": str(payload)}}:
            try:
                heard.take(b64decode(payload, validate=True), now_ms)
            except (binascii.Error, ValueError):
                heard.foreign = True
        case {"event": "mark", "mark": {"name": str(name)}}:
            mark = {"event": "mark", "sequenceNumber": "2", "streamSid": stream_sid, "mark": {"name": name}}
            await socket.send(json.dumps(mark))
        case {"event": "clear"}:
            heard.cleared()
        case _:
            heard.foreign = True


def _message(frame: str | bytes) -> dict[str, object] | None:
    if isinstance(frame, bytes):
        return None
    try:
        message = json.loads(frame)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _judged(heard: Heard) -> Finding:
    said = saying("first-audio", "First sound of the agent")
    if heard.agent_ms is None:
        seen, remedy = _why_nothing(heard)
        return said(FAIL, seen, _SILENCE_HEARD, remedy)
    kind = heard_in(heard.agent)
    if kind == "silence":
        seen = f"sound came after {heard.agent_ms} ms, but it is silence"
        return said(FAIL, seen, _SILENCE_HEARD, _ASK_OPENAI)
    if kind == "noise":
        seen = f"sound came after {heard.agent_ms} ms, but it is noise: not mu-law of 8 kHz (PCM, or a file's header)"
        remedy = "Ask OpenAI for audio/pcmu both ways (calls/realtime/session.py) and pass its bytes on unchanged."
        return said(FAIL, seen, "The caller hears loud noise.", remedy)
    seen = f"speech in mu-law {heard.agent_ms} ms after start, {level_dbov(heard.agent):.0f} dBov"
    if heard.clip_ms is not None:
        means = f"The caller is asked to wait after {heard.clip_ms} ms; a greeting should come within 1.5 s."
        return said(WARN, seen, means, "Look at the time that OpenAI takes: python manage.py doctor --only openai")
    if heard.foreign:
        means = "Parts of what the server sends are thrown away by Twilio (warning 31951)."
        return said(WARN, f"{seen}; among it messages that Twilio does not take", means, "Read the server's log.")
    return said(OK, seen)


def _why_nothing(heard: Heard) -> tuple[str, str]:
    waiting = f"only the waiting clip came (after {heard.clip_ms} ms)" if heard.clip_ms is not None else "nothing came"
    if heard.close_code == _POLICY:
        remedy = "Restart the server, so that all its processes have one SECRET_KEY; and set its clock right."
        return f"the stream's token was refused (closed {_POLICY})", remedy
    if heard.foreign:
        return "what came is not what Twilio takes: another streamSid, binary, or no base64", "Read the server's log."
    if heard.close_code is not None:
        seen = f"{waiting}; the server closed the stream (code {heard.close_code}) after {heard.closed_after_ms} ms"
        return seen, _ASK_OPENAI
    return f"{waiting} within {PATIENCE_SECONDS:g} s", _ASK_OPENAI
