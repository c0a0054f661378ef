from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from calls.domain import spoken

NEW_YORK = ZoneInfo("America/New_York")


def test_a_moment_is_spoken_on_the_clock_of_the_business():
    moment = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)

    assert spoken.spoken_time(moment, NEW_YORK) == "Tuesday the 24th at nine"
    assert spoken.spoken_time(moment, ZoneInfo("Asia/Tokyo")) == "Tuesday the 24th at eleven at night"


def test_another_month_is_named():
    moment = datetime(2026, 12, 1, 19, 30, tzinfo=UTC)

    assert spoken.spoken_time(moment, NEW_YORK, today=date(2026, 11, 20)) == "Tuesday the 1st of December at two thirty"
    assert spoken.spoken_time(moment, NEW_YORK, today=date(2026, 12, 1)) == "today, Tuesday the 1st at two thirty"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("+15185550150", "5 1 8, 5 5 5, 0 1 5 0"),
        ("+442079460958", "4 4, 2 0, 7 9 4 6, 0 9 5 8"),
        ("911", "9 1 1"),
        ("", ""),
    ],
)
def test_a_number_is_spoken_digit_by_digit_in_groups(number, words):
    assert spoken.spoken_number(number) == words


def test_a_date_in_full_has_its_year():
    assert spoken.spoken_date(date(2026, 11, 20)) == "Friday the 20th of November 2026"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (time(0, 0), "midnight"),
        (time(0, 30), "twelve thirty in the morning"),
        (time(6, 59), "six fifty-nine in the morning"),
        (time(7, 0), "seven"),
        (time(9, 5), "nine oh five"),
        (time(11, 15), "eleven fifteen"),
        (time(12, 0), "noon"),
        (time(12, 45), "twelve forty-five"),
        (time(13, 20), "one twenty"),
        (time(18, 30), "six thirty"),
        (time(19, 0), "seven in the evening"),
        (time(22, 10), "ten ten at night"),
    ],
)
def test_a_time_of_day_is_spoken_in_words(at, words):
    assert spoken.spoken_clock(at) == words


def test_no_two_minutes_of_the_day_sound_alike():
    minutes = [time(hour, minute) for hour in range(24) for minute in range(60)]

    assert len({spoken.spoken_clock(at) for at in minutes}) == 24 * 60


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (31, "31st"),
    ],
)
def test_a_number_in_order_has_its_ending(number, words):
    assert spoken.ordinal(number) == words
