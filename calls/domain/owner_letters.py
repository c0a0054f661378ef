"""What the owner is written of a call that needs a person: enough to act on without opening anything.

It goes to the business alone, so it may hold what the caller has said.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from calls.domain import answers, letters, outbox, outside
from calls.domain.spoken import spoken_clock, spoken_date
from calls.models import Call, Customer

PURPOSE = "summary"


def tell_owner(*, call: Call, about: str = "", now: datetime) -> None:
    """Write once of a call; `about` names what is a letter of its own, since it was settled after the first."""
    business = call.business
    if business is None or not business.email or not business.emails_summaries or call.is_test:
        return
    facts = _facts(call)
    outbox.write_email(
        business_id=business.pk,
        call_id=call.pk,
        purpose=PURPOSE,
        key=f"{PURPOSE}-{call.pk}{about}",
        to=business.email,
        subject=f"A call to {business.name} needs you: {facts['who']}",
        **letters.wording(name="call_for_owner", facts=facts)._asdict(),
        now=now,
    )


def _facts(call: Call) -> dict[str, object]:
    business = call.business
    local = call.rang_at.astimezone(ZoneInfo(business.time_zone))
    messages = list(call.messages.order_by("taken_at", "pk"))
    callbacks = list(call.callbacks.order_by("asked_at", "pk"))
    number = call.other_number
    name = _name(call, [row.caller_name for row in (*messages, *callbacks)])
    others = {row.number for row in (*messages, *callbacks)} - {number, ""}
    return {
        "business": business,
        "call": call,
        "who": name or number or "number unknown",
        "name": name,
        "number": number,
        "other_numbers": sorted(others),
        "when": f"{spoken_date(local.date())} at {spoken_clock(local.time())}",
        "messages": messages,
        "callbacks": callbacks,
        "emergency": getattr(call, "emergency", None),
        "questions": answers.open_questions(call=call),
        "page": outside.page_of_call(call.pk),
    }


def _name(call: Call, said: list[str]) -> str:
    if name := next((name for name in said if name), ""):
        return name
    known = Customer.objects.filter(business=call.business_id, number=call.other_number).first()
    return known.name if known and call.other_number else ""
