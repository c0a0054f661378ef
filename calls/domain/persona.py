"""Who answers a call: the first sentence and the instructions, from the rows of the agent and its business."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils.translation import get_language_info

from calls.domain import callbacks, hours, opening, quotes
from calls.domain.spoken import spoken_time
from calls.models import Agent, Booking, Business, Call, Callback, Customer, Quote

CONSENT = "This call is being recorded."
LETTERS_PER_TOKEN = 4
MOST_SERVICES = 30
MOST_KNOWN = 3


@dataclass(frozen=True, slots=True)
class Persona:
    greeting: str
    instructions: str
    voice: str
    model: str
    language: str
    has_semantic_vad: bool
    vad_threshold: float
    silence_ms: int
    records_calls: bool
    has_standing_greeting: bool = True
    """Whether the greeting is the same in every call of the agent, and not made for this one."""


def persona_for(*, call: Call, now: datetime) -> Persona:
    """The persona for a call that has an agent."""
    agent, callback = call.agent, callbacks.callback_of(call=call)
    greeting = greeting_of(agent)
    if callback:
        greeting = _with_consent(agent, callbacks.greeting_of(call=call, callback=callback))
    return Persona(
        greeting=greeting,
        instructions=instructions_for(
            agent=agent, caller=call.other_number, now=now, greeting=greeting, callback=callback
        ),
        voice=agent.voice,
        model=agent.model,
        language=agent.language,
        has_semantic_vad=agent.turn_detection == Agent.TurnDetection.SEMANTIC_VAD,
        vad_threshold=agent.vad_threshold,
        silence_ms=agent.silence_ms,
        records_calls=agent.records_calls,
        has_standing_greeting=callback is None,
    )


def greeting_of(agent: Agent) -> str:
    """The agent's first words with the names filled in; other braces stay as they are. Consent comes before all."""
    return _with_consent(
        agent, agent.greeting.replace("{business}", agent.business.name).replace("{agent}", agent.name)
    )


def _with_consent(agent: Agent, greeting: str) -> str:
    return f"{CONSENT} {greeting}" if agent.records_calls else greeting


def instructions_for(
    *, agent: Agent, caller: str, now: datetime, greeting: str = "", callback: Callback | None = None
) -> str:
    """Exactly what the model is told. What differs from call to call stands last, so that OpenAI's cache keeps the
    rest, and nothing of it changes during a call."""
    business = agent.business
    customer = Customer.objects.filter(business=business, number=caller).first() if caller else None
    context = {
        "agent": agent,
        "language": _language(agent.language),
        "business": business,
        "greeting": greeting or greeting_of(agent),
        "week": opening.week(business=business),
        "services": ", ".join(_services(business)),
        "now": f"{now.astimezone(ZoneInfo(business.time_zone)):%A, %B %-d, %Y, %H:%M}",
        "unlike": "; ".join(opening.days_unlike(business=business, now=now)),
        "state": hours.spoken_state(business=business, moment=now),
        "caller": caller or "number unknown",
        "customer": customer.name if customer else "",
        "callback": callback,
        "known": _known_of(business, caller, customer, now=now),
    }
    return render_to_string("prompts/receptionist.txt", context).strip() + "\n"


def estimated_tokens(instructions: str) -> int:
    """An estimate, a quarter of the letters; what OpenAI counts stands on the call."""
    return len(instructions) // LETTERS_PER_TOKEN


def _language(code: str) -> str:
    """The name of a language in English; the code where Django knows none."""
    try:
        return str(get_language_info(code)["name"])
    except KeyError:
        return code


def _services(business: Business) -> list[str]:
    return list(business.services.filter(is_active=True).values_list("name", flat=True)[:MOST_SERVICES])


def _known_of(business: Business, caller: str, customer: Customer | None, *, now: datetime) -> list[str]:
    """What is open for this number and no other; confirmed again before anything of it is told or changed.

    A caller who has only asked for a price is no customer yet.
    """
    zone = ZoneInfo(business.time_zone)
    is_open = (Booking.Status.BOOKED, Booking.Status.CONFIRMED)
    all_bookings = customer.bookings if customer else Booking.objects.none()
    bookings = all_bookings.filter(status__in=is_open, starts_at__gte=now).select_related("service")
    own_quotes = customer.quotes.all() if customer else Quote.objects.none()
    quoted = own_quotes | quotes.of_number(business=business, number=caller)
    waiting = callbacks.promised_to(business=business, number=caller)[:MOST_KNOWN]
    return [
        *(f"Open booking {b.reference}: {b.service}, {spoken_time(b.starts_at, zone)}" for b in bookings[:MOST_KNOWN]),
        *(f"Quote {q.reference}: {q.service}" for q in quoted.select_related("service")[:MOST_KNOWN]),
        *(f"Callback promised: {callbacks.spoken_due_time(callback=c, now=now)}, about: {c.reason}" for c in waiting),
    ]
