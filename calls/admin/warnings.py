"""What of a business, an agent or a line works, but should be looked at."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from calls.domain import costs, delivery
from calls.domain.by_hand import OPEN_BOOKING
from calls.models import Agent, Business, PhoneLine, Service, ServiceArea, Technician, catalog, validators

MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that works but should be looked at: a few words for the list, a sentence for after saving."""

    short: str
    sentence: str


def of_business(business: Business) -> list[Warned]:
    warnings = _person_warnings(business)
    if not business.opening_hours.all():
        sentence = (
            "There are no opening hours: nothing can be booked, and Cortana cannot say when somebody is there. Enter "
            "them below."
        )
        warnings.append(Warned("No opening hours", sentence))
    if not any(place.technician.is_active and place.technician.number for place in business.rota.all()):
        sentence = (
            "Nobody in the on-call rota has a telephone: in an emergency only the hand-over number can be rung. Enter "
            "technicians, then the rota below."
        )
        warnings.append(Warned("Nobody on call", sentence))
    if business.emails_summaries and not business.email:
        sentence = "There is no e-mail address: nobody is written to about a call that needs a person."
        warnings.append(Warned("No e-mail", sentence))
    models = {_model_of(agent) for agent in business.agents.all()}
    return [*warnings, *_price_warnings(business, models)]


def of_service(service: Service) -> list[Warned]:
    warnings = []
    people = [technician for technician in service.business.technicians.all() if technician.is_active]
    needed = {skill.pk for skill in service.skills.all()}
    if not any(needed <= {skill.pk for skill in technician.skills.all()} for technician in people):
        knows = f"knows {' and '.join(skill.name for skill in service.skills.all())}" if needed else "is active"
        sentence = f"No technician {knows}: {service} can be priced, but nobody can be sent, so it cannot be booked."
        warnings.append(Warned("Nobody can be sent", sentence))
    if not service.price and service.price_rule != Service.PriceRule.RANGE:
        warnings.append(Warned("Costs nothing", f"{service} costs nothing: Cortana will say so. Is it a slip?"))
    return warnings


def of_technician(technician: Technician) -> list[Warned]:
    warnings = _area_warnings(technician)
    if not technician.number:
        sentence = f"{technician} has no telephone: nobody can ring or text them in an emergency."
        return [Warned("No telephone", sentence), *warnings]
    if getattr(technician, "last_text_error", None) == delivery.STOPPED:
        sentence = (
            f"{technician} has written STOP: no text message arrives, not even about an emergency, before a START."
        )
        warnings.append(Warned("Has written STOP", sentence))
    return [*_number_warnings(technician.number), *warnings]


def of_time_off(technician: Technician) -> list[Warned]:
    """The bookings that a technician has in time that they have taken off; each leads to sending somebody else."""
    zone = ZoneInfo(technician.business.time_zone)
    away = Q()
    for off in technician.time_off.all():
        away |= Q(starts_at__lt=off.ends_at, ends_at__gt=off.starts_at)
    if not away:
        return []
    open_ones = technician.bookings.filter(status__in=OPEN_BOOKING, ends_at__gt=timezone.now())
    found = open_ones.filter(away).select_related("service", "customer").order_by("starts_at")[:MOST_NAMED]
    named = [
        (
            reverse("admin:calls_booking_reassign", args=[row.pk]),
            row,
            f"{row.starts_at.astimezone(zone):%A, %B %-d, %-I:%M %p}",
        )
        for row in found
    ]
    if not named:
        return []
    links = format_html_join("; ", '<a href="{}">{}</a>, {}', named)
    sentence = format_html("{} is booked in the time off: {}. Send somebody else, or move it.", technician, links)
    return [Warned("Booked in time off", sentence)]


def of_agent(agent: Agent) -> list[Warned]:
    warnings = []
    if not validators.says_it_is_automated(agent.greeting):
        sentence = (
            "The greeting does not say that an automated or virtual assistant is speaking. In the European Union and "
            "in several states of the USA callers must be told."
        )
        warnings.append(Warned("Greeting hides the machine", sentence))
    today = timezone.localdate()
    if agent.model and (refusal := catalog.refusal_of_model(agent.model, today=today)):
        warnings.append(Warned("Model cannot be used", refusal))
    elif warning := catalog.warning_about_model(agent.model, today=today):
        warnings.append(Warned("Model is shut down soon", warning))
    if refusal := catalog.refusal_of_voice(agent.voice):
        warnings.append(Warned("Voice cannot be used", refusal))
    return [*warnings, *_price_warnings(agent.business, {_model_of(agent)})]


def of_line(line: PhoneLine) -> list[Warned]:
    warnings = _number_warnings(line.number)
    if line.agent is None:
        sentence = "No agent answers this line: its callers are put through to the hand-over number at once."
        warnings.append(Warned("No agent", sentence))
    if line.answers != PhoneLine.Answers.ALWAYS and not (line.business.handover_number or settings.HANDOVER_NUMBER):
        sentence = "There is no hand-over number that could ring first: the agent answers every call of this line."
        warnings.append(Warned("Nobody rings first", sentence))
    if line.answers == PhoneLine.Answers.OUTSIDE_HOURS and not line.business.opening_hours.all():
        sentence = f"{line.business} has no opening hours: it counts as closed, and the agent answers every call."
        warnings.append(Warned("No opening hours", sentence))
    return warnings


def _area_warnings(technician: Technician) -> list[Warned]:
    """Codes and towns cannot be compared: what is entered for a technician has to be in the terms that callers use."""
    areas = list(technician.areas.all())
    if not areas:
        return []
    included = [entry for entry in areas if not entry.is_excluded]
    if not included:
        sentence = f"The areas of {technician} only exclude: {technician} is sent nowhere. Add where they do go."
        return [Warned("Goes nowhere", sentence)]
    own = {entry.kind == ServiceArea.Kind.TOWN for entry in included}
    served = {entry.kind == ServiceArea.Kind.TOWN for entry in technician.business.areas.all() if not entry.is_excluded}
    if served <= own:
        return []
    ours, theirs = ("postal codes", "towns") if own == {True} else ("towns", "postal codes")
    sentence = (
        f"The areas of {technician} name {theirs} alone, and the service area names {ours} too: the two cannot be "
        f"compared. Add the {ours} that {technician} goes to."
    )
    return [Warned("Areas cannot match", sentence)]


def _person_warnings(business: Business) -> list[Warned]:
    if business.handover_number:
        return _number_warnings(business.handover_number)
    if settings.HANDOVER_NUMBER:
        return []
    sentence = (
        "There is no hand-over number: a caller who needs a person, or who calls while OpenAI cannot be reached, can "
        "only leave a voicemail."
    )
    return [Warned("No person to hand over to", sentence)]


def _model_of(agent: Agent) -> str:
    return agent.model or settings.OPENAI_REALTIME_MODEL


def _price_warnings(business: Business, models: set[str]) -> list[Warned]:
    """Nobody asks for the price of a model where no budget is counted by it."""
    if business.budget_a_day is None or not (unpriced := costs.unpriced(models=models, day=timezone.localdate())):
        return []
    sentence = (
        f"There is no price for {' and '.join(sorted(unpriced))}: the budget of {business} counts a guess for each "
        "minute. Enter the prices of its tokens under Prices."
    )
    return [Warned("Model without a price", sentence)]


def _number_warnings(number: str) -> list[Warned]:
    warning = validators.warning_about_number(number)
    return [Warned("Number not in use?", warning)] if warning else []
