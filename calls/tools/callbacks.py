"""The tool for callers who would rather be rung back."""

from calls.domain import callbacks
from calls.domain.dialing_rules import Forbidden
from calls.domain.spoken import spoken_number
from calls.tools.registry import Refused, ToolContext, tool


@tool(
    description=(
        "Promise to ring the caller back. Ask when, what it is about, and whether an automated assistant may ring; "
        "call it after a yes. Without a time they are rung as soon as possible. Call it as well to change the time or "
        "the reason of a callback that is promised."
    ),
    properties={
        "reason": {"type": "string", "minLength": 1, "maxLength": 300, "description": "What the call back is about."},
        "consent": {
            "type": "string",
            "minLength": 2,
            "maxLength": 300,
            "description": "The words in which the caller agreed to be rung by an automated assistant.",
        },
        "caller_name": {"type": "string", "maxLength": 100},
        "day": {
            "type": "string",
            "maxLength": 20,
            "description": "today, tomorrow, a weekday such as tuesday (the coming one), next tuesday (of next week), "
            "or a date such as 2026-11-24.",
        },
        "clock": {"type": "string", "maxLength": 5, "description": "The business's time of day in 24 hours: 14:30."},
        "in_minutes": {"type": "integer", "minimum": 1, "maximum": 10_080, "description": "Instead of day and clock."},
        "number": {
            "type": "string",
            "maxLength": 24,
            "description": "Another number than the one that is calling, read back digit by digit.",
        },
        "number_confirmed": {"type": "boolean", "description": "The caller has said yes to the number read back."},
    },
    required=("reason", "consent"),
)
def request_callback(
    context: ToolContext,
    *,
    reason: str,
    consent: str,
    caller_name: str = "",
    day: str = "",
    clock: str = "",
    in_minutes: int | None = None,
    number: str = "",
    number_confirmed: bool = False,
) -> dict[str, str]:
    if not reason.strip() or not consent.strip():
        raise Refused("Ask what it is about, and whether an automated assistant may ring; pass on the caller's words.")
    if number and not number_confirmed:
        raise Refused("Read the number back digit by digit, and call the tool again with number_confirmed after a yes.")
    try:
        promised = callbacks.request_callback(
            call_id=context.call_id,
            number=number.strip(),
            reason=" ".join(reason.split()),
            consent=" ".join(consent.split()),
            caller_name=" ".join(caller_name.split()),
            when=callbacks.When(in_minutes=in_minutes, day=day, clock=clock),
            now=context.now,
        )
    except (callbacks.NotPossible, Forbidden) as refusal:
        raise Refused(str(refusal)) from None
    changed = "Say that the callback promised before is changed, and that they are rung once. "
    tell = "Tell the caller when they will be rung, in the words of `when`, and on which number."
    return {
        "status": "ok",
        "when": callbacks.spoken_due_time(callback=promised.callback, now=context.now),
        "number": spoken_number(promised.callback.number),
        "next": changed + tell if promised.is_changed else tell,
    }


@tool(
    description=(
        "Cancel every callback that the caller waits for: promised in this call, or to the number that calls. Call it "
        "after a yes. To change the time, call request_callback."
    ),
    properties={},
)
def cancel_callback(context: ToolContext) -> dict[str, str]:
    try:
        callbacks.cancel_callbacks(call_id=context.call_id, now=context.now)
    except callbacks.NonePromised:
        raise Refused("No callback is promised to this caller, so nothing is to be cancelled.") from None
    return {"status": "ok", "next": "Say that they will not be rung back."}
