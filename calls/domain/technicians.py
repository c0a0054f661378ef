"""Who can be sent: by skill, area, working hours and time off, and in which order they are asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from os.path import commonprefix
from typing import NamedTuple

from calls.domain import area
from calls.domain.hours import END_OF_DAY, Calendar, joined, spans_of
from calls.models import Booking, Service, ServiceArea, Technician

STANDING = (Booking.Status.BOOKED, Booking.Status.CONFIRMED, Booking.Status.DONE)
_DAY = timedelta(days=1)


class Place(NamedTuple):
    """Where the work is, as far as it is known; the postal code is one from area.read_postal_code."""

    postal_code: str = ""
    town: str = ""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Where each technician goes on a day: the postal codes of their bookings."""

    postal_codes: Mapping[int, Sequence[str]]

    def order(self, technician: Technician, place: Place) -> tuple[int, int, int]:
        """Who comes first is sent: the least travel, then the fewest bookings of the day."""
        booked = self.postal_codes.get(technician.pk, ())
        known = [code for code in booked if code] or [technician.home_postal_code]
        travel = min(_distance(code, place.postal_code) for code in known)
        return travel, len(booked), technician.pk


def suitable(*, service: Service, place: Place) -> list[Technician]:
    """The technicians who know what the service needs and go to the place, with the rows that `can_work` reads.

    Of an unknown place nobody is said not to go there; nor of a place told by its code where only towns are entered
    for somebody, or the other way round, as long as nobody is known to go there.
    """
    needed = {skill.pk for skill in service.skills.all()}
    everybody = Technician.objects.filter(business=service.business_id, is_active=True).order_by("pk")
    able = [
        technician
        for technician in everybody.prefetch_related("skills", "areas", "working_hours", "time_off")
        if needed <= {skill.pk for skill in technician.skills.all()}
    ]
    return [technician for technician in able if _goes_to(technician, place)] or [
        technician for technician in able if _goes_to(technician, place) is None
    ]


def can_work(*, technician: Technician, calendar: Calendar, starts_at: datetime, ends_at: datetime) -> bool:
    """Whether the technician works all that time, by their own hours where they have any, and has not taken it off.

    That the business is open then is not asked here.
    """
    if any(off.starts_at < ends_at and off.ends_at > starts_at for off in technician.time_off.all()):
        return False
    week: dict[int, list[tuple[time, time]]] = {}
    for row in technician.working_hours.all():
        week.setdefault(row.weekday, []).append((row.starts_at, row.ends_at))
    if not week:
        return True
    today = calendar.today(starts_at)
    days = [today - _DAY, today, today + _DAY]
    spans = joined(span for on in days for span in spans_of(calendar.zone, on, week.get(on.weekday(), ())))
    return any(start <= starts_at and ends_at <= end for start, end in spans)


def rounds(*, people: Sequence[Technician], calendar: Calendar, on: date, but: Booking | None = None) -> Rounds:
    """The rounds of a day on the clock of the business, without a booking that is about to move."""
    [(start, end)] = spans_of(calendar.zone, on, [(time(0), END_OF_DAY)])
    rows = Booking.objects.filter(technician__in=people, starts_at__gte=start, starts_at__lt=end, status__in=STANDING)
    postal_codes: dict[int, list[str]] = {}
    for pk, technician_id, postal_code in rows.values_list("pk", "technician_id", "postal_code"):
        if but is None or pk != but.pk:
            postal_codes.setdefault(technician_id, []).append(postal_code)
    return Rounds(postal_codes)


def place_of(*, booking: Booking) -> Place:
    """Where a booking is; a town of the service area stands after the last comma of the address."""
    _, _, last = booking.address.rpartition(",")
    is_town = any(area.covers(entry=entry, town=last) for entry in booking.business.areas.all())
    return Place(booking.postal_code, last.strip() if is_town else "")


def _goes_to(technician: Technician, place: Place) -> bool | None:
    """As the most particular entry says; None where the place is not told in the terms of any of them."""
    entries = technician.areas.all()
    if not entries or place == Place():
        return True
    if entry := area.most_particular(entries, postal_code=place.postal_code, town=place.town):
        return not entry.is_excluded
    told = {True: place.town, False: place.postal_code}
    is_untold = any(not told[entry.kind == ServiceArea.Kind.TOWN] for entry in entries if not entry.is_excluded)
    return None if is_untold else False


def _distance(code: str, other: str) -> int:
    """How many of the last places differ; neighbors share the beginning of their postal codes."""
    return max(len(code), len(other)) - len(commonprefix([code, other]))
