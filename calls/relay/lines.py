"""The lines of one call to OpenAI: the one that is spoken on, and, when it is to be replaced, the next one beside it.

Nothing that a line still sends after another has taken its place is told to the conversation, and nothing that was to
be sent on it goes to its successor: what the new session has to know, the conversation says again.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

from calls.conversation.messages import (
    LineExpires,
    LineLost,
    LineNotPrepared,
    LineOpened,
    LinePrepared,
    Message,
)
from calls.logs import CallLogger
from calls.realtime import client, codec, reasons, wire
from calls.realtime.client import LineUnavailable
from calls.realtime.reasons import Reason
from calls.relay import breaker
from calls.relay.breaker import Address
from calls.relay.outbox import Outbox, Stalled

CALLER_SOUND_WAITING = 250  # frames, 5 s
STALLED = 3.0
CREATED_TIMEOUT = 3.0


class _Held:
    """One line from the wish to have it until it is closed."""

    def __init__(self) -> None:
        self.outbox = Outbox(CALLER_SOUND_WAITING)
        self.is_taken = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.is_agreed_on = False
        self.has_spoken = False


class Lines:
    """`tell` hands messages to the conversation, `spawn` runs a task of the call, `note` writes an event down.

    `clock` is the conversation's, `rate` how much faster than the world it runs.
    """

    def __init__(
        self,
        address: Address,
        *,
        tell: Callable[[Message], None],
        note: Callable[..., None],
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        rate: float,
        log: CallLogger,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.bad_events = 0
        self._address = address
        self._tell = tell
        self._note = note
        self._spawn = spawn
        self._rate = rate
        self._log = log
        self._jitter = jitter
        self._current = _Held()
        self._next: _Held | None = None
        self._dropped = 0
        self._is_closed = False

    @property
    def dropped(self) -> int:
        """Frames of sound that OpenAI did not take in time."""
        return self._dropped + self._current.outbox.dropped

    def put(self, event: wire.ClientEvent) -> None:
        self._current.outbox.put(codec.serialize(event), is_sound=isinstance(event, wire.AppendAudio))

    def open(self) -> None:
        """Open a line, instead of the one that is there; LineOpened or LineLost follows."""
        if self._current.task is not None:
            self._replace(_Held())
        self._begin(self._current, "openai")

    def prepare(self) -> None:
        """Open a second line; LinePrepared or LineNotPrepared follows, and the first one is spoken on until `take`."""
        self._drop(self._next)
        self._next = _Held()
        self._begin(self._next, "openai, next")

    def take(self) -> None:
        """Speak on the line that was prepared, as if it had been opened now."""
        if (prepared := self._next) is not None:
            self._next = None
            self._replace(prepared)
            prepared.is_taken.set()

    def close(self) -> None:
        self._is_closed = True
        self._drop(self._current)
        self._drop(self._next)

    def _replace(self, successor: _Held) -> None:
        self._dropped += self._current.outbox.dropped
        self._drop(self._current)
        if self._next is not None:
            self._drop(self._next)
            self._next = None
        self._current = successor

    def _begin(self, held: _Held, name: str) -> None:
        if not self._is_closed:
            held.task = self._spawn(self._hold(held), name)

    @staticmethod
    def _drop(held: _Held | None) -> None:
        if held is not None and held.task is not None:
            held.task.cancel()

    # One line

    async def _hold(self, held: _Held) -> None:
        """Open it and read it until it closes."""
        try:
            line = await self._connect()
        except LineUnavailable as problem:
            self._log.error("OpenAI could not be reached", extra={"cause": problem.reason, "detail": problem.detail})
            if held is self._next:
                self._tell(LineNotPrepared(problem.reason))
            else:
                self._tell(LineLost(problem.reason, problem.code, problem.detail))
            return
        writing: asyncio.Task[None] | None = None
        try:
            frames = aiter(line)
            if held is self._next:
                await self._stand_by(held, line, frames)
                if held is not self._current:
                    return
            else:
                self._tell(LineOpened())
            writing = self._spawn(self._write(held, line), "to openai")
            async for frame in frames:
                self._hear(held, frame)
            if held is self._current:
                self._lost(held, line)
        finally:
            if writing is not None:
                writing.cancel()
            await line.close()

    async def _write(self, held: _Held, line: client.Line) -> None:
        try:
            await held.outbox.write(line.send, within=STALLED / self._rate)
        except Stalled:
            # The library's own pings would wait behind what is not taken, and never miss their answers.
            self._log.warning("OpenAI does not read any more")
            self._note("line_stalled")
            line.cut()

    async def _stand_by(self, held: _Held, line: client.Line, frames: AsyncIterator[bytes]) -> None:
        """Key and model are judged after the handshake: the line is ready when the session was created."""
        created: wire.ServerEvent | None = None
        with contextlib.suppress(TimeoutError, codec.Malformed):
            async with asyncio.timeout(CREATED_TIMEOUT):
                created = codec.parse(await anext(frames, b""))
        if not isinstance(created, wire.SessionCreated):
            reason = reasons.of_close(line.close_code, line.close_reason)
            if isinstance(created, wire.ErrorEvent):
                reason = reasons.of_code(created.code, created.message)
            self._log.error("OpenAI gave no second session", extra={"cause": reason})
            self._break_if_fatal(reason)
            self._tell(LineNotPrepared(reason))
            return
        self._tell(LinePrepared())
        await held.is_taken.wait()
        self._hear_event(held, created)

    async def _connect(self) -> client.Line:
        """As often as the reason of the failure makes sense, unless other calls have seen that none does."""
        if refusal := breaker.enter(self._address, self._now()):
            raise LineUnavailable(refusal, "not tried")
        tries = 0
        while True:
            try:
                address = self._address
                self._note("line_connecting")
                taken = partial(self._note, "line_taken")
                return await client.open_line(
                    url=address.url, model=address.model, api_key=address.key, when_taken=taken
                )
            except LineUnavailable as problem:
                tries += 1
                wait = reasons.waiting(problem.reason, tries=tries, jitter=self._jitter())
                if wait is None or problem.retry_after > wait:
                    breaker.failed(self._address, problem.reason, self._now(), retry_after=problem.retry_after)
                    raise
                self._note("line_retried", cause=problem.reason, detail=problem.detail)
                await asyncio.sleep(wait / self._rate)

    def _lost(self, held: _Held, line: client.Line) -> None:
        reason = reasons.of_close(line.close_code, line.close_reason)
        self._log.warning(
            "OpenAI closed the line", extra={"cause": reason, "code": line.close_code, "why": line.close_reason}
        )
        if reasons.is_fatal(reason) or not held.is_agreed_on:
            breaker.failed(self._address, reason, self._now())
        self._tell(LineLost(reason, line.close_code, line.close_reason, was_open=True))

    def _hear(self, held: _Held, frame: bytes) -> None:
        if held is not self._current:
            return  # late: another line has taken its place
        try:
            event = codec.parse(frame)
        except codec.Malformed as error:
            self.bad_events += 1
            if self.bad_events == 1:
                self._log.warning("bad event from OpenAI", extra={"what": str(error)})
            return
        self._hear_event(held, event)

    def _hear_event(self, held: _Held, event: wire.ServerEvent) -> None:
        match event:
            case wire.SessionUpdated():
                held.is_agreed_on = True
                breaker.succeeded(self._address, speaks=False)
            case wire.OutputAudioDelta() if not held.has_spoken:
                held.has_spoken = True
                breaker.succeeded(self._address, speaks=True)
            case wire.ErrorEvent(code=code, message=message):
                self._break_if_fatal(reasons.of_code(code, message))
            case wire.ResponseDone(status="failed", code=code):
                self._break_if_fatal(reasons.of_code(code))
            case wire.SessionCreated(expires_at=expires_at) if expires_at:
                self._tell(LineExpires((expires_at - time.time()) * self._rate))
        self._tell(event)

    def _break_if_fatal(self, reason: Reason) -> None:
        if reasons.is_fatal(reason):
            self._log.error("OpenAI refuses this key, account or model", extra={"cause": reason})
            breaker.failed(self._address, reason, self._now())

    def _now(self) -> float:
        return breaker.clock(self._rate)
