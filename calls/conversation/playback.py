"""What was sent to the caller and how much of it was heard.

Twilio plays what it is sent as one queue of mu-law, 8 bytes a millisecond, and echoes each mark when everything before
it was played. Marks are the truth; between two of them the clock fills in, never beyond what was sent. After a `clear`
Twilio echoes the outstanding marks too: their generation is over by then, so they count for nothing.
"""

from dataclasses import dataclass

from calls.audio import BYTES_PER_MS

BYTES_PER_SECOND = BYTES_PER_MS * 1000
CLIP = "clip"
MARK_GRACE = 2.0
"""Seconds after which an outstanding mark is given up: some clients never echo one."""


@dataclass(slots=True)
class Part:
    """One content part of one item of the agent: its bytes, and the stretch of the queue that holds them."""

    item_id: str
    content_index: int
    start: int
    end: int
    received: int = 0
    is_finished: bool = False

    def heard(self, position: int) -> int:
        """Bytes of it that were played when the queue has been played up to `position`."""
        return max(0, min(self.received, position - self.start))


@dataclass(frozen=True, slots=True)
class Cut:
    """A part that the caller interrupted: `heard_ms` of its `received_ms` were played, and `is_whole` when no more
    sound of it was to come."""

    item_id: str
    content_index: int
    heard_ms: int
    received_ms: int
    is_whole: bool

    @property
    def total_ms(self) -> int | None:
        """How long all of it takes to say; None where that is not known yet."""
        return self.received_ms if self.is_whole else None


class Playback:
    def __init__(self) -> None:
        self.generation = 0
        self._sent = 0
        # The last moment at which the played position was known, and that position.
        self._known_at = 0.0
        self._known = 0
        self._marks: dict[str, int] = {}
        self._parts: dict[tuple[str, int], Part] = {}

    def send(self, item_id: str, content_index: int, length: int, now: float) -> str:
        """Count `length` bytes that go to the caller now; returns the name of the mark to send behind them."""
        if self.position(now) >= self._sent:
            self._ran_dry(now)
        part = self._parts.get((item_id, content_index))
        if part is None:
            part = self._parts[item_id, content_index] = Part(item_id, content_index, self._sent, self._sent)
        self._sent += length
        part.received += length
        part.end = self._sent
        name = f"{self.generation}:{item_id}:{content_index}:{part.received}"
        self._marks[name] = self._sent
        return name

    def finish(self, item_id: str, content_index: int) -> None:
        """No more sound will come for this part."""
        if part := self._parts.get((item_id, content_index)):
            part.is_finished = True

    def finish_all(self) -> list[Part]:
        """Nothing more will come: the parts that were not finished before."""
        unfinished = [part for part in self._parts.values() if not part.is_finished and part.item_id != CLIP]
        for part in unfinished:
            part.is_finished = True
        return unfinished

    def acknowledge(self, name: str, now: float) -> None:
        """A mark came back; one of an earlier generation, or a stranger's, changes nothing."""
        position = self._marks.pop(name, None)
        if position is None:
            return
        self._known, self._known_at = max(position, self._known), now
        for earlier in [other for other, at in self._marks.items() if at <= position]:
            del self._marks[earlier]
        self._forget_played(self._known)

    def position(self, now: float) -> int:
        """How far the queue has been played, in bytes since the first."""
        return min(self._known + int((now - self._known_at) * BYTES_PER_SECOND), self._sent)

    def ahead(self, now: float) -> int:
        """Bytes that were sent and not yet played."""
        return self._sent - self.position(now)

    @property
    def pieces(self) -> int:
        """How many marks are out."""
        return len(self._marks)

    def ends_at(self) -> float:
        """When the queue runs dry if nothing is added."""
        return self._known_at + (self._sent - self._known) / BYTES_PER_SECOND

    def is_playing(self, now: float) -> bool:
        """Whether the caller still has something of ours to hear."""
        return bool(self._marks) and now < self.ends_at() + MARK_GRACE

    def _ran_dry(self, now: float) -> None:
        """Everything was played by the clock: what comes plays at once, and marks overdue by far are given up."""
        if now >= self.ends_at() + MARK_GRACE:
            self._marks.clear()
            self._forget_played(self._sent)
        self._known, self._known_at = self._sent, now

    def _forget_played(self, position: int) -> None:
        for key in [key for key, part in self._parts.items() if part.is_finished and part.end <= position]:
            del self._parts[key]

    def interrupt(self, now: float) -> list[Cut]:
        """The queue is dropped at this moment. Returns what was cut, in order; a clip of ours is no item."""
        position = self.position(now)
        cuts = [
            Cut(
                part.item_id,
                part.content_index,
                heard_ms=part.heard(position) // BYTES_PER_MS,
                received_ms=part.received // BYTES_PER_MS,
                is_whole=part.is_finished,
            )
            for part in self._parts.values()
            if part.item_id != CLIP and not (part.is_finished and part.heard(position) >= part.received)
        ]
        self.generation += 1
        self._marks.clear()
        self._parts.clear()
        self._known, self._known_at = self._sent, now
        return cuts
