"""An admitted call on its way: the only place where its sockets, its tasks and the time meet.

It feeds the conversation with what Twilio and OpenAI send, performs what the conversation asks for, and wakes it at its
deadline. A frame of sound passes through `tell` without a thread, a database or an await.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from calls import database
from calls.conversation.machine import Conversation
from calls.conversation.messages import (
    Advised,
    CloseLine,
    Command,
    EndCall,
    KeepGreeting,
    Message,
    OpenLine,
    PrepareLine,
    RecordEvent,
    RecordTool,
    RecordTurn,
    RunTool,
    StreamClosed,
    TakeLine,
    Then,
    ToolFinished,
    event,
)
from calls.domain import history, streams, summaries
from calls.logs import CallLogger
from calls.relay import alarms, greetings, live, noted
from calls.relay.breaker import Address
from calls.relay.journal import FIRST_PAUSE, LONGEST_PAUSE, Journal
from calls.relay.late import LateTools
from calls.relay.lines import Lines
from calls.relay.outbox import Outbox, Stalled
from calls.relay.profile import profile_of
from calls.relay.recorder import Recorder
from calls.relay.shares import Shares
from calls.tools import registry
from calls.twilio import stream

FINISH_TIMEOUT = 1.0
JOURNAL_TIMEOUT = 30.0
AGENT_SOUND_WAITING = 5000
STALLED = 10.0  # seconds for which Twilio may take nothing; six more of sound are in the sockets by then
MOST_ASIDE = 100
NORMAL = 1000


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """What the relay needs to know of the settings. `rate` is how much faster than the world its clock runs."""

    openai_url: str
    openai_key: str
    default_model: str
    secret_key: str
    is_token_required: bool
    recordings: Path
    rate: float = 1.0
    longest_call_seconds: float = 1800.0
    clips: Path | None = None
    """Where the owner's clips lie."""
    instance: str = ""
    """The name of this process among the servers."""


