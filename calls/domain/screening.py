"""Callers whom no agent answers: those who are blocked, and those who reach a person at once."""

from calls.domain.handover import dialable
from calls.models import Call, ListedNumber

BLOCKED, DIRECT = ListedNumber.Treatment.BLOCKED, ListedNumber.Treatment.DIRECT

WORDS_FOR_BLOCKED = "We are sorry, your call cannot be connected. Goodbye."


def treatment_of(*, call: Call) -> str:
    """BLOCKED, DIRECT, or blank. Who hides the number, and whom we ring ourselves, stands on no list."""
    number = dialable(call.from_number)
    if not number or call.business_id is None or call.direction == Call.Direction.OUTBOUND:
        return ""
    listed = ListedNumber.objects.filter(business_id=call.business_id, number=number)
    return listed.values_list("treatment", flat=True).first() or ""
