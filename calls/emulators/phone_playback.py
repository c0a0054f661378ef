"""Twilio's buffer of what the server wants played: bytes in order, marks as positions between them."""

from collections import deque
from dataclasses import dataclass, field

from calls.emulators import sound

# "Any size, up to 10 minutes"; more is discarded with warning 31931.
CAPACITY = 10 * 60 * sound.SAMPLE_RATE


@dataclass(slots=True)
class Playback:
    """Feed it messages, ask it for 20 ms at a time; it knows no clock."""

    buffer: bytearray = field(default_factory=bytearray)
    waiting: deque[tuple[int, str]] = field(default_factory=deque)
    queued: int = 0  # bytes ever accepted
    played: int = 0  # bytes that have left the loudspeaker, or were dropped
    playing: int = 0  # bytes that the loudspeaker is at
    heard: int = 0  # bytes that the loudspeaker was ever given, the dropped ones not among them

    @property
    def is_idle(self) -> bool:
        return not self.buffer and not self.playing

    def media(self, payload: bytes) -> bool:
        """Queue sound; False when the buffer is full and it is discarded."""
        if len(self.buffer) + len(payload) > CAPACITY:
            return False
        self.buffer += payload
        self.queued += len(payload)
        return True

    def mark(self, name: str) -> bool:
        """Remember a mark; False when nothing is queued before it, so that it is answered at once."""
        if self.is_idle and not self.waiting:
            return False
        self.waiting.append((self.queued, name))
        return True

    def clear(self) -> tuple[int, list[str]]:
        """Drop what was not played; gives the number of bytes and the marks that come back for it."""
        dropped = len(self.buffer)
        self.buffer.clear()
        self.played = self.queued
        self.playing = 0
        names = [name for _, name in self.waiting]
        self.waiting.clear()
        return dropped, names

    def advance(self) -> tuple[list[str], bytes]:
        """Go on by 20 ms: the marks that were reached, and the sound that is heard now."""
        self.played += self.playing
        reached = []
        while self.waiting and self.waiting[0][0] <= self.played:
            reached.append(self.waiting.popleft()[1])
        chunk = bytes(self.buffer[: sound.FRAME_BYTES])
        del self.buffer[: sound.FRAME_BYTES]
        self.playing = len(chunk)
        self.heard += len(chunk)
        return reached, chunk
