"""The conversation of one telephone call: decides, never does.

It is told what Twilio, OpenAI and our own tools said (`receive`) and that time has passed (`wake`), and returns what is
to be done. It has no clock and no socket: `now` is seconds since the ring, and `deadline` is when it wants to be woken.

    OPENING   the stream has started; OpenAI is being connected and configured; the caller's sound is held
    TALKING   both ends are ready
    RESUMING  the session was lost or is being renewed; another one is opened; the caller's sound is held
    CLOSING   the call is over; the last words of the caller are still being written down
    CLOSED    nothing more is expected
"""

from collections.abc import Callable, Mapping
from typing import Any

from calls.conversation.agents_turn import AgentsTurn
from calls.conversation.callers_turn import CallersTurn
from calls.conversation.closing import HEARD_WHILE_CLOSING
from calls.conversation.messages import (
    Advised,
    ClosingTime,
    Command,
    LineExpires,
    LineLost,
    LineNotPrepared,
    LineOpened,
    LinePrepared,
    Message,
    StreamClosed,
    ToolFinished,
    event,
    to_ms,
)
from calls.conversation.reconnecting import Reconnecting
from calls.conversation.state import Phase
from calls.realtime import wire
from calls.twilio import stream

SERVICE_RESTART = 1012
"""The code with which our own server closes what is open when it ends."""


class Conversation(CallersTurn, AgentsTurn, Reconnecting):
    @property
    def deadline(self) -> float | None:
        """When `wake` wants to be called, in seconds since the ring; None for never."""
        if self.phase in (Phase.CLOSING, Phase.CLOSED):
            return self.closing.until
        if self._goodbye.is_last:
            return self._goodbye.until
        moments = (
            self._patience.filler_at,
            self._patience.give_up_at,
            self._patience.ask_again_at,
            self._caller.stall_at,
            self._gate.retry_at,
            self._goodbye.until,
            self._greeting.wake_at,
            self._silence.due_at,
            self._media.due_at,
            self._limit.warn_at,
            self._limit.end_at,
            self._renewal.look_at,
            self._keypad.complete_at if self.phase is Phase.TALKING else None,  # before, nobody can be told
        )
        return min((moment for moment in moments if moment is not None), default=None)

    @property
    def dropped(self) -> int:
        """Pieces of the agent's sound that were too far ahead of what the caller hears."""
        return self._voice.dropped

    def receive(self, message: Message, now: float) -> list[Command]:
        """What to do about a message. Never raises for what a peer sends."""
        if self.phase in (Phase.CLOSING, Phase.CLOSED) and type(message) not in HEARD_WHILE_CLOSING:
            return []
        handle = HANDLERS.get(type(message), Conversation._pass_over)
        if type(message) is not stream.Media and not self._names.has_room_for(message, now):
            handle = Conversation._pass_over
        commands = handle(self, message, now)
        if self._goodbye.until is not None:
            commands += self._hang_up_when_said(now)
        self._expect_the_rest(now)
        if self.phase is Phase.CLOSING and self.closing.is_complete:
            commands += self._close()
        return commands

    def wake(self, now: float) -> list[Command]:
        """What to do now that time has passed; harmless before `deadline`."""
        if self.phase is Phase.CLOSING:
            return self._close() if self.closing.until is not None and now >= self.closing.until else []
        if self.phase is Phase.CLOSED:
            return []
        if self._goodbye.is_last:
            return self._end_at_last(now)
        commands: list[Command] = [*self._greet_first(now), *self._caller.stalled(now), *self._gate.retry(now)]
        if self.phase is Phase.TALKING and self._keypad.is_complete(now):
            commands += self._tell_digits(now)
        if self._goodbye.until is not None and now >= self._goodbye.until:
            return commands + self._finish(self._goodbye.reason, now)
        commands += [*self._watch_over(now), *self._renew(now)]
        self._expect_the_rest(now)
        return commands + self._keep_company(now)

    # Twilio

    def _on_start(self, message: stream.Start, now: float) -> list[Command]:
        self._started_at = now
        self._patience.owe_first(now)
        self._media.came(now)
        self._limit.begin(now)
        noted = event("stream_started", now, stream_sid=message.stream_sid)
        if (message.encoding, message.sample_rate) != ("audio/x-mulaw", 8000):
            wrong = event("wrong_stream_format", now, encoding=message.encoding, sample_rate=message.sample_rate)
            return [noted, wrong, *self._finish("stream_lost", now)]
        self._greeting.play_at(now)
        return [noted]

    def _on_mark(self, message: stream.Mark, now: float) -> list[Command]:
        self._voice.acknowledge(message.name, now)
        return [*self._greeting.acknowledged(message.name), *self._keep_greeting(now)]

    def _on_stop(self, message: stream.Stop, now: float) -> list[Command]:
        return self._finish("caller_hangup", now)

    def _on_stream_closed(self, message: StreamClosed, now: float) -> list[Command]:
        if message.code == SERVICE_RESTART:
            return self._finish(self._goodbye.reason or "draining", now)
        # A hang-up sometimes shows as a plain close alone.
        reason = "caller_hangup" if message.code in (1000, 1001, 1005) else "stream_lost"
        return [event("stream_closed", now, code=message.code), *self._finish(reason, now)]

    # Waiting and ending

    def _keep_company(self, now: float) -> list[Command]:
        if self.phase in (Phase.CLOSING, Phase.CLOSED):
            return []
        if (waited := self._patience.exhausted_after(now)) is not None:
            return [event("gave_up_waiting", now, waited_ms=to_ms(waited)), *self._finish(self._upstream_reason(), now)]
        is_first = not self._has_answered or self.phase is Phase.RESUMING
        return self._company.keep(now, is_first=is_first)


HANDLERS: Mapping[type, Callable[[Conversation, Any, float], list[Command]]] = {
    stream.Start: Conversation._on_start,
    stream.Media: Conversation._on_media,
    stream.Mark: Conversation._on_mark,
    stream.Dtmf: Conversation._on_dtmf,
    stream.Stop: Conversation._on_stop,
    StreamClosed: Conversation._on_stream_closed,
    ClosingTime: Conversation._on_closing_time,
    LineOpened: Conversation._on_line_opened,
    LineLost: Conversation._on_line_lost,
    LineExpires: Conversation._on_line_expires,
    LinePrepared: Conversation._on_line_prepared,
    LineNotPrepared: Conversation._on_line_not_prepared,
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
    wire.Unknown: Conversation._on_unknown,
    ToolFinished: Conversation._on_tool_finished,
    Advised: Conversation._on_advised,
}
