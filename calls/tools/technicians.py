"""Who is sent."""

from typing import Any

from calls.domain import appointments, escalation
from calls.models import Emergency
from calls.tools.registry import ToolContext, tool
from calls.tools.scheduling import FACTS, spoken_refusals, told

NO_ARRIVAL = "Promise no time of arrival."
HELD_UP = "The person on call could not be rung yet. It is tried again and again. Somebody will call back."
STANDS = {
    Emergency.Status.OPEN: "The person on call is being rung and has not accepted yet.",
    Emergency.Status.UNANSWERED: "Nobody on call could be reached. Offer to connect the caller to a person.",
    Emergency.Status.CLOSED: "The emergency is closed.",
}


@tool(
    description=(
        "Ask who comes to an appointment of the caller, or in the emergency of this call. Somebody else is sent only "
        "where who was to come cannot, or in an emergency. The server chooses who; you cannot."
    ),
    properties=FACTS,
)
def assign_technician(context: ToolContext, **facts: str) -> dict[str, Any]:
    emergency = None if facts.get("reference", "").strip() else appointments.emergency_of(call_id=context.call_id)
    if emergency is not None:
        return {"emergency": _stands(emergency), "next": f"Say so. {NO_ARRIVAL}"}
    with spoken_refusals(now=context.now):
        assigned = appointments.assign_technician(
            call_id=context.call_id, facts=appointments.Facts(**facts), now=context.now
        )
    row = assigned.booking
    if not assigned.is_another:
        what = "Say who comes, and that this stays so."
    elif row.technician.number or row.technician.email:
        what = "Say who comes, and that they are being told."
    else:
        what = "Say who comes."
    return told(row, context.now) | {"next": f"{what} {NO_ARRIVAL}"}


def _stands(emergency: Emergency) -> str:
    if emergency.status == Emergency.Status.ACCEPTED:
        name = emergency.accepted_by.name if emergency.accepted_by else "The person on call"
        return f"{name} has accepted it."
    if escalation.is_held_up(emergency=emergency):
        return HELD_UP
    return STANDS[Emergency.Status(emergency.status)]
