"""Rows P about the server's own code: more callers than it takes, steps that raise, what Python would warn of."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from calls.lab.faults.broken import POINT, POINTS
from calls.lab.faults.ear import Ear, Wait
from calls.lab.faults.rows_openai import TALK, TALKED, talked
from calls.lab.faults.stage import PhoneFaults, Rung, Stage, story
from calls.lab.faults.table import FINISHED, Row, Seen, judged, left_over, whom
from calls.models import Call

HEARD = "ended, caller_hangup"
OVERLOADED = "ended, overloaded"
AT_ONCE, MORE = 6, 3
SOUND_WITHIN_MS = 3000
PARTED: tuple[tuple[str, tuple[str, ...]], ...] = (("P8", ()), ("P8b", ()), ("P8c", ("relay_end",)))
PARTS = len(PARTED)
BREAKING_RATE = 3.0
NOTED = """
- agent: {text: "How can I help?"}
- say: {text: "Please take a message."}
- agent: {tool: take_message, arguments: {caller_name: Ann, text: "The tap drips."}}
- agent: {text: "I have noted it."}
- hang_up: true
"""
WARNINGS = ("never retrieved", "never awaited", "ResourceWarning", "Exception ignored", "DeprecationWarning")


def more_calls_than_it_takes(stage: Stage) -> Seen:
    """As many as are allowed are talked to undisturbed; who comes on top hears a voice, and reaches a person."""
    stories = [story(TALK, caller=f"+1555010{number:04}") for number in range(AT_ONCE + MORE)]
    with stage.house(CALLS_AT_ONCE=str(AT_ONCE)) as house:
        rungs = house.ring_all(stories)
        agents = [rung for rung in rungs if whom(rung.heard) == "the agent"]
        persons = [rung for rung in rungs if whom(rung.heard) == "a person"]
        seen = judged(agents[0], house, reached="the agent", stored=HEARD, check=talked)
        for rung in persons:
            seen.shortcomings.extend(judged(rung, house, reached="a person", stored=OVERLOADED).shortcomings)
    if (len(agents), len(persons)) != (AT_ONCE, MORE):
        seen.shortcomings.append(f"{len(agents)} reached the agent, {len(persons)} a person.")
    seen.shortcomings.extend(f"A call has the transcript {rung.turns}." for rung in agents if rung.turns != TALKED)
    return seen


def breaking_points(part: int) -> Callable[[Stage], Seen]:
    """One call for each step of the road that raises, one after the other; the server is the same for all."""
    points = POINTS[part::PARTS]

    def act(stage: Stage) -> Seen:
        found: list[str] = []
        waits: list[Wait] = []
        with replace(stage, rate=BREAKING_RATE).house(broken="at_points") as house:
            file = house.folder / "data" / POINT
            file.parent.mkdir(exist_ok=True)
            for number, point in enumerate(points):
                before = len(house.server.written())
                file.write_text(point)
                story_told = story(NOTED, caller=f"+1555020{number:04}")
                rung = house.ring(story_told, faults=PhoneFaults(hang_up_after_ms=20_000))
                file.unlink()
                heard = Ear(rung.heard).waits()
                waits += heard
                written = house.server.written()[before:]
                found += [f"{point}: {sentence}" for sentence in _broken(rung, heard, written)]
            ends = sorted({f"{call.status}, {call.end_reason}" for call in Call.objects.all()})
            logged = house.logged()
            found += [f"{house.open_sessions} sessions are left open."] if house.open_sessions else []
        return Seen(found, waits, f"a voice, {len(points)} times", "; ".join(ends), "; ".join(logged) or "–")

    return act


def _broken(rung: Rung, waits: Sequence[Wait], written: str) -> Iterator[str]:
    if whom(rung.heard) == "nobody":
        yield "nobody was heard."
    for wait in waits:
        if wait.first_sound_ms > SOUND_WITHIN_MS:
            yield f"the first sound came after {wait.first_sound_ms} ms."
    if rung.row is not None and rung.row.status not in FINISHED:
        yield f"the call is left {rung.row.status}."
    yield from (f"the log says {trouble!r}." for trouble in WARNINGS[:2] if trouble in written)


def under_scrutiny(stage: Stage) -> Seen:
    """Python's development mode, every warning an error: a call, a hang-up in the middle, a person, a gentle end."""
    with stage.house(python=("-X", "dev", "-W", "error")) as house:
        rung = house.ring(story(NOTED))
        hung_up = house.ring(
            story(NOTED, caller="+15550100002"), faults=PhoneFaults(hang_up_after_ms=1500, hang_up_how="reset")
        )
        seen = judged(rung, house, reached="the agent", stored=HEARD)
        house.server.end()
        code = house.server.wait(20)
        written = house.server.written()
    found = seen.shortcomings
    found += [] if code == 0 else [f"The server ended with {code}."]
    found += [f"The log says {trouble!r}." for trouble in WARNINGS if trouble in written]
    found += [*left_over(hung_up, house)]
    return seen


_ACTS: list[tuple[str, str, Callable[[Stage], Seen], tuple[str, ...]]] = [
    (
        "P7",
        f"{AT_ONCE + MORE} calls at once where {AT_ONCE} are allowed",
        more_calls_than_it_takes,
        ("calls_at_once",),
    ),
    *(
        (number, f"a failure of ours at each of {len(POINTS[part::PARTS])} steps", breaking_points(part), guards)
        for part, (number, guards) in enumerate(PARTED)
    ),
    ("P9", "Python's development mode, every warning an error", under_scrutiny, ()),
]
ROWS = tuple(Row(number=number, fault=fault, act=act, guards=guards) for number, fault, act, guards in _ACTS)
