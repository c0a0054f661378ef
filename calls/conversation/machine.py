"""The conversation of one telephone call: decides, never does.

It is told what Twilio, OpenAI and our own tools said (`receive`) and that time has passed (`wake`), and returns what is
to be done. It has no clock and no socket: `now` is seconds since the ring, and `deadline` is when it wants to be woken.

    OPENING   the stream has started; OpenAI is being connected and configured; the caller's sound is held
    TALKING   both ends are ready
    CLOSING   the call is over; the last words of the caller are still being written down
    CLOSED    nothing more is expected
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum, auto
from typing import Any, Literal

from calls.conversation.caller_audio import CallerAudio
from calls.conversation.closing import HEARD_WHILE_CLOSING, Closing
from calls.conversation.company import Company
from calls.conversation.gate import ResponseGate
from calls.conversation.goodbye import TRANSFERRED, Goodbye
from calls.conversation.keypad import Keypad
from calls.conversation.messages import (
    Advised,
    CloseLine,
    Command,
    EndCall,
    LineLost,
    LineOpened,
    Message,
    RunTool,
    StreamClosed,
    ToolFinished,
    event,
    to_ms,
)
from calls.conversation.patience import Patience
from calls.conversation.profile import Profile
from calls.conversation.session_setup import SessionSetup
from calls.conversation.tool_calls import ToolCalls
from calls.conversation.transcript import UNINTELLIGIBLE, Transcript
from calls.conversation.voice import AgentVoice
from calls.realtime import wire
from calls.twilio import stream

STAYED = '{"status": "not_done", "why": "The caller is speaking. Listen, and answer."}'
LEAVING = {"end_call": "agent_hangup", "transfer": TRANSFERRED}


class Phase(Enum):
    OPENING = auto()
    TALKING = auto()
    CLOSING = auto()
    CLOSED = auto()


class Conversation:
    def __init__(self, profile: Profile) -> None:
        self.phase = Phase.OPENING
        self.usage = wire.Usage()
        self.session_id = ""
        self.first_audio_ms: int | None = None
        """Milliseconds from the stream's start to the agent's first sound."""
        self._profile = profile
        self._setup = SessionSetup(profile.session)
        self._started_at = 0.0
        self._speech_ended_at: float | None = None
        self._may_retry = True
        self._advice = 0
        self._turns_begun = 0
        self._turns_before: dict[str, int] = {}  # by tool call
        self._untold: set[str] = set()  # items of ours that OpenAI has not confirmed yet
        self._caller = CallerAudio()
        self._gate = ResponseGate()
        self._goodbye = Goodbye()
        self._keypad = Keypad()
        self._patience = Patience()
        self._tools = ToolCalls()
        self._transcript = Transcript()
        self.closing = Closing(self._transcript, profile.summary_prompt)
        self._voice = AgentVoice(self._transcript)
        self._company = Company(profile, self._patience, self._voice)

    @property
    def deadline(self) -> float | None:
        """When `wake` wants to be called, in seconds since the ring; None for never."""
        if self.phase in (Phase.CLOSING, Phase.CLOSED):
            return self.closing.until
        moments = (
            self._patience.filler_at,
            self._patience.give_up_at,
            self._caller.stall_at,
            self._gate.retry_at,
            self._goodbye.until,
            # Before the session is ready nobody can be told of a key.
            self._keypad.complete_at if self.phase is Phase.TALKING else None,
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def receive(self, message: Message, now: float) -> list[Command]:
        """What to do about a message. Never raises for what a peer sends."""
        if self.phase in (Phase.CLOSING, Phase.CLOSED) and type(message) not in HEARD_WHILE_CLOSING:
            return []
        handle = HANDLERS.get(type(message))
        commands = handle(self, message, now) if handle else []
        if self._goodbye.until is not None:
            commands += self._hang_up_when_said(now)
        if self.phase is Phase.CLOSING and self.closing.is_complete:
            commands += self._close()
        return commands

    def wake(self, now: float) -> list[Command]:
        """What to do now that time has passed; harmless before `deadline`."""
        if self.phase is Phase.CLOSING:
            return self._close() if self.closing.until is not None and now >= self.closing.until else []
        if self.phase is Phase.CLOSED:
            return []
        commands: list[Command] = [*self._caller.stalled(now), *self._gate.retry(now)]
        if self.phase is Phase.TALKING and self._keypad.is_complete(now):
            commands += self._tell_digits(now)
        if self._goodbye.until is not None and now >= self._goodbye.until:
            return commands + self._finish(self._goodbye.reason, now)
        return commands + self._keep_company(now)

    # Twilio

    def _on_start(self, message: stream.Start, now: float) -> list[Command]:
        self._started_at = now
        self._patience.owe_first(now)
        noted = event("stream_started", now, stream_sid=message.stream_sid)
        if (message.encoding, message.sample_rate) != ("audio/x-mulaw", 8000):
            wrong = event("wrong_stream_format", now, encoding=message.encoding, sample_rate=message.sample_rate)
            return [noted, wrong, *self._finish("stream_lost", now)]
        return [noted]

    def _on_media(self, message: stream.Media, now: float) -> list[Command]:
        return [*self._caller.receive(message.payload, message.timestamp_ms, now)]

    def _on_mark(self, message: stream.Mark, now: float) -> list[Command]:
        return self._voice.acknowledge(message.name, now)

    def _on_dtmf(self, message: stream.Dtmf, now: float) -> list[Command]:
        self._keypad.press(message.digit, now)
        return self._tell_digits(now) if message.digit == "#" and self.phase is Phase.TALKING else []

    def _on_stop(self, message: stream.Stop, now: float) -> list[Command]:
        return self._finish("caller_hangup", now)

    def _on_stream_closed(self, message: StreamClosed, now: float) -> list[Command]:
        # A hang-up sometimes shows as a plain close alone; anything else is a broken stream.
        return self._finish("caller_hangup" if message.code in (1000, 1001, 1005) else "stream_lost", now)

    # The line to OpenAI

    def _on_line_opened(self, message: LineOpened, now: float) -> list[Command]:
        return [event("line_opened", now), self._setup.ask()]

    def _on_session_created(self, message: wire.SessionCreated, now: float) -> list[Command]:
        self.session_id = message.session_id
        return [event("session_created", now, model=message.model)]

    def _on_session_updated(self, message: wire.SessionUpdated, now: float) -> list[Command]:
        if self.phase is not Phase.OPENING:
            return []
        if not self._setup.is_met_by(message):
            wrong = event("wrong_session_format", now, heard=message.input_format, spoken=message.output_format)
            return [wrong, *self._ask_for_less(now)]
        self.phase = Phase.TALKING
        greeting = f"Say exactly this and nothing else: {self._profile.greeting}"
        ready = event("session_ready", now, rung=self._setup.rung, held_frames_dropped=self._caller.dropped)
        return [ready, *self._caller.release(), *self._gate.ask(greeting)]

    def _on_error(self, message: wire.ErrorEvent, now: float) -> list[Command]:
        noted = event("openai_error", now, code=message.code, param=message.param)
        if message.code in wire.FATAL_CODES:
            return [noted, *self._finish(self._upstream_reason(), now)]
        if self.phase is Phase.OPENING and self._setup.is_refused_by(message):
            return [noted, *self._ask_for_less(now)]
        return [noted, *(self._gate.refused(message, now) or ())]

    def _on_line_lost(self, message: LineLost, now: float) -> list[Command]:
        noted = event("line_lost", now, cause=message.cause, code=message.code, detail=message.detail)
        return [noted, *self._finish(self._upstream_reason(), now), *self._close()]

    def _ask_for_less(self, now: float) -> list[Command]:
        return [*self._setup.ask_for_less()] or self._finish("upstream_unavailable", now)

    def _upstream_reason(self) -> str:
        return "upstream_unavailable" if self.first_audio_ms is None else "upstream_lost"

    # The caller's turn

    def _on_speech_started(self, message: wire.SpeechStarted, now: float) -> list[Command]:
        self._turns_begun += 1
        self._caller.speaking(True, now)
        self._transcript.caller_started(message.item_id, to_ms(now))
        self._patience.settle()
        self._speech_ended_at = None
        stayed = [event("goodbye_cancelled", now)] if self._goodbye.cancel() else []
        unsaid = self._voice.mute(self._gate.active, now) if self._gate.active else []
        return [*self._voice.barge_in(now), *unsaid, *stayed]

    def _on_speech_stopped(self, message: wire.SpeechStopped, now: float) -> list[Command]:
        self._caller.speaking(False, now)
        self._gate.expect(now)
        session = self._profile.session
        # The turn detection has listened to that much silence before it said so.
        self._speech_ended_at = now - (0 if session.semantic_vad else session.silence_ms / 1000)
        self._patience.owe_reply(self._speech_ended_at)
        return []

    def _on_committed(self, message: wire.Committed, now: float) -> list[Command]:
        self._caller.speaking(False, now)
        self.closing.words_came()
        is_awaited = self._setup.writes_transcripts
        turn = self._transcript.caller_finished(
            message.item_id, message.previous_item_id, to_ms(now), is_awaited=is_awaited
        )
        return [turn]

    def _on_item_added(self, message: wire.ItemAdded, now: float) -> list[Command]:
        self._untold.discard(message.item_id)
        self._transcript.place(message.item_id, message.previous_item_id)
        return []

    def _on_transcript(self, message: wire.TranscriptCompleted | wire.TranscriptFailed, now: float) -> list[Command]:
        text = message.text if isinstance(message, wire.TranscriptCompleted) else UNINTELLIGIBLE
        return [self._transcript.caller_said(message.item_id, text, to_ms(now))]

    def _tell_digits(self, now: float) -> list[Command]:
        digits = self._keypad.take()
        item_id = f"keypad-{self._keypad.count}"
        self._patience.owe_reply(now)
        return [
            event("dtmf", now, digits=len(digits)),
            self._transcript.caller_said(item_id, f"[keypad: {self._keypad.shown(digits)}]", to_ms(now)),
            *self._tell(item_id, "user", f"(The caller pressed {' '.join(digits)} on the keypad.)"),
        ]

    def _tell(self, item_id: str, role: Literal["user", "system"], text: str) -> list[Command]:
        self._untold.add(item_id)
        return [wire.AddText(item_id, role, text), *self._ask()]

    def _ask(self) -> list[Command]:
        """Have the agent answer; a caller who is speaking gets the answer with the response to that turn."""
        return [] if self._caller.is_speaking else [*self._gate.ask()]

    # The agent's turn

    def _on_response_created(self, message: wire.ResponseCreated, now: float) -> list[Command]:
        if not message.out_of_band:
            self._gate.created(message.response_id, knows_all=not self._untold)
        return []

    def _on_response_done(self, message: wire.ResponseDone, now: float) -> list[Command]:
        self.usage += message.usage
        self.closing.response_done(message)
        if self.phase is not Phase.TALKING or message.kind:
            return []
        self._tools.response_done(message.response_id)
        self._goodbye.response_done(now, was_spoken=self._voice.has_spoken(message.response_id))
        commands: list[Command] = [*self._gate.done(message.response_id)]
        if message.status in ("failed", "incomplete"):
            commands += self._on_response_failed(message, now)
        return commands + self._answer_tools(now)

    def _on_response_failed(self, message: wire.ResponseDone, now: float) -> list[Command]:
        noted = event("response_failed", now, status=message.status, code=message.code)
        if message.code in wire.FATAL_CODES:
            return [noted, *self._finish(self._upstream_reason(), now)]
        if message.status == "incomplete" and self._voice.has_spoken(message.response_id):
            return [noted]  # it only ended sooner than the model wanted
        if not self._caller.is_speaking:
            self._patience.renew(now)
        if self._may_retry:
            self._may_retry = False
            self._gate.ask_later(now)
        return [noted]

    def _on_audio_delta(self, message: wire.OutputAudioDelta, now: float) -> list[Command]:
        # Before the session is ready OpenAI would speak 24 kHz PCM: noise on the telephone.
        commands = self._voice.speak(message, now) if self.phase is Phase.TALKING else []
        if not commands:
            return []
        if self.first_audio_ms is None:
            self.first_audio_ms = to_ms(now - self._started_at)
            commands.append(event("first_audio", now, after_start_ms=self.first_audio_ms))
        if self._speech_ended_at is not None:
            commands.append(event("answer", now, after_speech_ms=to_ms(now - self._speech_ended_at)))
            self._speech_ended_at = None
        self._may_retry = True
        self._patience.settle()
        return commands

    def _on_audio_done(self, message: wire.OutputAudioDone, now: float) -> list[Command]:
        return self._voice.finished(message.item_id, message.content_index)

    def _on_agent_text_delta(self, message: wire.AgentTextDelta, now: float) -> list[Command]:
        self._transcript.agent_says_more(message.item_id, message.content_index, message.text, to_ms(now))
        return self._voice.words_came(message.item_id, message.response_id, now)

    def _on_agent_text(self, message: wire.AgentText, now: float) -> list[Command]:
        taken_back = self._voice.words_came(message.item_id, message.response_id, now)
        said = self._transcript.agent_said(message.item_id, message.content_index, message.text, to_ms(now))
        return [*taken_back, said]

    # Tools

    def _on_tool_called(self, message: wire.ToolCalled, now: float) -> list[Command]:
        position = self._transcript.place(message.item_id, "")
        record = self._tools.begin(message, position, to_ms(now))
        if record is None:
            return []
        self._turns_before[message.tool_call_id] = self._turns_begun - self._caller.is_speaking
        if not self._caller.is_speaking:
            self._patience.await_tool(now)
        return [record, RunTool(message.tool_call_id, message.name, message.arguments)]

    def _on_tool_finished(self, message: ToolFinished, now: float) -> list[Command]:
        record = self._tools.finish(message)
        if self.phase is not Phase.TALKING:
            return [record]
        item_id = f"answer-{message.tool_call_id}"[:32]
        self._untold.add(item_id)
        if message.then == "end_call" and self._turns_begun > self._turns_before[message.tool_call_id]:
            message = replace(message, output=STAYED, then="")  # the caller has something to say after all
        if message.then in LEAVING:
            was_spoken = self._voice.has_spoken(self._tools.response_of(message.tool_call_id))
            self._goodbye.begin(now, reason=LEAVING[message.then], was_spoken=was_spoken)
        if message.then == "wait" or self._caller.is_speaking:
            self._patience.settle()  # nothing is owed while the caller has the word
        else:
            self._patience.renew(now)
        return [record, wire.ToolOutput(item_id, message.tool_call_id, message.output), *self._answer_tools(now)]

    def _answer_tools(self, now: float) -> list[Command]:
        if not self._tools.take_answered():
            return []
        if self._goodbye.was_spoken:
            self._patience.settle()
            return []
        return self._ask()

    def _on_advised(self, message: Advised, now: float) -> list[Command]:
        if self.phase is not Phase.TALKING:
            return []
        self._advice += 1
        return [event("advised", now), *self._tell(f"advice-{self._advice}", "system", message.text)]

    # Waiting and ending

    def _keep_company(self, now: float) -> list[Command]:
        if (waited := self._patience.exhausted_after(now)) is not None:
            return [event("gave_up_waiting", now, waited_ms=to_ms(waited)), *self._finish(self._upstream_reason(), now)]
        return self._company.keep(now, is_first=self.first_audio_ms is None)

    def _hang_up_when_said(self, now: float) -> list[Command]:
        is_said = self._goodbye.was_spoken and self._gate.is_idle and not self._voice.is_playing(now)
        return self._finish(self._goodbye.reason, now) if is_said else []

    def _finish(self, reason: str, now: float) -> list[Command]:
        if self.phase in (Phase.CLOSING, Phase.CLOSED):
            return []
        can_ask = self.phase is Phase.TALKING and reason not in ("upstream_lost", "upstream_unavailable")
        self.phase = Phase.CLOSING
        asked = self.closing.begin(now, can_ask=can_ask, is_speaking=self._caller.is_speaking)
        return [*self._voice.cut_off(now), event("ended", now, reason=reason), EndCall(reason), *asked]

    def _close(self) -> list[Command]:
        self.phase, self.closing.until = Phase.CLOSED, None
        return [CloseLine()]


HANDLERS: Mapping[type, Callable[[Conversation, Any, float], list[Command]]] = {
    stream.Start: Conversation._on_start,
    stream.Media: Conversation._on_media,
    stream.Mark: Conversation._on_mark,
    stream.Dtmf: Conversation._on_dtmf,
    stream.Stop: Conversation._on_stop,
    StreamClosed: Conversation._on_stream_closed,
    LineOpened: Conversation._on_line_opened,
    LineLost: Conversation._on_line_lost,
    wire.SessionCreated: Conversation._on_session_created,
    wire.SessionUpdated: Conversation._on_session_updated,
    wire.ErrorEvent: Conversation._on_error,
    wire.SpeechStarted: Conversation._on_speech_started,
    wire.SpeechStopped: Conversation._on_speech_stopped,
    wire.Committed: Conversation._on_committed,
    wire.ItemAdded: Conversation._on_item_added,
    wire.TranscriptCompleted: Conversation._on_transcript,
    wire.TranscriptFailed: Conversation._on_transcript,
    wire.ResponseCreated: Conversation._on_response_created,
    wire.ResponseDone: Conversation._on_response_done,
    wire.OutputAudioDelta: Conversation._on_audio_delta,
    wire.OutputAudioDone: Conversation._on_audio_done,
    wire.AgentTextDelta: Conversation._on_agent_text_delta,
    wire.AgentText: Conversation._on_agent_text,
    wire.ToolCalled: Conversation._on_tool_called,
    ToolFinished: Conversation._on_tool_finished,
    Advised: Conversation._on_advised,
}
