"""Bookings that a person of the business makes or moves: by the rules of calls, each refusal in words for a person."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from calls.domain import appointments, area, booking, hours, slots, technicians
from calls.domain.booking import SlotTaken, Wanted
from calls.domain.slots import Search
from calls.domain.technicians import Place
from calls.models import Booking, Business, Service

A_CENTURY = timedelta(days=36525)  # a slip of the hand; what is further away cannot be told on every clock
NOBODY = "No technician does this work at that place."


class NotPossible(Exception):
    """It cannot be had; the text says why, and what to do instead where that is known."""


@dataclass(frozen=True, slots=True)
class Day:
    """The openings of a day. If the day that was asked for has none, `why` says so and it is the next one that has."""

    on: date
    openings: Sequence[datetime]
    why: str = ""


def read_place(*, business: Business, postal_code: str, town: str) -> Place:
    """A place that is served. Raises NotPossible."""
    try:
        return slots.read_place(business=business, postal_code=postal_code, town=town)
    except slots.OutsideArea as refusal:
        raise NotPossible(_written(str(refusal))) from None
    except area.UnknownPlace:
        raise NotPossible("Enter the postal code: without it nobody knows whether the address is served.") from None


def read_clock(*, business: Business, on: date, at: time, now: datetime) -> datetime:
    """The moment at which the clock of the business shows that. Raises NotPossible."""
    zone = ZoneInfo(business.time_zone)
    _demand_this_century(on - now.astimezone(zone).date(), business)
    moment = hours.from_clock(zone, on, at)
    if moment is None:
        raise NotPossible(f"The clock jumps over {_clock(at)} on {_day(on)}.")
    return moment


def openings(*, service: Service, place: Place, on: date | None, now: datetime, but: Booking | None = None) -> Day:
    """All the openings of a day, or of the soonest that has any. Raises NotPossible.

    `but` is a booking that is to move: what it takes is free for it.
    """
    search = _search(service, place, now, but)
    if on is not None and search.today <= on <= search.last_day and (found := list(search.openings(on, on))):
        return Day(on, found)
    why = _why_none(search, on) if on else ""
    first = max(on, search.today) if on and on <= search.last_day else search.today
    soonest = next(search.openings(first, search.last_day), None) or next(
        search.openings(search.today, search.last_day), None
    )
    if soonest is None:
        return Day(on or search.today, [], why or f"Nothing is free in the next {search.business.horizon_days} days.")
    day = search.calendar.today(soonest)
    return Day(day, list(search.openings(day, day)), why)


def book(*, service: Service, starts_at: datetime, wanted: Wanted, now: datetime) -> Booking:
    """Book for the customer of `wanted.number`, in E.164. Raises NotPossible."""
    _demand_this_century(starts_at - now, service.business)
    place = read_place(business=service.business, postal_code=wanted.postal_code, town=wanted.town)
    try:
        return booking.book_by_hand(service=service, starts_at=starts_at, wanted=wanted, now=now)
    except slots.NobodyForIt:
        raise NotPossible(NOBODY) from None
    except slots.NotOffered:
        raise NotPossible(_why_not(_search(service, place, now), starts_at, now)) from None
    except SlotTaken as taken:
        raise NotPossible(_taken(taken)) from None


def move(*, booking: Booking, starts_at: datetime, now: datetime) -> None:
    """Move a booking; to where it stands already changes nothing. Raises NotPossible."""
    _demand_this_century(starts_at - now, booking.business)
    try:
        appointments.move(booking=booking, starts_at=starts_at, now=now)
    except appointments.NotYours:
        raise NotPossible(f"{booking} has been closed meanwhile.") from None
    except slots.NobodyForIt:
        raise NotPossible(NOBODY) from None
    except slots.NotOffered:
        place = technicians.place_of(booking=booking)
        raise NotPossible(_why_not(_search(booking.service, place, now, booking), starts_at, now)) from None
    except SlotTaken as taken:
        raise NotPossible(_taken(taken)) from None


def _demand_this_century(ahead: timedelta, business: Business) -> None:
    if abs(ahead) > A_CENTURY:
        raise NotPossible("That time is over." if ahead < timedelta() else _too_far(business))


def _search(service: Service, place: Place, now: datetime, but: Booking | None = None) -> Search:
    try:
        return slots.search_for(service=service, place=place, now=now, but=but)
    except slots.NobodyForIt:
        raise NotPossible(NOBODY) from None


def _why_none(search: Search, on: date) -> str:
    if on < search.today:
        return f"{_day(on)} is over."
    if on > search.last_day:
        return _too_far(search.business)
    return {
        "closed": f"{search.business} is closed on {_day(on)}.",
        "too_soon": f"It is too late for {_day(on)}. {_notice(search.business)}",
        "full": f"Nobody who does this work is free on {_day(on)}.",
    }[search.why_none(on)]


def _why_not(search: Search, starts_at: datetime, now: datetime) -> str:
    """Why the work cannot begin at that time, whoever is free."""
    local = starts_at.astimezone(search.calendar.zone)
    on, at = local.date(), _clock(local.time())
    if starts_at <= now:
        return "That time is over."
    if starts_at < search.earliest - slots.GRACE:
        return f"That is too soon. {_notice(search.business)}"
    if starts_at >= search.end:
        return _too_far(search.business)
    if not search.is_on_the_grid(starts_at):
        return f"Bookings begin every {search.step} minutes of the day, not at {at}."
    if not search.is_open(starts_at):
        spans = search.calendar.clock_spans(on)
        if not spans:
            return f"{search.business} is closed on {_day(on)}."
        hours_of_day = " and ".join(f"from {_clock(start)} to {_clock(end)}" for start, end in spans)
        takes = f"{search.service.duration_minutes} minutes from {at} on do not fit in"
        return f"{search.business} is open {hours_of_day} on {_day(on)}: {takes}."
    return f"Nobody who does this work is at work at {at} on {_day(on)}."


def _taken(taken: SlotTaken) -> str:
    zone = ZoneInfo(taken.service.business.time_zone)
    free = [moment.astimezone(zone) for moment in taken.openings]
    instead = "; ".join(f"{_day(moment.date())}, {_clock(moment.time())}" for moment in free)
    return f"Everybody who does this work is taken then. {f'Free: {instead}.' if free else 'Nothing else is free.'}"


def _notice(business: Business) -> str:
    whole, minutes = divmod(business.notice_minutes, 60)
    parts = [f"{whole} h"] * bool(whole) + [f"{minutes} min"] * bool(minutes)
    return f"Bookings need {' '.join(parts)} of notice." if parts else ""


def _too_far(business: Business) -> str:
    return f"Bookings are made at most {business.horizon_days} days ahead."


def _day(on: date) -> str:
    return f"{on:%A, %B} {on.day}, {on.year}"


def _clock(at: time) -> str:
    return "midnight" if at >= hours.END_OF_DAY else f"{at:%-I:%M %p}"


def _written(spoken: str) -> str:
    """Codes as they are written, not as they are read out: 12207 for "1 2 2 0 7"."""
    return re.sub(r"(?<=\b\w) (?=\w\b)", "", spoken)
