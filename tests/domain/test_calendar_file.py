from dataclasses import replace
from datetime import UTC, datetime

from calls.domain.calendar_file import Appointment, text_of

NOW = datetime(2026, 11, 20, 15, 4, 5, tzinfo=UTC)
DRAIN = Appointment(
    uid="K7FCM4@booking",
    sequence=60,
    starts_at=datetime(2026, 11, 24, 14, 0, tzinfo=UTC),
    ends_at=datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
    summary="Drain cleaning, Cedar Plumbing",
    location="12 Elm Street; back door, Albany",
)


def test_an_appointment_is_published():
    assert text_of(DRAIN, now=NOW).split("\r\n") == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//voiceagent//bookings//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        "UID:K7FCM4@booking",
        "SEQUENCE:60",
        "DTSTAMP:20261120T150405Z",
        "DTSTART:20261124T140000Z",
        "DTEND:20261124T150000Z",
        "SUMMARY:Drain cleaning\\, Cedar Plumbing",
        "LOCATION:12 Elm Street\\; back door\\, Albany",
        "STATUS:CONFIRMED",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_a_cancelled_appointment_is_taken_out():
    lines = text_of(replace(DRAIN, is_cancelled=True), now=NOW).split("\r\n")

    assert (lines[4], lines[13]) == ("METHOD:CANCEL", "STATUS:CANCELLED")


def test_no_text_can_begin_a_line_of_its_own():
    lines = text_of(replace(DRAIN, description="Ring.\r\nATTENDEE:x\x00\\n\u2028y"), now=NOW).split("\r\n")

    assert lines[13] == "DESCRIPTION:Ring.\\nATTENDEE:x\\\\n\\ny"
    assert len(lines) == 18


def test_long_lines_are_folded_between_characters():
    address = "ü" * 100
    file = text_of(replace(DRAIN, location=address), now=NOW)

    assert max(len(line.encode()) for line in file.split("\r\n")) == 75
    assert f"LOCATION:{address}\r\n" in file.replace("\r\n ", "")
