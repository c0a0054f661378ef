"""Whose telephone rings when a caller needs a person, and whether a call is such a hand-over that came back to us."""

import re
from datetime import datetime, timedelta

from django.db.models import F, Q

from calls.domain.decisions import Leg
from calls.models import Business, Call, PhoneLine

OPEN_FOR = timedelta(seconds=90)

# What Twilio writes for callers who hide their number; to dial or to show one of these would fail.
_PSEUDO_NUMBERS = {"+266696687", "+7378742833", "+2562533", "+8566696", "+86282452253"}


def person_to_dial(*, business: Business | None, default_number: str, called: str) -> str:
    """The telephone of a person: the business's, else the default; blank if there is none that can be dialed.

    The number that was `called` and our own lines are never dialed: the caller would reach the next agent.
    """
    for text in (business.handover_number if business else "", default_number):
        number = dialable(text)
        if number and number != called and not PhoneLine.objects.filter(number=number).exists():
            return number
    return ""


def open_handover(*, call: Call, leg: Leg, now: datetime) -> Call | None:
    """The call whose dial to a person came back to us as `call`, if its hand-over is still open.

    The leg shows the first caller's number, or that of the telephone that forwards, or, where the first caller hid
    the number, the line that was shown instead. That line is also what a call of ours shows: no such call comes back.
    """
    if leg.is_outbound:
        return None
    is_open = Q(status__in=[Call.Status.HANDED_OVER, Call.Status.RINGING]) | Q(ended_at__lt=F("handed_over_at"))
    recent = Call.objects.filter(is_open, handed_over_at__gte=now - OPEN_FOR, handover_result="")
    for other in recent.exclude(handover_number="").exclude(pk=call.pk).order_by("-handed_over_at"):
        if any(is_same_number(other.handover_number, number) for number in (leg.from_number, leg.forwarded_from)):
            return other
        shown = (other.from_number, caller_id(other))
        if other.business_id == call.business_id and any(is_same_number(leg.from_number, number) for number in shown):
            return other
    return None


def caller_id(call: Call) -> str:
    """What the person's telephone shows: blank for the caller's own number, which Twilio passes on.

    Our line where that cannot be shown: a hidden number, a SIP address, or the callee of a call of ours.
    """
    if call.direction == Call.Direction.OUTBOUND:
        return dialable(call.from_number)
    return "" if dialable(call.from_number) else dialable(call.to_number)


def dialable(text: str) -> str:
    """`text` as +15551234567, or blank if it is no telephone number with its country."""
    number = re.sub(r"[\s().-]", "", text)
    return number if re.fullmatch(r"\+[1-9][0-9]{6,14}", number) and number not in _PSEUDO_NUMBERS else ""


def is_same_number(one: str, other: str) -> bool:
    """Whether two spellings mean one telephone: carriers leave out the plus or the country when they forward."""
    short, long = sorted((re.sub(r"[^0-9]", "", text).lstrip("0") for text in (one, other)), key=len)
    return len(short) >= 7 and long.endswith(short)
