"""Times that can really be booked, and the few words in which a caller asks for them.

A slot is named by its time and service, "2026-11-24T14:00Z/12". The name is a wish, not a right: whoever books it asks
here again whether it can be had.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from calls.domain import area, diary, hours, services, technicians
from calls.domain.technicians import Place
from calls.models import Booking, Business, Call, Service, Technician

OFFERED = 3
APART = timedelta(hours=2)  # three times half an hour apart are hardly a choice
GRACE = timedelta(minutes=15)  # what was offered with just enough notice may be said yes to a little later
SHORTEST_STEP = 5
FURTHEST_DAYS = 366
_DAY = timedelta(days=1)
_WEEK = 7

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PARTS_OF_DAY = {
    "morning": (time(0), time(12)),
    "afternoon": (time(12), time(17)),
    "evening": (time(17), time(23, 59)),
}
_SLOT_ID = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})Z/(\d{1,18})")


class WishUnclear(Exception):
    """The wish names no time; the text says what to ask."""


class SlotUnknown(Exception):
    """That is not the name of a slot of this business."""


class NotOffered(Exception):
    """The business does not work at that time; the text says why."""


class OutsideArea(Exception):
    """The business does not go to that place; the text says so."""


class NobodyForIt(Exception):
    """No technician does this service at that place, at any time."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asks for: `day` is "soonest", "today", "tomorrow", "friday", "next friday" or an ISO date."""

    day: str = "soonest"
    part_of_day: str = ""
    after: time | None = None
    before: time | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The openings for a wish. When there is none, `why` says so and `openings` are the next ones after that day."""

    today: date
    openings: Sequence[datetime]
    asked_on: date | None
    why: str = ""
    place: Place = Place()


def slot_id(*, service: Service, starts_at: datetime) -> str:
    clock = starts_at.astimezone(UTC).replace(tzinfo=None)
    return f"{clock.isoformat(timespec='minutes')}Z/{service.pk}"


def read_slot_id(*, business: Business | None, text: str) -> tuple[Service, datetime]:
    """The service and the time that a slot's name stands for. Raises SlotUnknown."""
    named = _SLOT_ID.fullmatch(text.strip())
    if named is None or business is None:
        raise SlotUnknown
    try:
        starts_at = datetime.fromisoformat(named[1]).replace(tzinfo=UTC)
    except ValueError:
        raise SlotUnknown from None
    service = business.services.filter(pk=int(named[2]), is_active=True).first()
    if service is None:
        raise SlotUnknown
    return service, starts_at


def read_place(*, business: Business, postal_code: str, town: str) -> Place:
    """The place that a caller names, as it is compared. Raises area.UnknownPlace or OutsideArea."""
    found = area.coverage(business=business, postal_code=postal_code, town=town)
    if not found.is_served:
        raise OutsideArea(found.reason)
    return Place(found.postal_code, found.town)


def find_for_caller(
    *, call_id: int, service_name: str, wish: Wish, postal_code: str = "", town: str = "", now: datetime
) -> tuple[Service, Found]:
    """The openings of a service by its name; the place may still be unknown.

    Raises services.UnknownService, area.UnknownPlace, OutsideArea, NobodyForIt or WishUnclear.
    """
    business = Call.objects.select_related("business").get(pk=call_id).business
    if business is None:
        raise NobodyForIt
    service = services.find_service(business=business, name=service_name)
    is_known = postal_code.strip() or town.strip()
    place = read_place(business=business, postal_code=postal_code, town=town) if is_known else Place()
    return service, find(service=service, wish=wish, place=place, now=now)


def find(*, service: Service, wish: Wish, place: Place, now: datetime) -> Found:
    """Up to three openings that fit the wish, the first of them the earliest, the others some hours apart.

    Raises WishUnclear, or NobodyForIt when no day could help.
    """
    search = search_for(service=service, place=place, now=now)
    first, last = _days_of(wish, search.today, search.last_day)
    window = _window_of(wish)
    asked_on = first if first == last else None
    if last < search.today:
        raise WishUnclear(f"{first:%A, %B} {first.day} is over. Ask for a day from today on.")
    if first > search.last_day:
        return Found(search.today, [], asked_on, "too_far", place)
    openings = _spread(search.openings(first, min(last, search.last_day), window))
    if openings or asked_on is None:
        return Found(search.today, openings, asked_on, "" if openings else "full", place)
    later = _spread(search.openings(last + _DAY, search.last_day, window))
    return Found(search.today, later, asked_on, search.why_none(asked_on), place)


