"""Calls that were answered while the database was away, remembered until one of their webhooks can write that down."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

MOST = 1000


@dataclass(frozen=True, slots=True)
class Missed:
    """`because` is the kind of the error, never its message."""

    webhook: str
    because: str
    at: datetime


_missed: OrderedDict[str, Missed] = OrderedDict()


def remember(call_sid: str, missed: Missed) -> None:
    """The first that was missed of a call counts."""
    if call_sid:
        _missed.setdefault(call_sid, missed)
    while len(_missed) > MOST:
        _missed.popitem(last=False)


def take(call_sid: str) -> Missed | None:
    return _missed.pop(call_sid, None)
