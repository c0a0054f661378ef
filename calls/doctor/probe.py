"""One short session at OpenAI, recorded event by event, for the questions that only a real account can answer.

The file holds neither a key nor a sound: audio is told by its length and the beginning of its SHA-256. The session is
not a business's own, so that the file may be shown to others.
"""

import asyncio
import contextlib
import hashlib
import json
import time
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from calls import relay
from calls.audio import BYTES_PER_MS, SILENCE
from calls.doctor import refusals
from calls.doctor.findings import hidden
from calls.doctor.refusals import Refusal
from calls.doctor.site import Site
from calls.doctor.talking import event
from calls.realtime.client import Line, LineUnavailable, open_line
from calls.realtime.session import PHONE, REASONING_MODELS, SessionSettings, update_ladder

STEP_SECONDS = 9.0
_QUIET_MS = 700
_END_SECONDS = 3.0
_COUNT = {"instructions": "Count slowly from one to thirty.", "tool_choice": "none"}
_ENDED = "response.done"


@dataclass(frozen=True, slots=True)
class Step:
    """`question` stands in the file before the events that answer it; `ask` sends and waits, within STEP_SECONDS."""

    name: str
    question: str
    ask: Callable[["Session"], Awaitable[None]]
    only_reasoning: bool = False


class Record:
    """The lines of the file: steps, events both ways with milliseconds since the session was asked for, the end."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.lines: list[dict[str, Any]] = []
        self._secrets = list(secrets)
        self._began = time.monotonic()

    def write(self, **fields: Any) -> None:
        self.lines.append({"ms": round((time.monotonic() - self._began) * 1000), **self._masked(fields)})

    def _masked(self, value: Any, key: str = "") -> Any:
        match value:
            case dict():
                audio = str(value.get("type", "")).endswith("audio.delta")
                return {
                    hidden(name, self._secrets): self._masked(part, "audio" if audio and name == "delta" else name)
                    for name, part in value.items()
                }
            case list():
                return [self._masked(part, key) for part in value]
            case str() if key == "audio":
                return _length_and_hash(value)
            case str():
                return hidden(value, self._secrets)
        return value

    def save(self, path: Path) -> None:
        """Raises OSError. Nobody but the owner may read the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self.lines), encoding="utf-8")


def _length_and_hash(payload: str) -> dict[str, Any]:
    try:
        sound = b64decode(payload, validate=True)
    except ValueError:
        return {"characters": len(payload), "is_base64": False}
    return {"bytes": len(sound), "sha256": hashlib.sha256(sound).hexdigest()[:16]}


