"""The waterfall of a call: what took how long, on the way to the first sound and in the whole call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from calls.domain.explanation_facts import Facts, Happened
from calls.domain.explanation_words import CLIP_MS, Silence, silences, span

MOST_TOOLS = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """From `start_ms` to `end_ms` since the ring; `whose` is twilio, server, openai, silence, caller or person."""

    start_ms: int
    end_ms: int
    whose: str


@dataclass(frozen=True, slots=True)
class Lane:
    label: str
    value: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    title: str
    start_ms: int
    end_ms: int
    lanes: tuple[Lane, ...]


def pictures(facts: Facts) -> tuple[Picture, ...]:
    """The way to the first sound, then the whole call; a picture without lanes is left out."""
    found = [_opening(facts), _whole(facts)]
    return tuple(picture for picture in found if picture.lanes and picture.end_ms > picture.start_ms)


# The way to the first sound


def _opening(facts: Facts) -> Picture:
    lanes = tuple(_steps(facts))
    end = max([bar.end_ms for lane in lanes for bar in lane.bars], default=0)
    return Picture("Until the first sound", 0, round(end * 1.03), lanes)


def _steps(facts: Facts) -> Iterator[Lane]:
    ring, answered = facts.first("webhook"), facts.first("twiml")
    started, opened = facts.first("stream_started"), facts.first("line_opened")
    ready, sound = facts.first("session_ready"), facts.first("first_audio")
    if ring and answered:
        yield _step("The ring is answered", ring, answered, "server")
    if started is None:
        return
    if answered:
        yield _step("Twilio opens the stream", answered, started, "twilio")
    if sound and sound.detail.get("kept"):
        yield _step("The kept greeting plays", started, sound, "server")
    over = facts.first("ended") or facts.events[-1]
    yield _step("OpenAI's socket opens", facts.first("line_connecting") or started, opened, "openai", over)
    if opened:
        yield _step("OpenAI confirms the session", opened, ready, "openai", over)
    if ready and not (sound and sound.detail.get("kept")):
        yield _step("The model's first word", ready, sound, "openai", over)
    first_ms = sound.at_ms if sound else over.at_ms
    yield from _quiet([silence for silence in silences(facts) if silence.start_ms < first_ms])


def _step(label: str, began: Happened, ended: Happened | None, whose: str, over: Happened | None = None) -> Lane:
    """A step that may never have `ended`: then it lasted until all was `over`."""
    last = ended or over or began
    end_ms = max(last.at_ms, began.at_ms)
    length = span(end_ms - began.at_ms)
    return Lane(label, length if ended else f"not within {length}", (Bar(began.at_ms, end_ms, whose),))


def _quiet(found: Sequence[Silence]) -> Iterator[Lane]:
    if found:
        bars = tuple(Bar(silence.start_ms, silence.start_ms + silence.ms, "silence") for silence in found)
        yield Lane("Nothing was heard", f"{span(max(silence.ms for silence in found))} at most", bars)


# The whole call


def _whole(facts: Facts) -> Picture:
    lanes = tuple(_course(facts))
    known = [event.at_ms for event in facts.events if event.kind != "call_status"]
    end = max([*known, facts.ended_ms or 0, *(bar.end_ms for lane in lanes for bar in lane.bars)], default=0)
    return Picture("The whole call", 0, end, lanes)


def _course(facts: Facts) -> Iterator[Lane]:
    started, ended = facts.first("stream_started"), facts.last("ended")
    if started:
        end = ended.at_ms if ended else max(event.at_ms for event in facts.events)
        yield Lane("With the agent", span(end - started.at_ms), (Bar(started.at_ms, end, "server"),))
    answers = facts.all("answer")
    if answers:
        waits = [event.number("after_speech_ms") for event in answers]
        bars = tuple(Bar(event.at_ms - wait, event.at_ms, "openai") for event, wait in zip(answers, waits, strict=True))
        ours = [event.number("our_ms") for event in facts.all("sound_out")]
        share = f", {max(ours)} ms ours" if ours else ""
        yield Lane(f"Waits for the answer ({len(bars)})", f"{span(max(waits))} at most{share}", bars)
    for tool in facts.tools[:MOST_TOOLS]:
        length = tool.duration_ms or 0
        bar = Bar(tool.started_ms, tool.started_ms + length, "server")
        yield Lane(f"Tool {tool.name}", tool.status if tool.duration_ms is None else span(length), (bar,))
    if clips := facts.all("filler"):
        bars = tuple(Bar(clip.at_ms, clip.at_ms + CLIP_MS, "server") for clip in clips)
        yield Lane("Asked for a moment", f"{len(bars)} ×", bars)
    if cuts := facts.all("barge_in"):
        yield Lane("The caller interrupted", f"{len(cuts)} ×", tuple(Bar(e.at_ms, e.at_ms, "caller") for e in cuts))
    yield from _quiet(silences(facts))
    yield from _gaps(facts)
    yield from _hand_over(facts)


def _gaps(facts: Facts) -> Iterator[Lane]:
    bars = []
    for lost in facts.all("line_lost"):
        back = next((e for e in facts.all("session_resumed", "session_ready", "ended") if e.at_ms >= lost.at_ms), lost)
        bars.append(Bar(lost.at_ms, back.at_ms, "openai"))
    if bars:
        yield Lane(
            "Without a line to OpenAI", f"{span(max(bar.end_ms - bar.start_ms for bar in bars))} at most", tuple(bars)
        )


def _hand_over(facts: Facts) -> Iterator[Lane]:
    began = facts.first("handover", "voicemail")
    if began is None:
        return
    over = facts.last("dial_done", "recording", "call_status")
    end = max(over.at_ms if over else began.at_ms, facts.ended_ms or 0, began.at_ms)
    yield Lane("Hand-over", span(end - began.at_ms), (Bar(began.at_ms, end, "person"),))
