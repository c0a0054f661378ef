"""Times and numbers as a person says them on the telephone, in English."""

import re
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import phonenumbers

_NORTH_AMERICA = 1
_NAMES = ("twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("", "", "twenty", "thirty", "forty", "fifty")

# From seven in the morning to seven in the evening each hour of the clock face means one hour of the day.
_PLAIN_FROM, _PLAIN_UNTIL = 7, 19


def spoken_time(moment: datetime, zone: ZoneInfo, *, today: date | None = None) -> str:
    """A moment on the clock of `zone`: "Tuesday the 24th at nine"; `today` as in spoken_day."""
    local = moment.astimezone(zone)
    return f"{spoken_day(local.date(), today=today)} at {spoken_clock(local.time())}"


def spoken_day(day: date, *, today: date | None = None) -> str:
    """A day: "Tuesday the 24th"; with `today`, "today, Tuesday the 24th", or the month where it is another one."""
    spoken = f"{day:%A} the {ordinal(day.day)}"
    if day == today:
        return f"today, {spoken}"
    if today is None or (day.year, day.month) == (today.year, today.month):
        return spoken
    return f"{spoken} of {day:%B}"


def spoken_date(day: date) -> str:
    """A day in full: "Tuesday the 24th of November 2026"."""
    return f"{day:%A} the {ordinal(day.day)} of {day:%B} {day.year}"


def spoken_clock(at: time) -> str:
    """A time of day: "nine", "two thirty", "noon"; outside of the working day with its part, "nine in the evening"."""
    if at.minute == 0 and at.hour in (0, 12):
        return "midnight" if at.hour == 0 else "noon"
    hour = _NAMES[at.hour % 12]
    spoken = f"{hour} {_minutes(at.minute)}" if at.minute else hour
    return spoken if _PLAIN_FROM <= at.hour < _PLAIN_UNTIL else f"{spoken} {_part_of_day(at.hour)}"


def spoken_number(number: str) -> str:
    """A telephone number digit by digit, in its groups and without the country of North America: "5 1 8, 5 5 5, …".

    What is no number with its country is read out as it stands.
    """
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return " ".join(number)
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    groups = re.findall(r"\d+", written)
    if parsed.country_code == _NORTH_AMERICA and len(groups) > 1:
        del groups[0]
    return ", ".join(" ".join(group) for group in groups)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th …"""
    if 11 <= number % 100 <= 13:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _minutes(minute: int) -> str:
    if minute < 10:
        return f"oh {_NAMES[minute]}"
    if minute < 20:
        return _TEENS[minute - 10]
    tens = _TENS[minute // 10]
    return f"{tens}-{_NAMES[minute % 10]}" if minute % 10 else tens


def _part_of_day(hour: int) -> str:
    if hour < 12:
        return "in the morning"
    return "in the evening" if hour < 22 else "at night"
