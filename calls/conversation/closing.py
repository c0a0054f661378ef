"""What is waited for after the call is over, and for how long: the caller's last words, and a summary."""

from calls.conversation.messages import LineLost, ToolFinished
from calls.conversation.transcript import Transcript
from calls.realtime import wire

LATE_TRANSCRIPTS = 2.0
LATE_SUMMARY = 4.0
LATE_WORDS_OF_THE_LAST = 0.5
"""As LATE_TRANSCRIPTS, where the server ends."""
SUMMARY = "summary"


HEARD_WHILE_CLOSING = {
    LineLost,
    ToolFinished,
    wire.Committed,
    wire.ItemAdded,
    wire.TranscriptCompleted,
    wire.TranscriptFailed,
    wire.ResponseDone,
    wire.AgentText,
}
"""Messages that still mean something when the call is over."""


class Closing:
    """`until` is when the line is closed at the latest, None before the end and after it."""

    def __init__(self, transcript: Transcript, summary_prompt: str) -> None:
        self.until: float | None = None
        self.summary = ""
        """What the model wrote of the call; empty until then."""
        self._transcript = transcript
        self._summary_prompt = summary_prompt
        self._awaits_summary = False
        self._awaits_last_words = False

    def begin(
        self, now: float, *, can_ask: bool, is_speaking: bool, is_hurried: bool = False
    ) -> list[wire.ClientEvent]:
        """The call is over. `can_ask`: OpenAI is there; `is_speaking`: the caller has words in the mouth;
        `is_hurried`: the server ends, and waits for no summary."""
        asked: list[wire.ClientEvent] = []
        if can_ask and is_speaking:
            # They become a turn of their own, so that they are written down.
            self._awaits_last_words = True
            asked.append(wire.CommitAudio())
        if can_ask and not is_hurried and self._summary_prompt and self._transcript.has_callers_words:
            self._awaits_summary = True
            asked.append(wire.CreateNote(SUMMARY, self._summary_prompt))
        late = LATE_WORDS_OF_THE_LAST if is_hurried else LATE_TRANSCRIPTS
        waits = late if self._awaits_last_words or not self._transcript.is_complete else 0.0
        self.until = now + (LATE_SUMMARY if self._awaits_summary else waits)
        return asked

    def words_came(self) -> None:
        self._awaits_last_words = False

    def response_done(self, message: wire.ResponseDone) -> None:
        if message.kind == SUMMARY:
            self._awaits_summary = False
            self.summary = message.text

    @property
    def is_complete(self) -> bool:
        return self._transcript.is_complete and not self._awaits_last_words and not self._awaits_summary
