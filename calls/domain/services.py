"""What a business offers, and which of it a caller means."""

from calls.domain.words import words_of
from calls.models import Business, Call, Service

MOST_NAMED = 30


class UnknownService(Exception):
    """Nothing on offer has that name; the text says what there is."""


def offered_to_caller(*, call_id: int) -> list[Service]:
    """What the business that was called offers, each with its business."""
    call = Call.objects.select_related("business").get(pk=call_id)
    return list(call.business.services.select_related("business").filter(is_active=True)) if call.business else []


def offered(*, business: Business) -> list[Service]:
    return list(business.services.filter(is_active=True))


def find_service(*, business: Business, name: str) -> Service:
    """The service of that name, or the only one whose name holds all its words. Raises UnknownService."""
    services = offered(business=business)
    asked = words_of(name)
    same = [service for service in services if words_of(service.name) == asked]
    if not same and asked:
        same = [service for service in services if set(asked) <= set(words_of(service.name))]
    if len(same) == 1:
        return same[0]
    raise UnknownService(_question(same or services, is_ambiguous=len(same) > 1))


def _question(services: list[Service], *, is_ambiguous: bool) -> str:
    if not services:
        return "No services have been entered. Say that somebody will call back with the answer, and take a message."
    names = "; ".join(service.name for service in services[:MOST_NAMED])
    return f"Ask which one is meant: {names}." if is_ambiguous else f"That is not offered. The services are: {names}."
