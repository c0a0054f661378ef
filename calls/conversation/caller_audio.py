"""The caller's sound on its way to OpenAI: held until the session is ready, and never with holes.

OpenAI's turn detection counts time in the sound that it receives. Sound that Twilio lost, or that stops in the middle
of a word, would therefore keep a turn open for ever; silence of the same length takes its place.
"""

from collections import deque

from calls.audio import BYTES_PER_MS, payload_bytes, silence_payload
from calls.realtime.wire import AppendAudio

HOLD_BYTES = 2000 * BYTES_PER_MS
SMALLEST_GAP_MS = 60  # less is the jitter of Twilio's own clock
LONGEST_GAP_MS = 10_000
STALL = 0.75
STALL_SILENCE_MS = 1000


class CallerAudio:
    def __init__(self) -> None:
        self.is_speaking = False
        self.dropped = 0
        self.padded_ms = 0
        self.stall_at: float | None = None
        self._stalled_ms = 0
        self._held: deque[AppendAudio] | None = deque()
        self._held_bytes = 0
        self._next_ms: float | None = None  # the timestamp at which the next sound should begin

    def receive(self, payload: str, timestamp_ms: int | None, now: float) -> list[AppendAudio]:
        """What to send on for one media message: it, and the silence that stands for what was lost before it."""
        length = payload_bytes(payload)
        sounds = []
        if timestamp_ms is not None:
            if self._next_ms is not None and (gap := timestamp_ms - self._next_ms) >= SMALLEST_GAP_MS:
                sounds.append(self._silence(min(int(gap), LONGEST_GAP_MS)))
                self._next_ms = timestamp_ms
            elif self._next_ms is None:
                self._next_ms = timestamp_ms
        if self._next_ms is not None:
            self._next_ms += length / BYTES_PER_MS
        sounds.append(AppendAudio(payload))
        self.stall_at = now + STALL if self.is_speaking else None
        self._stalled_ms = 0
        return sounds if self._held is None else self._hold(sounds)

    def release(self) -> list[AppendAudio]:
        """The session is ready: what was held, oldest first; from now on nothing is held."""
        held, self._held = list(self._held or ()), None
        return held

    def speaking(self, is_speaking: bool, now: float) -> None:
        self.is_speaking = is_speaking
        self.stall_at = now + STALL if is_speaking else None

    def stalled(self, now: float) -> list[AppendAudio]:
        """To be called at `stall_at`: the silence that lets a turn end whose sound has stopped coming.

        It comes second by second, since some turn detections wait longer than one.
        """
        if self.stall_at is None or now < self.stall_at:
            return []
        self._stalled_ms += STALL_SILENCE_MS
        self.stall_at = now + STALL_SILENCE_MS / 1000 if self._stalled_ms < LONGEST_GAP_MS else None
        if self._next_ms is not None:
            self._next_ms += STALL_SILENCE_MS
        return [self._silence(STALL_SILENCE_MS)]

    def _silence(self, ms: int) -> AppendAudio:
        self.padded_ms += ms
        return AppendAudio(silence_payload(ms))

    def _hold(self, sounds: list[AppendAudio]) -> list[AppendAudio]:
        assert self._held is not None
        for sound in sounds:
            self._held.append(sound)
            self._held_bytes += payload_bytes(sound.payload)
        while self._held_bytes > HOLD_BYTES and len(self._held) > 1:
            self._held_bytes -= payload_bytes(self._held.popleft().payload)
            self.dropped += 1
        return []
