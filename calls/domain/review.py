"""The say/do check: what the agent claimed to have done, held against what happened in this call.

Rows of other calls bear nothing out, but for bookings of which my_appointments has told in this one.
"""

from calls.domain import answers, callbacks, claims
from calls.models import Call, OutgoingEmail, ToolCall, Turn

BOOKED, MOVED, CANCELLED, ASSIGNED = "booked", "booking_moved", "booking_cancelled", "technician_assigned"


def unbacked_claims(*, call: Call) -> list[str]:
    """What the agent claimed in a call and nothing bears out, in words for the owner."""
    said = [turn.text for turn in call.turns.all() if turn.role == Turn.Role.AGENT and turn.text]
    claimed = claims.claims_of(said)
    if not claimed:
        return []
    backed = _backed(call)
    return [claim.what for claim in claims.CLAIMS if claim in claimed and not backed[claim]]


def _backed(call: Call) -> dict[claims.Claim, bool]:
    happened = set(call.events.values_list("kind", flat=True))
    is_moved, is_emergency = MOVED in happened, hasattr(call, "emergency")
    is_booked = BOOKED in happened or is_moved or call.bookings.exists()
    is_noted = call.messages.exists() or call.callbacks.exists() or is_emergency
    is_noted = is_noted or bool(answers.asked(call=call))
    letters = set(OutgoingEmail.objects.filter(call=call).values_list("purpose", flat=True))
    return {
        claims.BOOKING: is_booked or _is_told_of_booking(call),
        claims.MOVE: is_moved or callbacks.MOVED in happened,
        claims.CANCELLATION: CANCELLED in happened or callbacks.CANCELLED in happened,
        claims.QUOTE: "quote" in letters,
        claims.LETTER: bool(letters & {"quote", "booking"}),
        claims.CALLBACK: is_noted,
        claims.MESSAGE: is_noted,
        claims.DISPATCH: is_emergency or is_booked or ASSIGNED in happened,
        claims.ALERT: is_emergency or is_booked or ASSIGNED in happened,
    }


def _is_told_of_booking(call: Call) -> bool:
    """Whether a tool has told of an open booking of this caller in this call."""
    told = call.tool_calls.filter(name="my_appointments", status=ToolCall.Status.OK).values_list("result", flat=True)
    return any(isinstance(result, dict) and result.get("appointments") for result in told)
