"""When a business is open: the ordinary week, the days unlike it, and what the clock does twice a year.

Hours are entered on the clock of the business and turned into spans of UTC here. A clock jumps forward over times that
never come (the gap) and back over times that come twice (the fold): a span that begins or ends in a gap does so when
the clock jumps, and one that ends in a fold ends the second time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from calls.domain.spoken import spoken_clock, spoken_time
from calls.models import Business, OpeningException, OpeningHours

Span = tuple[datetime, datetime]
"""From a moment to another, in UTC; the end does not belong to it."""
ClockSpan = tuple[time, time]

END_OF_DAY = time(23, 59)  # the last minute that can be entered stands for midnight
SEARCHED_DAYS = 60
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The opening hours of a business: by weekday (Monday is 0), and by date where a day is unlike its weekday."""

    zone: ZoneInfo
    week: Mapping[int, Sequence[ClockSpan]]
    exceptions: Mapping[date, Sequence[ClockSpan]]

    def clock_spans(self, on: date) -> Sequence[ClockSpan]:
        return self.exceptions[on] if on in self.exceptions else self.week.get(on.weekday(), ())

    def spans(self, first: date, last: date) -> list[Span]:
        """The open spans from the first day to the last, joined where one begins when the other ends."""
        return joined(span for on in _days(first, last) for span in spans_of(self.zone, on, self.clock_spans(on)))

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()


def calendar(*, business: Business) -> Calendar:
    """The opening hours as they are entered now; two queries."""
    week: dict[int, list[ClockSpan]] = {}
    for row in OpeningHours.objects.filter(business=business):
        week.setdefault(row.weekday, []).append((row.starts_at, row.ends_at))
    exceptions = {
        row.on: [(row.starts_at, row.ends_at)] if row.starts_at and row.ends_at else []
        for row in OpeningException.objects.filter(business=business)
    }
    return Calendar(ZoneInfo(business.time_zone), week, exceptions)


def is_open(*, business: Business, moment: datetime) -> bool:
    """Whether the business is open at `moment`. One without any opening hours is closed."""
    return _span_at(calendar(business=business), moment) is not None


def open_spans(*, business: Business, on: date) -> list[Span]:
    """When the business is open on a day of its own clock."""
    return calendar(business=business).spans(on, on)


def next_opening(*, business: Business, moment: datetime) -> datetime | None:
    """When the business is open again: at once if it is open now, None if nothing is entered for two months."""
    return _next_opening(calendar(business=business), moment)


def spoken_state(*, business: Business, moment: datetime) -> str:
    """ "open until five", "closed until Monday at eight"; empty when no opening hours have been entered."""
    known = calendar(business=business)
    if not known.week and not known.exceptions:
        return ""
    span = _span_at(known, moment)
    if span is not None:
        return f"open until {_spoken_edge(span[1], moment, known)}" if span[1] - moment < 7 * _DAY else "always open"
    opening = _next_opening(known, moment)
    return "closed" if opening is None else f"closed until {_spoken_edge(opening, moment, known)}"


def from_clock(zone: ZoneInfo, on: date, at: time) -> datetime | None:
    """The moment, in UTC, at which the clock shows `at` (the first time, if it does twice); None in the gap."""
    moment = datetime.combine(on, at, tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == datetime.combine(on, at) else None


def spans_of(zone: ZoneInfo, on: date, clock_spans: Iterable[ClockSpan]) -> list[Span]:
    """Spans of the clock on one day as spans of UTC; what falls wholly into the gap is gone."""
    spans = []
    for starts_at, ends_at in clock_spans:
        start = _edge(zone, datetime.combine(on, starts_at))
        if ends_at >= END_OF_DAY:
            end = _edge(zone, datetime.combine(on + _DAY, time(0)))
        else:
            end = _edge(zone, datetime.combine(on, ends_at).replace(fold=1))
        if start < end:
            spans.append((start, end))
    return spans


def joined(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, those that touch or overlap made one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def _edge(zone: ZoneInfo, clock: datetime) -> datetime:
    """The moment at which the clock shows `clock`; in the gap, the moment of the jump."""
    while True:
        moment = clock.replace(tzinfo=zone).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None, fold=0) == clock.replace(fold=0):
            return moment
        clock = (clock + _MINUTE).replace(second=0)


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY


def _span_at(known: Calendar, moment: datetime) -> Span | None:
    today = known.today(moment)
    return next((s for s in known.spans(today - _DAY, today + 8 * _DAY) if s[0] <= moment < s[1]), None)


def _next_opening(known: Calendar, moment: datetime) -> datetime | None:
    today = known.today(moment)
    spans = known.spans(today - _DAY, today + SEARCHED_DAYS * _DAY)
    return next((max(start, moment) for start, end in spans if end > moment), None)


def _spoken_edge(edge: datetime, moment: datetime, known: Calendar) -> str:
    """When, as seen from `moment`: "five", "tomorrow at eight", "Monday at eight", or with the date."""
    local, today = edge.astimezone(known.zone), known.today(moment)
    clock, ahead = spoken_clock(local.time()), (local.date() - today).days
    if ahead == 0 or (ahead == 1 and local.time() == time(0)):
        return clock
    if ahead == 1:
        return f"tomorrow at {clock}"
    return f"{local:%A} at {clock}" if ahead < 7 else spoken_time(edge, known.zone, today=today)
