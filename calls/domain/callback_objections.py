"""What speaks against keeping a promise to ring back just now, or ever.

Asked while the attempt is begun, under its locks; it changes nothing itself. A promise that is put off has spent no
attempt.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from calls.domain import capacity
from calls.domain.callbacks import allowed_zones
from calls.domain.capacity import NO_LIMITS, Limits
from calls.domain.costs import LONGEST_CALL
from calls.domain.dialing_rules import Forbidden, next_daytime, number_to_dial
from calls.models import Call, Callback, CallbackAttempt, PhoneLine

NOT_PLACED = "not_placed"
MOST_PER_NUMBER_AND_DAY = 3
DAY = timedelta(days=1)
_AT_ONCE = {capacity.ALL, capacity.BUSINESS, capacity.CALLER}


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the agent could talk to whoever picks up, as far as the process knows that dials.

    `obstacle` names what keeps every agent from talking, or is blank; no agent whose model is among `refused_models`
    can either.
    """

    obstacle: str = ""
    refused_models: Collection[str] = ()
    limits: Limits = NO_LIMITS


READY = Readiness()


@dataclass(frozen=True, slots=True)
class Later:
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Never:
    why: str


def objection(
    *, callback: Callback, line: PhoneLine | None, readiness: Readiness, now: datetime
) -> Later | Never | None:
    """Why a promise is not kept from `line` now; None when it is."""
    try:
        number_to_dial(callback.number, business=callback.business)
    except Forbidden as refusal:
        return Never(str(refusal))
    if line is None:
        return Never("The business has no telephone line to call from.")
    awake = next_daytime(now, allowed_zones(business=callback.business, number=callback.number))
    if awake is None:
        return Never("There is no hour at which both sides are awake.")
    if awake > now:
        return Later(awake, "night")
    return _often_enough(callback, now) or _in_use(callback, now) or _nobody_to_talk(callback, line, readiness, now)


def _often_enough(callback: Callback, now: datetime) -> Later | None:
    dialed_today = CallbackAttempt.objects.filter(began_at__gt=now - DAY).exclude(result__startswith=NOT_PLACED)
    if dialed_today.filter(callback__number=callback.number).count() >= MOST_PER_NUMBER_AND_DAY:
        return Later(now + timedelta(hours=6), "this number was rung often enough today")
    if dialed_today.filter(callback__business=callback.business).count() >= callback.business.callbacks_a_day:
        return Later(now + timedelta(hours=1), "the business has placed its calls of today")
    return None


def _in_use(callback: Callback, now: datetime) -> Later | None:
    others = Callback.objects.filter(number=callback.number, status=Callback.Status.DIALING).exclude(pk=callback.pk)
    if others.exists():  # two calls to one number at once could not be told apart afterwards
        return Later(now + timedelta(minutes=5), "another call to this number is going on")
    if _calls_with(callback.number, now).exists():
        return Later(now + timedelta(minutes=1), "they are still on the line")
    return None


def _nobody_to_talk(callback: Callback, line: PhoneLine, readiness: Readiness, now: datetime) -> Later | None:
    """Who picks up shall not hear a voicemail. Whether an agent answers is asked once more when somebody does."""
    if readiness.obstacle:
        return Later(now + timedelta(minutes=5), f"no agent can talk: {readiness.obstacle}")
    if line.agent and line.agent.model in readiness.refused_models:
        return Later(now + timedelta(minutes=5), "OpenAI refuses the model of the agent")
    limits = readiness.limits
    if reached := capacity.limit_ahead(business=callback.business, number=callback.number, limits=limits, now=now):
        wait = timedelta(minutes=2) if reached in _AT_ONCE else timedelta(hours=1)
        return Later(now + wait, f"a limit is reached: {reached}")
    return None


def _calls_with(number: str, now: datetime) -> QuerySet[Call]:
    """Those that go on with this number, with the agent or a person; one that nobody closed is forgotten in time."""
    going_on = (Call.Status.RINGING, Call.Status.STREAMING, Call.Status.HANDED_OVER)
    recent = Call.objects.filter(rang_at__gt=now - LONGEST_CALL, ended_at=None, status__in=going_on)
    return recent.filter(capacity.of_number(number))
