"""The state of a conversation, and what every part of it may do: have the agent answer, and end the call."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Literal

from calls.conversation.bounds import Names
from calls.conversation.caller_audio import CallerAudio
from calls.conversation.capture import GreetingCapture
from calls.conversation.closing import Closing
from calls.conversation.company import Company
from calls.conversation.gate import ResponseGate
from calls.conversation.goodbye import Goodbye
from calls.conversation.kept_greeting import KeptGreeting
from calls.conversation.keypad import KEYPAD, Keypad
from calls.conversation.messages import CloseLine, Command, EndCall, Message, RecordTool, RecordTurn, event
from calls.conversation.past import Told
from calls.conversation.patience import Patience
from calls.conversation.profile import Profile
from calls.conversation.renewal import Renewal, Resumes
from calls.conversation.session_setup import SessionSetup
from calls.conversation.sound_check import SoundCheck
from calls.conversation.tool_calls import ToolCalls
from calls.conversation.transcript import Transcript
from calls.conversation.voice import AgentVoice
from calls.conversation.watch import Limit, MediaWatch, SilenceWatch
from calls.realtime import wire


class Phase(Enum):
    OPENING = auto()
    TALKING = auto()
    RESUMING = auto()
    CLOSING = auto()
    CLOSED = auto()


class State:
    def __init__(self, profile: Profile) -> None:
        self.phase = Phase.OPENING
        self.usage = wire.Usage()
        self.session_id = ""
        self.passed_over = 0  # messages that mean nothing here
        self.first_audio_ms: int | None = None
        """Milliseconds from the stream's start to the agent's first sound."""
        self._profile = profile
        self._setup = SessionSetup(profile.session)
        self._started_at = 0.0
        self._speech_ended_at: float | None = None
        self._turn_ended_at = 0.0  # when OpenAI had detected that
        self._may_retry = True
        self._has_answered = False  # the model has spoken
        self._advice = 0
        self._turns_begun = 0
        self._turns_before: dict[str, int] = {}  # by tool call
        self._untold: set[str] = set()  # items of ours that OpenAI has not confirmed yet
        self._told: dict[str, Told] = {}  # what we told OpenAI in words, by item
        self._is_created = False  # the session on the line that was opened last
        self._owes = False  # the agent was to speak when a session was lost
        self._resumes = Resumes()
        self._renewal = Renewal()
        self._sound_check = SoundCheck()
        self._caller = CallerAudio()
        self._names = Names()
        self._gate = ResponseGate()
        self._goodbye = Goodbye()
        self._keypad = Keypad()
        self._patience = Patience()
        self._tools = ToolCalls()
        self._transcript = Transcript()
        self.closing = Closing(self._transcript, profile.summary_prompt)
        self._voice = AgentVoice(self._transcript)
        self._company = Company(profile, self._patience, self._voice)
        self._greeting = KeptGreeting(profile, self._voice, self._transcript)
        self._capture = GreetingCapture(profile.greeting, is_wanted=profile.keeps_greeting)
        self._silence = SilenceWatch()
        self._media = MediaWatch()
        self._limit = Limit(profile.longest_seconds)
        self._remember(profile.past)

    def _remember(self, past: Sequence[RecordTurn | RecordTool]) -> None:
        """This stream is not the first of its call: the conversation goes on where it was."""
        for number, record in enumerate(past):
            if isinstance(record, RecordTool):
                item_id = f"past-{number}"
                self._tools.remember(item_id, record)
                self._transcript.remember(item_id, record.position, None)
            else:
                self._keypad.count += record.item_id.startswith(KEYPAD)
                self._transcript.remember(record.item_id, record.position, record)
        if past:
            last = past[-1]
            is_told = isinstance(last, RecordTurn) and last.role == "agent" and not last.interrupted
            self._owes = not is_told and (isinstance(last, RecordTool) or bool(last.text or last.unheard))

    def _pass_over(self, message: Message, now: float) -> list[Command]:
        self.passed_over += 1
        return []

    def _tell(self, item_id: str, role: Literal["user", "system"], text: str) -> list[Command]:
        self._told[item_id] = (role, text)
        self._transcript.place(item_id, "")
        if self.phase is Phase.RESUMING:
            self._owes = True
            return []
        self._untold.add(item_id)
        return [*self._greeting.tell_all(), wire.AddText(item_id, role, text), *self._ask()]

    def _ask(self) -> list[Command]:
        """Have the agent answer; a caller who is speaking gets the answer with the response to that turn."""
        return [] if self._caller.is_speaking else [*self._gate.ask()]

    def _upstream_reason(self) -> str:
        return "upstream_lost" if self._has_answered else "upstream_unavailable"

    def _finish(self, reason: str, now: float) -> list[Command]:
        if self.phase in (Phase.CLOSING, Phase.CLOSED):
            return []
        can_ask = self.phase is Phase.TALKING and reason not in ("upstream_lost", "upstream_unavailable")
        self.phase = Phase.CLOSING
        is_speaking, is_hurried = self._caller.is_speaking, self._goodbye.is_last
        asked = self.closing.begin(now, can_ask=can_ask, is_speaking=is_speaking, is_hurried=is_hurried)
        return [
            *self._voice.cut_off(now),
            event("ended", now, reason=reason, padded_ms=self._caller.padded_ms, lost_ms=self._caller.lost_ms),
            EndCall(reason),
            *asked,
        ]

    def _close(self) -> list[Command]:
        self.phase, self.closing.until = Phase.CLOSED, None
        return [CloseLine()]
