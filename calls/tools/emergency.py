"""The tool for what cannot wait."""

from calls.domain import emergencies, escalation
from calls.models import Emergency
from calls.tools.registry import Refused, ToolContext, tool


@tool(
    description=(
        "Raise an emergency: gas, fire or smoke, carbon monoxide, water near electricity, somebody hurt, water that "
        "cannot be stopped, sewage, no heat in the cold. Call it at once, without asking for permission. Call it again "
        "when you have learned the address or more. The on-call person is rung immediately."
    ),
    properties={
        "kind": {"type": "string", "enum": list(emergencies.KINDS)},
        "description": {
            "type": "string",
            "minLength": 1,
            "maxLength": 500,
            "description": "What has happened, in the caller's words.",
        },
        "address": {"type": "string", "maxLength": 200, "description": "Where; leave it out until you know it."},
        "number": {
            "type": "string",
            "maxLength": 20,
            "pattern": r"^\+?[0-9 ().-]{7,20}$",
            "description": "Where the caller can be reached; leave it out for the number that is calling.",
        },
    },
    required=("kind", "description"),
    failed=(
        "It could not be written down. Say first: if anyone is in danger, leave now and call 9 1 1, or the emergency "
        "number of your country. Then offer to connect the caller to a person with transfer_to_person, and call this "
        "again."
    ),
)
def report_emergency(
    context: ToolContext, *, kind: str, description: str, address: str = "", number: str = ""
) -> dict[str, str]:
    try:
        emergency = emergencies.report(
            call_id=context.call_id,
            kind=kind,
            description=description.strip(),
            address=address.strip(),
            number=number.strip(),
            now=context.now,
        )
    except emergencies.NoBusiness:
        raise Refused(
            "Nobody can be rung from here. If anyone is in danger, tell the caller to hang up and get help."
        ) from None
    return {
        "say_first": emergencies.safety_sentence(kind=kind, emergency_number=emergency.business.emergency_number),
        "status": emergency.status,
        "next": _HELD_UP if escalation.is_held_up(emergency=emergency) else _NEXT[Emergency.Status(emergency.status)],
    }


_OFFER = " Offer to connect the caller to a person with transfer_to_person."
_HELD_UP = (
    "Then say honestly that the on-call person could not be rung yet, that it is tried again and again, and "
    "that somebody will call the caller back." + _OFFER
)
_NEXT = {
    Emergency.Status.OPEN: "Then say that the on-call person is being rung right now. Promise no time of arrival. Ask "
    "for the address if you do not have it, and report it too." + _OFFER,
    Emergency.Status.ACCEPTED: "Then say that the on-call person has taken it. Promise no time of arrival." + _OFFER,
    Emergency.Status.UNANSWERED: "Then say honestly that nobody on call has answered yet and that the business is told."
    + _OFFER,
    Emergency.Status.CLOSED: "Then say that the business has dealt with it." + _OFFER,
}
