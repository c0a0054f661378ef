"""The time that bookings take of technicians, in rows of five minutes under a unique constraint.

The constraint settles who gets a time, whoever asks at the same moment; looking first never does.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from calls.models import Booking, TakenTime

UNIT = timedelta(minutes=5)


class NotFree(Exception):
    """The technician is taken at some minute of that time."""


def units(starts_at: datetime, until: datetime) -> Iterator[datetime]:
    """The units that a time touches, each by its beginning: a multiple of five minutes in UTC."""
    moment = starts_at.astimezone(UTC).replace(second=0, microsecond=0)
    moment -= timedelta(minutes=moment.minute % 5)
    while moment < until:
        yield moment
        moment += UNIT


def take(*, booking: Booking) -> None:
    """Take the technician's time for the booking and the buffer after it, in place of what the booking took before.

    Raises NotFree, and then nothing has changed.
    """
    until = booking.ends_at + timedelta(minutes=booking.business.buffer_minutes)
    # In ascending order: two writers that want overlapping times then wait for each other at one place only.
    rows = [
        TakenTime(technician_id=booking.technician_id, booking=booking, starts_at=moment)
        for moment in units(booking.starts_at, until)
    ]
    try:
        with transaction.atomic():
            release(booking=booking)
            TakenTime.objects.bulk_create(rows)
    except IntegrityError:
        raise NotFree from None


def release(*, booking: Booking) -> None:
    TakenTime.objects.filter(booking=booking).delete()


def taken(
    *, technician_ids: Iterable[int], starts_at: datetime, until: datetime, but: Booking | None = None
) -> dict[int, set[datetime]]:
    """What is taken of each technician between two moments, without what a booking that is about to move takes."""
    found: dict[int, set[datetime]] = {pk: set() for pk in technician_ids}
    rows = TakenTime.objects.filter(technician__in=found, starts_at__gte=starts_at, starts_at__lt=until)
    if but is not None:
        rows = rows.exclude(booking=but)
    for technician_id, moment in rows.values_list("technician_id", "starts_at"):
        found[technician_id].add(moment)
    return found
