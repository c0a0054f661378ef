"""Tools that leave something for the business to do."""

from calls.domain import messages
from calls.tools.registry import Refused, ToolContext, tool


@tool(
    description=(
        "Write down a message for the business. Call it only after the caller has confirmed the message in your words."
    ),
    properties={
        "text": {"type": "string", "minLength": 1, "maxLength": 1000, "description": "What it is about."},
        "caller_name": {"type": "string", "maxLength": 100, "description": "The caller's name."},
        "number": {
            "type": "string",
            "maxLength": 20,
            "pattern": r"^\+?[0-9 ().-]{7,20}$",
            "description": "Where to call back; leave it out for the number that is calling.",
        },
    },
    required=("text", "caller_name"),
)
def take_message(context: ToolContext, *, text: str, caller_name: str, number: str = "") -> dict[str, str]:
    if not text.strip():
        raise Refused("The message is empty: ask what it is about.")
    try:
        messages.take_message(
            call_id=context.call_id, text=text.strip(), caller_name=caller_name.strip(), number=number, now=context.now
        )
    except messages.TooManyMessages as refusal:
        raise Refused(str(refusal)) from None
    return {"status": "ok", "next": "Tell the caller that the message is written down and will be passed on."}
