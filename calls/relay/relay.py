"""The relay of one media stream: it admits the stream, then carries the call."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from calls import database
from calls.conversation.messages import Message, StreamClosed
from calls.domain import streams
from calls.logs import CallLogger
from calls.relay import clips, expected, live
from calls.relay.carried import Carried, RelaySettings
from calls.twilio import stream

START_TIMEOUT = 5.0
ADMISSION_TIMEOUT = 2.0
NOTE_TIMEOUT = 1.0
NOTE_LATE_TIMEOUT = 20.0
MAX_SID = 64
EARLY_FRAMES = 100  # 2 s of sound, while the call is admitted
EARLY_LETTERS = 64 * 1024
STRIKES = 3
"""Frames beyond all measure after which a stream is closed: Twilio sends none."""
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
TOO_BIG = 1009

logger = logging.getLogger(__name__)

_late: set[asyncio.Task[None]] = set()  # the loop alone would not keep what outlives its stream


class ClosedEarly(Exception):
    """The socket was closed before its `start`: the caller hung up that soon, or somebody only tried it."""


class TooMuch(Exception):
    """Frames beyond all measure, before there was a call."""


class Early:
    """What a stream sends before its call is admitted: the newest, and of sound so much that strangers cost little."""

    def __init__(self) -> None:
        self._messages: list[Message] = []  # a deque takes room for 64 even when it is empty
        self._letters = 0

    def append(self, message: Message) -> None:
        self._messages.append(message)
        self._letters += _letters(message)
        while len(self._messages) > EARLY_FRAMES or (self._letters > EARLY_LETTERS and len(self._messages) > 1):
            self._letters -= _letters(self._messages.pop(0))

    def take(self) -> list[Message]:
        taken, self._messages, self._letters = self._messages, [], 0
        return taken


class Relay:
    """One Media Stream. The consumer keeps `run` running, and calls `feed` and `stream_closed`."""

    def __init__(
        self,
        settings: RelaySettings,
        *,
        send: Callable[[str], Awaitable[None]],
        close: Callable[[int], Awaitable[None]],
        log: CallLogger,
    ) -> None:
        self._settings = settings
        self._send = send
        self._close = close
        self._log = log
        self._start: asyncio.Future[stream.Start | None] = asyncio.get_running_loop().create_future()
        self._early = Early()
        self._bad_frames = 0
        self._strikes = 0
        self._opened = asyncio.get_running_loop().time()
        self._arrived = 0.0
        self._stream_sid = ""
        self._call: Carried | None = None

    def feed(self, text: str | None) -> None:
        """A frame from Twilio; None for a binary one. What makes no sense is counted and passed over."""
        try:
            message, stream_sid = stream.parse(text or "")
        except stream.Malformed as error:
            self._bad_frames += 1
            if self._bad_frames == 1:
                self._named().warning("bad frame from Twilio", extra={"what": str(error)})
            if self._call is not None:
                self._call.bad_frames = self._bad_frames
            if isinstance(error, stream.TooLong):
                self._strike()
            return
        if self._stream_sid and stream_sid not in ("", self._stream_sid):
            return
        if not isinstance(message, stream.Start):
            if self._start.done():  # what comes before is of no call
                self._tell(message)
        elif not self._start.done():
            self._stream_sid = message.stream_sid
            self._arrived = asyncio.get_running_loop().time()
            self._start.set_result(message)

    def _strike(self) -> None:
        """Nobody's patience is worth 64 KiB a frame: the third one ends the stream, and the call in a hand-over."""
        self._strikes += 1
        if self._strikes != STRIKES:
            return
        self._log.warning("frames too long: the stream is closed", extra={"frames": STRIKES})
        if not self._start.done():
            self._start.set_result(None)
        self._tell(StreamClosed(TOO_BIG))

    async def _hang_up(self, code: int) -> None:
        await self._close(TOO_BIG if self._strikes >= STRIKES else code)

    def stream_closed(self, code: int) -> None:
        """Twilio's socket is closed, by whomever."""
        if not self._start.done():
            self._start.set_result(None)
        self._tell(StreamClosed(code))

    def _tell(self, message: Message) -> None:
        if self._call is None:
            self._early.append(message)
        else:
            self._call.tell(message)

    async def run(self) -> None:
        """From the wait for `start` until nothing of the call is left. What breaks on the way ends in a hand-over."""
        try:
            admitted = await self._admit()
        except ClosedEarly:
            # Nothing to mend, and nobody to hand over: the doctor, a caller who changed their mind, or any scanner
            # where signatures are not checked.
            self._log.info("stream closed before its start")
            return
        except TooMuch:
            await self._close(TOO_BIG)
            return
        except streams.StreamRefused as refusal:
            why = str(refusal)  # without what led to it: a thousand strangers may wait until theirs is written down
        except Exception as error:
            # Bulkhead: without a database nobody is admitted, and Twilio asks what follows.
            self._named().exception("stream could not be admitted")
            await self._close(INTERNAL_ERROR)
            await self._note_not_admitted(type(error).__name__)
            return
        else:
            await self._carry(admitted)
            return
        await self._refuse(why)

    async def _refuse(self, why: str) -> None:
        """Nobody has spent a cent at OpenAI up to here."""
        self._named().warning("stream refused", extra={"why": why})
        # Twilio asks what follows as soon as the socket is closed, and that depends on what was noted.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NOTE_TIMEOUT):
                await self._note_refusal(why)
        await self._close(POLICY_VIOLATION)

    async def _carry(self, admitted: streams.AdmittedStream) -> None:
        self._log = self._named()
        self._call = Carried(self._settings, admitted, send=self._send, close=self._hang_up, log=self._log)
        expected.arrived(admitted.call_sid)
        live.add(self._stream_sid, self._call.tell)
        try:
            self._call.bad_frames = self._bad_frames
            early = self._early.take()
            await self._call.carry(self._start.result(), self._arrived, early, opened=self._opened)
        except Exception:
            # Bulkhead: the call is over; what could not be written of its end is said here.
            self._log.exception("the end of the call could not be written")
        finally:
            live.remove(self._stream_sid)

    async def _admit(self) -> streams.AdmittedStream:
        await asyncio.wait([self._start], timeout=START_TIMEOUT / self._settings.rate)
        if not self._start.done():
            raise streams.StreamRefused("no start within 5 s")
        start = self._start.result()
        if start is None:
            raise TooMuch if self._strikes >= STRIKES else ClosedEarly
        run = database.run if expected.is_expected(start.call_sid, _token(start)) else database.run_at_the_door
        work = run(
            partial(_admit_with_clips, self._settings.clips),
            call_sid=start.call_sid,
            account_sid=start.account_sid,
            stream_sid=start.stream_sid,
            token=_token(start),
            secret_key=self._settings.secret_key,
            is_token_required=self._settings.is_token_required,
            default_model=self._settings.default_model,
            realtime_host=urlsplit(self._settings.openai_url).hostname or "",
            instance=self._settings.instance,
            now=timezone.now(),
        )
        admitting = asyncio.ensure_future(work)
        # The caller hears nothing yet: a database that takes longer than this is answered by a hand-over.
        done, _ = await asyncio.wait({admitting}, timeout=ADMISSION_TIMEOUT)
        if done:
            return admitting.result()
        undoing = asyncio.create_task(_undo_late(admitting, start.stream_sid, self._log), name="late admission")
        _late.add(undoing)
        undoing.add_done_callback(_late.discard)
        raise TimeoutError

    async def _note_refusal(self, why: str) -> None:
        start = self._start.result() if self._start.done() else None
        if start is not None:
            await database.run_at_the_door(streams.note_refusal, call_sid=start.call_sid, why=why, now=timezone.now())

    async def _note_not_admitted(self, because: str) -> None:
        """Best effort, when the caller is on the way to a person already: the database may be away for longer."""
        if not self._start.done() or (start := self._start.result()) is None:
            return
        note = partial(streams.note_not_admitted, call_sid=start.call_sid, because=because, now=timezone.now())
        with contextlib.suppress(TimeoutError, DatabaseError, InterfaceError):
            async with asyncio.timeout(NOTE_LATE_TIMEOUT):
                await database.run_at_the_door(note)

    def _named(self) -> CallLogger:
        """The log with the CallSid in each line, as far as Twilio has told it."""
        start = self._start.result() if self._start.done() else None
        return CallLogger(self._log.logger, {"call_sid": start.call_sid[:MAX_SID]}) if start else self._log


async def _undo_late(admitting: "asyncio.Future[streams.AdmittedStream]", stream_sid: str, log: CallLogger) -> None:
    """A thread of the database cannot be stopped: what it lets in after its time has nobody who carries it."""
    with contextlib.suppress(streams.StreamRefused, DatabaseError, InterfaceError):
        admitted = await admitting
        log.warning("stream admitted too late", extra={"call_sid": admitted.call_sid})
        await database.run_at_the_door(
            streams.finish_stream,
            call_id=admitted.call_id,
            stream_sid=stream_sid,
            reason="internal_error",
            now=timezone.now(),
            first_audio_ms=None,
        )


def _admit_with_clips(folder: Path | None, **asked: Any) -> streams.AdmittedStream:
    """In a thread of the database: the one moment of a call at which a file may be read."""
    if folder is not None:
        try:
            clips.load(folder)
        except Exception:
            # Bulkhead: what ships is played instead, and no sound file keeps a caller from the agent.
            logger.exception("the owner's clips could not be read")
    return streams.admit_stream(**asked)


def _letters(message: Message) -> int:
    return len(message.payload) if isinstance(message, stream.Media) else 0


def _token(start: stream.Start) -> str:
    return start.parameters.get("token", "")
