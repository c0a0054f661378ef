"""The facts of a call, read once: what its rows hold of how it went, and nothing of what was said."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects

from calls.domain.summaries import REACHED_A_PERSON
from calls.models import Call, CallEvent, Stream, ToolCall, Turn

_CODE = re.compile(r"\b(?:11|12|31)\d{3}\b")


@dataclass(frozen=True, slots=True)
class Happened:
    """One event. `at_ms` counts from the ring."""

    kind: str
    at_ms: int
    detail: Mapping[str, Any]

    def text(self, name: str) -> str:
        value = self.detail.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        value = self.detail.get(name)
        return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class Said:
    is_agent: bool
    started_ms: int
    interrupted: bool


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    status: str
    started_ms: int
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules may know. Times are milliseconds since the ring."""

    status: str
    end_reason: str
    is_outbound: bool
    ended_ms: int | None
    was_promised: bool
    """Twilio was told to open a stream."""
    has_stream: bool
    """A stream was admitted."""
    is_stream_closed: bool
    """This server has seen the end of each stream."""
    stream_errors: tuple[str, ...]
    events: tuple[Happened, ...]
    turns: tuple[Said, ...]
    tools: tuple[Tool, ...]
    has_handover_number: bool
    handover_result: str
    was_accepted: bool
    recording_seconds: int | None
    """None without a voicemail."""

    def all(self, *kinds: str) -> list[Happened]:
        return [event for event in self.events if event.kind in kinds]

    def first(self, *kinds: str) -> Happened | None:
        return next((event for event in self.events if event.kind in kinds), None)

    def last(self, *kinds: str) -> Happened | None:
        return next((event for event in reversed(self.events) if event.kind in kinds), None)

    def has(self, *kinds: str) -> bool:
        return any(event.kind in kinds for event in self.events)

    @property
    def stream_codes(self) -> list[str]:
        """The numbers of the errors in what Twilio said of the stream."""
        return [found.group() for error in self.stream_errors if (found := _CODE.search(error))]

    @property
    def is_over(self) -> bool:
        return self.status == Call.Status.ENDED or bool(self.end_reason)

    @property
    def reached_a_person(self) -> bool:
        return self.was_accepted or self.handover_result in REACHED_A_PERSON

    @property
    def caller_acted(self) -> bool:
        """The caller has said something, or pressed a key."""
        return any(not turn.is_agent for turn in self.turns) or self.has("dtmf", "barge_in")


def read(call: Call) -> Facts:
    """The facts of one call, with four queries; whoever reads its events, turns, tool calls or streams afterwards asks
    no more."""
    prefetch_related_objects([call], "events", "turns", "tool_calls", "streams")
    return _facts(call, call.events.all(), call.turns.all(), call.tool_calls.all(), call.streams.all())


def read_all(calls: Iterable[Call]) -> list[Facts]:
    """The facts of many calls, with four queries for all, in the order of the calls."""
    rows: list[Any] = list(calls)
    prefetch_related_objects(rows, *_RELATED)
    return [_facts(call, call.its_events, call.its_turns, call.its_tools, call.its_streams) for call in rows]


_RELATED = (
    Prefetch("events", to_attr="its_events"),
    Prefetch("turns", Turn.objects.defer("text", "unheard"), to_attr="its_turns"),
    Prefetch("tool_calls", ToolCall.objects.defer("arguments", "result"), to_attr="its_tools"),
    Prefetch("streams", to_attr="its_streams"),
)


def _facts(
    call: Call,
    events: Iterable[CallEvent],
    turns: Iterable[Turn],
    tools: Iterable[ToolCall],
    streams: Iterable[Stream],
) -> Facts:
    happened = tuple(Happened(row.kind, row.at_ms, _mapping(row.detail)) for row in events)
    streams = list(streams)
    errors = [event.text("error") for event in happened if event.kind == "twilio_stream_error"]
    return Facts(
        status=call.status,
        end_reason=call.end_reason,
        is_outbound=call.direction == Call.Direction.OUTBOUND,
        ended_ms=_since_ring(call, call.ended_at),
        was_promised=bool(call.token_nonce),
        has_stream=bool(streams),
        is_stream_closed=all(stream.ended_at is not None for stream in streams),
        stream_errors=tuple(dict.fromkeys([*errors, *(stream.error for stream in streams if stream.error)])),
        events=happened,
        turns=tuple(
            Said(turn.role == Turn.Role.AGENT, turn.started_ms, turn.interrupted)
            for turn in sorted(turns, key=lambda turn: turn.started_ms)
        ),
        tools=tuple(
            Tool(tool.name, tool.status, tool.started_ms, tool.duration_ms)
            for tool in sorted(tools, key=lambda tool: tool.started_ms)
        ),
        has_handover_number=bool(call.handover_number),
        handover_result=call.handover_result,
        was_accepted=call.handover_accepted_at is not None,
        recording_seconds=(call.recording_seconds or 0) if call.recording_sid else None,
    )


def _since_ring(call: Call, moment: datetime | None) -> int | None:
    return None if moment is None else round((moment - call.rang_at).total_seconds() * 1000)


def _mapping(detail: Any) -> Mapping[str, Any]:
    return detail if isinstance(detail, dict) else {}
