"""Our share of an answer, apart from the model's: from its first sound in our hands until that sound is sent."""

from collections.abc import Callable
from functools import partial

from calls.conversation.messages import RecordEvent, event, to_ms
from calls.relay.journal import Journal
from calls.relay.outbox import Outbox

MEASURED = {"first_audio", "answer"}


class Shares:
    """Writes events down, and for the beginning of each answer a second one when it is on its way to the caller."""

    def __init__(self, journal: Journal, to_twilio: Outbox, now: Callable[[], float]) -> None:
        self._journal = journal
        self._to_twilio = to_twilio
        self._now = now

    def note(self, record: RecordEvent) -> None:
        self._journal.put(record)
        if record.kind in MEASURED:
            self._to_twilio.when_sent(partial(self._sent, record))

    def _sent(self, record: RecordEvent) -> None:
        now = self._now()
        self._journal.put(event("sound_out", now, of=record.kind, our_ms=max(0, to_ms(now) - record.at_ms)))
