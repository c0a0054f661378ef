"""The relay of one media stream: it admits the stream, then carries the call."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

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
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011


class ClosedEarly(Exception):
    """The socket was closed before its `start`: the caller hung up that soon, or somebody only tried it."""


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
        self._early: deque[Message] = deque(maxlen=EARLY_FRAMES)
        self._bad_frames = 0
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
        except streams.StreamRefused as refusal:
            # Nobody has spent a cent at OpenAI up to here.
            self._named().warning("stream refused", extra={"why": str(refusal)})
            # Twilio asks what follows as soon as the socket is closed, and that depends on what was noted.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(NOTE_TIMEOUT):
                    await self._note_refusal(str(refusal))
            await self._close(POLICY_VIOLATION)
            return
        except Exception as error:
            # Bulkhead: without a database nobody is admitted, and Twilio asks what follows.
            self._named().exception("stream could not be admitted")
            await self._close(INTERNAL_ERROR)
            await self._note_not_admitted(type(error).__name__)
            return
        self._log = self._named()
        self._call = Carried(self._settings, admitted, send=self._send, close=self._close, log=self._log)
        live.add(self._stream_sid)
        try:
            await self._call.carry(self._start.result(), self._arrived, self._early, opened=self._opened)
        except Exception:
            # Bulkhead: the call is over; what could not be written of its end is said here.
            self._log.exception("the end of the call could not be written")
        finally:
            live.remove(self._stream_sid)

    async def _admit(self) -> streams.AdmittedStream:
        try:
            start = await asyncio.wait_for(asyncio.shield(self._start), START_TIMEOUT / self._settings.rate)
        except TimeoutError:
            raise streams.StreamRefused("no start within 5 s") from None
        if start is None:
            raise ClosedEarly
        # The caller hears nothing yet: a database that takes longer than this is answered by a hand-over.
        async with asyncio.timeout(ADMISSION_TIMEOUT):
            run = database.run if expected.is_expected(start.call_sid, _token(start)) else database.run_at_the_door
            return await run(
                partial(_admit_with_clips, self._settings.clips),
                call_sid=start.call_sid,
                account_sid=start.account_sid,
                stream_sid=start.stream_sid,
                token=_token(start),
                secret_key=self._settings.secret_key,
                is_token_required=self._settings.is_token_required,
                default_model=self._settings.default_model,
                now=timezone.now(),
            )

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


def _admit_with_clips(folder: Path | None, **asked: Any) -> streams.AdmittedStream:
    """In a thread of the database: the one moment of a call at which a file may be read."""
    if folder is not None:
        clips.load(folder)
    return streams.admit_stream(**asked)


def _token(start: stream.Start) -> str:
    return start.parameters.get("token", "")
