"""Hearing the caller: the input audio buffer and the detectors of speech in it.

The only clock here is the audio that was received; nothing happens while nothing is sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from calls.emulators import realtime_audio

WINDOW_MS = 20
ATTACK_MS = 60
# The vendor's threshold is a probability; here it is a place on this scale of levels.
QUIETEST_DBOV, LOUDEST_DBOV = -60.0, -20.0
# A model judges the end of a turn in semantic_vad; an eager one waits less.
SEMANTIC_SILENCE_MS = {"low": 1500, "medium": 800, "auto": 800, "high": 400}


@dataclass(frozen=True, slots=True)
class Started:
    ms: int


@dataclass(frozen=True, slots=True)
class Stopped:
    ms: int


class Detector(Protocol):
    speaking: bool

    def hear(self, level: float, end_ms: int) -> Started | Stopped | None:
        """Take the level of the window that ends at `end_ms`; tell when speech begins or ends."""

    def reset(self, now_ms: int) -> None:
        """Forget speech in progress: the buffer was committed or cleared."""


class EnergyDetector:
    """Speech is what is loud."""

    def __init__(self, *, threshold: float, prefix_ms: int, silence_ms: int, now_ms: int = 0) -> None:
        self._least_dbov = QUIETEST_DBOV + threshold * (LOUDEST_DBOV - QUIETEST_DBOV)
        self._prefix_ms = prefix_ms
        self._silence_ms = silence_ms
        self.reset(now_ms)

    def reset(self, now_ms: int) -> None:
        self.speaking = False
        self._loud_ms = 0
        self._quiet_ms = 0
        self._earliest_ms = now_ms

    def hear(self, level: float, end_ms: int) -> Started | Stopped | None:
        loud = level >= self._least_dbov
        if self.speaking:
            return self._hear_in_speech(loud, end_ms)
        self._loud_ms = self._loud_ms + WINDOW_MS if loud else 0
        if self._loud_ms < ATTACK_MS:
            return None
        self.speaking, self._quiet_ms = True, 0
        return Started(max(self._earliest_ms, end_ms - self._loud_ms - self._prefix_ms))

    def _hear_in_speech(self, loud: bool, end_ms: int) -> Stopped | None:
        self._quiet_ms = 0 if loud else self._quiet_ms + WINDOW_MS
        if self._quiet_ms < max(self._silence_ms, WINDOW_MS):
            return None
        self.reset(end_ms)
        return Stopped(end_ms)


class ScriptedDetector:
    """Speech is where a test says so, whatever is sent."""

    def __init__(self, spans: Sequence[tuple[int, int]], *, now_ms: int = 0) -> None:
        self._spans = [span for span in spans if span[0] >= now_ms]
        self.speaking = False

    def reset(self, now_ms: int) -> None:
        if self.speaking:
            self._spans.pop(0)
        self.speaking = False

    def hear(self, level: float, end_ms: int) -> Started | Stopped | None:
        if not self._spans:
            return None
        start, stop = self._spans[0]
        if self.speaking and stop <= end_ms:
            self.reset(end_ms)
            return Stopped(stop)
        if not self.speaking and start <= end_ms:
            self.speaking = True
            return Started(start)
        return None


def detector(turn_detection: Mapping[str, Any] | None, *, now_ms: int) -> EnergyDetector | None:
    """The detector that the session asks for."""
    if turn_detection is None:
        return None
    if turn_detection["type"] == "semantic_vad":
        silence_ms = SEMANTIC_SILENCE_MS[turn_detection["eagerness"]]
        return EnergyDetector(threshold=0.5, prefix_ms=300, silence_ms=silence_ms, now_ms=now_ms)
    return EnergyDetector(
        threshold=turn_detection["threshold"],
        prefix_ms=turn_detection["prefix_padding_ms"],
        silence_ms=turn_detection["silence_duration_ms"],
        now_ms=now_ms,
    )


class InputBuffer:
    """The received audio since the last commit, and the clock that it drives."""

    KEPT_SILENCE_MS = 1_000

    def __init__(self) -> None:
        self.kind = "audio/pcm"
        self.audio = bytearray()
        self.clock_ms = 0
        self._heard = 0

    def append(self, payload: bytes) -> Iterator[float]:
        """Yield the level of each whole window; `clock_ms` is then the end of that window."""
        self.audio += payload
        size = WINDOW_MS * realtime_audio.BYTES_PER_MS[self.kind]
        while len(self.audio) - self._heard >= size:
            window = bytes(self.audio[self._heard : self._heard + size])
            self._heard += size
            self.clock_ms += WINDOW_MS
            yield realtime_audio.level(self.kind, window)

    def change_format(self, kind: str) -> None:
        if kind != self.kind:
            self.kind = kind
            self._heard = len(self.audio)

    def forget_silence(self, keep_ms: int) -> None:
        """Drop what precedes speech by more than the padding, as nobody will ever hear it."""
        keep = max(keep_ms, self.KEPT_SILENCE_MS) * realtime_audio.BYTES_PER_MS[self.kind]
        surplus = min(len(self.audio) - keep, self._heard)
        # In large steps, so that a long silence does not move the buffer with every frame.
        if surplus > keep:
            del self.audio[:surplus]
            self._heard -= surplus

    @property
    def duration_ms(self) -> int:
        return realtime_audio.duration_ms(self.kind, self.audio)

    def take_heard(self) -> bytes:
        """Take what was heard so far; the rest of a long frame stays."""
        taken = bytes(self.audio[: self._heard])
        del self.audio[: self._heard]
        self._heard = 0
        return taken

    def take_all(self) -> bytes:
        """Empty the buffer."""
        self.clock_ms += realtime_audio.duration_ms(self.kind, self.audio[self._heard :])
        self._heard = len(self.audio)
        return self.take_heard()
