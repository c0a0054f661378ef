"""The history of a call as it is written: turns, tool calls and events."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from calls.models import CallEvent, ToolCall, Turn

Entry = tuple[str, dict[str, Any]]
"""A kind (turn, tool, event) and the fields of the row."""

ID_LENGTH = 64
TURN = ("item_id", "position", "role", "text", "started_ms", "unheard", "interrupted", "heard_ms")
TOOL = ("tool_call_id", "position", "name", "arguments", "started_ms", "status", "result", "duration_ms")


class Unavailable(Exception):
    """The database cannot be written just now; the same entries may be tried again."""


def write(*, call_id: int, entries: Sequence[Entry]) -> None:
    """Write entries in their order; a turn or tool call that exists is brought up to date.

    Raises Unavailable when the database is locked or away. All entries are written, or none.
    """
    turns: dict[str, Turn] = {}
    tools: dict[str, ToolCall] = {}
    events: list[CallEvent] = []
    for kind, fields in entries:
        match kind:
            case "turn":
                turn = Turn(call_id=call_id, **_storable(fields))
                turn.item_id = turn.item_id[:ID_LENGTH]
                turns[turn.item_id] = turn
            case "tool":
                tool = _tool(call_id, _storable(fields))
                tools[tool.tool_call_id] = tool
            case _:
                events.append(CallEvent(call_id=call_id, **_storable(fields)))
    try:
        with transaction.atomic():
            _write_newest(Turn, [*turns.values()], key="item_id", fields=TURN)
            _write_newest(ToolCall, [*tools.values()], key="tool_call_id", fields=TOOL)
            CallEvent.objects.bulk_create(events)
    except (OperationalError, InterfaceError) as error:
        raise Unavailable from error


def _write_newest(model: type[Turn | ToolCall], rows: list[Any], *, key: str, fields: Sequence[str]) -> None:
    """Of each row as it stands now, in one statement: many calls may end at once."""
    if rows:
        model.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["call", key], update_fields=[f for f in fields if f != key]
        )


def read(*, call_id: int) -> tuple[Entry, ...]:
    """The turns and tool calls so far as `write` takes them, in order."""
    entries: list[Entry] = []
    for turn in Turn.objects.filter(call_id=call_id):
        entries.append(("turn", {name: getattr(turn, name) for name in TURN}))
    for tool in ToolCall.objects.filter(call_id=call_id):
        fields = {name: getattr(tool, name) for name in TOOL} | {"arguments": json.dumps(tool.arguments)}
        entries.append(("tool", fields))
    return tuple(sorted(entries, key=lambda entry: entry[1]["position"]))


def record_event(*, call_id: int, kind: str, at_ms: int, detail: Mapping[str, Any] | None = None) -> None:
    """Add one event, such as a webhook, at `at_ms` milliseconds since the ring."""
    write(call_id=call_id, entries=[("event", {"kind": kind, "at_ms": at_ms, "detail": dict(detail or {})})])


def _tool(call_id: int, fields: dict[str, Any]) -> ToolCall:
    tool = ToolCall(call_id=call_id, **fields)
    tool.tool_call_id, tool.name = tool.tool_call_id[:ID_LENGTH], tool.name[:ID_LENGTH]
    tool.arguments = _arguments(fields["arguments"])
    return tool


def _arguments(text: str) -> Any:
    """The model's arguments for the reader: as JSON where they are JSON, else as the text that came."""
    try:
        return _storable(json.loads(text))  # an escaped NUL only shows once it is read
    except ValueError:
        return {"not JSON": text[:1000]}


def _storable(value: Any) -> Any:
    """The value without NUL characters, which PostgreSQL takes neither in text nor in JSON."""
    match value:
        case str():
            return value.replace("\0", "")
        case Mapping():
            return {key: _storable(item) for key, item in value.items()}
        case list() | tuple():
            return [_storable(item) for item in value]
    return value
