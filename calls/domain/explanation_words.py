"""Sentences that several rules need: how long something took, what was not heard, where the caller ended."""

from collections.abc import Iterator
from dataclasses import dataclass

from calls.domain.explanation_facts import Facts

CLIP_MS = 1200
"""About how long one of our clips sounds; the rows tell when it began."""
WORTH_TELLING_MS = 1500
NOTICED_MS = 2000


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which the caller heard nothing although somebody else had the word. `start_ms` counts from the ring."""

    start_ms: int
    ms: int
    because: str


def span(ms: int) -> str:
    """40 → "less than 0.1 s", 7400 → "7.4 s", 83000 → "1 min 23 s"."""
    if ms < 100:
        return "less than 0.1 s"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    return f"{ms // 60_000} min {ms // 1000 % 60} s"


def silences(facts: Facts) -> tuple[Silence, ...]:
    """In their order; what is shorter than a pause between two sentences is none."""
    fillers = [event.at_ms for event in facts.all("filler")]
    found = [
        Silence(start, end - start, because)
        for since, until, because in _waits(facts)
        for start, end in _pieces(since, until, fillers)
        if end - start >= WORTH_TELLING_MS
    ]
    return tuple(sorted(found, key=lambda silence: silence.start_ms))


def _waits(facts: Facts) -> Iterator[tuple[int, int, str]]:
    opening = opening_wait(facts)
    if opening:
        yield (*opening, "the agent had not spoken yet")
    for event in facts.all("answer"):
        yield event.at_ms - event.number("after_speech_ms"), event.at_ms, "the answer had not begun"
    for event in facts.all("sound_out"):
        yield event.at_ms - event.number("our_ms"), event.at_ms, "the sound was still in our server"
    spoke = facts.first("first_audio")
    for event in facts.all("gave_up_waiting"):
        if spoke:
            since = max(event.at_ms - event.number("waited_ms"), spoke.at_ms)
            yield since, event.at_ms, "the answer never came"


def opening_wait(facts: Facts) -> tuple[int, int] | None:
    """From when the caller was connected (with the stream, or before it where that was slow to open) until the agent's
    first sound, or the end of the wait for it."""
    began = facts.first("stream_started") or facts.first("twiml")
    if began is None or not facts.was_promised:
        return None
    since = began.at_ms - slow_stream_ms(facts)
    over = facts.first("first_audio") or facts.first("ended") or facts.first("handover", "voicemail")
    until = over.at_ms if over else facts.ended_ms
    return None if until is None or until < since else (since, until)


def slow_stream_ms(facts: Facts) -> int:
    """How long Twilio's stream took to open once it was promised; 0 where nobody noticed."""
    started = facts.first("stream_started")
    if started is None:
        return 0
    promised = [e.at_ms for e in facts.all("twiml") if e.text("answer") == "Answer" and e.at_ms <= started.at_ms]
    waited = started.at_ms - max(promised, default=started.at_ms)
    return waited if waited >= NOTICED_MS else 0


def _pieces(since: int, until: int, fillers: list[int]) -> Iterator[tuple[int, int]]:
    for filler in fillers:
        if since < filler < until:
            yield since, filler
            since = min(filler + CLIP_MS, until)
    yield since, until


def opening(facts: Facts) -> str:
    """What a caller met whom the agent never greeted, as the beginning of a sentence."""
    wait = opening_wait(facts)
    if wait is None or wait[1] - wait[0] < NOTICED_MS / 2:
        return "No agent answered the caller"
    length = span(wait[1] - wait[0])
    if facts.has("filler"):
        return f"The caller waited {length} and heard only a short clip asking for a moment"
    return f"The caller heard nothing for {length}"


def fate(facts: Facts) -> str:
    """What became of a caller who was to reach a person, as a sentence; blank where nobody was to."""
    if facts.end_reason == "transferred" or facts.reached_a_person:
        return "A person then took the call."
    if facts.recording_seconds is not None:
        return "The hand-over then reached your voicemail, and the caller left a message."
    if facts.has("voicemail"):
        return "The hand-over then reached your voicemail, and the caller left no message."
    if facts.has("dial_done") and facts.has("handover"):
        return "Nobody took the hand-over."
    missed = facts.first("answered_without_records")
    if facts.has("handover") or (missed and missed.text("answer") == "HandOver"):
        return "The call was then handed over; whether a person answered is not recorded."
    return ""


def told(what: str, facts: Facts) -> str:
    """A sentence and the caller's fate behind it."""
    return " ".join(filter(None, [f"{what}.", fate(facts)]))
