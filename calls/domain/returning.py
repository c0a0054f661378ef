"""A call that Twilio sends back to us while it goes on: it gets another stream, and the conversation goes on in it."""

from datetime import datetime

from calls.domain import streams
from calls.domain.decisions import Leg
from calls.domain.progress import note
from calls.models import Call, CallEvent

MOST_STREAMS = 5  # of one call: what sends it back again and again has gone wrong
OVER = ("completed", "busy", "no-answer", "failed", "canceled")


def has_come_back(*, call: Call, leg: Leg) -> bool:
    """Whether Twilio asks anew for a call (`<Redirect>`, or its REST interface) after a stream of it was over.

    A repetition of the first request says `ringing`; one that was recorded and is played back finds a stream that is
    still open, or a call that Twilio has told to be over.
    """
    if leg.call_status != "in-progress" or call.token_used_at is None or streams.is_open(call_sid=call.call_sid):
        return False
    is_over = CallEvent.objects.filter(call=call, kind="call_status", detail__status__in=OVER).exists()
    return not is_over and call.streams.count() < MOST_STREAMS


def begin_anew(*, call: Call, leg: Leg, now: datetime) -> bool:
    """Whether it has come back; then what the end of the stream before has written is taken back."""
    if not has_come_back(call=call, leg=leg):
        return False
    note(call, "came_back", now, reason=call.end_reason)
    call.status, call.end_reason, call.token_used_at = Call.Status.RINGING, "", None
    call.ended_at = call.handed_over_at = call.handover_accepted_at = None
    call.telephone_cost = None  # Twilio's minutes go on; what the model has cost so far stays
    call.summary = call.next_action = call.review_reason = call.token_nonce = ""
    call.needs_review = False
    call.handover_number, call.handover_result, call.handover_is_announced = "", "", False
    call.save()
    return True
