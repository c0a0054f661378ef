"""The caller's sound on its way to OpenAI: held until the session is ready, and never with holes.

What was said when a session was lost, and was not understood yet, is held for the next one too.

OpenAI's turn detection counts time in the sound that it receives. Sound that Twilio lost, or that stops in the middle
of a word, would therefore keep a turn open for ever; silence of the same length takes its place.
"""

from collections import deque
from collections.abc import Iterable

from calls.audio import BYTES_PER_MS, payload_bytes, silence_payload
from calls.realtime.wire import AppendAudio

HOLD_BYTES = 2000 * BYTES_PER_MS
TURN_BYTES = 4800 * BYTES_PER_MS  # of a turn that a session was lost in; the way out takes five seconds at once
PREROLL_BYTES = 600 * BYTES_PER_MS  # before OpenAI noticed that the caller speaks
SMALLEST_GAP_MS = 60  # less is the jitter of Twilio's own clock
LONGEST_GAP_MS = 10_000
STALL = 0.75
STALL_SILENCE_MS = 1000


class CallerAudio:
    def __init__(self) -> None:
        self.is_speaking = False
        self.dropped = 0
        self.padded_ms = 0
        self.lost_ms = 0
        """Sound that Twilio's clock counts and that never came; what was only late is none of it."""
        self.stall_at: float | None = None
        self._stalled_ms = 0
        self.is_turn_open = False
        """Whether the caller has said something that was neither written down nor answered yet."""
        self._recent = _Sounds(PREROLL_BYTES)
        self._held: _Sounds | None = _Sounds(HOLD_BYTES)
        self._next_ms: float | None = None  # the timestamp at which the next sound should begin

    def receive(self, payload: str, timestamp_ms: int | None, now: float) -> list[AppendAudio]:
        """What to send on for one media message: it, and the silence that stands for what was lost before it."""
        length = payload_bytes(payload)
        sounds = []
        if timestamp_ms is not None:
            self.lost_ms += self._lost_before(timestamp_ms)
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
        return self._pass_on(sounds)

    def _lost_before(self, timestamp_ms: int) -> int:
        """How much is missing before this sound: a stall that Twilio's clock has counted too, and any gap behind it."""
        if self._next_ms is None:
            return 0
        missing = int(timestamp_ms - self._next_ms) + self._stalled_ms
        return missing if missing >= SMALLEST_GAP_MS else 0

    def release(self) -> list[AppendAudio]:
        """The session is ready: what was held, oldest first; from now on nothing is held."""
        sounds = self._held.take() if self._held is not None else []
        self._held = None
        self._recent.extend(sounds)
        return sounds

    def hold(self) -> None:
        """The session is lost: hold what comes, behind a turn that was not understood."""
        self.is_speaking, self.stall_at = False, None
        if self._held is None:
            self._held = _Sounds(TURN_BYTES)
            if self.is_turn_open:
                self._held.extend(self._recent.take())

    def speaking(self, is_speaking: bool, now: float) -> None:
        self.is_speaking = is_speaking
        self.stall_at = now + STALL if is_speaking else None
        if is_speaking:
            self.is_turn_open = True
            self._recent.limit = TURN_BYTES

    def understood(self) -> None:
        """The caller's words are known, or answered: nobody needs their sound any more."""
        if not self.is_speaking:
            self.is_turn_open = False
            self._recent.limit = PREROLL_BYTES

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
        return self._pass_on([self._silence(STALL_SILENCE_MS)])

    def _silence(self, ms: int) -> AppendAudio:
        self.padded_ms += ms
        return AppendAudio(silence_payload(ms))

    def _pass_on(self, sounds: list[AppendAudio]) -> list[AppendAudio]:
        if self._held is None:
            self._recent.extend(sounds)
            return sounds
        self.dropped += self._held.extend(sounds)
        return []


class _Sounds:
    """The newest sounds, so many bytes of mu-law at most."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._sounds: deque[AppendAudio] = deque()
        self._bytes = 0

    def extend(self, sounds: Iterable[AppendAudio]) -> int:
        """How many were dropped for it."""
        dropped = 0
        for sound in sounds:
            self._sounds.append(sound)
            self._bytes += payload_bytes(sound.payload)
        while self._bytes > self.limit and len(self._sounds) > 1:
            self._bytes -= payload_bytes(self._sounds.popleft().payload)
            dropped += 1
        return dropped

    def take(self) -> list[AppendAudio]:
        taken = list(self._sounds)
        self._sounds.clear()
        self._bytes = 0
        return taken
