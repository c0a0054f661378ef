"""Twilio's end of a Media Stream: opens the socket as captured, sends 20 ms at a time, plays, echoes marks."""

import asyncio
import contextlib
import random
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Literal

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from calls.emulators import phone_messages as messages
from calls.emulators import sound
from calls.emulators.phone_http import Road, Signer
from calls.emulators.phone_line import HungUp, Line
from calls.emulators.phone_options import Faults
from calls.emulators.phone_playback import Playback
from calls.emulators.phone_result import PAUSE_MS, Clear, Mark, Speech, StreamRecord
from calls.emulators.phone_script import Moment, Script
from calls.emulators.phone_upgrade import CLOSE_SECONDS, Rejected, open_socket

# How Twilio sees a server that closes because it has finished; anything else is error 31921.
NORMAL_CLOSES = frozenset({1000, 1001, 1005})
FIRST_TIMESTAMP_MS = (50, 200)
SECOND_SOCKET_AFTER_MS = 300
SECOND_SOCKET_SECONDS = 6.0
QUIET_FRAME = bytes([sound.SILENCE]) * sound.FRAME_BYTES

Notify = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Target:
    """What <Stream> asks for."""

    url: str
    parameters: Mapping[str, str]
    name: str = ""


@dataclass(slots=True)
class Mouth:
    """The caller's speech that is still to be sent."""

    pending: bytearray = field(default_factory=bytearray)
    text: str = ""
    start_ms: int | None = None
    end_ms: int | None = None
    over_agent: bool = False

    def take(self) -> bytes:
        frame = bytes(self.pending[: sound.FRAME_BYTES])
        del self.pending[: sound.FRAME_BYTES]
        return frame


