"""A short session at OpenAI as a call has it: configured, it speaks, calls a tool, and hears that somebody speaks."""

import asyncio
import binascii
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from calls import relay
from calls.audio import BYTES_PER_MS
from calls.doctor import refusals
from calls.doctor.causes import Cause
from calls.doctor.refusals import CORRECT, Refusal, Rejection
from calls.realtime.client import Line
from calls.realtime.session import SessionSettings, update_ladder

PHONE = "audio/pcmu"
ENOUGH_MS = 1000
"""So much of the greeting is listened to; the rest is canceled, since it costs."""
_STATUS = "Look at https://status.openai.com and try again."
_OTHER_MODEL = "Set the agent's model to a Realtime model."
_MUTE = Cause("the model answered without a sound", _OTHER_MODEL)
_TOOLLESS = Cause("the model answered without calling the tool that it was told to call", _OTHER_MODEL)
_DEAF = Cause("the model answered before anybody had spoken", _OTHER_MODEL)
_GREETING = {"instructions": "Say exactly: hello.", "tool_choice": "none", "input": []}
_EASY_TOOL = "check_service_area"


@dataclass(slots=True)
class Talk:
    """What a session did; milliseconds since the socket was asked for."""

    opened_ms: int = 0
    created_ms: int = 0
    updated_ms: int = 0
    refused: str = ""
    """What OpenAI refused of the full configuration; calls go on with less."""
    spoke_ms: int = 0
    sound: bytes = field(default=b"", repr=False)


class Events:
    """The events of a line, one after the other; a refusal among them ends the conversation with its cause."""

    def __init__(self, line: Line, *, until: float, patience_seconds: float) -> None:
        self._line = line
        self._frames = aiter(line)
        self._until = until
        self._patience_seconds = patience_seconds

    async def next(self, *wanted: str, over: Cause | None = None) -> dict[str, Any]:
        """The next event of these types. `over`: what it means that a response ends before."""
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                async for frame in self._frames:
                    event = _object(frame)
                    refusals.check(event, over=over)
                    if event.get("type") in wanted:
                        return event
        except TimeoutError:
            seen = f"connected, but no {wanted[0]} within {self._patience_seconds:g} s"
            raise Refusal(Cause(seen, _STATUS)) from None
        except ValueError:
            raise Refusal(Cause("what answers does not speak Realtime", "Clear OPENAI_REALTIME_URL in .env.")) from None
        raise Refusal(refusals.of_close(self._line.close_code, self._line.close_reason, wanted[0]))


def _object(frame: bytes) -> dict[str, Any]:
    event = json.loads(frame)
    if not isinstance(event, dict):
        raise ValueError("not an object")
    return event


async def configure(line: Line, events: Events, settings: SessionSettings) -> str:
    """Ask as a call does, with less each time it is refused; what the first refusal was, "" when there was none."""
    refused = ""
    for session in update_ladder(settings):
        await line.send(event("session.update", session=session))
        try:
            _check_formats(await events.next("session.updated"))
        except Rejection as error:
            refused = refused or error.cause.seen
        except Refusal as error:
            if refused:  # of the two, the first tells what to correct
                raise Refusal(Cause(f"{refused}; {error.cause.seen}", CORRECT)) from error
            raise
        else:
            return refused
    raise Refusal(Cause(refused, CORRECT))


async def speak(line: Line, events: Events, talk: Talk, began: float) -> None:
    """Let the agent say a word, and keep its sound in `talk`."""
    await line.send(event("response.create", response=_GREETING))
    sound, is_canceled = bytearray(), False
    while (got := await events.next("response.output_audio.delta", "response.done"))["type"] != "response.done":
        talk.spoke_ms = talk.spoke_ms or round((time.monotonic() - began) * 1000)
        try:
            sound += b64decode(str(got.get("delta") or ""), validate=True)
        except (binascii.Error, ValueError):
            raise Refusal(Cause("the sound is no base64", "Clear OPENAI_REALTIME_URL in .env.")) from None
        if len(sound) >= ENOUGH_MS * BYTES_PER_MS and not is_canceled:
            is_canceled = True
            await line.send(event("response.cancel"))
    if not sound:
        raise Refusal(_MUTE)
    talk.sound = bytes(sound)


async def call_tool(line: Line, events: Events, tools: Sequence[Mapping[str, Any]]) -> str:
    """Tell the model to call one of the tools; its name. Nobody runs it."""
    names = [str(tool["name"]) for tool in tools]
    name = _EASY_TOOL if _EASY_TOOL in names else names[0]
    asked = {"type": "input_text", "text": f"Is the postal code 10001 served? Call {name}."}
    response = {
        "input": [{"type": "message", "role": "user", "content": [asked]}],
        "tool_choice": {"type": "function", "name": name},
    }
    await line.send(event("response.create", response=response))
    called = await events.next("response.function_call_arguments.done", over=_TOOLLESS)
    try:
        is_object = isinstance(json.loads(str(called.get("arguments"))), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise Refusal(Cause(f"the model called {name} with arguments that are no JSON object", _OTHER_MODEL))
    await events.next("response.done")
    return name


async def hear(line: Line, events: Events) -> None:
    """Say something to the model, and wait until it notices that somebody speaks."""
    await line.send(event("input_audio_buffer.append", audio=_voice()))
    await events.next("input_audio_buffer.speech_started", over=_DEAF)
    await line.send(event("input_audio_buffer.clear"))


@cache
def _voice() -> str:
    """The beginning of a sentence in mu-law: no pause in it or after it, which would be answered."""
    clip = Path(relay.__path__[0], "clips", "one_moment.ulaw").read_bytes()
    return b64encode(clip[: 800 * BYTES_PER_MS]).decode("ascii")


def event(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, "event_id": f"doctor-{kind.partition('.')[0]}", **fields})


def _check_formats(event: Mapping[str, Any]) -> None:
    formats = [_format_of(event, side) for side in ("input", "output")]
    if formats != [PHONE, PHONE]:
        seen = f"the session hears {formats[0]} and speaks {formats[1]} instead of {PHONE}: noise on the telephone"
        raise Refusal(Cause(seen, "Set the agent's model to a Realtime model that speaks audio/pcmu."))


def _format_of(event: Mapping[str, Any], side: str) -> Any:
    part: Any = event
    for name in ("session", "audio", side, "format", "type"):
        part = part.get(name) if isinstance(part, dict) else None
    return part
