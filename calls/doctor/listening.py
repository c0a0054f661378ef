"""Open the stream as Twilio does, stay silent, and hear how the agent greets.

Where the greeting is kept sound, the model has said nothing yet: then the caller says a word, and waits for its answer.
"""

import asyncio
import binascii
import contextlib
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from calls.audio import SILENCE, level_dbov
from calls.doctor import testimony, upgrading
from calls.doctor.aside import aside
from calls.doctor.caller import SOCKET_AGENT, TestCall, signature
from calls.doctor.ear import heard_in
from calls.doctor.exchange import Refused, Unreachable, WrongSubprotocol, upgraded
from calls.doctor.findings import FAIL, OK, WARN, Finding, saying
from calls.doctor.heard import Heard, own_clips
from calls.doctor.visit import Visit
from calls.relay import clips

PATIENCE_SECONDS = 8.0  # the opening of the socket among them
_FRAME_SECONDS = 0.02
_FRAME_BYTES = 160
_LISTENING_FRAMES = 125  # 2.5 s for an answer
_SILENT_FRAME = b64encode(bytes([SILENCE]) * _FRAME_BYTES).decode("ascii")
_SILENCE_HEARD = "The caller hears silence."
_UNANSWERED = "The caller is greeted, says something, and hears nothing of the agent."
_POLICY = 1008
_ASK_OPENAI = "Type: python manage.py doctor --only openai; and read the server's log for this call."


async def first_audio(visit: Visit) -> list[Finding]:
    """After `start` the agent's voice has to come within a second or so, as speech in mu-law."""
    said = saying("first-audio", "First sound of the agent")
    call, document = visit.call, visit.document
    if call is None or document is None or not document.stream_url:
        return [said(FAIL, "no stream to open", _SILENCE_HEARD, "Look at the finding webhook first.")]
    url = document.stream_url
    headers = signature(visit.site, url, {})
    heard = Heard(await aside(own_clips, visit.site.data_folder), visit.kept_greeting)
    until = time.monotonic() + PATIENCE_SECONDS
    try:
        async with upgraded(url, headers=headers, user_agent=SOCKET_AGENT) as socket:
            await _listen(socket, heard, call, document.token, until)
    except (Unreachable, Refused, WrongSubprotocol) as error:
        seen, remedy = await upgrading.why(visit, url, error)
        return [said(FAIL, seen, _SILENCE_HEARD, remedy)]
    finding = _judged(heard)
    is_mute = heard.agent_ms is None and heard.close_code != _POLICY and not heard.foreign
    if is_mute and (cause := await testimony.of_call(call.call_sid)):
        return [replace(finding, seen=f"{finding.seen}: {cause.seen}", remedy=cause.remedy)]
    # The clips of a server that is here are known: what is none of them, behind the kept greeting, is the model.
    is_known = heard.kept_ms is not None and bool(visit.local_instance)
    if finding.level is not FAIL and not is_known and await testimony.was_never_the_model(call.call_sid):
        return [said(WARN, _ours_by_the_events(heard), _UNANSWERED, _ASK_OPENAI)]
    return [finding]


async def _listen(socket: ClientConnection, heard: Heard, call: TestCall, token: str, until: float) -> None:
    await socket.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
    await socket.send(json.dumps(_start(call, token)))
    began = time.monotonic()
    mouth = asyncio.create_task(_send_sound(socket, heard, call.stream_sid))
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
        mouth.cancel()
        await asyncio.gather(mouth, return_exceptions=True)
    if heard.close_code is None:
        with contextlib.suppress(ConnectionClosed):
            stop = {"accountSid": call.account_sid, "callSid": call.call_sid}
            last = {"event": "stop", "sequenceNumber": "3", "streamSid": call.stream_sid, "stop": stop}
            await socket.send(json.dumps(last))


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


def _frames(heard: Heard) -> Iterator[str]:
    """The sound of a caller who listens. To a greeting that the model has not spoken the caller says a word, and says
    it again until the model is heard: what is said while the session is being opened is kept for its last two
    seconds only."""
    while heard.kept_ms is None:
        yield _SILENT_FRAME
    word = b64decode(clips.payload("one_moment"))
    while heard.agent_ms is None:
        for at in range(0, len(word) - _FRAME_BYTES, _FRAME_BYTES):
            yield b64encode(word[at : at + _FRAME_BYTES]).decode("ascii")
        yield from [_SILENT_FRAME] * _LISTENING_FRAMES
    while True:
        yield _SILENT_FRAME


async def _send_sound(socket: ClientConnection, heard: Heard, stream_sid: str) -> None:
    """50 frames a second."""
    with contextlib.suppress(ConnectionClosed):
        for chunk, payload in enumerate(_frames(heard), start=1):
            media = {
                "track": "inbound",
                "chunk": str(chunk),
                "timestamp": str(100 + 20 * chunk),
                "payload": payload,
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
        return said(FAIL, seen, _SILENCE_HEARD if heard.kept_ms is None else _UNANSWERED, remedy)
    kind = heard_in(heard.agent)
    if kind == "silence":
        seen = f"sound came after {heard.agent_ms} ms, but it is silence"
        return said(FAIL, seen, _SILENCE_HEARD, _ASK_OPENAI)
    if kind == "noise":
        seen = f"sound came after {heard.agent_ms} ms, but it is noise: not mu-law of 8 kHz (PCM, or a file's header)"
        remedy = "Ask OpenAI for audio/pcmu both ways (calls/realtime/session.py) and pass its bytes on unchanged."
        return said(FAIL, seen, "The caller hears loud noise.", remedy)
    seen = f"speech in mu-law {heard.agent_ms} ms after start, {level_dbov(heard.agent):.0f} dBov"
    if heard.kept_ms is not None:
        seen = f"the kept greeting {heard.kept_ms} ms after start, and the model answers a caller's word: {seen}"
    if heard.clip_ms is not None:
        means = f"The caller is asked to wait after {heard.clip_ms} ms; the agent should be heard within 1.5 s."
        return said(WARN, seen, means, "Look at the time that OpenAI takes: python manage.py doctor --only openai")
    if heard.foreign:
        means = "Parts of what the server sends are thrown away by Twilio (warning 31951)."
        return said(WARN, f"{seen}; among it messages that Twilio does not take", means, "Read the server's log.")
    return said(OK, seen)


def _why_nothing(heard: Heard) -> tuple[str, str]:
    waiting = f"only the waiting clip came (after {heard.clip_ms} ms)" if heard.clip_ms is not None else "nothing came"
    if heard.kept_ms is not None:
        waiting = f"the kept greeting was heard (after {heard.kept_ms} ms); the model was not"
    if heard.close_code == _POLICY:
        remedy = "Restart the server, so that all its processes have one SECRET_KEY; and set its clock right."
        return f"the stream's token was refused (closed {_POLICY})", remedy
    if heard.foreign:
        return "what came is not what Twilio takes: another streamSid, binary, or no base64", "Read the server's log."
    if heard.close_code is not None:
        seen = f"{waiting}; the server closed the stream (code {heard.close_code}) after {heard.closed_after_ms} ms"
        return seen, _ASK_OPENAI
    return f"{waiting} within {PATIENCE_SECONDS:g} s", _ASK_OPENAI


def _ours_by_the_events(heard: Heard) -> str:
    return (
        f"sound came after {heard.agent_ms} ms; by the call's own events it was a clip or a kept greeting, "
        "and the model was not heard"
    )