class Stream:
    """One connection, from the upgrade to the close. `notify` posts the stream's status callback."""

    def __init__(
        self, line: Line, road: Road, signer: Signer, faults: Faults, account_sid: str, target: Target, notify: Notify
    ) -> None:
        self.line = line
        self.road = road
        self.signer = signer
        self.faults = faults
        self.target = target
        self.notify = notify
        self.record = StreamRecord("MZ" + secrets.token_hex(16), target.url)
        self.writer = messages.Writer(account_sid, line.result.call_sid, self.record.stream_sid, faults.thin)
        self.playback = Playback()
        self.mouth = Mouth()
        self.first_timestamp = random.Random(self.record.stream_sid).randint(*FIRST_TIMESTAMP_MS)
        self._started_ms = 0.0
        self._at_ms = 0.0
        self._last_word = Moment(0.0, 0.0)
        self._outbox: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._noise = cycle(faults.noise)
        self._sounded_ms: float | None = None
        self._first_sound_ms: float | None = None
        self._first_word_ms: float | None = None
        self._late: list[str] = []
        self._marked_ms: deque[float] = deque()
        self._is_frozen = False
        self.was_led_away = False

    # What the script does and hears.

    @property
    def heard_ms(self) -> float:
        return self.playback.heard / sound.BYTES_PER_MS

    @property
    def now_ms(self) -> float:
        """How far the sound is. A busy machine lets it fall behind the clock, and then the caller waits with it."""
        return self._at_ms

    @property
    def _sound_ms(self) -> float:
        """Where in the 20 ms of the last step this moment is; on a late machine at their end."""
        return min(self.line.now_ms, self._at_ms + sound.FRAME_MS)

    @property
    def quiet_ms(self) -> float | None:
        return None if self._sounded_ms is None else max(0.0, self.now_ms - self._sounded_ms)

    @property
    def last_word(self) -> Moment:
        return self._last_word

    @property
    def is_speaking(self) -> bool:
        return bool(self.mouth.pending)

    def say(self, speech: bytes, text: str) -> None:
        self.line.tell("say", text)
        self.mouth = Mouth(bytearray(speech), text)

    def press(self, digit: str) -> None:
        self.line.tell("dtmf", digit)
        self.line.result.keys.append((self.line.now_ms, digit))
        self._last_word = Moment(self.now_ms, self.heard_ms)
        self._send("dtmf", self.writer.dtmf(digit))

    # The life of the connection.

    async def run(self, script: Script) -> None:
        """Stream until the server closes or the caller hangs up; never raises for what the server does."""
        self.line.result.streams.append(self.record)
        try:
            async with await self._open() as socket:
                try:
                    await self._converse(socket, script)
                except asyncio.CancelledError:
                    await self._led_away(socket)
                    raise
        except Rejected as error:
            self.record.handshake_status, self.record.error = error.status, str(error)
            if error.is_violation:
                self.line.blame(str(error))
            self.line.tell("stream-error", str(error))
            self.notify("stream-error", str(error))
        finally:
            self.record.ended_ms = self.line.now_ms
            self.record.unplayed_bytes = len(self.playback.buffer)

    async def _led_away(self, socket: ClientConnection) -> None:
        """The call goes on with another document, as REST wants it: the stream stops, what was not played is lost."""
        self.record.sent["stop"] += 1
        with contextlib.suppress(ConnectionClosed):
            await socket.send(self.writer.stop())
        self.notify("stream-stopped", "")

    async def _open(self) -> ClientConnection:
        signature = self._signature(self.target.url)
        return await open_socket(self.road, self.target.url, signature, self.faults.subprotocols)

    def _signature(self, url: str) -> dict[str, str]:
        if self.faults.upgrade_signature == "none":
            return {}
        right = self.faults.upgrade_signature == "right"
        return (self.signer if right else Signer("not the token of this account")).headers(url, {})

    async def _converse(self, socket: ClientConnection, script: Script) -> None:
        self.record.handshake_status = 101
        self._begin()
        self.notify("stream-started", "")
        async with asyncio.TaskGroup() as group:
            jobs = [self._write(socket), self._pace(socket), self._follow(script)]
            if self.faults.second_socket:
                jobs.append(self._open_second())
            helpers = [group.create_task(job) for job in jobs]
            await self._read(socket)
            for helper in helpers:
                helper.cancel()
        await self._end(socket)

    def _begin(self) -> None:
        self._put(self.writer.connected())
        for frame in self.faults.before_start:
            self._put(self._filled_in(frame))
        if not self.faults.never_starts:
            self._send("start", self._start_message(self.writer))
        self._started_ms = self._at_ms = self.record.started_ms = self.line.now_ms
        self._last_word = Moment(self._at_ms, 0.0)
        self.line.tell("start", self.record.stream_sid)
        if self.faults.unknown_event:
            self._send("unknown", self.writer.unknown())

    def _start_message(self, writer: messages.Writer) -> str:
        parameters = dict(self.target.parameters) if self.faults.parameters else {}
        if self.faults.token is not None:
            parameters["token"] = self.faults.token
        return writer.start(parameters, self.faults.media_format or messages.MEDIA_FORMAT)

    async def _end(self, socket: ClientConnection) -> None:
        self.record.close_code, self.record.close_reason = socket.close_code, socket.close_reason or ""
        if not self.line.receiver_down and self.record.close_code not in NORMAL_CLOSES:
            self.record.error = f"31921 close error: {self.record.close_code} {self.record.close_reason}".strip()
            self.line.tell("stream-error", self.record.error)
            self.notify("stream-error", self.record.error)
        self.line.tell("stream-stopped", f"{self.record.close_code} {self.record.close_reason}".strip())
        self.notify("stream-stopped", "")

    async def _follow(self, script: Script) -> None:
        with contextlib.suppress(HungUp):
            await script.run(self)

    async def _open_second(self) -> None:
        """Connect again with the same token, and see what the server does about it."""
        await self.line.tick_at(self.line.now_ms + SECOND_SOCKET_AFTER_MS)
        writer = messages.Writer(self.writer.account_sid, self.writer.call_sid, "MZ" + secrets.token_hex(16))
        try:
            async with await self._open() as socket:
                with contextlib.suppress(ConnectionClosed, TimeoutError):
                    async with asyncio.timeout(SECOND_SOCKET_SECONDS):
                        await socket.send(writer.connected())
                        await socket.send(self._start_message(writer))
                        while True:
                            await socket.recv()
                self.line.result.second_socket_close = socket.close_code
        except Rejected as error:
            self.line.result.second_socket_close = error.status

    # To the server.

    def _send(self, kind: str, message: str) -> None:
        self.record.sent[kind] += 1
        self._put(message)

    def _put(self, message: str | bytes) -> None:
        self._outbox.put_nowait(message)

    def _filled_in(self, frame: str | bytes) -> str | bytes:
        return frame if isinstance(frame, bytes) else frame.replace("STREAM_SID", self.record.stream_sid)

    async def _write(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while (message := await self._outbox.get()) is not None:
                await socket.send(message)
            await socket.close()

    async def _pace(self, socket: ClientConnection) -> None:
        """One step every 20 ms of the stream's own time; a late step is made up for, so nothing drifts."""
        for number in count():
            due_ms = self._started_ms + number * sound.FRAME_MS
            await self.line.tick_at(due_ms)
            self._at_ms = due_ms
            if self._is_led_away(number * sound.FRAME_MS):
                self.was_led_away = True
                break
            if self._freezes(number * sound.FRAME_MS):
                self._is_frozen = True
                socket.transport.pause_reading()
            self.record.latest_ms = max(self.record.latest_ms, self.line.now_ms - due_ms)
            self._play(number * sound.FRAME_MS)
            if number * sound.FRAME_MS >= self.first_timestamp:
                self._listen(number * sound.FRAME_MS)
            if self._is_over(number * sound.FRAME_MS):
                self.line.hang_up()
            if self.line.receiver_down:
                break
        self._leave(socket)
        # The reader sees the close and ends this task; a server that does not even read is cut off.
        await asyncio.sleep(CLOSE_SECONDS)
        socket.transport.abort()

    def _leave(self, socket: ClientConnection) -> None:
        if self.faults.hang_up_how == "reset":
            socket.transport.abort()
            return
        if self.faults.hang_up_how == "stop":
            self._send("stop", self.writer.stop())
        self._outbox.put_nowait(None)

    def _is_led_away(self, now_ms: int) -> bool:
        is_first = self.line.result.streams[0] is self.record
        return is_first and self.faults.led_away_ms is not None and now_ms >= self.faults.led_away_ms

    def _freezes(self, now_ms: int) -> bool:
        return not self._is_frozen and self.faults.freezes_ms is not None and now_ms >= self.faults.freezes_ms

    def _is_over(self, now_ms: int) -> bool:
        faults = self.faults
        if faults.hang_up_after_ms is not None and now_ms >= faults.hang_up_after_ms:
            return True
        if not faults.hang_up_on_first_audio or self._first_sound_ms is None:
            return False
        return self._started_ms + now_ms >= self._first_sound_ms + faults.hang_up_after_audio_ms

    def _play(self, at_ms: int) -> None:
        reached, chunk = self.playback.advance()
        for name in reached:
            self._echo(name, "played")
        if not chunk:
            return
        now = self._started_ms + at_ms
        self.line.hear(now, chunk, "stream")
        if sound.is_audible(chunk):
            self._sounded_ms = now + sound.FRAME_MS
            if self._first_sound_ms is None:
                self._first_sound_ms = now
                self.line.tell("first-audio", at_ms)

    def _listen(self, at_ms: int) -> None:
        """Send what the caller says or does not say in these 20 ms."""
        gap = self._gap(at_ms)
        if gap == "stopped" or self.faults.never_starts or self._is_frozen:
            return
        frame = self.mouth.take()
        if frame:
            self._note_speech(frame, at_ms)
        if gap == "lost":
            return
        if self.faults.noise:
            self._put(self._filled_in(next(self._noise)))
        message = self.writer.media(frame.ljust(sound.FRAME_BYTES, QUIET_FRAME[:1]), self._timestamp(at_ms))
        if gap == "late":
            self._late.append(message)
            return
        for held in self._late:
            self._send("media", held)
        self._late.clear()
        self._send("media", message)

    def _timestamp(self, at_ms: int) -> int:
        """Milliseconds since the stream began; the first one is not 0, and not a multiple of 20 either."""
        first_frame = -(-self.first_timestamp // sound.FRAME_MS) * sound.FRAME_MS
        return self.first_timestamp + at_ms - first_frame

    def _gap(self, at_ms: int) -> str | None:
        for gap in self.faults.gaps:
            since = 0.0 if gap.since == "start" else self._first_word_ms
            if since is not None and since + gap.at_ms <= at_ms < since + gap.at_ms + gap.for_ms:
                return gap.kind
        return None

    def _note_speech(self, frame: bytes, at_ms: int) -> None:
        now = round(self._started_ms) + at_ms
        self.line.speak(now, frame)
        if sound.is_audible(frame):
            if self._first_word_ms is None:
                self._first_word_ms = at_ms
            if self.mouth.start_ms is None:
                self.mouth.start_ms = now
                self.mouth.over_agent = self._agent_is_talking()
            self.mouth.end_ms = now + sound.FRAME_MS
        if not self.mouth.pending:
            self._last_word = Moment(now + sound.FRAME_MS, self.heard_ms)
        if not self.mouth.pending and self.mouth.start_ms is not None and self.mouth.end_ms is not None:
            speech = Speech(self.mouth.text, self.mouth.start_ms, self.mouth.end_ms, self.mouth.over_agent)
            self.line.result.speeches.append(speech)

    def _agent_is_talking(self) -> bool:
        return not self.playback.is_idle and self.quiet_ms is not None and self.quiet_ms < PAUSE_MS

    # From the server.

    async def _read(self, socket: ClientConnection) -> None:
        if self.faults.deaf_ms:
            await self.line.tick_at(self.line.now_ms + self.faults.deaf_ms)
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = await socket.recv()
                try:
                    message = messages.understand(frame, self.record.stream_sid)
                except messages.Refused as error:
                    self.line.blame(str(error))
                else:
                    self._obey(message)

    def _obey(self, message: messages.Media | messages.Mark | messages.Clear) -> None:
        self.record.received[type(message).__name__.lower()] += 1
        match message:
            case messages.Media(payload):
                if not self.playback.media(payload):
                    self.line.blame("31931 media discarded: more than 10 minutes are waiting")
            case messages.Mark(name):
                self._marked_ms.append(self.line.now_ms)
                if not self.playback.mark(name):
                    self._echo(name, "empty")
            case messages.Clear():
                dropped, names = self.playback.clear()
                self.line.result.clears.append(Clear(self._sound_ms, dropped))
                self.line.tell("clear", dropped)
                for name in names:
                    self._echo(name, "cleared")

    def _echo(self, name: str, how: Literal["played", "empty", "cleared"]) -> None:
        # Marks come back in the order in which they were sent, whatever the reason.
        self.line.result.marks.append(Mark(name, self._marked_ms.popleft(), self.line.now_ms, how))
        if self.faults.mark_echo:
            self._send("mark", self.writer.mark(name))
