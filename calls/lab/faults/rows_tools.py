"""Rows O20 and P6: a tool of ours that misbehaves, and what holds up the loop that every call shares."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from calls.lab.faults.stage import House, Rung, Stage, story
from calls.lab.faults.table import Check, Row, Seen, a_call, judged
from calls.models import ToolCall

HEARD = "ended, caller_hangup"
SORRY = "I could not do that just now. Somebody will call you back."
# The agent says that it failed, and has somebody call back: the words are the model's, what it is told is ours.
ASKED = f"""
- agent: {{text: "How can I help?"}}
- say: {{text: "Please take a message for the owner."}}
- agent: {{tool: take_message, arguments: {{caller_name: Ann, text: "The tap drips."}}}}
- agent: {{text: "{SORRY}"}}
- hang_up: true
"""
LONGEST_OUTPUT = 4096
LARGEST_GAP_MS = 60
TICK_MS = 100  # between two looks at the loop
LONG_SPEECH = "We are open from eight in the morning until six in the evening, from Monday to Friday, all year. " * 2
BESIDE = f"""
- agent: {{text: "How can I help?"}}
- say: {{text: "When are you open?"}}
- agent: {{text: "{LONG_SPEECH.strip()}"}}
- hang_up: true
"""
HELD_UP = re.compile(r"WARNING \S+ the loop was held up.*? ms=(\d+)")


def told_of_failure(status: str) -> Check:
    """The model is told that it did not work, in few words, and a person is told too."""

    def check(rung: Rung, house: House) -> Iterator[str]:
        tools = [(tool.name, tool.status) for tool in rung.row.tool_calls.all()] if rung.row else []
        if tools != [("take_message", status)]:
            yield f"The tools are {tools}."
        if rung.turns[-1:] != [("agent", SORRY)]:
            yield f"The transcript is {rung.turns}."
        outputs = [
            event["item"]["output"]
            for session in rung.sessions
            for event in session.received("conversation.item.create")
            if event["item"]["type"] == "function_call_output"
        ]
        if len(outputs) != 1 or len(outputs[0].encode()) > LONGEST_OUTPUT:
            yield f"The model was given {[len(output) for output in outputs]} letters."
        if rung.row is not None and not (rung.row.needs_review and rung.row.next_action):
            yield f"Nobody is told to see to it: {rung.row.next_action!r}, {rung.row.review_reason!r}."

    return check


def tool_that_hangs(stage: Stage) -> Seen:
    """In the world's own time: how long a tool may take is not faster when calls are."""
    act = a_call(ASKED, broken="tool_hangs", check=told_of_failure(ToolCall.Status.TIMED_OUT))
    return act(replace(stage, rate=1.0))


def loop_held_up(stage: Stage) -> Seen:
    """While nothing runs, nothing can be heard; that is why nobody may hold it up, and why it is told."""
    noted = ASKED.replace(SORRY, "I have noted it.")
    act = a_call(noted, broken="loop_held_up_2_s", first_sound_ms=4500, check=lag_is_told(2000))
    return act(replace(stage, rate=1.0))


def tool_of_another_call(stage: Stage) -> Seen:
    """One call's tool takes its time; the sound of the call beside it has no gap."""
    with stage.house(broken="tool_takes_2_s", emulator={"pace": 1.3}) as house:
        first, second = house.ring_all([story(ASKED), story(BESIDE, caller="+15550100002")])
        seen = judged(second, house, reached="the agent", stored=HEARD, check=no_gap)
    if not first.row or first.row.tool_calls.get().status != ToolCall.Status.OK:
        seen.shortcomings.append("The tool of the other call did not come to its end.")
    return seen


def no_gap(rung: Rung, house: House) -> Iterator[str]:
    """While the agent speaks, its sound goes on: measured at the caller's ear, in the longest thing that was said."""
    at = [piece.at_ms for piece in rung.heard.ear if piece.source == "stream"]
    speech = [moment for moment in at if moment > rung.heard.speeches[-1].end_ms]
    gaps = [later - earlier for earlier, later in zip(speech, speech[1:], strict=False)]
    if max(gaps, default=0) > LARGEST_GAP_MS:
        yield f"The agent's sound had a gap of {max(gaps)} ms."


def lag_is_told(at_least_ms: int) -> Check:
    def check(rung: Rung, house: House) -> Iterator[str]:
        told = [int(ms) for ms in HELD_UP.findall(house.server.written())]
        if not any(at_least_ms - TICK_MS <= ms for ms in told):  # some of it was before the tick was due
            yield f"The log tells of {told} ms."

    return check


_ROWS: list[tuple[str, str, Callable[[Stage], Seen], tuple[str, ...]]] = [
    (
        "O20",
        "a tool raises",
        a_call(ASKED, broken="tool_raises", check=told_of_failure(ToolCall.Status.FAILED)),
        ("failed_tools",),
    ),
    (
        "O20b",
        "a tool hangs",
        tool_that_hangs,
        ("tool_limit",),
    ),
    (
        "O20c",
        "a tool answers with a megabyte",
        a_call(ASKED, broken="tool_answers_a_megabyte", check=told_of_failure(ToolCall.Status.FAILED)),
        ("answer_size",),
    ),
    ("P6", "a tool takes 2 s while another caller is spoken to", tool_of_another_call, ("tool_threads",)),
    (
        "P6b",
        "the loop that all calls share is held up for 200 ms",
        a_call(ASKED.replace(SORRY, "I have noted it."), broken="loop_held_up_200_ms", check=lag_is_told(200)),
        ("loop_lag",),
    ),
    (
        "P6c",
        "the loop that all calls share is held up for 2 s",
        loop_held_up,
        ("loop_lag",),
    ),
]
ROWS = tuple(Row(number=number, fault=fault, act=act, guards=guards) for number, fault, act, guards in _ROWS)