class Carried:
    """An admitted call: its conversation, its line to OpenAI and the tasks that move sound and records."""

    def __init__(
        self,
        settings: RelaySettings,
        admitted: streams.AdmittedStream,
        *,
        send: Callable[[str], Awaitable[None]],
        close: Callable[[int], Awaitable[None]],
        log: CallLogger,
    ) -> None:
        self._settings = settings
        self._admitted = admitted
        self._send = send
        self._close = close
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._profile = profile_of(admitted, longest_seconds=settings.longest_call_seconds, clips_folder=settings.clips)
        self._conversation = Conversation(self._profile)
        self._journal = Journal(self._write_records, log)
        self._to_twilio = Outbox(AGENT_SOUND_WAITING)
        self.bad_frames = 0
        self._shares = Shares(self._journal, self._to_twilio, self.now)
        self._recorder: Recorder | None = None
        self._recording: asyncio.Task[bool] | None = None
        self._group = asyncio.TaskGroup()
        self._aside: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None
        self._late_tools = LateTools(
            admitted.call_id,
            now=self.now,
            persist=self._persist,
            advise=self._advise,
            conclude=self._conclude,
            log=log,
        )
        self._is_broken = False
        self._lines = Lines(
            Address(settings.openai_url, settings.openai_key, self._profile.session.model),
            tell=self.tell,
            note=lambda kind, **detail: self._journal.put(event(kind, self.now(), **detail)),
            spawn=lambda work, name: self._group.create_task(work, name=name),
            rate=settings.rate,
            log=log,
        )
        self._is_over, self._is_due = asyncio.Event(), asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        # The conversation counts seconds from the ring, on a clock that no change of the wall clock can move.
        # Whoever wrote down the ring may have a clock that is ahead of ours.
        since_ring = max(0.0, (timezone.now() - admitted.rang_at).total_seconds() * settings.rate)
        self._zero = self._loop.time() - since_ring / settings.rate
        self._perform = self._performers()

    def now(self) -> float:
        """Seconds since the ring."""
        return (self._loop.time() - self._zero) * self._settings.rate

    def tell(self, message: Message) -> None:
        """One step of the conversation. A failure in it ends the call in a hand-over instead of in silence."""
        if self._is_broken:
            return
        now = self.now()
        try:
            if self._recorder is not None and isinstance(message, stream.Media):
                self._recorder.caller(message.payload, now)
            self._carry_out(self._conversation.receive(message, now))
        except Exception:
            # Bulkhead: whatever a peer said, the caller reaches a person.
            self._fail()

    async def carry(self, start: stream.Start, arrived: float, early: Sequence[Message], *, opened: float) -> None:
        """Carry the call to its end. `opened` is when the socket was accepted and `arrived` when the stream started,
        both on the loop's clock: the wait counts."""
        self._log.info("call started", extra={"model": self._profile.session.model})
        self._journal.put(event("upgraded", (opened - self._zero) * self._settings.rate))
        writing = asyncio.create_task(self._journal.run(), name="journal")
        self._record()
        try:
            async with self._group:
                tasks = [
                    self._group.create_task(self._speak(), name="to twilio"),
                    self._group.create_task(self._keep_time(), name="time"),
                ]
                self._carry_out(self._conversation.receive(start, (arrived - self._zero) * self._settings.rate))
                for message in early:
                    self.tell(message)
                self._lines.open()
                await self._is_over.wait()
                self._lines.close()
                for task in tasks:
                    task.cancel()
        except Exception:
            # Bulkhead: the relay's supervisor.
            self._fail()
        await self._wind_down(writing)

    # Performing commands

    def _performers(self) -> dict[type, Callable[..., None]]:
        """Who carries out a command, by its type; whatever is not named here is told to OpenAI."""
        return {
            stream.Media: self._play,
            stream.Mark: self._play,
            stream.Clear: self._clear,
            RunTool: self._begin_tool,
            EndCall: self._begin_end,
            OpenLine: lambda _: self._lines.open(),
            PrepareLine: lambda _: self._lines.prepare(),
            TakeLine: lambda _: self._lines.take(),
            CloseLine: self._finish,
            KeepGreeting: self._keep_greeting,
            RecordTurn: self._note_turn,
            RecordTool: self._journal.put,
            RecordEvent: self._note_event,
        }

    def _carry_out(self, commands: Sequence[Command]) -> None:
        for command in commands:
            perform = self._perform.get(type(command), self._lines.put)
            perform(command)
        deadline = self._conversation.deadline
        if deadline != self._deadline:
            self._arm(deadline)

    def _play(self, message: stream.Outgoing) -> None:
        if self._recorder is not None and isinstance(message, stream.Media):
            self._recorder.agent(message.payload, self.now())
        frame = stream.serialize(message, self._admitted.stream_sid)
        self._to_twilio.put(frame, is_sound=isinstance(message, stream.Media))

    def _clear(self, message: stream.Clear) -> None:
        if self._recorder is not None:
            self._recorder.clear(self.now())
        self._to_twilio.clear()
        self._play(message)

    def _begin_tool(self, command: RunTool) -> None:
        self._work_aside(self._run_tool(command), f"tool {command.name[:40]}")

    def _keep_greeting(self, command: KeepGreeting) -> None:
        self._work_aside(greetings.keep(self._admitted, command.payloads, self._log), "greeting")

    def _note_turn(self, turn: RecordTurn) -> None:
        self._journal.put(turn)
        if turn.role == "caller" and turn.text:
            if len(self._aside) >= MOST_ASIDE:
                self._log.error("too much is said at once: words are not listened to")
                return
            heeding = alarms.heed(turn.text, self._admitted, persist=self._persist, advise=self._advise)
            self._work_aside(heeding, "heed")

    def _note_event(self, happened: RecordEvent) -> None:
        self._shares.note(happened)
        noted.tell(happened, self._log)

    def _work_aside(self, work: Coroutine[None, None, None], name: str) -> None:
        """Work that takes its time and outlives the sockets; the call is not closed before it is done."""
        task = asyncio.create_task(work, name=name)
        self._aside.add(task)
        task.add_done_callback(self._end_aside)

    def _end_aside(self, task: asyncio.Task[None]) -> None:
        self._aside.discard(task)
        if not task.cancelled() and (problem := task.exception()):
            self._log.error("work beside the call failed", extra={"work": task.get_name()}, exc_info=problem)

    def _begin_end(self, command: EndCall) -> None:
        if self._recorder is not None:
            self._recorder.stop(self.now())
        self._ending = asyncio.create_task(self._end_call(command.reason), name="end")

    def _finish(self, command: CloseLine | None = None) -> None:
        self._is_over.set()

    def _fail(self) -> None:
        self._log.exception("the call broke")
        self._is_broken = True
        if self._ending is None:
            self._begin_end(EndCall("internal_error"))
        self._finish()

    # The clock

    def _arm(self, deadline: float | None) -> None:
        self._deadline = deadline
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer = self._loop.call_at(self._zero + deadline / self._settings.rate, self._is_due.set)

    async def _keep_time(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            self._deadline = None
            self._carry_out(self._conversation.wake(self.now()))

    # Twilio's socket

    async def _speak(self) -> None:
        try:
            await self._to_twilio.write(self._send, within=STALLED / self._settings.rate)
        except OSError:
            return  # Twilio is gone; the consumer is told so too
        except Stalled:
            self._log.warning("Twilio does not read any more")
            self._journal.put(event("stream_stalled", self.now()))
            self.tell(StreamClosed(0))

    # Tools, records and the end

    def _record(self) -> None:
        """Record the call where the agent's row says so; the greeting has said it to the caller."""
        if not self._admitted.persona.records_calls:
            return
        name = re.sub(r"\W", "", self._admitted.call_sid)
        self._recorder = Recorder(self._settings.recordings / f"{name}.wav", self.now())
        self._recording = asyncio.create_task(self._recorder.run(self.now, self._is_over, self._log), name="recording")

    async def _run_tool(self, command: RunTool) -> None:
        began = self._loop.time()
        context = registry.ToolContext(self._admitted.call_id, timezone.now(), self._admitted.call_sid)
        answer = await registry.run(context, command.name, command.arguments, tool_call_id=command.tool_call_id)
        duration_ms = round((self._loop.time() - began) * 1000)
        self.tell(
            ToolFinished(command.tool_call_id, answer.text, answer.result, answer.status, duration_ms, then=answer.then)
        )
        if answer.late is not None:
            self._late_tools.follow(command, answer.late)

    def _advise(self, text: str, then: Then = "") -> None:
        if self._ending is None:
            self.tell(Advised(text, then))

    async def _write_records(self, entries: Sequence[history.Entry]) -> None:
        await database.run_journal(history.write, call_id=self._admitted.call_id, entries=entries)

    async def _end_call(self, reason: str) -> None:
        """The outcome stands in the database before the socket closes: Twilio asks for what follows at once."""
        finish = partial(
            streams.finish_stream,
            call_id=self._admitted.call_id,
            stream_sid=self._admitted.stream_sid,
            reason=reason,
            now=timezone.now(),
            first_audio_ms=self._conversation.first_audio_ms,
        )
        writing = asyncio.create_task(self._persist(finish), name="finish")
        await asyncio.wait({writing}, timeout=FINISH_TIMEOUT)
        if reason != "caller_hangup":
            live.await_action(self._admitted.call_sid)
        with contextlib.suppress(OSError):  # it takes too long, or the socket was lost just now
            await asyncio.wait_for(self._close(NORMAL), 2 * FINISH_TIMEOUT)
        await writing
        counts = {
            "bad_frames": self.bad_frames,
            "bad_events": self._lines.bad_events,
            "passed_over": self._conversation.passed_over,
            "dropped": sum(o.dropped for o in (self._lines, self._to_twilio, self._journal, self._conversation)),
        }
        self._log.info("call ended", extra={"reason": reason, "ms": round(self.now() * 1000)} | counts)

    async def _persist(self, write: Callable[[], Any]) -> Any:
        """Write what must not be lost, waiting for a database that is away for a while; gives what `write` gives."""
        pause, deadline = FIRST_PAUSE, self._loop.time() + JOURNAL_TIMEOUT
        while True:
            try:
                return await database.run(write)
            except (OperationalError, InterfaceError):
                if self._loop.time() > deadline:
                    raise
                self._log.warning("a record of the call waits for the database")
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _wind_down(self, journal: asyncio.Task[None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        while self._aside:
            await asyncio.wait(set(self._aside))
        try:
            if self._ending is not None:
                await self._ending
        finally:
            self._journal.close()
            if not (await asyncio.wait({journal}, timeout=JOURNAL_TIMEOUT))[0]:
                journal.cancel()
                self._log.error("journal not written to its end", extra={"lost": self._journal.waiting})
            elif problem := journal.exception():
                self._log.error("the journal broke", exc_info=problem)
        audio_file = ""
        if self._recorder is not None and self._recording is not None and await self._recording:
            audio_file = self._recorder.path.name
        usage = self._conversation.usage
        settle = partial(
            streams.settle_stream,
            call_id=self._admitted.call_id,
            realtime_session_id=self._conversation.session_id,
            model=self._profile.session.model,
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            input_audio_tokens=usage.input_audio_tokens,
            cached_audio_tokens=usage.cached_audio_tokens,
            output_audio_tokens=usage.output_audio_tokens,
            audio_file=audio_file,
        )
        await self._late_tools.conclude()
        await self._persist(settle)  # the last write of a call: whoever finds its model finds all of it

    def _conclude(self) -> None:
        if streams.goes_on(call_sid=self._admitted.call_sid):
            return  # the call has come back for another stream, which has the last word
        summaries.conclude_call(
            call_id=self._admitted.call_id, model_text=self._conversation.closing.summary, now=timezone.now()
        )
