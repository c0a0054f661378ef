"""Where the business works."""

from typing import Any

from calls.domain import area
from calls.domain.money import spoken_money
from calls.tools.registry import Refused, ToolContext, tool

POSTAL_CODE = {"type": "string", "maxLength": 20, "description": "The postal code of the address, as it was said."}
TOWN = {"type": "string", "maxLength": 60, "description": "The town, when the caller does not know the postal code."}


@tool(
    description=(
        "Is an address served, and what does the way there cost? Ask for the postal code and call this before you "
        "promise a visit. Never guess from the town's name."
    ),
    properties={"postal_code": POSTAL_CODE, "town": TOWN},
)
def check_service_area(context: ToolContext, *, postal_code: str = "", town: str = "") -> dict[str, Any]:
    try:
        place, business = area.coverage_for_caller(call_id=context.call_id, postal_code=postal_code, town=town)
    except area.UnknownPlace as question:
        raise Refused(str(question)) from None
    answer: dict[str, Any] = {"served": place.is_served, "reason": place.reason}
    if place.is_served:
        fee = spoken_money(place.travel_fee, business.currency) if place.travel_fee else "none"
        return answer | {"travel_fee": fee}
    next_step = (
        "Read the code back digit by digit. If it was misheard, check again; else say that you cannot come there."
    )
    return answer | {"next": next_step if place.postal_code else "Say that you cannot come there."}
