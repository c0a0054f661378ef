"""The timeline in words for people: what each kind of event means, and which of them are trouble.

An event that is not listed is shown by its own name, so a new kind needs no change here.
"""

from typing import Any

from calls.models import Call

WORDS = {
    "webhook": "The telephone rang",
    "twiml": "Twilio had its answer",
    "answered_without_records": "Answered without the database",
    "upgraded": "Twilio's socket was opened",
    "line_connecting": "Connecting to OpenAI",
    "line_taken": "OpenAI took the connection",
    "stream_not_admitted": "The stream could not be let in",
    "stream_closed": "Twilio's socket was closed",
    "call_status": "Twilio: state of the call",
    "stream_started": "Sound from Twilio",
    "line_opened": "Connected to OpenAI",
    "session_created": "OpenAI session opened",
    "session_ready": "Agent ready",
    "first_audio": "First sound of the agent",
    "barge_in": "The caller interrupted",
    "answer": "The agent answered",
    "filler": "Filler played while waiting",
    "dtmf": "Keys pressed",
    "advised": "The server told the agent something",
    "question_asked": "A question that nobody has answered yet",
    "emergency": "An emergency was raised",
    "booked": "A visit was booked",
    "booking_moved": "A visit was moved",
    "booking_cancelled": "A visit was cancelled",
    "technician_assigned": "A technician was assigned",
    "tool_done_late": "A tool was done after its time",
    "tool_failed_late": "A tool failed after its time",
    "rings_a_person_first": "A person's telephone rings first",
    "line_retried": "OpenAI was not reached; tried again",
    "stream_refused": "A stream was refused",
    "asked_again": "The answer did not begin; asked for again",
    "silence": "The silent caller was asked",
    "limit_near": "Told that the longest time is nearly over",
    "limit_reached": "The longest time of a call was reached",
    "closing_time": "Our server ends: a last sentence",
    "server_gone": "Our server was gone",
    "no_media": "Twilio sent no sound any more",
    "goodbye_cancelled": "The caller spoke on during the goodbye",
    "ended": "The conversation ended",
    "handover": "Put through to a person",
    "dial_done": "The person's telephone",
    "voicemail": "Voicemail",
    "recording": "Recording",
    "twilio_stream_started": "Twilio: stream started",
    "twilio_stream_stopped": "Twilio: stream stopped",
    "no_stream": "No agent could answer",
    "over_limit": "Beyond what the agent may take on",
    "fallback": "Twilio could not use an answer of ours",
    "forwarding_loop": "The call came back to us",
    "openai_error": "OpenAI refused something",
    "response_failed": "OpenAI could not answer",
    "no_sound": "OpenAI's answer had no sound: it was asked once more",
    "came_back": "Twilio sent the call back to us: it goes on in another stream",
    "line_lost": "Connection to OpenAI lost",
    "line_stalled": "OpenAI did not read any more",
    "stream_stalled": "Twilio did not read any more",
    "sound_dropped": "The agent spoke too far ahead: not all of it was played",
    "records_lost": "Too much happened at once: not all of it is written here",
    "session_resumed": "Connection to OpenAI is back, and the call goes on",
    "session_renewed": "The OpenAI session nears its longest time: a new one takes over",
    "line_not_prepared": "No second connection to OpenAI yet",
    "gave_up_resuming": "The connection to OpenAI broke too often",
    "format_mismatch": "OpenAI sent a sound that is no telephone sound: not played",
    "gave_up_waiting": "The agent stayed silent for too long",
    "wrong_stream_format": "Twilio sent a sound that cannot be used",
    "wrong_session_format": "OpenAI did not take the telephone's sound",
    "twilio_stream_error": "Twilio: the stream failed",
    "webhook_by_get": "Twilio asks by GET: set the number's webhook to POST",
    "webhook_at_stream_address": "The number's webhook holds the stream's address: enter …/twilio/voice",
}
UNTOLD = {"sound_out"}  # of use in figures alone
TROUBLE = {
    "answered_without_records",
    "closing_time",
    "fallback",
    "format_mismatch",
    "forwarding_loop",
    "gave_up_resuming",
    "gave_up_waiting",
    "line_lost",
    "line_stalled",
    "no_media",
    "no_stream",
    "openai_error",
    "over_limit",
    "records_lost",
    "response_failed",
    "server_gone",
    "sound_dropped",
    "stream_not_admitted",
    "stream_refused",
    "stream_stalled",
    "tool_done_late",
    "tool_failed_late",
    "twilio_stream_error",
    "webhook_at_stream_address",
    "webhook_by_get",
    "wrong_session_format",
    "wrong_stream_format",
}
_UNSAID = {
    "item_id",
    "question",
    "rung",
    "sequence",
    "stream_sid",
    "recording_sid",
    "direction",
}  # of use to programs alone
_REASONS = dict(Call.EndReason.choices)


def words(kind: str) -> str:
    return WORDS.get(kind) or kind.replace("_", " ").capitalize()


def worth_reading(detail: Any) -> Any:
    """The detail without what only a program needs, and with reasons in words."""
    if not isinstance(detail, dict):
        return detail
    return {
        name: _in_words(name, value)
        for name, value in detail.items()
        if name not in _UNSAID and value not in (None, "", 0)
    }


def _in_words(name: str, value: Any) -> Any:
    if name == "reason" and isinstance(value, str):
        return _REASONS.get(value, value)
    return value.replace("_", " ") if name == "limit" and isinstance(value, str) else value
