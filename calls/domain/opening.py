"""Opening hours in words: the ordinary week, the days to come that are unlike it, and what is asked about them."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from calls.domain import hours
from calls.domain.spoken import ordinal
from calls.models import Business, Weekday

AHEAD = timedelta(days=60)
MOST_DAYS = 10

_DAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|weekends?|holidays?|today|tomorrow|tonight|now|late|early)"
_ABOUT_HOURS = re.compile(
    r"\b(?:(?:opening|business|working|office|store|shop|holiday|your|what|which|the) (?:are (?:the|your) )?hours"
    r"|(?:are|re|is|be|being|stay|still|not) (?:you |you guys |the (?:office|shop|business|store) |still |also |not )*"
    r"(?:open|closed)(?! by| with| off| up)"
    r"|(?:what time|when|how (?:late|long|early)) (?:\w+ ){0,3}(?:open|close)"
    rf"|(?:open|closed?|work) (?:on |at |for )?(?:a )?{_DAY}"
    r"|opening (?:times?|days?)|closing times?|hours of operation)\b"
)
_NOT_ABOUT_HOURS = re.compile(r"\b(?:how many hours|after hours|hours (?:does|will|do|to)|open to|open for business)\b")


def week(*, business: Business) -> str:
    """The ordinary week; what to say where none is entered."""
    days: dict[int, list[str]] = {}
    for span in business.opening_hours.all():
        days.setdefault(span.weekday, []).append(_span(span.starts_at, span.ends_at))
    told = [f"{Weekday(day).label} {' and '.join(spans)}" for day, spans in sorted(days.items())]
    return "; ".join(told) + ("; otherwise closed." if told else "not known; say that somebody will tell them.")


def days_unlike(*, business: Business, now: datetime) -> list[str]:
    """The days of the next two months that are unlike their weekday, from today on, the soonest first; at most ten."""
    today = now.astimezone(ZoneInfo(business.time_zone)).date()
    rows = business.opening_exceptions.filter(on__gte=today, on__lte=today + AHEAD).order_by("on")
    return [_day(row.on, row.starts_at, row.ends_at, row.note) for row in rows[:MOST_DAYS]]


def answer(*, business: Business, question: str, now: datetime) -> str:
    """What the rows say to a question about opening hours; blank for another question, or where none are entered."""
    plain = re.sub(r"[^a-z]+", " ", question.casefold().replace("’", " ").replace("'", " "))
    if not _ABOUT_HOURS.search(plain) or _NOT_ABOUT_HOURS.search(plain):
        return ""
    state = hours.spoken_state(business=business, moment=now)
    if not state:
        return ""
    unlike = days_unlike(business=business, now=now)
    parts = [f"Now {state}.", f"In an ordinary week: {week(business=business)}"]
    return " ".join(parts + ([f"Unlike that: {'; '.join(unlike)}."] if unlike else []))


def _day(on: date, starts_at: object, ends_at: object, note: str) -> str:
    state = f"open {_span(starts_at, ends_at)} only" if starts_at and ends_at else "closed"
    return f"{on:%A} the {ordinal(on.day)} of {on:%B} {state}{f' ({note})' if note else ''}"


def _span(starts_at: object, ends_at: object) -> str:
    return f"{starts_at:%H:%M} to {ends_at:%H:%M}"
