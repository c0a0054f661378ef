"""An appointment as an .ics file (RFC 5545), so that calendars show it, move it and take it out again."""

from dataclasses import dataclass
from datetime import UTC, datetime

LONGEST_LINE = 75  # in bytes, without the line break


@dataclass(frozen=True, slots=True)
class Appointment:
    """The same `uid` with a higher `sequence` replaces what was there."""

    uid: str
    sequence: int
    starts_at: datetime
    ends_at: datetime
    summary: str
    location: str
    description: str = ""
    is_cancelled: bool = False


def text_of(appointment: Appointment, *, now: datetime) -> str:
    """The file. It is published, not an invitation: nobody is asked for an answer."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//voiceagent//bookings//EN",
        "CALSCALE:GREGORIAN",
        f"METHOD:{'CANCEL' if appointment.is_cancelled else 'PUBLISH'}",
        "BEGIN:VEVENT",
        f"UID:{_escaped(appointment.uid)}",
        f"SEQUENCE:{appointment.sequence}",
        f"DTSTAMP:{_moment(now)}",
        f"DTSTART:{_moment(appointment.starts_at)}",
        f"DTEND:{_moment(appointment.ends_at)}",
        f"SUMMARY:{_escaped(appointment.summary)}",
        f"LOCATION:{_escaped(appointment.location)}",
    ]
    if appointment.description:
        lines.append(f"DESCRIPTION:{_escaped(appointment.description)}")
    lines += [
        f"STATUS:{'CANCELLED' if appointment.is_cancelled else 'CONFIRMED'}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for character in ("\\", ";", ","):
        text = text.replace(character, f"\\{character}")
    return "\\n".join("".join(c for c in line if c.isprintable()) for line in text.splitlines())


def _folded(line: str) -> str:
    """Lines of at most 75 bytes, the next ones begun with a space; no character is cut in two."""
    parts, part, length = [], "", 0
    for character in line:
        size = len(character.encode())
        if length + size > LONGEST_LINE:
            parts.append(part)
            part, length = " ", 1
        part, length = part + character, length + size
    return "\r\n".join([*parts, part])
