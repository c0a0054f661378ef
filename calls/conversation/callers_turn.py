"""The caller's side of the conversation: sound, speech, words and keys."""

from calls.conversation.keypad import KEYPAD
from calls.conversation.messages import Command, event, to_ms
from calls.conversation.state import Phase
from calls.conversation.transcript import UNINTELLIGIBLE
from calls.conversation.watching import Watching
from calls.realtime import wire
from calls.twilio import stream


class CallersTurn(Watching):
    def _on_media(self, message: stream.Media, now: float) -> list[Command]:
        self._media.came(now)
        return [*self._caller.receive(message.payload, message.timestamp_ms, now)]

    def _on_dtmf(self, message: stream.Dtmf, now: float) -> list[Command]:
        self._silence.caller_acts()
        self._silence.listen(now)
        self._keypad.press(message.digit, now)
        return self._tell_digits(now) if message.digit == "#" and self.phase is Phase.TALKING else []

    def _on_speech_started(self, message: wire.SpeechStarted, now: float) -> list[Command]:
        self._turns_begun += 1
        self._caller.speaking(True, now)
        self._transcript.caller_started(message.item_id, to_ms(now))
        self._patience.settle()
        self._gate.yield_turn()
        self._speech_ended_at = None
        self._silence.caller_acts()
        kept = self._keep_greeting(now)
        self._capture.stop()
        stayed = [event("goodbye_cancelled", now)] if self._goodbye.cancel() else []
        unsaid = self._voice.mute(self._gate.active, now) if self._gate.active else []
        cut = [] if self._goodbye.is_last else self._voice.barge_in(now)
        return [*cut, *self._greeting.interrupted(cut), *unsaid, *stayed, *kept]

    def _on_speech_stopped(self, message: wire.SpeechStopped, now: float) -> list[Command]:
        self._caller.speaking(False, now)
        self._gate.expect(now)
        self._silence.listen(now)
        session = self._profile.session
        # The turn detection has listened to that much silence before it said so.
        self._turn_ended_at = now
        self._speech_ended_at = now - (0 if session.semantic_vad else session.silence_ms / 1000)
        self._patience.owe_reply(self._speech_ended_at)
        return []

    def _on_committed(self, message: wire.Committed, now: float) -> list[Command]:
        self._caller.speaking(False, now)
        self.closing.words_came()
        is_awaited = self._setup.writes_transcripts
        item_id, previous = message.item_id, message.previous_item_id
        return [self._transcript.caller_finished(item_id, previous, to_ms(now), is_awaited=is_awaited)]

    def _on_item_added(self, message: wire.ItemAdded, now: float) -> list[Command]:
        self._untold.discard(message.item_id)
        self._transcript.place(message.item_id, message.previous_item_id)
        return []

    def _on_transcript(self, message: wire.TranscriptCompleted | wire.TranscriptFailed, now: float) -> list[Command]:
        text = message.text if isinstance(message, wire.TranscriptCompleted) else UNINTELLIGIBLE
        said = self._transcript.caller_said(message.item_id, text, to_ms(now))
        if self._transcript.is_complete:
            self._caller.understood()
        return [said]

    def _tell_digits(self, now: float) -> list[Command]:
        digits = self._keypad.take()
        item_id = f"{KEYPAD}{self._keypad.count}"
        self._patience.owe_reply(now)
        return [
            event("dtmf", now, digits=len(digits)),
            self._transcript.caller_said(item_id, f"[keypad: {self._keypad.shown(digits)}]", to_ms(now)),
            *self._tell(item_id, "user", f"(The caller pressed {' '.join(digits)} on the keypad.)"),
        ]
