"""The line to OpenAI: a session is agreed on, lost and resumed on another line, and renewed before its hour is over."""

from calls.conversation import past
from calls.conversation.messages import (
    Command,
    LineExpires,
    LineLost,
    LineNotPrepared,
    LineOpened,
    LinePrepared,
    OpenLine,
    PrepareLine,
    TakeLine,
    event,
)
from calls.conversation.state import Phase
from calls.conversation.watching import HERE_AGAIN, Watching
from calls.realtime import reasons, wire
from calls.realtime.reasons import Reason

RESUMED = (
    "This is the same telephone call, and the conversation above goes on: the connection was away for a moment. Do not "
    "greet again, and ask for nothing that was said already. If you were cut off in a sentence, go on from there."
)


class Reconnecting(Watching):
    def _on_line_opened(self, message: LineOpened, now: float) -> list[Command]:
        self._is_created = False
        return [event("line_opened", now), self._setup.ask()]

    def _on_line_expires(self, message: LineExpires, now: float) -> list[Command]:
        self._renewal.begin(now, lasts=message.in_seconds)
        return []

    def _on_session_created(self, message: wire.SessionCreated, now: float) -> list[Command]:
        self.session_id, self._is_created = message.session_id, True
        return [event("session_created", now, model=message.model)]

    def _on_session_updated(self, message: wire.SessionUpdated, now: float) -> list[Command]:
        if self.phase not in (Phase.OPENING, Phase.RESUMING):
            return []
        if not self._setup.is_met_by(message):
            wrong = event("wrong_session_format", now, heard=message.input_format, spoken=message.output_format)
            return [wrong, *self._ask_for_less(now)]
        was_lost, self.phase = self.phase is Phase.RESUMING, Phase.TALKING
        if was_lost or self._profile.past:
            return self._go_on(now)
        ready = event("session_ready", now, rung=self._setup.rung, held_frames_dropped=self._caller.dropped)
        return [ready, *self._caller.release(), *self._greet(now)]

    def _on_error(self, message: wire.ErrorEvent, now: float) -> list[Command]:
        reason = reasons.of_code(message.code, message.message)
        noted = event("openai_error", now, code=message.code, param=message.param, cause=reason)
        if reasons.is_fatal(reason):
            return [noted, *self._finish(self._upstream_reason(), now)]
        if reason is Reason.EXPIRED:
            return [noted, *self._resume(now)]
        if reasons.is_passing(reason) and not self._is_created:
            return [noted, *self._resume(now)]  # there will be no session: OpenAI is full, or fails before it begins
        if self.phase in (Phase.OPENING, Phase.RESUMING) and self._setup.is_refused_by(message, reason):
            return [noted, *self._ask_for_less(now)]
        return [noted, *(self._gate.refused(message, now) or ())]

    def _on_line_lost(self, message: LineLost, now: float) -> list[Command]:
        why = {"cause": message.reason, "code": message.code, "detail": message.detail}
        noted = event("line_lost", now, **why, was_open=message.was_open)
        if self.phase in (Phase.CLOSING, Phase.CLOSED):
            return [noted, *self._close()]
        if message.was_open and not reasons.is_fatal(message.reason):
            return [noted, *self._resume(now)]
        return [noted, *self._finish(self._upstream_reason(), now), *self._close()]

    def _ask_for_less(self, now: float) -> list[Command]:
        return [*self._setup.ask_for_less()] or self._finish(self._upstream_reason(), now)

    # A session that was lost

    def _resume(self, now: float) -> list[Command]:
        """Go on in a new session; the end of the call where the line breaks again and again."""
        if self._goodbye.until is None and not self._resumes.take(now):
            return [event("gave_up_resuming", now), *self._finish(self._upstream_reason(), now), *self._close()]
        lost = self._lose_session(now)
        if self._goodbye.until is not None:
            self._goodbye.was_spoken = True  # what was sent of it is still heard; nobody can say more
            return lost
        if self.phase is Phase.RESUMING:
            self._patience.resume(now)
        return [*lost, OpenLine()]

    def _lose_session(self, now: float) -> list[Command]:
        """Forget what belonged to the session, and remember what it owed."""
        if self.phase is Phase.OPENING:
            return []
        if self.phase is Phase.TALKING:
            self._owes = self._is_owed()
        self.phase = Phase.RESUMING
        self._transcript.session_lost(is_heard_again=self._caller.is_turn_open and not self._caller.is_speaking)
        self._caller.hold()
        self._gate.forget()
        self._tools.session_lost()
        self._greeting.session_lost()
        self._capture.stop()
        self._renewal.stop()
        self._sound_check.begin()
        self._untold.clear()
        self._may_retry = True
        return [*self._voice.session_lost(now)]

    def _is_owed(self) -> bool:
        """Whether the agent was to speak next. A turn that was not understood is heard again, and asks by itself; and
        a tool asks when it has its answer."""
        if self._caller.is_turn_open or self._tools.is_running:
            return False
        return self._patience.owed_since is not None or not self._gate.is_idle

    def _go_on(self, now: float) -> list[Command]:
        """The new session is ready: it is told what has happened, and asked for what is owed."""
        items = past.items(self._transcript, self._tools, self._told)
        ready = event("session_resumed", now, rung=self._setup.rung, items=len(items))
        if not items:
            self._owes = False
            return [ready, *self._caller.release(), *self._greet(now)]
        self._resumes.count += 1
        note = wire.AddText(f"resumed-{self._resumes.count}", "system", RESUMED)
        self._greeting.told_again()
        owes, self._owes = self._owes or bool(self._tools.take_answered()), False
        commands: list[Command] = [ready, *items, note, *self._caller.release()]
        if owes:
            return commands + self._ask()
        if self._tools.is_running:
            self._patience.await_tool(now)
        elif self._patience.has_filled and not self._caller.is_turn_open:
            # As at the greeting: a caller who was asked to wait would wait on.
            self._patience.allow(now)
            return [*commands, *self._gate.ask(self._saying(HERE_AGAIN))]
        elif not self._caller.is_turn_open:
            self._patience.settle()
            self._silence.listen(max(now, self._voice.ends_at()))
        return commands

    # A session that will be an hour old

    def _renew(self, now: float) -> list[Command]:
        """In a pause, before OpenAI ends the session: a second line is opened, and takes over in a pause too."""
        if self._renewal.look_at is None or now < self._renewal.look_at:
            return []
        is_busy = self._is_busy(now) or self._tools.is_running or self._caller.is_turn_open
        if not self._renewal.look(now, is_quiet=not is_busy):
            return []
        if not self._renewal.is_prepared:
            self._renewal.preparing()
            return [PrepareLine()]
        lost = self._lose_session(now)
        self._patience.resume(now)
        return [event("session_renewed", now), *lost, TakeLine(), self._setup.ask()]

    def _on_line_prepared(self, message: LinePrepared, now: float) -> list[Command]:
        self._renewal.prepared(now)
        return []

    def _on_line_not_prepared(self, message: LineNotPrepared, now: float) -> list[Command]:
        self._renewal.failed(now)
        return [event("line_not_prepared", now, cause=message.reason)]
