"""What one call has done to bookings, by its events: what was made or moved in it and still stands, what was cancelled.

A change by a later call, or by hand, is no part of it.
"""

from typing import NamedTuple

from calls.models import Booking, Call

MADE, MOVED, CANCELLED = "booked", "booking_moved", "booking_cancelled"


class Fate(NamedTuple):
    """A booking, and the last that the call has done to it: MADE (moved since, too), MOVED or CANCELLED."""

    booking: Booking
    what: str

    @property
    def stands(self) -> bool:
        return self.what != CANCELLED


def fates(*, call: Call) -> list[Fate]:
    """The bookings that a call has made, moved or cancelled, the soonest first."""
    last: dict[str, str] = {}
    events = call.events.filter(kind__in=(MADE, MOVED, CANCELLED)).order_by("at_ms", "pk")
    for kind, detail in events.values_list("kind", "detail"):
        reference = detail.get("reference", "")
        last[reference] = MADE if kind == MOVED and last.get(reference) == MADE else kind
    touched = Booking.objects.filter(reference__in=last).select_related("service")
    made = call.bookings.exclude(reference__in=last).exclude(status=Booking.Status.CANCELLED).select_related("service")
    found = [*(Fate(row, last[row.reference]) for row in touched), *(Fate(row, MADE) for row in made)]
    return sorted(found, key=lambda fate: fate.booking.starts_at)
