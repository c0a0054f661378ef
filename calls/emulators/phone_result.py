"""What an emulated call left behind: everything that was heard and said, with times, and what follows from it.

All times are milliseconds of the call since the ring; with a `rate` of 5 one of them lasts a fifth of a real one.
`heard` and the measured figures count from the `start` message of the first stream.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from calls.emulators import sound

Source = Literal["stream", "say", "play", "beep", "callee"]
# Between two sounds of one utterance; a longer quiet ends it.
PAUSE_MS = 400


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request of the emulator and its answer; status 0 when none came."""

    purpose: str
    method: str
    url: str
    fields: dict[str, str]
    status: int
    content_type: str
    body: str
    at_ms: float
    took_ms: float  # on the wall, not scaled


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound on one side of the line."""

    at_ms: int
    payload: bytes
    source: Source | Literal["caller"]

    @property
    def end_ms(self) -> int:
        return self.at_ms + sound.duration_ms(self.payload)


@dataclass(frozen=True, slots=True)
class Mark:
    name: str
    received_ms: float
    echoed_ms: float
    how: Literal["played", "empty", "cleared"]


@dataclass(frozen=True, slots=True)
class Clear:
    """`at_ms` is how far the sound was, as for all that is heard: on a busy machine it is behind the clock."""

    at_ms: float
    dropped_bytes: int


@dataclass(frozen=True, slots=True)
class Speech:
    """Something that the caller said, from the first to the last audible frame."""

    text: str
    start_ms: int
    end_ms: int
    over_agent: bool


@dataclass(frozen=True, slots=True)
class BargeIn:
    """The caller spoke over the agent; times count from his first audible frame.

    `clear_ms` is when `clear` came, if it came while he spoke or the agent went on. `quiet_ms` is when the agent had
    fallen silent: at the end of the last audible frame, or at `clear` where that came later. A caller may well begin in
    the pause between two words; that the agent was silent by chance until `clear` cut off the rest is no reaction in no
    time.
    """

    speech: Speech
    clear_ms: int | None
    quiet_ms: int


@dataclass(slots=True)
class StreamRecord:
    """One Media Stream: when it lived, what went over it, how it ended."""

    stream_sid: str
    url: str
    started_ms: float | None = None
    ended_ms: float | None = None
    handshake_status: int | None = None
    close_code: int | None = None
    close_reason: str = ""
    error: str = ""
    sent: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    unplayed_bytes: int = 0
    # The worst delay of a 20 ms step: what this machine, and not the server, may have added to a measurement.
    latest_ms: float = 0.0


@dataclass(slots=True)
class CallResult:
    """The record of one call; filled while it lasts."""

    call_sid: str
    rate: float = 1.0
    http: list[Exchange] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    streams: list[StreamRecord] = field(default_factory=list)
    ear: list[Piece] = field(default_factory=list)
    mouth: list[Piece] = field(default_factory=list)
    speeches: list[Speech] = field(default_factory=list)
    keys: list[tuple[float, str]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    clears: list[Clear] = field(default_factory=list)
    protocol_violations: list[str] = field(default_factory=list)
    legs: list["CallResult"] = field(default_factory=list)
    recordings: list[Piece] = field(default_factory=list)
    apology: bool = False
    completed: bool = False  # every step of the caller was performed
    # caller: hung up; server: the TwiML ended the call; apology: Twilio did; limit: the call was too long
    ended_by: Literal["", "caller", "server", "apology", "limit"] = ""
    status: str = "ringing"
    ended_ms: float = 0.0
    second_socket_close: int | None = None

    @property
    def stream_sid(self) -> str:
        return self.streams[0].stream_sid if self.streams else ""

    @property
    def start_ms(self) -> int | None:
        """When the first stream was started."""
        return next((round(s.started_ms) for s in self.streams if s.started_ms is not None), None)

    @property
    def heard(self) -> list[tuple[int, bytes]]:
        """What came over streams and was played, exactly as sent, with the time since start."""
        start = self.start_ms or 0
        return [(piece.at_ms - start, piece.payload) for piece in self.ear if piece.source == "stream"]

    @property
    def heard_audio(self) -> bytes:
        return b"".join(payload for _, payload in self.heard)

    @property
    def spoken(self) -> list[tuple[int, bytes]]:
        start = self.start_ms or 0
        return [(piece.at_ms - start, piece.payload) for piece in self.mouth]

    @property
    def first_audio_ms(self) -> int | None:
        """How long after start the caller heard the first sound."""
        start = self.start_ms
        if start is None:
            return None
        return next((at - start for at, _ in self._sounds() if at >= start), None)

    @property
    def longest_silence_ms(self) -> int:
        """The longest wait for a sound that the agent owed: after start, a speech, or a cleared answer."""
        sounds = list(self._sounds())
        waits = (self._wait(since, sounds) for since in self._owed())
        return max(waits, default=0)

    @property
    def barge_in_ms(self) -> list[int]:
        """For each time that the caller spoke over the agent: how long it took until the agent was silent for good.

        See BargeIn for what is measured. Never 0: the agent is heard, or cut off, after the caller's first word.
        """
        return [barge_in.quiet_ms for barge_in in self.barge_ins]

    @property
    def barge_ins(self) -> list[BargeIn]:
        """Without those where the agent had just ended by itself: nothing more was to be heard, nothing was cut off."""
        found = [self._barge_in(speech) for speech in self.speeches if speech.over_agent]
        return [barge_in for barge_in in found if barge_in.quiet_ms or barge_in.clear_ms is not None]

    def save_wav(self, path: Path | str) -> None:
        """Write the whole call as stereo, the caller left, what he heard right."""
        sound.write_wav(path, _track(self.mouth), _track(self.ear))

    def _sounds(self) -> Iterator[tuple[int, int]]:
        """Begin and end of every audible frame in the caller's ear."""
        for piece in self.ear:
            for number, frame in enumerate(sound.frames(piece.payload)):
                if sound.is_audible(frame):
                    at = piece.at_ms + number * sound.FRAME_MS
                    yield at, at + sound.FRAME_MS

    def _owed(self) -> Iterator[int]:
        if self.start_ms is not None:
            yield self.start_ms
        yield from (speech.end_ms for speech in self.speeches)
        for clear in self.clears:
            if clear.dropped_bytes and not any(s.start_ms <= clear.at_ms <= s.end_ms for s in self.speeches):
                yield round(clear.at_ms)

    def _wait(self, since: int, sounds: Iterable[tuple[int, int]]) -> int:
        answer = next((begin for begin, end in sounds if end > since), None)
        speech = next((speech.start_ms for speech in self.speeches if speech.start_ms > since), None)
        ends = [moment for moment in (answer, speech, round(self.ended_ms)) if moment is not None]
        return max(0, min(ends) - since)

    def _barge_in(self, speech: Speech) -> BargeIn:
        quiet = speech.start_ms
        for begin, end in self._sounds():
            if end > speech.start_ms and begin - quiet <= PAUSE_MS:
                quiet = end
        until = max(quiet, speech.end_ms) + PAUSE_MS
        clears = (round(c.at_ms) - speech.start_ms for c in self.clears if speech.start_ms <= c.at_ms <= until)
        clear_ms = next(clears, None)
        return BargeIn(speech, clear_ms, max(quiet - speech.start_ms, clear_ms or 0))


def _track(pieces: Iterable[Piece]) -> bytes:
    track = bytearray()
    for piece in sorted(pieces, key=lambda piece: piece.at_ms):
        at = piece.at_ms * sound.BYTES_PER_MS
        track.extend(bytes([sound.SILENCE]) * (at - len(track)))
        track[at : at + len(piece.payload)] = piece.payload
    return bytes(track)
