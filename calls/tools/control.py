"""Tools that steer the telephone call itself."""

from calls.domain import transfer
from calls.tools.registry import Refused, ToolContext, tool


@tool(
    description=(
        "Hang up. Call it when the caller has said goodbye or has nothing more, after you have said goodbye yourself."
    ),
    properties={},
    then="end_call",
)
def end_call(context: ToolContext) -> dict[str, str]:
    return {"status": "ok", "next": "If you have not said goodbye yet, say it now in one short sentence."}


@tool(
    description=(
        "Connect the caller to a person. Call it when the caller asks for a person or needs one, after you have said "
        "that you are connecting them. The person hears the reason and decides whether to take the call."
    ),
    properties={
        "reason": {
            "type": "string",
            "minLength": 1,
            "maxLength": transfer.LONGEST_REASON,
            "description": "What the person is told, in a few words, for example: a burst pipe in the kitchen.",
        }
    },
    required=("reason",),
    then="transfer",
)
def transfer_to_person(context: ToolContext, *, reason: str) -> dict[str, str]:
    if not reason.strip():
        raise Refused("The reason is empty: say in a few words what it is about.")
    try:
        transfer.ask_for_person(call_id=context.call_id, reason=reason, now=context.now)
    except transfer.NobodyToDial:
        raise Refused("There is nobody to connect to. Offer to take a message or to have someone call back.") from None
    return {
        "status": "ok",
        "next": "If you have not said so yet, say in one short sentence that you are connecting the caller now.",
    }


@tool(
    description=(
        "Stay silent. Call it when nobody speaks to you: background noise, a television, the caller speaking to "
        "somebody else, or a caller who has asked you to wait."
    ),
    properties={},
    then="wait",
)
def wait_for_user(context: ToolContext) -> dict[str, str]:
    return {"status": "ok"}
