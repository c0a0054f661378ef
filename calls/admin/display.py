"""How the admin writes numbers, times and results. Callers' numbers stay masked without a permission of their own."""

import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import phonenumbers
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.html import format_html
from django.utils.safestring import SafeString

from calls.logs import mask
from calls.models import Call

WHOLE_NUMBERS = "calls.view_whole_numbers"

# Twilio's stand-ins for a caller who hides: the letters of the word on a telephone's keys.
HIDDEN_CALLERS = {
    "+266696687": "Anonymous",
    "+7378742833": "Restricted",
    "+2562533": "Blocked",
    "+8566696": "Unknown",
    "+86282452253": "Unavailable",
}

# Seven digits or more, however they are grouped; not a date.
_SPOKEN_NUMBER = re.compile(r"(?<![\w.])(?!\d{4}-\d\d-\d\d\b)\+?\d(?:[ ().-]*\d){6,}(?!\w)")

Reason, Status = Call.EndReason, Call.Status
_GOOD_ENDS = {Reason.CALLER_HANGUP, Reason.AGENT_HANGUP, Reason.TRANSFERRED, Reason.VOICEMAIL, Reason.OPERATOR}
_QUIET_ENDS = {Reason.SILENCE, Reason.MAX_DURATION, Reason.BUSY, Reason.NO_ANSWER, Reason.MACHINE, Reason.BLOCKED}
_STATUS_TONES = {Status.STREAMING: "live", Status.RINGING: "live", Status.HANDED_OVER: "warm"}


def sees_whole_numbers(request: HttpRequest) -> bool:
    return request.user.has_perm(WHOLE_NUMBERS)


def show_number(number: str, *, whole: bool) -> str:
    """`+1 555-010-0001` or `•••01`; callers without a number by a word."""
    if not number:
        return "Unknown"
    if hidden := HIDDEN_CALLERS.get(number):
        return hidden
    if not whole:
        return mask(number).capitalize()
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number.capitalize() if number.isalpha() else number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def show_other_party(call: Call, *, whole: bool) -> str:
    """The number of whoever was on the line with the agent."""
    return show_number(call.other_number, whole=whole)


def masked(value: Any, *, whole: bool) -> Any:
    """`value`, a text or JSON, with everything in it that looks like a telephone number masked unless `whole`."""
    if whole:
        return value
    if isinstance(value, str):
        return _SPOKEN_NUMBER.sub(lambda found: mask(re.sub(r"\D", "", found.group())), value)
    if isinstance(value, dict):
        return {masked(key, whole=False): masked(item, whole=False) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, whole=False) for item in value]
    if isinstance(value, int | float) and abs(value) >= 1_000_000:
        return mask(str(value))
    return value


def show_moment(moment: datetime) -> str:
    """`Nov 20, 10:04 AM` in the time zone that is active; with its year unless that is this year."""
    moment = timezone.localtime(moment)
    return format_date(moment, "M j, g:i A" if moment.year == timezone.localtime().year else "M j, Y, g:i A")


def show_day_and_time(moment: datetime) -> str:
    """`Tue, Nov 24, 9:00 AM`: with the day of the week, by which people plan."""
    moment = timezone.localtime(moment)
    return format_date(moment, "D, M j, g:i A" if moment.year == timezone.localtime().year else "D, M j, Y, g:i A")


def show_clock(moment: datetime) -> str:
    return format_date(timezone.localtime(moment), "g:i A")


def show_second(moment: datetime) -> str:
    return format_date(timezone.localtime(moment), "g:i:s A")


def show_offset(ms: int) -> str:
    """Time since the ring: 83400 → `1:23`."""
    seconds = max(ms, 0) // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def show_exact_offset(ms: int) -> str:
    """83450 → `1:23.4`."""
    return f"{show_offset(ms)}.{max(ms, 0) // 100 % 10}"


def show_milliseconds(ms: int | None) -> str:
    """A short span: 14 → `14 ms`, 640 → `0.6 s`, 3520 → `3.5 s`."""
    if ms is None:
        return ""
    return f"{ms} ms" if ms < 100 else f"{ms / 1000:.1f} s"


def length_ms(call: Call) -> int | None:
    return round((call.ended_at - call.rang_at).total_seconds() * 1000) if call.ended_at else None


def show_length(call: Call) -> str:
    ms = length_ms(call)
    return "–" if ms is None else show_offset(ms)


def pairs(value: Any) -> list[tuple[str, str]]:
    """A JSON object as names and readable values, by name; anything else as one value without a name.

    Databases keep the keys of an object in an order of their own, and no two of them in the same.
    """
    if value is None or value == {}:
        return []
    if not isinstance(value, dict):
        return [("", _readable(value))]
    return [_pair(key, item) for key, item in sorted(value.items())]


def _pair(name: str, value: Any) -> tuple[str, str]:
    words = name.removesuffix("_ms").removesuffix("_seconds").replace("_", " ")
    if isinstance(value, int) and name.endswith("_ms"):
        return words, show_milliseconds(value)
    if isinstance(value, int) and name.endswith("_seconds"):
        return words, f"{value} s"
    return name.replace("_", " "), _readable(value)


def _readable(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None | "" | []:
            return "–"
        case str():
            return value
        case list() if not any(isinstance(item, dict | list) for item in value):
            return ", ".join(_readable(item) for item in value)
    indent = 2 if isinstance(value, dict | list) else None
    return json.dumps(value, ensure_ascii=False, indent=indent, sort_keys=True)


def badge(text: str, tone: str) -> SafeString:
    return format_html('<span class="badge badge-{}">{}</span>', tone, text)


def status_badge(call: Call) -> SafeString:
    return badge(call.get_status_display(), _STATUS_TONES.get(call.status, "calm"))


def end_tone(call: Call) -> str:
    """good: as it should be; quiet: nobody's fault; bad: somebody should look."""
    if not call.end_reason or call.end_reason in _GOOD_ENDS:
        return "good"
    return "quiet" if call.end_reason in _QUIET_ENDS else "bad"


def show_dollars(amount: Decimal) -> str:
    """A sum as small as a call costs: "$0.1234", "$1.50", "under $0.0001"."""
    if 0 < amount < Decimal("0.0001"):
        return "under $0.0001"
    return f"${amount:.4f}" if amount < 1 else f"${amount:.2f}"
