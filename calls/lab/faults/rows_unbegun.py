"""Rows O3b and O25: a session that does not begin, and responses that have no sound."""

from collections.abc import Iterator

from calls.lab.faults.rows_openai import HANDED_OVER, LOST, NOBODY_ANSWERS, NOTHING, talked
from calls.lab.faults.stage import House, ModelFaults, Rung
from calls.lab.faults.table import Row, a_call


def asked_at_once(rung: Rung, house: House) -> Iterator[str]:
    """Nobody waits for the limit after which any answer would be asked for once more."""
    yield from talked(rung, house)
    kinds = set(rung.events)
    if "asked_again" in kinds or "no_sound" not in kinds:
        yield f"The events are {sorted(kinds)}."


def within_6_s(rung: Rung, house: House) -> Iterator[str]:
    events = {event.kind: event.at_ms for event in rung.row.events.all()} if rung.row else {}
    if events.get("ended", 99_999) - events.get("stream_started", 0) > 6000:
        yield f"The call was given up at {events.get('ended')} ms."


ROWS: tuple[Row, ...] = (
    Row(
        number="O3b",
        fault="the first event is an error instead of session.created, and then nothing",
        act=a_call(
            NOTHING,
            model=ModelFaults(error_on_open="server_error"),
            reached="a person",
            stored=HANDED_OVER,
            check=within_6_s,
        ),
        guards=("unbegun_session",),
    ),
    Row(
        number="O25",
        fault="a response has words and no sound",
        act=a_call(
            NOBODY_ANSWERS
            + """
- agent: {text: "From eight until six, as text alone.", fault: text}
- agent: {text: "From eight until six."}
- hang_up: true
""",
            check=asked_at_once,
        ),
        guards=("soundless",),
    ),
    Row(
        number="O25b",
        fault="the same, and again when it is asked once more",
        act=a_call(
            NOBODY_ANSWERS + "- agent: {text: One, fault: text}\n- agent: {text: Two, fault: text}\n" * 3,
            reached="a person",
            stored=LOST,
        ),
        guards=("limit",),
    ),
)
