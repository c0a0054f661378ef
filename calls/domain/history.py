"""The history of a call as it is written: turns, tool calls and events."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from calls.models import CallEvent, ToolCall, Turn

Entry = tuple[str, dict[str, Any]]
"""A kind (turn, tool, event) and the fields of the row."""

ID_LENGTH = 64


class Unavailable(Exception):
    """The database cannot be written just now; the same entries may be tried again."""


def write(*, call_id: int, entries: Sequence[Entry]) -> None:
    """Write entries in their order; a turn or tool call that exists is brought up to date.

    Raises Unavailable when the database is locked or away. All entries are written, or none.
    """
    try:
        with transaction.atomic():
            for kind, fields in entries:
                _WRITERS[kind](call_id, _storable(fields))
    except (OperationalError, InterfaceError) as error:
        raise Unavailable from error


def read(*, call_id: int) -> tuple[Entry, ...]:
    """The turns and tool calls so far as `write` takes them, in order."""
    entries: list[Entry] = []
    for turn in Turn.objects.filter(call_id=call_id):
        names = ("item_id", "position", "role", "text", "started_ms", "unheard", "interrupted", "heard_ms")
        entries.append(("turn", {name: getattr(turn, name) for name in names}))
    for tool in ToolCall.objects.filter(call_id=call_id):
        names = ("tool_call_id", "position", "name", "started_ms", "status", "result", "duration_ms")
        arguments = json.dumps(tool.arguments)
        entries.append(("tool", {name: getattr(tool, name) for name in names} | {"arguments": arguments}))
    return tuple(sorted(entries, key=lambda entry: entry[1]["position"]))


def record_event(*, call_id: int, kind: str, at_ms: int, detail: Mapping[str, Any] | None = None) -> None:
    """Add one event, such as a webhook, at `at_ms` milliseconds since the ring."""
    write(call_id=call_id, entries=[("event", {"kind": kind, "at_ms": at_ms, "detail": dict(detail or {})})])


def _write_turn(call_id: int, fields: dict[str, Any]) -> None:
    item_id = fields.pop("item_id")[:ID_LENGTH]
    Turn.objects.update_or_create(call_id=call_id, item_id=item_id, defaults=fields)


def _write_tool(call_id: int, fields: dict[str, Any]) -> None:
    tool_call_id = fields.pop("tool_call_id")[:ID_LENGTH]
    fields["name"] = fields["name"][:ID_LENGTH]
    fields["arguments"] = _arguments(fields["arguments"])
    ToolCall.objects.update_or_create(call_id=call_id, tool_call_id=tool_call_id, defaults=fields)


def _write_event(call_id: int, fields: dict[str, Any]) -> None:
    CallEvent.objects.create(call_id=call_id, **fields)


_WRITERS = {"turn": _write_turn, "tool": _write_tool, "event": _write_event}


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
