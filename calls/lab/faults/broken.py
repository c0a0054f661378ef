"""A server in which something of ours goes wrong: a tool that hangs, a loop that is held up, a step that raises.

The product knows nothing of this; `calls.lab.faults.server` brings it about before it serves.
"""

import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from django.conf import settings

from calls.tools import registry

TOOL = "take_message"  # the one that misbehaves
HANG_SECONDS = 600.0
MEGABYTE = 1 << 20
POINT = "breaking_point"  # the file in DATA_DIR that names the step which breaks now

# Every step of the road between Twilio and OpenAI at which a failure of ours could come, and at each `await` on it.
POINTS = (
    "calls.consumers:TwilioStream.connect",
    "calls.consumers:relay_settings",
    "calls.consumers:TwilioStream.receive",
    "calls.consumers:TwilioStream.disconnect",
    "calls.consumers:TwilioStream._send_text",
    "calls.consumers:TwilioStream._hang_up",
    "calls.relay.relay:Relay.run",
    "calls.relay.relay:Relay.feed",
    "calls.relay.relay:Relay.stream_closed",
    "calls.relay.relay:Relay._admit",
    "calls.relay.relay:Carried.__init__",
    "calls.relay.carried:Carried.carry",
    "calls.relay.carried:Carried.now",
    "calls.relay.carried:Carried.tell",
    "calls.relay.carried:Carried._play",
    "calls.relay.carried:Carried._arm",
    "calls.relay.carried:Carried._keep_time",
    "calls.relay.carried:Carried._speak",
    "calls.relay.carried:Carried._run_tool",
    "calls.relay.alarms:heed",
    "calls.relay.carried:Carried._write_records",
    "calls.relay.carried:Carried._end_call",
    "calls.relay.carried:Carried._persist",
    "calls.relay.carried:Carried._wind_down",
    "calls.relay.journal:Journal.run",
    "calls.relay.outbox:Outbox.write",
    "calls.relay.outbox:Outbox.put",
    "calls.relay.lines:Lines.open",
    "calls.relay.lines:Lines._hold",
    "calls.relay.lines:Lines._connect",
    "calls.relay.lines:Lines._hear",
    "calls.relay.lines:Lines._hear_event",
    "calls.realtime.codec:parse",
    "calls.realtime.codec:serialize",
    "calls.twilio.stream:parse",
    "calls.twilio.stream:serialize",
    "calls.conversation.machine:Conversation.receive",
    "calls.conversation.machine:Conversation.wake",
    "calls.domain.streams:admit_stream",
    "calls.domain.streams:finish_stream",
    "calls.domain.streams:settle_stream",
)


class Broken(Exception):
    """What breaks here breaks on purpose."""


def _tool_that(act: Callable[[], Mapping[str, Any]]) -> None:
    registry._tools[TOOL] = replace(registry._tools[TOOL], function=lambda context, **given: act())


def _raise() -> Mapping[str, Any]:
    raise Broken("on demand")


def _hang(seconds: float = HANG_SECONDS) -> Mapping[str, Any]:
    time.sleep(seconds)
    return {"status": "ok"}


def _hold_up_the_loop(seconds: float) -> None:
    """What a tool would do that did not run in a thread of its own."""
    carried = resolve_name("calls.relay.carried:Carried")
    begin = carried._begin_tool

    def hold_up(self: Any, command: Any) -> None:
        time.sleep(seconds)
        begin(self, command)

    carried._begin_tool = hold_up


def _break_at_points() -> None:
    """From now on the step that stands in the file POINT raises, each time that it is taken."""
    path = settings.DATA_DIR / POINT
    for point in POINTS:
        place, _, attribute = point.rpartition("." if "." in point.partition(":")[2] else ":")
        owner = resolve_name(place)
        setattr(owner, attribute, _breaking(getattr(owner, attribute), point, path))


def _breaking(step: Callable[..., Any], point: str, path: Path) -> Callable[..., Any]:
    def check() -> None:
        if path.exists() and path.read_text() == point:
            raise Broken(point)

    @wraps(step)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        check()
        return await step(*args, **kwargs)

    @wraps(step)
    def called(*args: Any, **kwargs: Any) -> Any:
        check()
        return step(*args, **kwargs)

    return awaited if inspect.iscoroutinefunction(step) else called


BREAKAGES: Mapping[str, Callable[[], None]] = {
    "tool_raises": partial(_tool_that, _raise),
    "tool_hangs": partial(_tool_that, _hang),
    "tool_takes_2_s": partial(_tool_that, partial(_hang, 2.0)),
    "tool_answers_a_megabyte": partial(_tool_that, lambda: {"status": "ok", "text": "x" * MEGABYTE}),
    "loop_held_up_200_ms": partial(_hold_up_the_loop, 0.2),
    "loop_held_up_2_s": partial(_hold_up_the_loop, 2.0),
    "at_points": _break_at_points,
}
