"""The agent's side of the conversation: responses, sound, words and tools."""

from dataclasses import replace

from calls.conversation.goodbye import TRANSFERRED
from calls.conversation.messages import Advised, Command, RunTool, ToolFinished, event, to_ms
from calls.conversation.state import Phase
from calls.conversation.tool_calls import answer_id
from calls.conversation.watching import Watching
from calls.realtime import reasons, wire

STAYED = '{"status": "not_done", "why": "The caller is speaking. Listen, and answer."}'
LEAVING = {"end_call": "agent_hangup", "transfer": TRANSFERRED}


class AgentsTurn(Watching):
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
        self._capture.done(message)
        commands: list[Command] = [*self._gate.done(message.response_id), *self._keep_greeting(now)]
        if message.status in ("failed", "incomplete"):
            commands += self._on_response_failed(message, now)
        elif self._is_soundless(message):
            commands += self._on_soundless(now)
        return commands + self._answer_tools(now)

    def _on_response_failed(self, message: wire.ResponseDone, now: float) -> list[Command]:
        reason = reasons.of_code(message.code)
        noted = event("response_failed", now, status=message.status, code=message.code, cause=reason)
        if reasons.is_fatal(reason):
            return [noted, *self._finish(self._upstream_reason(), now)]
        if message.status == "incomplete" and self._voice.has_spoken(message.response_id):
            return [noted]  # it only ended sooner than the model wanted
        if self._caller.is_speaking:
            return [noted]  # the response to that turn says it
        self._patience.renew(now)
        if self._may_retry:
            self._may_retry = False
            self._gate.ask_later(now)
        return [noted]

    def _is_soundless(self, message: wire.ResponseDone) -> bool:
        """It ended well, was owed to the caller, and has neither sound nor a tool's call: text alone, or nothing."""
        is_owed = self._patience.owed_since is not None and not self._caller.is_speaking
        is_awaited = is_owed and self._gate.is_idle and self._goodbye.until is None
        is_empty = not (self._voice.has_spoken(message.response_id) or self._tools.were_called_by(message.response_id))
        return message.status == "completed" and is_awaited and is_empty

    def _on_soundless(self, now: float) -> list[Command]:
        """It is asked for once more; who says nothing again is given up when the wait has been too long."""
        noted = event("no_sound", now)
        if not self._may_retry:
            return [noted]
        self._may_retry = False
        return [noted, *self._ask()]

    def _on_audio_delta(self, message: wire.OutputAudioDelta, now: float) -> list[Command]:
        # Before the session is ready OpenAI would speak 24 kHz PCM: noise on the telephone.
        if self.phase is Phase.TALKING and self._sound_check.is_noise(message):
            wrong = event("format_mismatch", now, response_id=message.response_id)
            return [wrong, *self._finish(self._upstream_reason(), now)]
        commands = self._voice.speak(message, now) if self.phase is Phase.TALKING else []
        if not commands:
            return []
        if self.first_audio_ms is None:
            self.first_audio_ms = to_ms(now - self._started_at)
            commands.append(event("first_audio", now, after_start_ms=self.first_audio_ms))
        if self._speech_ended_at is not None:
            waited, detected = now - self._speech_ended_at, now - self._turn_ended_at
            commands.append(event("answer", now, after_speech_ms=to_ms(waited), after_turn_ms=to_ms(detected)))
            self._speech_ended_at = None
        self._may_retry = self._has_answered = True
        self._caller.understood()
        self._patience.settle()
        self._silence.listen(self._voice.ends_at())
        self._capture.sound(message)
        return commands

    def _on_unknown(self, message: wire.Unknown, now: float) -> list[Command]:
        if message.type.startswith("response.function_call_arguments"):
            self._patience.shows_life(now)  # the arguments of a tool take their time
        return self._pass_over(message, now)

    def _on_audio_done(self, message: wire.OutputAudioDone, now: float) -> list[Command]:
        return self._voice.finished(message.item_id, message.content_index)

    def _on_agent_text_delta(self, message: wire.AgentTextDelta, now: float) -> list[Command]:
        self._transcript.agent_says_more(message.item_id, message.content_index, message.text, to_ms(now))
        return self._voice.words_came(message.item_id, message.response_id, now)

    def _on_agent_text(self, message: wire.AgentText, now: float) -> list[Command]:
        taken_back = self._voice.words_came(message.item_id, message.response_id, now)
        self._capture.words(message)
        said = self._transcript.agent_said(message.item_id, message.content_index, message.text, to_ms(now))
        return [*taken_back, said]

    # Tools

    def _on_tool_called(self, message: wire.ToolCalled, now: float) -> list[Command]:
        position = self._transcript.place(message.item_id, "")
        record = self._tools.begin(message, position, to_ms(now))
        if record is None:
            return []
        self._caller.understood()
        self._turns_before[message.tool_call_id] = self._turns_begun - self._caller.is_speaking
        if not self._caller.is_speaking:
            self._patience.await_tool(now)
        return [record, RunTool(message.tool_call_id, message.name, message.arguments)]

    def _on_tool_finished(self, message: ToolFinished, now: float) -> list[Command]:
        record = self._tools.finish(message)
        if self.phase not in (Phase.TALKING, Phase.RESUMING):
            return [record]
        if message.then == "end_call" and self._turns_begun > self._turns_before[message.tool_call_id]:
            message = replace(message, output=STAYED, then="")  # the caller has something to say after all
        if message.then in LEAVING:
            was_spoken = self._voice.has_spoken(self._tools.response_of(message.tool_call_id))
            self._goodbye.begin(now, reason=LEAVING[message.then], was_spoken=was_spoken)
        self._tools.keep_answer(message.tool_call_id, message.output)
        if self.phase is Phase.RESUMING:
            return [record]  # the next session is told the call and its answer together
        if message.then == "wait" or self._caller.is_speaking:
            self._patience.settle()  # nothing is owed while the caller has the word
        else:
            self._patience.renew(now)
        item_id = answer_id(message.tool_call_id)
        self._untold.add(item_id)
        return [record, wire.ToolOutput(item_id, message.tool_call_id, message.output), *self._answer_tools(now)]

    def _answer_tools(self, now: float) -> list[Command]:
        if not self._tools.take_answered():
            return []
        if self._goodbye.was_spoken:
            self._patience.settle()
            return []
        return self._ask()

    def _on_advised(self, message: Advised, now: float) -> list[Command]:
        if self.phase not in (Phase.TALKING, Phase.RESUMING):
            return []
        self._advice += 1
        told = self._tell(f"advice-{self._advice}", "system", message.text)
        if message.then == "transfer":
            self._goodbye.begin(now, reason=TRANSFERRED, was_spoken=False)
        return [event("advised", now), *told]
