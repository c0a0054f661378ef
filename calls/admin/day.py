"""A day of a business as a calendar: one column a technician, with bookings, the way after each, and time not worked.

Places are counted in units of five minutes from the first hour that is shown, on the clock of the business. The style
sheet day.css knows a class for every such place, since the policy of these pages forbids styles in the page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from calls.domain import hours
from calls.models import Booking, Business, Technician

UNIT = 5
HOUR_UNITS = 60 // UNIT
DAY_UNITS = 24 * HOUR_UNITS
SHORTEST = 3  # a line of text has to fit
ORDINARY = (8 * HOUR_UNITS, 17 * HOUR_UNITS)
TONES = {"booked": "live", "confirmed": "good", "done": "calm", "cancelled": "off"}

Units = tuple[int, int]
"""From a unit of the day to another, on the clock."""


@dataclass(frozen=True, slots=True)
class Block:
    """Something in a column: kind is booking, way, off. `start` counts from the first hour shown."""

    kind: str
    start: int
    span: int
    hours: str
    text: str = ""
    booking: Booking | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    technician: Technician
    blocks: list[Block]
    is_away: bool

    @property
    def bookings(self) -> int:
        return sum(block.kind == "booking" for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Day:
    on: date
    columns: list[Column]
    marks: list[tuple[int, str]]
    units: int
    is_open: bool
    note: str

    @property
    def bookings(self) -> int:
        return sum(column.bookings for column in self.columns)


def day_of(*, business: Business, on: date) -> Day:
    """What stands in the calendar of `business` on that day; six queries, however many technicians and bookings."""
    calendar = hours.calendar(business=business)
    bookings = _bookings(business, on, calendar.zone)
    busy = {booking.technician_id for booking in bookings}
    people = [
        technician
        for technician in business.technicians.prefetch_related("working_hours", "time_off")
        if technician.is_active or technician.pk in busy
    ]
    opening = [(_unit(start), _unit(end)) for start, end in calendar.clock_spans(on)]
    work = {technician.pk: _worked(technician, on, opening) for technician in people}
    spans = {booking.pk: _clipped(booking.starts_at, booking.ends_at, on, calendar.zone) for booking in bookings}
    first, last = _window([*opening, *(span for worked in work.values() for span in worked), *spans.values()])
    columns = []
    for technician in people:
        off = _off(technician, work[technician.pk], on, calendar.zone, (first, last))
        booked = [booking for booking in bookings if booking.technician_id == technician.pk]
        blocks = [
            block
            for booking in booked
            for block in _blocks(booking, spans[booking.pk], (first, last), business.buffer_minutes)
        ]
        is_away = not blocks and any(block.span == last - first for block in off)
        columns.append(Column(technician, sorted([*off, *blocks], key=lambda block: block.start), is_away))
    exception = business.opening_exceptions.filter(on=on).first()
    return Day(on, columns, _marks(first, last), last - first, bool(opening), exception.note if exception else "")


def _bookings(business: Business, on: date, zone: ZoneInfo) -> list[Booking]:
    start, end = (datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC) for day in (on, on + timedelta(days=1)))
    rows = Booking.objects.filter(business=business, starts_at__lt=end, ends_at__gt=start)
    rows = rows.exclude(status=Booking.Status.CANCELLED).select_related("customer", "service")
    return list(rows.order_by("starts_at", "pk"))


def _worked(technician: Technician, on: date, opening: Sequence[Units]) -> list[Units]:
    """When a technician works: by their own hours where they have any, else while the business is open."""
    own = technician.working_hours.all()
    if not own:
        return list(opening)
    return [(_unit(row.starts_at), _unit(row.ends_at)) for row in own if row.weekday == on.weekday()]


def _off(technician: Technician, worked: Sequence[Units], on: date, zone: ZoneInfo, window: Units) -> list[Block]:
    """Time off with its reason, then what of the window is left without work."""
    first, last = window
    blocks, covered = [], list(worked)
    for away in technician.time_off.all():
        start, end = _clipped(away.starts_at, away.ends_at, on, zone)
        start, end = max(start, first), min(end, last)
        if start < end:
            blocks.append(Block("off", start - first, end - start, _clock(start, end), away.reason or "Time off"))
            covered.append((start, end))
    blocks += [
        Block("off", start - first, end - start, _clock(start, end), "Not working")
        for start, end in _gaps(covered, first, last)
    ]
    return blocks


def _blocks(booking: Booking, span: Units, window: Units, buffer: int) -> Iterable[Block]:
    first, last = window
    start, end = span
    length = max(end - start, SHORTEST)
    tone = TONES[booking.status]
    yield Block("booking", start - first, length, _clock(start, end), booking=booking, tone=tone)
    way = min(end + buffer // UNIT, last) - (start + length)
    if way > 0:
        yield Block("way", start + length - first, way, "")


def _window(spans: Iterable[Units]) -> Units:
    """Whole hours that hold everything; an ordinary day if there is nothing."""
    spans = [span for span in spans if span[0] < span[1]] or [ORDINARY]
    first = min(start for start, _ in spans) // HOUR_UNITS * HOUR_UNITS
    last = -(-max(end for _, end in spans) // HOUR_UNITS) * HOUR_UNITS
    return first, min(max(last, first + HOUR_UNITS), DAY_UNITS)


def _marks(first: int, last: int) -> list[tuple[int, str]]:
    return [(unit - first, f"{_at(unit):%-I %p}") for unit in range(first, last, HOUR_UNITS)]


def _gaps(spans: Sequence[Units], first: int, last: int) -> Iterable[Units]:
    at = first
    for start, end in sorted(spans):
        if at < start:
            yield at, min(start, last)
        at = max(at, end)
    if at < last:
        yield at, last


def _clipped(starts_at: datetime, ends_at: datetime, on: date, zone: ZoneInfo) -> Units:
    """A span as units of that day's clock, no longer than the day."""
    return _place(starts_at, on, zone, round_up=False), _place(ends_at, on, zone, round_up=True)


def _place(moment: datetime, on: date, zone: ZoneInfo, *, round_up: bool) -> int:
    local = moment.astimezone(zone)
    if local.date() != on:
        return 0 if local.date() < on else DAY_UNITS
    minutes = local.hour * 60 + local.minute
    return -(-minutes // UNIT) if round_up else minutes // UNIT


def _unit(clock: time) -> int:
    if clock >= hours.END_OF_DAY:
        return DAY_UNITS
    return (clock.hour * 60 + clock.minute) // UNIT


def _clock(start: int, end: int) -> str:
    first, last = _at(start), _at(end)
    return f"{first:%-I:%M}{'' if f'{first:%p}' == f'{last:%p}' else f'{first: %p}'}–{last:%-I:%M %p}"


def _at(unit: int) -> time:
    return time(unit // HOUR_UNITS % 24, unit % HOUR_UNITS * UNIT)
