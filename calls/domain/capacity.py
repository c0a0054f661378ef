"""How much the agent may take on: calls at once, minutes and money of a day.

What is beyond goes to a person or the voicemail, and those who are being served notice nothing. To be asked inside the
transaction that lets the call in: on PostgreSQL the rows of the businesses are locked until it ends, SQLite has one
writer anyway, so of all who ring in the same moment no more get in than there is room for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from calls.domain import costs
from calls.domain.costs import LONGEST_CALL
from calls.domain.handover import dialable
from calls.domain.tokens import TOKEN_SECONDS
from calls.models import Business, Call, Stream
from calls.models.call import OF_THE_DOCTOR

ALL, BUSINESS, CALLER = "calls_at_once", "calls_of_the_business", "calls_of_the_caller"
MINUTES, CALLER_MINUTES, BUDGET = "minutes_of_the_day", "minutes_of_the_caller", "budget_of_the_day"

OF_THE_CALLER = {CALLER, CALLER_MINUTES}
"""Reached by one number alone: nobody's telephone should ring each time that it redials."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Those of the whole deployment; 0 is none. Each business has its own beside them."""

    calls_at_once: int = 0
    calls_per_caller: int = 0
    caller_minutes_a_day: int = 0


NO_LIMITS = Limits()


def limit_reached(*, call: Call, limits: Limits, now: datetime) -> str:
    """Which limit keeps the agent from taking this call too; blank when there is room."""
    business = call.business
    if business is None:
        return ""
    list(Business.objects.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    others = _with_the_agent(now).exclude(pk=call.pk)
    return _limit(others, business=business, number=dialable(call.other_number), limits=limits, now=now)


def limit_ahead(*, business: Business, number: str, limits: Limits, now: datetime) -> str:
    """Which limit a call of ours to `number` would meet, were it picked up now. Nothing is locked: when it is picked
    up, `limit_reached` decides."""
    return _limit(_with_the_agent(now), business=business, number=number, limits=limits, now=now)


def of_number(number: str) -> Q:
    """Calls with that number, either way."""
    return Q(from_number=number) | Q(to_number=number, direction=Call.Direction.OUTBOUND)


def _limit(others: QuerySet[Call], *, business: Business, number: str, limits: Limits, now: datetime) -> str:
    return _too_many(others, business, number, limits) or _too_long(business, number, limits, now)


def _too_many(others: QuerySet[Call], business: Business, number: str, limits: Limits) -> str:
    if limits.calls_at_once and others.count() >= limits.calls_at_once:
        return ALL
    if business.calls_at_once is not None and others.filter(business=business).count() >= business.calls_at_once:
        return BUSINESS
    if number and limits.calls_per_caller and others.filter(of_number(number)).count() >= limits.calls_per_caller:
        return CALLER
    return ""


def _too_long(business: Business, number: str, limits: Limits, now: datetime) -> str:
    since = _midnight(business, now)
    today = Call.objects.filter(streaming_at__gte=since).exclude(OF_THE_DOCTOR)
    if business.minutes_a_day is not None and _is_used_up(
        business.minutes_a_day, today.filter(business=business), since, now
    ):
        return MINUTES
    if (
        number
        and limits.caller_minutes_a_day
        and _is_used_up(limits.caller_minutes_a_day, today.filter(of_number(number)), since, now)
    ):
        return CALLER_MINUTES
    if (
        business.budget_a_day is not None
        and costs.spent(business=business, since=since, now=now) >= business.budget_a_day
    ):
        return BUDGET
    return ""


def _with_the_agent(now: datetime) -> QuerySet[Call]:
    """Calls that an agent has, or will have as soon as Twilio opens the stream that it was told of."""
    streaming = Q(status=Call.Status.STREAMING, streaming_at__gt=now - LONGEST_CALL)
    soon = Q(status=Call.Status.RINGING, token_issued_at__gt=now - timedelta(seconds=TOKEN_SECONDS))
    return Call.objects.filter(streaming | soon).exclude(OF_THE_DOCTOR)


def _is_used_up(minutes: int, calls: QuerySet[Call], since: datetime, now: datetime) -> bool:
    """Whether the agent has spoken so long in these calls since then: in all streams of a call that came back, and not
    while it was away."""
    spans: Iterable[tuple[datetime, datetime | None]] = Stream.objects.filter(
        started_at__gte=since, call__in=calls
    ).values_list("started_at", "ended_at")
    lengths = [(ended_at or now) - began for began, ended_at in spans]
    spoken = sum((min(max(length, timedelta()), LONGEST_CALL) for length in lengths), timedelta())
    return spoken >= timedelta(minutes=minutes)


def _midnight(business: Business, now: datetime) -> datetime:
    zone = ZoneInfo(business.time_zone)
    return datetime.combine(now.astimezone(zone).date(), time.min, zone)
