"""Whether an agent could talk to a caller just now, as far as this process knows."""

from django.conf import settings

from calls.domain import lifecycle
from calls.domain.capacity import Limits
from calls.realtime.reasons import Reason
from calls.relay import breaker, live


def obstacle() -> str:
    """Why no agent can answer, whatever the line says; blank when one can."""
    if live.is_draining:
        return lifecycle.DRAINING
    if not settings.OPENAI_API_KEY:
        return lifecycle.NO_OPENAI_KEY
    return lifecycle.OPENAI_REFUSES if openai_refusal() else ""


def openai_refusal() -> Reason | None:
    """What other calls of this process have just found out about OpenAI, so that this one need not try."""
    now = breaker.clock(settings.CLOCK_RATE)
    return breaker.refusal(settings.OPENAI_REALTIME_URL, settings.OPENAI_API_KEY, now)


def refused_models() -> frozenset[str]:
    """Models that an agent may name and OpenAI does not have; the blank name is the setting's model."""
    now = breaker.clock(settings.CLOCK_RATE)
    refused = breaker.refused_models(settings.OPENAI_REALTIME_URL, settings.OPENAI_API_KEY, now)
    return refused | {""} if settings.OPENAI_REALTIME_MODEL in refused else refused


def limits() -> Limits:
    return Limits(
        calls_at_once=settings.CALLS_AT_ONCE,
        calls_per_caller=settings.CALLS_PER_CALLER,
        caller_minutes_a_day=settings.CALLER_MINUTES_A_DAY,
    )
