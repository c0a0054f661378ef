"""What the business offers and what it costs. No tool takes an amount: the model can set no price and no discount."""

from typing import Any
from zoneinfo import ZoneInfo

from calls.domain import area, pricing, quotes, services
from calls.domain.money import spoken_range
from calls.domain.spoken import spoken_time
from calls.models import OutgoingEmail, Quote
from calls.tools.area import POSTAL_CODE, TOWN
from calls.tools.registry import Refused, ToolContext, tool

MOST_LISTED = 40


@tool(
    description="What the business offers, with the rule of each price. For the price of a visit call quote_price.",
    properties={},
)
def list_services(context: ToolContext) -> dict[str, Any]:
    offered = services.offered_to_caller(call_id=context.call_id)
    if not offered:
        raise Refused("No services have been entered. Offer to take a message.")
    return {
        "services": [
            {
                "name": service.name,
                "what": service.description,
                "price": pricing.spoken_rule(service=service, currency=service.business.currency),
                "takes": pricing.spoken_minutes(service.duration_minutes),
            }
            for service in offered[:MOST_LISTED]
        ],
        "next": "Name the one or two that fit. Call quote_price before you name what a visit costs.",
    }


@tool(
    description=(
        "Work out what a visit costs, with every fee and surcharge. This is the only source of prices: name no other "
        "amount, and no discount. The price hangs on the service, the address and the time of the visit."
    ),
    properties={
        "service": {"type": "string", "minLength": 1, "maxLength": 80, "description": "Its name in list_services."},
        "postal_code": POSTAL_CODE,
        "town": TOWN,
        "local_time": {
            "type": "string",
            "maxLength": 16,
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$",
            "description": "When the visit is wanted, on the clock of the business, as 2026-11-24T19:30. Leave it out "
            "when the caller has named no time.",
        },
        "is_emergency": {"type": "boolean", "description": "True when somebody has to come at once."},
    },
    required=("service",),
)
def quote_price(context: ToolContext, *, service: str, **more: Any) -> dict[str, Any]:
    wanted = quotes.Wanted(service=service, **more)
    try:
        quote = quotes.quote_price(call_id=context.call_id, wanted=wanted, now=context.now)
    except (services.UnknownService, area.UnknownPlace, quotes.NoQuote) as refusal:
        raise Refused(str(refusal)) from None
    return _as_answer(quote, context)


@tool(
    description=(
        "Send a price that quote_price has worked out to the caller's e-mail address. First read the address back "
        "letter by letter and get a yes."
    ),
    properties={
        "address": {"type": "string", "minLength": 3, "maxLength": 254, "description": "As robert@example.com."},
        "confirmed": {
            "type": "boolean",
            "description": "True only after you have read the address back letter by letter and the caller said yes.",
        },
        "reference": {
            "type": "string",
            "maxLength": 6,
            "description": "Which quote; leave it out for the newest of this call.",
        },
    },
    required=("address", "confirmed"),
)
def email_quote(context: ToolContext, *, address: str, confirmed: bool, reference: str = "") -> dict[str, Any]:
    if not confirmed:
        raise Refused("Read the address back letter by letter. After a yes call this again with confirmed true.")
    try:
        quote, email = quotes.email_quote(
            call_id=context.call_id, reference=reference, address=address, now=context.now
        )
    except (quotes.NoQuote, quotes.NoEmail) as refusal:
        raise Refused(str(refusal)) from None
    if email.status == OutgoingEmail.Status.FAILED:
        raise Refused("The mail to that address came back. Ask whether the address is right, or for another one.")
    return {
        "reference": quote.reference,
        "address": email.to,
        "next": "Say that the quote is on its way by e-mail, and that the spam folder is worth a look.",
    }


def _as_answer(quote: Quote, context: ToolContext) -> dict[str, Any]:
    zone, currency = ZoneInfo(quote.business.time_zone), quote.business.currency
    today = context.now.astimezone(zone).date()
    at = quote.wanted_at
    return {
        "reference": quote.reference,
        "service": quote.service.name,
        "price_is_for": spoken_time(at, zone, today=today) if at else "a weekday during opening hours",
        "total": spoken_range(quote.total, quote.total_to, currency),
        "lines": [
            {"what": line.text, "amount": spoken_range(line.amount, line.amount_to, currency)}
            for line in quote.lines.all()
        ],
        "not_included": quote.not_included,
        "next": "Say the total and what it is for, then what is not included. Offer to send it by e-mail.",
    }
