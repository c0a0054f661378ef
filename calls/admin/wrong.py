"""The calls of the last days that went wrong, by what they have in common."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.http import HttpRequest

from calls.admin import display
from calls.doctor.caller import TEST_CALL_PREFIX
from calls.domain.explanation import ABOUT, Cause, Explanation, explain_all
from calls.domain.explanation_causes import About
from calls.models import Call

DAYS = (1, 7, 30)
STANDARD = 7
MOST_CALLS = 500
MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class WrongCall:
    call: Call
    at: str
    party: str
    said: str


@dataclass(frozen=True, slots=True)
class Group:
    """The newest calls of one cause, and how many more there are."""

    cause: Cause
    about: About
    count: int
    calls: list[WrongCall]

    @property
    def more(self) -> int:
        return self.count - len(self.calls)


@dataclass(frozen=True, slots=True)
class Wrong:
    """`wanted` are groups of calls that ended as somebody wanted: a blocked number, a caller who said nothing."""

    days: int
    choices: tuple[int, ...]
    looked_at: int
    is_cut: bool
    count: int
    groups: list[Group]
    wanted: list[Group]


def in_the_last_days(calls: QuerySet[Call], request: HttpRequest, *, now: datetime) -> Wrong:
    """The groups of the calls since `?days=`, the largest first; the doctor's test calls are left out."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, DAYS) else STANDARD
    recent = calls.filter(rang_at__gte=now - timedelta(days=days)).exclude(call_sid__startswith=TEST_CALL_PREFIX)
    rows = list(recent.order_by("-rang_at")[: MOST_CALLS + 1])
    is_cut, rows = len(rows) > MOST_CALLS, rows[:MOST_CALLS]
    groups = _grouped(rows, explain_all(rows, now=now), whole=display.sees_whole_numbers(request))
    faults = [group for group in groups if group.about.is_fault]
    wanted = [group for group in groups if not group.about.is_fault and group.cause is not Cause.NONE]
    return Wrong(days, DAYS, len(rows), is_cut, sum(group.count for group in faults), faults, wanted)


def _grouped(rows: list[Call], explanations: list[Explanation], *, whole: bool) -> list[Group]:
    found: dict[Cause, list[tuple[Call, Explanation]]] = {}
    for call, explanation in zip(rows, explanations, strict=True):
        found.setdefault(explanation.cause, []).append((call, explanation))
    by_size = sorted(found.items(), key=lambda pair: -len(pair[1]))
    return [
        Group(
            cause,
            ABOUT[cause],
            len(members),
            [
                WrongCall(
                    call,
                    display.show_moment(call.rang_at),
                    display.show_other_party(call, whole=whole),
                    explanation.said,
                )
                for call, explanation in members[:MOST_SHOWN]
            ],
        )
        for cause, members in by_size
    ]
