"""Agreeing with OpenAI on the session: the update to ask for, and less of it when that is refused."""

from calls.realtime import wire
from calls.realtime.reasons import RULES, Course, Reason
from calls.realtime.session import PHONE, SessionSettings, update_ladder

EVENT_ID = "session-"


class SessionSetup:
    def __init__(self, settings: SessionSettings) -> None:
        self.rung = 0
        self._ladder = update_ladder(settings)

    @property
    def writes_transcripts(self) -> bool:
        """Whether OpenAI was asked to write down what the caller says."""
        return "transcription" in self._ladder[self.rung]["audio"]["input"]

    def ask(self) -> wire.UpdateSession:
        return wire.UpdateSession(f"{EVENT_ID}{self.rung}", self._ladder[self.rung])

    def ask_for_less(self) -> list[wire.UpdateSession]:
        """The next simpler update; empty when there is none left."""
        if self.rung + 1 == len(self._ladder):
            return []
        self.rung += 1
        return [self.ask()]

    def is_refused_by(self, error: wire.ErrorEvent, reason: Reason) -> bool:
        """Whether the error answers our update. OpenAI does not always name the event that it refuses; what may pass by
        itself, such as a fault of its own, says nothing against the update."""
        is_ours = error.event_id == f"{EVENT_ID}{self.rung}"
        return is_ours or (not error.event_id and RULES[reason].course is Course.IGNORE)

    @staticmethod
    def is_met_by(updated: wire.SessionUpdated) -> bool:
        """Whether both ways are mu-law: everything else is noise on the telephone."""
        return (updated.input_format, updated.output_format) == (PHONE["type"], PHONE["type"])
