"""Tools that answered after their time: the caller was told that nobody knows yet, and what they did stands.

What became of one is an event, so that it is known whenever the call is summed up. Until then its row says `timed_out`.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from calls.domain import history
from calls.models import Call, ToolCall, Turn

DONE, NOT_DONE = "tool_done_late", "tool_failed_late"
# They only look something up: what they would have said is of no use after the call.
LOOK_UP_ONLY = {
    "answer_question",
    "check_service_area",
    "find_slots",
    "list_services",
    "my_appointments",
    "quote_price",
    "wait_for_user",
}


@transaction.atomic
def note_late_result(
    *, call_id: int, tool_call_id: str, tool: str, result: Mapping[str, Any], is_done: bool, at_ms: int
) -> None:
    """Write down how a tool ended whose time was up, `at_ms` milliseconds after the ring; what it did stays."""
    history.record_event(
        call_id=call_id,
        kind=DONE if is_done else NOT_DONE,
        at_ms=at_ms,
        detail={"tool": tool, "tool_call_id": tool_call_id},
    )
    ToolCall.objects.filter(call_id=call_id, tool_call_id=tool_call_id[: history.ID_LENGTH]).update(result=dict(result))


def has_ended_late(*, call: Call) -> bool:
    """Whether it is known by now how a tool of the call ended whose time was up."""
    return call.events.filter(kind__in=(DONE, NOT_DONE)).exists()


def untold(*, call: Call) -> tuple[str, str]:
    """What a person should know of tools that ran out of time, and what is to be done about them; blank for nothing."""
    for tool_call in call.tool_calls.filter(status=ToolCall.Status.TIMED_OUT).exclude(name__in=LOOK_UP_ONLY):
        what = tool_call.name.replace("_", " ")
        end = call.events.filter(kind__in=(DONE, NOT_DONE), detail__tool_call_id=tool_call.tool_call_id).first()
        if end is None:
            return f"“{what}” gave no answer in time.", f"Find out whether “{what}” went through, and tell the caller."
        if call.turns.filter(role=Turn.Role.AGENT, started_ms__gt=end.at_ms).exclude(text="").exists():
            continue
        if end.kind == DONE:
            return f"“{what}” was done late, and the caller was not told.", f"Tell the caller: “{what}” went through."
        return f"“{what}” failed late, and the caller was not told.", f"Tell the caller: “{what}” did not go through."
    return "", ""
