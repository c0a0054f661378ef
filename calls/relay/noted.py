"""What of a call's events stands in the log too, for whoever reads no rows."""

from calls.conversation.messages import RecordEvent
from calls.logs import CallLogger

WORTH_A_LOOK = {
    "format_mismatch": "OpenAI's sound is not mu-law: the call is handed over",
    "gave_up_waiting": "the caller has waited too long: the call is handed over",
    "no_media": "nothing comes from Twilio any more",
    "no_sound": "a response of OpenAI has no sound",
    "response_failed": "a response of OpenAI failed",
    "wrong_session_format": "OpenAI did not agree on mu-law",
}


def tell(happened: RecordEvent, log: CallLogger) -> None:
    if words := WORTH_A_LOOK.get(happened.kind):
        log.warning(words, extra={"at_ms": happened.at_ms})
