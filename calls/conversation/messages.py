"""The conversation's own vocabulary beside the two wires: what it is told, and what it asks for.

Moments are seconds since the ring; `*_ms` in records are milliseconds since the ring or lengths.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from calls.realtime import wire
from calls.realtime.reasons import Reason
from calls.twilio import stream

Then = Literal["", "end_call", "transfer", "wait"]
"""What the call does after a tool: goes on, hangs up, is handed to a person, or says nothing and listens on."""


@dataclass(frozen=True, slots=True)
class LineOpened:
    """The socket to OpenAI is open."""


@dataclass(frozen=True, slots=True)
class LineLost:
    """The socket to OpenAI is gone, or, where it never `was_open`, could not be opened however often it was tried."""

    reason: Reason
    code: int = 0
    detail: str = ""
    was_open: bool = False


@dataclass(frozen=True, slots=True)
class LineExpires:
    """OpenAI ends the session that it has just created after so many seconds."""

    in_seconds: float


@dataclass(frozen=True, slots=True)
class LinePrepared:
    """The second socket has a session: TakeLine speaks on it from then on."""


@dataclass(frozen=True, slots=True)
class LineNotPrepared:
    reason: Reason


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """Twilio's socket is closed, with or without a `stop` before."""

    code: int


@dataclass(frozen=True, slots=True)
class ClosingTime:
    """The server ends, and the call with it: a last sentence, and the caller goes to a person. `reason` is why."""

    reason: str


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A tool has its answer. `output` is JSON for the model; `then` is what the call does after it."""

    tool_call_id: str
    output: str
    result: Mapping[str, Any]
    status: str
    duration_ms: int
    then: Then = ""


@dataclass(frozen=True, slots=True)
class Advised:
    """The server has something to say to the model that the model did not ask for; it should speak of it now, and a
    transfer follows as after a tool."""

    text: str
    then: Then = ""


@dataclass(frozen=True, slots=True)
class RunTool:
    """Run a tool; its answer comes back as ToolFinished, whatever happens."""

    tool_call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class EndCall:
    """Write down how the call ended, then close Twilio's socket: `<Connect action>` decides what follows."""

    reason: str


@dataclass(frozen=True, slots=True)
class KeepGreeting:
    """Keep the greeting that the model has just said, in base64 of 8 kHz mu-law, for the calls to come."""

    payloads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenLine:
    """Open a new socket to OpenAI instead of the one that was lost; LineOpened or LineLost follows."""


@dataclass(frozen=True, slots=True)
class PrepareLine:
    """Open a second socket to OpenAI beside the first one; LinePrepared or LineNotPrepared follows."""


@dataclass(frozen=True, slots=True)
class TakeLine:
    """Speak on the second socket from now on, as if it had just been opened, and close the first one."""


@dataclass(frozen=True, slots=True)
class CloseLine:
    """Nothing more is expected of OpenAI: close its socket and wind down."""


@dataclass(frozen=True, slots=True)
class RecordTurn:
    """A line of the transcript, new or changed. `text` was heard, `unheard` was cut off."""

    item_id: str
    position: int
    role: Literal["caller", "agent"]
    text: str
    started_ms: int
    unheard: str = ""
    interrupted: bool = False
    heard_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RecordTool:
    """A tool call as it stands: first running and without result, then with both."""

    tool_call_id: str
    position: int
    name: str
    arguments: str
    started_ms: int
    status: str = "running"
    result: Mapping[str, Any] | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """Something that happened, without anything that was said."""

    kind: str
    at_ms: int
    detail: Mapping[str, Any] = field(default_factory=dict)


Record = RecordTurn | RecordTool | RecordEvent
LineMessage = LineOpened | LineLost | LineExpires | LinePrepared | LineNotPrepared
Message = stream.Incoming | wire.ServerEvent | LineMessage | StreamClosed | ClosingTime | ToolFinished | Advised
LineCommand = OpenLine | PrepareLine | TakeLine | CloseLine
Command = stream.Outgoing | wire.ClientEvent | RunTool | EndCall | LineCommand | KeepGreeting | Record


def to_ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def event(kind: str, now: float, **detail: Any) -> RecordEvent:
    """The record of something that happens now."""
    return RecordEvent(kind, to_ms(now), detail)
