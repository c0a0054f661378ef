"""The side of the conversation that nobody speaks: what is done when something runs out, and the first sound."""

from calls.audio import BYTES_PER_MS, payload_bytes
from calls.conversation.messages import ClosingTime, Command, event, to_ms
from calls.conversation.state import Phase, State
from calls.realtime import wire

EXACTLY = "Say exactly this and nothing else: "
ARE_YOU_THERE = "Are you still there?"
NOBODY_THERE = "I can't hear you, so I will hang up now. Please call again whenever you like. Goodbye."
BACK = "Thank you for waiting. How can I help you?"
HERE_AGAIN = "Sorry for the wait, I am here again. Please go on."
NEARLY_OVER = (
    "This call has reached its longest time: in a minute it goes to a person. Tell the caller so now, in one short "
    "sentence, and then go on with what you were doing."
)


class Watching(State):
    def _greet_first(self, now: float) -> list[Command]:
        """The kept greeting, when it is time for it, and what follows when it is over without its mark."""
        played = self._greeting.play(now)
        if not played:
            return self._greeting.overdue(now)
        self.first_audio_ms = to_ms(now - self._started_at)
        self._patience.greet(self._voice.ends_at())
        return [*played, event("first_audio", now, after_start_ms=self.first_audio_ms, kept=True)]

    def _greet(self, now: float) -> list[Command]:
        """The session is ready: the model greets, unless the caller was greeted already."""
        if not self._greeting.is_kept:
            return [*self._gate.ask(f"{EXACTLY}{self._profile.greeting}")]
        told = self._greeting.open()
        if self._patience.has_filled:
            # A caller who was asked to wait hears when the wait is over.
            self._patience.allow(now)
            return [*told, *self._gate.ask(self._saying(BACK))]
        self._patience.settle()
        self._silence.listen(max(now, self._voice.ends_at()))
        return told

    def _watch_over(self, now: float) -> list[Command]:
        if self._media.is_lost(now):
            return [event("no_media", now), *self._finish("stream_lost", now)]
        return [*self._ask_again(now), *self._mind_the_limit(now), *self._mind_the_silence(now)]

    def _mind_the_limit(self, now: float) -> list[Command]:
        if self._limit.take_end(now):
            if self._goodbye.until is not None:
                self._limit.put_off(now)
                return []
            # What is being said is said to its end.
            self._goodbye.begin(now, reason="max_duration", was_spoken=True)
            return [event("limit_reached", now), *self._hang_up_when_said(now)]
        if self._limit.take_warning(now) and self.phase is Phase.TALKING and self._goodbye.until is None:
            return [event("limit_near", now), *self._tell("limit", "system", NEARLY_OVER)]
        return []

    def _mind_the_silence(self, now: float) -> list[Command]:
        if not self._silence.is_due(now) or self.phase in (Phase.CLOSING, Phase.CLOSED):
            return []
        if self._is_busy(now):
            self._silence.postpone(now)
            return []
        if self._silence.ask(now):
            self._patience.owe_reply(now)
            asked = self._gate.ask(self._saying(ARE_YOU_THERE))
            return [event("silence", now, times=self._silence.asked), *asked]
        self._goodbye.begin(now, reason="silence", was_spoken=False)
        return [*self._gate.ask(self._saying(NOBODY_THERE))]

    def _expect_the_rest(self, now: float) -> None:
        """Whatever was asked for, and by whom: a response that does not begin, or does not go on, is noticed."""
        if self.phase is not Phase.TALKING or self._goodbye.until is not None:
            return
        if self._gate.is_idle:
            self._patience.rest_came()
        elif not self._caller.is_speaking:
            self._patience.owe_rest(max(now, self._voice.ends_at()))

    def _ask_again(self, now: float) -> list[Command]:
        """An answer that has not begun: it may have been lost, or the model may have stalled."""
        if not self._patience.takes_asking_again(now) or self.phase is not Phase.TALKING:
            return []
        if self._caller.is_speaking or self._tools.is_running or self._voice.has_words_of(self._gate.active):
            return []
        muted = self._voice.mute(self._gate.active, now) if self._gate.active else []
        return [event("asked_again", now), *muted, *self._gate.ask_again()]

    def _is_busy(self, now: float) -> bool:
        """Whether anybody but the caller is to act."""
        is_owed = self._patience.owed_since is not None or not self._gate.is_idle
        is_leaving = self._goodbye.until is not None
        return (
            self.phase is not Phase.TALKING
            or is_owed
            or is_leaving
            or self._caller.is_speaking
            or self._voice.is_playing(now)
        )

    def _saying(self, words: str) -> str:
        language = self._profile.session.language
        if language.startswith("en"):
            return f"{EXACTLY}{words}"
        return f'Say this in the language with the code "{language}", and nothing else: {words}'

    def _keep_greeting(self, now: float) -> list[Command]:
        return [] if self._voice.is_playing(now) else self._capture.take()

    def _on_closing_time(self, message: ClosingTime, now: float) -> list[Command]:
        """Who speaks is cut off, and the last sentence is said over whatever the caller says."""
        last_seconds = payload_bytes(self._profile.closing_clip) / (1000 * BYTES_PER_MS)
        if not self._goodbye.close(now, reason=message.reason, last_seconds=last_seconds):
            return [event("closing_time", now)]
        self._capture.stop()
        cancelled = [wire.CancelResponse(self._gate.active)] if self._gate.active else []
        unsaid = self._voice.mute(self._gate.active, now) if self._gate.active else []
        cut = self._voice.barge_in(now)
        said = self._voice.say_last(self._profile.closing_clip, now)
        return [event("closing_time", now), *cut, *cancelled, *unsaid, *said]

    def _end_at_last(self, now: float) -> list[Command]:
        until = self._goodbye.until
        return self._finish(self._goodbye.reason, now) if until is not None and now >= until else []

    def _hang_up_when_said(self, now: float) -> list[Command]:
        is_answered = self._gate.is_idle or self._goodbye.is_last
        is_said = self._goodbye.was_spoken and is_answered and not self._voice.is_playing(now)
        return self._finish(self._goodbye.reason, now) if is_said else []
