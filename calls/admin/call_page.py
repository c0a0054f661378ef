"""What stands on the page of a call: the conversation in its order, what happened beside it, and how it ended."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from calls.admin import display, happenings
from calls.models import Call, CallEvent, ToolCall, Turn

_KEYPAD = re.compile(r"\[keypad: (.*)\]")  # a turn that the caller did not speak but press
TONES = {ToolCall.Status.OK: "good", ToolCall.Status.RUNNING: "live", ToolCall.Status.REFUSED: "quiet"}


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the conversation: `kind` is caller, agent, tool or keys."""

    kind: str
    at: str
    clock: datetime
    speaker: str = ""
    text: str = ""
    unheard: str = ""
    interrupted: str = ""
    name: str = ""
    status: str = ""
    tone: str = ""
    took: str = ""
    arguments: list[tuple[str, str]] = field(default_factory=list)
    result: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of the timeline."""

    at: str
    clock: datetime
    label: str
    is_trouble: bool
    detail: list[tuple[str, str]]


class CallPage:
    """The page of `call` for a reader who sees whole numbers or does not; reads each related table once."""

    def __init__(self, call: Call, *, whole_numbers: bool) -> None:
        self.call = call
        self._whole = whole_numbers
        self.streams = list(call.streams.all())
        self.messages = [self._message(message) for message in call.messages.all()]
        self.lines = self._conversation()
        self.happenings = [self._happening(event) for event in call.events.all() if event.kind not in happenings.UNTOLD]

    @property
    def other_party(self) -> str:
        return display.show_other_party(self.call, whole=self._whole)

    @property
    def title(self) -> str:
        return f"Call {'to' if self.call.direction == Call.Direction.OUTBOUND else 'from'} {self.other_party}"

    @property
    def our_number(self) -> str:
        outbound = self.call.direction == Call.Direction.OUTBOUND
        return display.show_number(self.call.from_number if outbound else self.call.to_number, whole=True)

    @property
    def agent_name(self) -> str:
        return self.call.agent.name if self.call.agent else "Agent"

    @property
    def ended(self) -> str:
        """Why it ended, as a sentence without its full stop."""
        if self.call.end_reason:
            return self.call.get_end_reason_display()
        return "Still going on" if self.call.is_live else "Ended, no reason recorded"

    @property
    def summary(self) -> str:
        return self._masked(self.call.summary)

    @property
    def next_action(self) -> str:
        return self._masked(self.call.next_action)

    @property
    def review_reason(self) -> str:
        return self._masked(self.call.review_reason) or "Somebody should look at this call."

    @property
    def transfer_reason(self) -> str:
        return self._masked(self.call.transfer_reason)

    @property
    def outcome(self) -> str:
        return "–" if self.call.outcome == Call.Outcome.NONE else self.call.get_outcome_display()

    @property
    def end_tone(self) -> str:
        return "live" if self.call.is_live and not self.call.end_reason else display.end_tone(self.call)

    @property
    def status_badge(self) -> str:
        return display.status_badge(self.call)

    @property
    def length(self) -> str:
        return display.show_length(self.call)

    @property
    def first_sound(self) -> str:
        return display.show_milliseconds(self.call.first_audio_ms) or "–"

    @property
    def handover_number(self) -> str:
        return self._number(self.call.handover_number) if self.call.handover_number else ""

    @property
    def handover_in_words(self) -> str:
        """Whether a person took the call, as far as our own record knows: Twilio's result does not tell a voicemail."""
        if not self.call.handover_number:
            return ""
        if self.call.handover_accepted_at:
            return f"Accepted at {display.show_second(self.call.handover_accepted_at)}, by pressing 1"
        if not self.call.handover_is_announced:
            return "Not announced: whoever picks up is connected at once"
        if self.call.is_live and not self.call.handover_result:
            return "Whoever picks up has to press 1 to accept"
        return "Nobody pressed 1 to accept"

    @property
    def tokens(self) -> int:
        return self.call.input_tokens + self.call.output_tokens

    @property
    def cost(self) -> str:
        """What it has cost as far as it is known; blank where nothing is."""
        parts = {"OpenAI": self.call.model_cost, "Twilio": self.call.telephone_cost}
        known = {name: amount for name, amount in parts.items() if amount is not None}
        if not known:
            return ""
        total = display.show_dollars(sum(known.values()))
        detail = ", ".join(
            f"{name} {display.show_dollars(amount) if amount is not None else 'not known'}"
            for name, amount in parts.items()
        )
        return f"{total} ({detail})"

    @property
    def recording_length(self) -> str:
        seconds = self.call.recording_seconds
        return "" if seconds is None else display.show_offset(seconds * 1000)

    def _conversation(self) -> list[Line]:
        """Turns and tool calls in the order of the conversation."""
        entries: list[Turn | ToolCall] = [*self.call.turns.all(), *self.call.tool_calls.all()]
        entries.sort(key=lambda entry: (entry.position, entry.started_ms, entry.pk))
        return [self._turn(entry) if isinstance(entry, Turn) else self._tool_call(entry) for entry in entries]

    def _turn(self, turn: Turn) -> Line:
        is_agent = turn.role == Turn.Role.AGENT
        if not is_agent and (pressed := _KEYPAD.fullmatch(turn.text)):
            return self._keys(turn, pressed.group(1))
        return Line(
            kind=turn.role,
            at=display.show_offset(turn.started_ms),
            clock=self._clock(turn.started_ms),
            speaker=self.agent_name if is_agent else "Caller",
            text=self._masked(turn.text),
            unheard=self._masked(turn.unheard),
            interrupted=_interruption(turn),
        )

    def _tool_call(self, tool_call: ToolCall) -> Line:
        return Line(
            kind="tool",
            at=display.show_offset(tool_call.started_ms),
            clock=self._clock(tool_call.started_ms),
            name=tool_call.name,
            status="OK" if tool_call.status == ToolCall.Status.OK else tool_call.get_status_display(),
            tone=TONES.get(tool_call.status, "bad"),
            took=display.show_milliseconds(tool_call.duration_ms),
            arguments=display.pairs(self._masked(tool_call.arguments)),
            result=display.pairs(self._masked(tool_call.result)),
        )

    def _keys(self, turn: Turn, pressed: str) -> Line:
        return Line(
            kind="keys",
            at=display.show_offset(turn.started_ms),
            clock=self._clock(turn.started_ms),
            text=self._masked(pressed),
        )

    def _happening(self, event: CallEvent) -> Happening:
        return Happening(
            at=display.show_exact_offset(event.at_ms),
            clock=self._clock(event.at_ms),
            label=happenings.words(event.kind),
            is_trouble=event.kind in happenings.TROUBLE,
            detail=display.pairs(self._masked(happenings.worth_reading(event.detail))),
        )

    def _message(self, message: Any) -> dict[str, Any]:
        return {
            "pk": message.pk,
            "name": message.caller_name or "A caller",
            "number": self._number(message.number) if message.number else "",
            "text": self._masked(message.text),
            "is_done": message.is_done,
        }

    def _clock(self, ms: int) -> datetime:
        return self.call.rang_at + timedelta(milliseconds=ms)

    def _number(self, number: str) -> str:
        return display.show_number(number, whole=self._whole)

    def _masked(self, value: Any) -> Any:
        return display.masked(value, whole=self._whole)


def _interruption(turn: Turn) -> str:
    if not turn.interrupted:
        return ""
    if turn.heard_ms is None:
        return "Interrupted"
    if turn.heard_ms == 0:
        return "Interrupted before a sound of it was heard"
    return f"Interrupted after {display.show_milliseconds(turn.heard_ms)}"
