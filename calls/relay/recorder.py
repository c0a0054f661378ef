"""The recording of a call: one stereo WAV, the caller left, the agent right as heard, what was cut off left out.

Sound is gathered in memory for a few seconds and then appended to the file in a thread, so that a long call costs no
more memory than a short one, and a process that dies leaves a file that plays up to there.
"""

import asyncio
import struct
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

from calls.audio import BYTES_PER_MS, MULAW_TO_LINEAR, SILENCE
from calls.logs import CallLogger

RATE = BYTES_PER_MS * 1000
HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
LOW = bytes(sample & 0xFF for sample in MULAW_TO_LINEAR)
HIGH = bytes(sample >> 8 & 0xFF for sample in MULAW_TO_LINEAR)
EVERY = 5.0
JITTER = 60 * BYTES_PER_MS  # less than that is no gap in the caller's sound


class Recorder:
    """`began` is when the stream started, in seconds of the conversation's clock, as all `now` here."""

    def __init__(self, path: Path, began: float) -> None:
        self.path = path
        self._began = began
        self._until = float("inf")
        self._taken = 0  # how far the tracks were taken for the file, in samples
        self._left = bytearray()
        self._right = bytearray()

    def caller(self, payload: str, now: float) -> None:
        sound = b64decode(payload)
        gap = self._at(now) - len(sound) - self._taken - len(self._left)
        if gap > JITTER:
            self._left += bytes([SILENCE]) * gap
        self._left += sound

    def agent(self, payload: str, now: float) -> None:
        """Sound for the caller: it plays behind what is still playing."""
        self._pad(self._right, self._at(now) - self._taken)
        self._right += b64decode(payload)

    def stop(self, now: float) -> None:
        """The call is over; what comes later is not recorded."""
        self.clear(now)
        self._until = now

    def clear(self, now: float) -> None:
        """What has not been heard by now never will be."""
        del self._right[max(0, self._at(now) - self._taken) :]

    async def run(self, clock: Callable[[], float], is_over: asyncio.Event, log: CallLogger) -> bool:
        """Write every few seconds until the call is over. Whether the file holds the whole call."""
        try:
            while not is_over.is_set():
                waiting = asyncio.create_task(is_over.wait())
                await asyncio.wait({waiting}, timeout=EVERY)
                waiting.cancel()
                await asyncio.to_thread(self.write, self.take(clock()))
        except OSError as error:
            log.error("the recording cannot be written", extra={"error": type(error).__name__})
            return False
        return True

    def take(self, now: float) -> bytes:
        """What is settled by now, as 16-bit stereo; it is not given again."""
        length = max(0, self._at(now) - self._taken)
        tracks = []
        for track in (self._left, self._right):
            self._pad(track, length)
            tracks.append(bytes(track[:length]))
            del track[:length]
        self._taken += length
        return _interleaved(*tracks)

    def write(self, frames: bytes) -> None:
        """Append to the file; blocks. Raises OSError when it cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.path.exists():
            self.path.touch(mode=0o600)
            self.path.write_bytes(_header(0))
        with self.path.open("r+b") as file:
            file.seek(0, 2)
            file.write(frames)
            size = file.tell() - HEADER.size
            file.seek(0)
            file.write(_header(size))

    def _at(self, now: float) -> int:
        return int((min(now, self._until) - self._began) * RATE)

    @staticmethod
    def _pad(track: bytearray, length: int) -> None:
        track += bytes([SILENCE]) * max(0, length - len(track))


def _interleaved(left: bytes, right: bytes) -> bytes:
    frames = bytearray(4 * len(left))
    for offset, track in ((0, left), (2, right)):
        frames[offset::4] = track.translate(LOW)
        frames[offset + 1 :: 4] = track.translate(HIGH)
    return bytes(frames)


def _header(size: int) -> bytes:
    """Of a WAV with `size` bytes of 16-bit stereo at 8 kHz."""
    return HEADER.pack(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 2, RATE, RATE * 4, 4, 16, b"data", size)
