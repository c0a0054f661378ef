"""How often one caller may make us write to somebody: so much a call, and so much a number and day.

Whoever asks holds a lock of the business until the row is written, so that the limits are exact however many ask.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Model, Q, QuerySet

from calls.models import Call

DAY = timedelta(days=1)


class Allowance(NamedTuple):
    a_call: int
    a_day: int


def is_used_up_by_call(*, rows: QuerySet[Model], call: Call, allowance: Allowance) -> bool:
    """Whether these rows, each of which names its call, are all that a call may have."""
    return rows.filter(call=call).count() >= allowance.a_call


def is_used_up_by_number(*, rows: QuerySet[Model], at: str, call: Call, allowance: Allowance, now: datetime) -> bool:
    """Whether they are all that the caller's number may have in a day; `at` is their field of the time."""
    recent = rows.filter(of_number(call.other_number), **{f"{at}__gt": now - DAY})
    return recent.count() >= allowance.a_day


def of_number(number: str) -> Q:
    """Rows of calls with that number, either way; callers who hide theirs share one allowance."""
    inbound = Q(call__from_number=number) & ~Q(call__direction=Call.Direction.OUTBOUND)
    return inbound | Q(call__to_number=number, call__direction=Call.Direction.OUTBOUND)