@dataclass(slots=True)
class Session:
    """An open session: what is sent and what comes is recorded; `seen` are the types of the present step."""

    line: Line
    record: Record
    model: str
    seen: list[str] = field(default_factory=list)
    is_over: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def send(self, kind: str, **fields: Any) -> None:
        frame = event(kind, **fields)
        self.record.write(sent=json.loads(frame))
        await self.line.send(frame)

    async def say(self, *, silence_ms: int = 0) -> None:
        sound = _voice() + bytes([SILENCE]) * silence_ms * BYTES_PER_MS
        await self.send("input_audio_buffer.append", audio=b64encode(sound).decode("ascii"))

    async def read(self) -> None:
        """Record whatever comes until the socket closes."""
        async for frame in self.line:
            try:
                came = json.loads(frame)
            except ValueError:
                came = {"type": "(no JSON)", "characters": len(frame)}
            self.record.write(came=came)
            async with self._changed:
                self.seen.append(str(came.get("type")) if isinstance(came, dict) else "(no object)")
                self._changed.notify_all()
        async with self._changed:
            self.is_over = True
            self._changed.notify_all()

    async def until(self, *kinds: str, times: int = 1) -> None:
        """Wait until events of these types have come so often in this step, or the session is over."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.is_over or sum(map(self.seen.count, kinds)) >= times)


@cache
def _voice() -> bytes:
    return Path(relay.__path__[0], "clips", "one_moment.ulaw").read_bytes()


# The questions, each with what has to be sent to see its answer.


async def _defaults(session: Session) -> None:
    await session.until("session.created", "error")


async def _rate(session: Session) -> None:
    asked = {"type": "realtime", "audio": {"input": {"format": PHONE | {"rate": 8000}}}}
    await session.send("session.update", session=asked)
    await session.until("session.updated", "error")


async def _no_effort(session: Session) -> None:
    await session.send("session.update", session={"type": "realtime", "reasoning": {"effort": "none"}})
    await session.until("session.updated", "error")


async def _configure(session: Session) -> None:
    full = update_ladder(SessionSettings("You answer the telephone.", session.model))[0]
    await session.send("session.update", session=full)
    await session.until("session.updated", "error")


async def _deltas(session: Session) -> None:
    await session.send("response.create", response={"instructions": "Say exactly: hello, this is a short test."})
    await session.until(_ENDED, "error")


async def _item_ids(session: Session) -> None:
    for number, length in enumerate((32, 33, 64), start=1):
        content = [{"type": "input_text", "text": "A note."}]
        item = {"id": f"probe{number}".ljust(length, "x"), "type": "message", "role": "user", "content": content}
        await session.send("conversation.item.create", item=item)
        await session.until("conversation.item.added", "error", times=number)


async def _transcript(session: Session) -> None:
    await session.say(silence_ms=900)
    kind = "conversation.item.input_audio_transcription"
    await session.until(f"{kind}.completed", f"{kind}.failed", "error")
    await session.until(_ENDED, "error")


async def _barge_in(session: Session) -> None:
    await session.send("response.create", response=_COUNT)
    await session.until("response.output_audio.delta", "error")
    await session.say(silence_ms=900)
    await session.until(_ENDED, "error", times=2)  # the one that is cut, and the answer to what was said


async def _no_interruption(session: Session) -> None:
    turns = {"type": "server_vad", "create_response": True, "interrupt_response": False}
    audio = {"input": {"turn_detection": turns}}
    await session.send("session.update", session={"type": "realtime", "audio": audio})
    await session.until("session.updated", "error")
    await session.send("response.create", response=_COUNT)
    await session.until("response.output_audio.delta", "error")
    await session.say(silence_ms=900)
    await session.until(_ENDED, "error")


STEPS = (
    Step("defaults", "Which voice, formats and turn detection does a new session have?", _defaults),
    Step("rate", "Is a rate beside audio/pcmu refused?", _rate),
    Step("no-effort", "Is the reasoning effort none accepted?", _no_effort, only_reasoning=True),
    Step("configuration", "Is our configuration taken whole, and how long does that take?", _configure),
    Step("deltas", "How long are the pieces of sound in audio/pcmu, and how fast do they come?", _deltas),
    Step("item-ids", "How long may the id of an item be: 32, 33, 64 characters?", _item_ids),
    Step("transcript", "Do transcripts of gpt-transcribe come in pieces in a session of voice?", _transcript),
    Step("barge-in", "Which events come when the caller cuts the agent short?", _barge_in),
    Step(
        "no-interruption", "What happens when a turn ends while a response runs that may not be cut?", _no_interruption
    ),
)


async def probe(site: Site, record: Record) -> str:
    """Record one session; why it could not be had, or ended early, "" when every question was put. Never raises."""
    model, host = site.openai_model, urlsplit(site.openai_url).hostname
    record.write(probe=1, host=host, model=model, questions={step.name: step.question for step in STEPS})
    try:
        await refusals.look_up(site.openai_url)
        line = await open_line(url=site.openai_url, model=model, api_key=site.openai_key)
    except (LineUnavailable, Refusal) as error:
        why = error if isinstance(error, Refusal) else Refusal(refusals.of_opening(error, site.openai_url))
        record.write(end="not opened", why=why.cause.seen)
        return f"{why.cause.seen}. {why.cause.remedy}"
    session = Session(line, record, model)
    reading = asyncio.create_task(session.read(), name="probe")
    try:
        return await _put_all(session)
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await line.close()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        record.write(end="closed", code=line.close_code, reason=line.close_reason)


async def _put_all(session: Session) -> str:
    for step in STEPS:
        if step.only_reasoning and not REASONING_MODELS.match(session.model):
            continue
        session.seen.clear()
        session.record.write(step=step.name, question=step.question)
        is_answered = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STEP_SECONDS):
                await step.ask(session)
                is_answered = not session.is_over
        session.record.write(step=step.name, saw=dict(Counter(session.seen)), is_answered=is_answered)
        if session.is_over:
            line = session.line
            cause = refusals.of_close(line.close_code, line.close_reason, f"the end of the step {step.name}")
            return f"{cause.seen}. {cause.remedy}"
        await _fall_silent(session)
    return ""


async def _fall_silent(session: Session) -> None:
    """Let late events come before the next step; nothing of this one may run on into it."""
    begun = session.seen.count("response.created")
    if begun > session.seen.count(_ENDED):
        await session.send("response.cancel")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await session.until(_ENDED, times=begun)
    # Nothing says that no more will come, such as the words of what was heard: only a pause does.
    await asyncio.sleep(_QUIET_MS / 1000)


def summary(record: Record) -> Iterator[str]:
    """One line for each question: which events came, how often."""
    for line in record.lines:
        if "saw" in line:
            saw: Mapping[str, int] = line["saw"]
            counts = ", ".join(f"{kind} {count}" if count > 1 else kind for kind, count in saw.items()) or "nothing"
            yield f"{line['step']:<16} {'' if line['is_answered'] else 'NO ANSWER IN TIME; '}{counts}"