@dataclass(frozen=True, slots=True)
class Search:
    """Everything that decides whether a service can begin at a time, read once; only what is taken is read anew."""

    business: Business
    service: Service
    place: Place
    people: Sequence[Technician]
    calendar: hours.Calendar
    earliest: datetime
    today: date
    last_day: date
    but: Booking | None = None

    def openings(self, first: date, last: date, window: tuple[time, time] | None = None) -> Iterator[datetime]:
        """The times from the first day to the last at which somebody is free, in order."""
        taken: dict[int, set[datetime]] = {}
        read_until = first
        while first <= last:
            if first >= read_until:
                read_until = first + _WEEK * _DAY
                taken = self._taken(first, read_until)
            for moment in self.grid(first, first):
                is_wanted = window is None or window[0] <= moment.astimezone(self.calendar.zone).time() < window[1]
                if is_wanted and self._is_free(moment, taken):
                    yield moment
            first += _DAY

    def next_openings(self, after: datetime) -> list[datetime]:
        """What is free instead of a time that is not: up to three openings from then on, else the soonest."""
        first = max(self.calendar.today(after), self.today)
        later = (moment for moment in self.openings(first, self.last_day) if moment >= after)
        return _spread(later) or _spread(self.openings(self.today, self.last_day))

    def able(self, starts_at: datetime) -> list[Technician]:
        """The technicians who would work then, whatever is taken. Raises NotOffered with the reason if none would."""
        if starts_at < self.earliest - GRACE:
            raise NotOffered("That time is too soon or over.")
        if starts_at >= self.end:
            raise NotOffered(f"Bookings are made at most {self.business.horizon_days} days ahead.")
        if not self.is_on_the_grid(starts_at) or not self.is_open(starts_at):
            raise NotOffered("The business does not begin this work at that time.")
        able = self.at_work(starts_at)
        if not able:
            raise NotOffered("No technician works at that time.")
        return able

    def look(self, starts_at: datetime) -> None:
        """Raise diary.NotFree if nobody is free just now; that somebody is promises nothing."""
        day = self.calendar.today(starts_at)
        if not self._is_free(starts_at, self._taken(day, day + _DAY)):
            raise diary.NotFree

    def at_work(self, starts_at: datetime) -> list[Technician]:
        """The technicians whose hours allow it, whatever is taken and whatever the business's rules of booking say."""
        return [technician for technician in self.people if self._can(technician, starts_at)]

    def why_none(self, on: date) -> str:
        """Why a day has no openings: "closed", "too_soon" or "full"."""
        spans = self.calendar.spans(on, on)
        if not spans:
            return "closed"
        return "too_soon" if self.earliest + self.duration > spans[-1][1] else "full"

    @property
    def duration(self) -> timedelta:
        return timedelta(minutes=self.service.duration_minutes)

    @property
    def _whole(self) -> timedelta:
        """How long a technician is taken, the buffer included."""
        return self.duration + timedelta(minutes=self.business.buffer_minutes)

    @property
    def end(self) -> datetime:
        """The midnight after the last day that can be booked."""
        [(_, midnight)] = hours.spans_of(self.calendar.zone, self.last_day, [(time(0), hours.END_OF_DAY)])
        return midnight

    @property
    def step(self) -> int:
        return max(self.business.slot_step_minutes, SHORTEST_STEP)

    def grid(self, first: date, last: date) -> list[datetime]:
        """Every time at which the work can begin, free or not. Times that the clock jumps over are not among them."""
        spans = self.calendar.spans(first - _DAY, last + _DAY)
        found = []
        while first <= last:
            for at in self._clock_times(first):
                moment = hours.from_clock(self.calendar.zone, first, at)
                if moment is not None and self._fits(moment, spans):
                    found.append(moment)
            first += _DAY
        return found

    def _clock_times(self, on: date) -> Iterator[time]:
        """The steps of a day on which the clock shows an opening hour."""
        spans = self.calendar.clock_spans(on)
        for minute in range(0, 24 * 60, self.step):
            at = time(minute // 60, minute % 60)
            if any(start <= at and (at < end or end >= hours.END_OF_DAY) for start, end in spans):
                yield at

    def _fits(self, moment: datetime, spans: Sequence[hours.Span]) -> bool:
        until = moment + self.duration
        return moment >= self.earliest and any(start <= moment and until <= end for start, end in spans)

    def is_on_the_grid(self, moment: datetime) -> bool:
        local = moment.astimezone(self.calendar.zone)
        return local.fold == 0 and local.second == 0 and (local.hour * 60 + local.minute) % self.step == 0

    def is_open(self, moment: datetime) -> bool:
        """Whether the work can be done between opening and closing if it begins then."""
        day = self.calendar.today(moment)
        spans = self.calendar.spans(day - _DAY, day + _DAY)
        return any(start <= moment and moment + self.duration <= end for start, end in spans)

    def _can(self, technician: Technician, moment: datetime) -> bool:
        return technicians.can_work(
            technician=technician, calendar=self.calendar, starts_at=moment, ends_at=moment + self.duration
        )

    def _taken(self, first: date, until: date) -> dict[int, set[datetime]]:
        midnight = datetime.combine(first, time(0), tzinfo=self.calendar.zone)
        return diary.taken(
            technician_ids=[technician.pk for technician in self.people],
            starts_at=midnight - _DAY,
            until=midnight + (until - first + _DAY) + self._whole,
            but=self.but,
        )

    def _is_free(self, moment: datetime, taken: Mapping[int, set[datetime]]) -> bool:
        units = set(diary.units(moment, moment + self._whole))
        return any(units.isdisjoint(taken[person.pk]) and self._can(person, moment) for person in self.people)


def search_for(*, service: Service, place: Place, now: datetime, but: Booking | None = None) -> Search:
    """What can be booked as if the booking `but`, which is about to move, were not there. Raises NobodyForIt."""
    business = service.business
    people = technicians.suitable(service=service, place=place)
    if not people:
        raise NobodyForIt
    calendar = hours.calendar(business=business)
    today = calendar.today(now)
    return Search(
        business=business,
        service=service,
        place=place,
        people=people,
        calendar=calendar,
        earliest=now + timedelta(minutes=business.notice_minutes),
        today=today,
        last_day=today + timedelta(days=min(business.horizon_days, FURTHEST_DAYS)),
        but=but,
    )


def _spread(openings: Iterator[datetime]) -> list[datetime]:
    """The earliest, then those that lie well apart, then whatever there is, up to three; in order."""
    chosen: list[datetime] = []
    passed: list[datetime] = []
    for moment in openings:
        if chosen and moment - chosen[-1] < APART:
            passed.append(moment)
            continue
        chosen.append(moment)
        if len(chosen) == OFFERED:
            break
    return sorted(chosen + passed[: OFFERED - len(chosen)])


def _days_of(wish: Wish, today: date, last_day: date) -> tuple[date, date]:
    """The first and the last day that the wish means."""
    words = wish.day.strip().lower().split()
    match words:
        case ["soonest"]:
            return today, last_day
        case ["today"]:
            return today, today
        case ["tomorrow"]:
            return today + _DAY, today + _DAY
        case [weekday] if weekday in WEEKDAYS:
            on = today + (WEEKDAYS.index(weekday) - today.weekday()) % _WEEK * _DAY
            return on, on
        case ["next", weekday] if weekday in WEEKDAYS:
            on = today + (_WEEK - today.weekday() + WEEKDAYS.index(weekday)) * _DAY
            return on, on
        case [iso]:
            on = _read_date(iso)
            return on, on
    raise _day_unclear()


def _read_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _day_unclear() from None


def _day_unclear() -> WishUnclear:
    return WishUnclear(
        "The day must be soonest, today, tomorrow, a weekday, next and a weekday, or a date as 2026-11-24."
    )


def _window_of(wish: Wish) -> tuple[time, time] | None:
    """From and before which times of the day the work may begin."""
    if not (wish.part_of_day or wish.after or wish.before):
        return None
    if wish.part_of_day and wish.part_of_day not in PARTS_OF_DAY:
        raise WishUnclear("The part of the day must be morning, afternoon or evening.")
    first, last = PARTS_OF_DAY.get(wish.part_of_day, (time(0), time.max))
    first, last = max(first, wish.after or first), min(last, wish.before or last)
    if first >= last:
        raise WishUnclear("No time lies in what was asked for. Ask again from when until when.")
    return first, last
