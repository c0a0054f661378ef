"""The dial to a person: what Twilio is told to ring, and whether somebody has taken the caller."""

from calls.domain.decisions import HandOver, Transfer
from calls.domain.handover import caller_id
from calls.domain.summaries import REACHED_A_PERSON
from calls.models import Call

NOT_ACCEPTED = "not_accepted"
RING_SECONDS = 25


def dial(call: Call) -> HandOver | Transfer:
    if call.end_reason in {"", Call.EndReason.TRANSFERRED}:
        return Transfer(
            call_sid=call.call_sid,
            number=call.handover_number,
            caller_id=caller_id(call),
            is_announced=call.handover_is_announced,
            is_first=is_first(call),
            seconds=_ring_seconds(call) if is_first(call) else RING_SECONDS,
        )
    return HandOver(number=call.handover_number, caller_id=caller_id(call), business=business_name(call))


def is_first(call: Call) -> bool:
    """Whether the dial to the person came before any agent."""
    return call.status == Call.Status.RINGING and bool(call.handover_number) and not call.end_reason


def dial_result(call: Call, *, result: str, is_bridged: bool | None) -> str:
    """What Twilio says of the dial, unless nobody has spoken to the caller: then the person was not reached."""
    is_refused = is_bridged is False or (call.handover_is_announced and call.handover_accepted_at is None)
    return NOT_ACCEPTED if result in REACHED_A_PERSON and is_refused else result or "unknown"


def has_a_person(call: Call) -> bool:
    """Somebody has taken the caller, or may have: of a dial without announcement only its result tells."""
    if call.handover_result:
        return call.handover_result in REACHED_A_PERSON
    return call.handover_accepted_at is not None or bool(call.handover_number and not call.handover_is_announced)


def business_name(call: Call) -> str:
    return call.business.name if call.business else ""


def _ring_seconds(call: Call) -> int:
    return min(max(call.line.ring_seconds, 5), 60) if call.line else RING_SECONDS
