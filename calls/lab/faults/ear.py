"""What the caller's ear received, measured as house rules have it: fillers end a silence, but recover nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from calls.emulators import sound
from calls.emulators.phone_result import PAUSE_MS, CallResult
from calls.relay import clips


@dataclass(frozen=True, slots=True)
class Sound:
    """Audible sound without a pause, in ms since the ring; `is_filler`: a clip that only keeps company."""

    begin: int
    end: int
    is_filler: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """From the moment `since` (ms since the ring) the caller waited for the agent, a person or a voicemail."""

    since: int
    first_sound_ms: int
    longest_silence_ms: int
    recovered_ms: int | None  # None: neither recovered nor handed over before the call ended


class Ear:
    def __init__(self, result: CallResult) -> None:
        self._result = result

    @cached_property
    def sounds(self) -> list[Sound]:
        """What was heard, each run of one kind as one sound."""
        merged: list[Sound] = []
        for frame in sorted(self._frames(), key=lambda frame: frame.begin):
            last = merged[-1] if merged else None
            if last and last.is_filler == frame.is_filler and frame.begin - last.end <= sound.FRAME_MS:
                merged[-1] = Sound(last.begin, max(last.end, frame.end), last.is_filler)
            else:
                merged.append(frame)
        return merged

    def waits(self, broken_off: bool = False) -> list[Wait]:
        """Every time that the caller was owed a sound. `broken_off`: the fault cut the agent's first words after the
        last thing that the caller said, so the wait for the rest counts from where they stopped."""
        owed = [*self._owed()]
        if broken_off and (stopped := self._stopped(max(owed, default=0))) is not None:
            owed.append(stopped)
        return [wait for since in owed if (wait := self._wait(since)) is not None]

    def _frames(self) -> Iterator[Sound]:
        fillers = _filler_frames()
        for piece in self._result.ear:
            for number, frame in enumerate(sound.frames(piece.payload)):
                if sound.is_audible(frame):
                    begin = piece.at_ms + number * sound.FRAME_MS
                    yield Sound(begin, begin + sound.FRAME_MS, piece.source == "stream" and frame in fillers)

    def _owed(self) -> Iterator[int]:
        result = self._result
        yield from (round(stream.started_ms) for stream in result.streams[:1] if stream.started_ms is not None)
        if not result.streams:
            yield self._answered()
        yield from (speech.end_ms for speech in result.speeches)

    def _answered(self) -> int:
        """When the first webhook had been answered: a call without a stream begins to be silent there."""
        return round(next((e.at_ms + e.took_ms * self._result.rate for e in self._result.http if e.status == 200), 0))

    def _stopped(self, since: int) -> int | None:
        words = [heard for heard in self.sounds if heard.begin >= since and not heard.is_filler]
        pauses = (one.end for one, other in pairwise(words) if other.begin - one.end > PAUSE_MS)
        return next(pauses, None)

    def _wait(self, since: int) -> Wait | None:
        """None where nothing was waited for any more: the caller spoke again or hung up before PAUSE_MS had passed."""
        until = min(
            [speech.start_ms for speech in self._result.speeches if speech.start_ms > since]
            + [round(self._result.ended_ms)]
        )
        silences, moment, first, recovered = [], since, None, None
        for heard in self.sounds:
            if heard.end <= moment or heard.begin >= until:
                continue
            silences.append(max(0, heard.begin - moment))
            first = heard.begin if first is None else first
            moment = heard.end
            if not heard.is_filler:
                recovered = max(0, heard.begin - since)
                break
        else:
            silences.append(max(0, until - moment))
        if recovered is None and until - since <= PAUSE_MS:
            return None
        return Wait(since, max(0, (until if first is None else first) - since), max(silences), recovered)


def _filler_frames() -> frozenset[bytes]:
    return frozenset(
        frame
        for name in clips.FILLERS
        for frame in sound.frames((clips.FOLDER / f"{name}.ulaw").read_bytes())
        if sound.is_audible(frame)
    )
