"""A person of the business sends somebody to a booking of their own choice.

They may know better than skills and areas; that a technician cannot be in two places at once holds for them too.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from calls.domain import booking_letters, diary, hours, technicians
from calls.domain.booking import OPEN, one_at_a_time, take_first_free
from calls.models import Booking, Technician


class NotOpen(Exception):
    """The booking is done or cancelled."""


class Taken(Exception):
    """The technician is at another booking, or on the way from it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could be sent, and what speaks against it; `is_taken` is the one thing that cannot be overruled."""

    technician: Technician
    objections: Sequence[str]
    is_taken: bool
    is_sent_now: bool

    @property
    def fits(self) -> bool:
        return not self.objections and not self.is_taken


def candidates(*, booking: Booking) -> list[Candidate]:
    """Every active technician of the business, those who fit first."""
    business = booking.business
    calendar = hours.calendar(business=business)
    place = technicians.place_of(booking=booking)
    going = {technician.pk for technician in technicians.suitable(service=booking.service, place=place)}
    needed = {skill.pk: skill.name for skill in booking.service.skills.all()}
    people = list(business.technicians.filter(is_active=True).prefetch_related("skills", "working_hours", "time_off"))
    until = booking.ends_at + timedelta(minutes=business.buffer_minutes)
    units = set(diary.units(booking.starts_at, until))
    ids = [technician.pk for technician in people]
    taken = diary.taken(technician_ids=ids, starts_at=booking.starts_at - diary.UNIT, until=until)
    found = []
    for technician in people:
        is_sent_now = technician.pk == booking.technician_id
        missing = needed.keys() - {skill.pk for skill in technician.skills.all()}
        objections = [f"Does not know {needed[pk]}." for pk in sorted(missing)]
        if not missing and technician.pk not in going:
            objections.append("Does not go there.")
        if not technicians.can_work(
            technician=technician, calendar=calendar, starts_at=booking.starts_at, ends_at=booking.ends_at
        ):
            objections.append("Does not work then.")
        is_taken = not is_sent_now and not units.isdisjoint(taken[technician.pk])
        found.append(Candidate(technician, objections, is_taken, is_sent_now))
    return sorted(found, key=lambda one: (one.is_taken, bool(one.objections), one.technician.name))


def can_still_go(*, booking: Booking) -> bool:
    """Whether nothing speaks against who is sent: the skills, the area, the working hours and the time off."""
    return any(one.is_sent_now and one.fits for one in candidates(booking=booking))


def send(*, booking: Booking, technician: Technician, now: datetime) -> list[Technician]:
    """Send `technician` instead, and tell both of them, as far as they can be reached: who has been told.

    The same one again changes nothing. Raises NotOpen or Taken.
    """
    try:
        with transaction.atomic():
            one_at_a_time(booking.business)
            booking.refresh_from_db()
            if booking.status not in OPEN:
                raise NotOpen
            if booking.technician_id == technician.pk:
                return []
            was = copy(booking)
            take_first_free(booking=booking, people=[technician])
            return booking_letters.tell_of_another(booking=booking, was=was, call=None, now=now)
    except diary.NotFree:
        booking.refresh_from_db()
        raise Taken from None
