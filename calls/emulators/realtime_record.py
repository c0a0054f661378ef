"""What a Realtime emulator saw: every frame of each connection, and a digest of it."""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `event` is None when it was no JSON object."""

    at: float
    way: Literal["in", "out"]
    raw: str
    event: dict[str, Any] | None

    @property
    def type(self) -> str:
        return str((self.event or {}).get("type", "?"))


@dataclass(slots=True)
class Turn:
    role: str
    text: str
    interrupted: bool = False
    item_id: str | None = None


@dataclass(slots=True)
class ToolRecord:
    name: str
    arguments: Any
    result: Any = None
    call_id: str | None = None


@dataclass(slots=True)
class SessionRecord:
    """One connection. Times are seconds of time.monotonic()."""

    index: int
    model: str | None = None
    caller: str | None = None
    scenario: str | None = None
    open: bool = True
    close_code: int | None = None
    opened_at: float = field(default_factory=time.monotonic)
    closed_at: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    audio_in: bytearray = field(default_factory=bytearray)
    audio_in_bytes: int = 0
    turns: list[Turn] = field(default_factory=list)
    tools: list[ToolRecord] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    script_errors: list[str] = field(default_factory=list)
    steps_left: int | None = None
    client_event_types: dict[str, int] = field(default_factory=dict)

    def keep(self, way: Literal["in", "out"], raw: str, event: dict[str, Any] | None) -> None:
        frame = Frame(time.monotonic(), way, raw, event)
        self.frames.append(frame)
        if way == "in":
            self.client_event_types[frame.type] = self.client_event_types.get(frame.type, 0) + 1

    def forget_frames(self) -> None:
        """Keep the digest only."""
        self.frames.clear()
        self.audio_in.clear()

    def received(self, *types: str) -> list[dict[str, Any]]:
        """The client's events in order, all or those of the given types."""
        return _events(self.frames, "in", types)

    def sent(self, *types: str) -> list[dict[str, Any]]:
        """The server's events in order, all or those of the given types."""
        return _events(self.frames, "out", types)

    def cut_turn(self, item_id: str, share: float) -> None:
        """The caller heard only this share of a turn."""
        for turn in self.turns:
            if turn.item_id == item_id:
                turn.text = turn.text[: round(len(turn.text) * share)]
                turn.interrupted = True

    def digest(self) -> dict[str, Any]:
        """What GET /_emulator/sessions tells of this connection."""
        return {
            "index": self.index,
            "model": self.model,
            "caller": self.caller,
            "scenario": self.scenario,
            "open": self.open,
            "close_code": self.close_code,
            "turns": [_without(turn, "item_id") for turn in self.turns],
            "tools": [_without(tool, "call_id") for tool in self.tools],
            "errors": self.errors,
            "script_errors": self.script_errors,
            "steps_left": self.steps_left,
            "audio_in_bytes": self.audio_in_bytes,
            "client_event_types": self.client_event_types,
        }


def _events(frames: Iterable[Frame], way: str, types: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        frame.event
        for frame in frames
        if frame.way == way and frame.event is not None and (not types or frame.type in types)
    ]


def _without(row: Turn | ToolRecord, name: str) -> dict[str, Any]:
    members = asdict(row)
    del members[name]
    return members


def plain(text: str) -> Any:
    """What a JSON text means; the text itself when it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text
