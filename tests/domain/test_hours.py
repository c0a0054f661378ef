from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calls.domain import hours
from calls.models import Weekday
from tests.factories import make_business
from tests.factories_trade import make_exception, make_hours, make_open_business

FRIDAY = date(2026, 11, 20)
# Both hemispheres, half hours, jumps at midnight and by thirty minutes, and zones that never jump.
ZONES = [
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Havana",
    "America/Santiago",
    "America/Nuuk",
    "Europe/London",
    "Europe/Berlin",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
]
DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (utc(2026, 11, 20, 12, 59), False),
        (utc(2026, 11, 20, 13, 0), True),
        (utc(2026, 11, 20, 21, 59), True),
        (utc(2026, 11, 20, 22, 0), False),
        (utc(2026, 11, 21, 15, 0), False),
    ],
)
def test_a_business_is_open_from_its_first_minute_to_before_its_last(moment, is_open):
    assert hours.is_open(business=make_open_business(), moment=moment) is is_open


@pytest.mark.django_db
def test_a_business_without_hours_is_closed_and_has_no_state_to_tell():
    business = make_business()

    assert hours.is_open(business=business, moment=utc(2026, 11, 20, 15, 0)) is False
    assert hours.next_opening(business=business, moment=utc(2026, 11, 20, 15, 0)) is None
    assert hours.spoken_state(business=business, moment=utc(2026, 11, 20, 15, 0)) == ""


@pytest.mark.django_db
def test_spans_of_a_day_are_in_order_and_joined_where_they_touch():
    business = make_business()
    make_hours(business=business, starts_at=time(13), ends_at=time(17))
    make_hours(business=business, starts_at=time(10), ends_at=time(12))
    make_hours(business=business, starts_at=time(8), ends_at=time(10))

    assert hours.open_spans(business=business, on=FRIDAY) == [
        (utc(2026, 11, 20, 13, 0), utc(2026, 11, 20, 17, 0)),
        (utc(2026, 11, 20, 18, 0), utc(2026, 11, 20, 22, 0)),
    ]


@pytest.mark.django_db
def test_an_exception_replaces_the_hours_of_its_day():
    business = make_open_business()
    make_exception(business=business, on=FRIDAY, note="Thanksgiving")
    make_exception(business=business, on=FRIDAY + timedelta(days=1), starts_at=time(9), ends_at=time(12))

    assert hours.open_spans(business=business, on=FRIDAY) == []
    assert hours.open_spans(business=business, on=FRIDAY + timedelta(days=1)) == [
        (utc(2026, 11, 21, 14, 0), utc(2026, 11, 21, 17, 0))
    ]


@pytest.mark.django_db
def test_hours_of_another_business_do_not_count():
    make_open_business()

    assert hours.open_spans(business=make_business(), on=FRIDAY) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("moment", "state", "opening"),
    [
        (utc(2026, 11, 20, 15, 0), "open until five", utc(2026, 11, 20, 15, 0)),
        (utc(2026, 11, 20, 12, 0), "closed until eight", utc(2026, 11, 20, 13, 0)),
        (utc(2026, 11, 20, 23, 0), "closed until Monday at eight", utc(2026, 11, 23, 13, 0)),
        (utc(2026, 11, 23, 23, 0), "closed until tomorrow at eight", utc(2026, 11, 24, 13, 0)),
    ],
)
def test_the_state_says_until_when(moment, state, opening):
    business = make_open_business()

    assert hours.spoken_state(business=business, moment=moment) == state
    assert hours.next_opening(business=business, moment=moment) == opening


@pytest.mark.django_db
def test_the_state_names_the_date_when_the_opening_is_more_than_a_week_away():
    business = make_open_business()
    for day in range(20, 31):
        make_exception(business=business, on=date(2026, 11, day))

    state = hours.spoken_state(business=business, moment=utc(2026, 11, 20, 15, 0))

    assert state == "closed until Tuesday the 1st of December at eight"


@pytest.mark.django_db
def test_a_business_that_never_opens_again_is_closed():
    business = make_business()
    make_exception(business=business, on=date(2026, 1, 1), starts_at=time(9), ends_at=time(12))

    assert hours.spoken_state(business=business, moment=utc(2026, 11, 20, 15, 0)) == "closed"


@pytest.mark.django_db
def test_the_last_minute_of_the_day_stands_for_midnight():
    business = make_business()
    make_hours(business=business, weekdays=(Weekday.FRIDAY,), starts_at=time(18), ends_at=time(23, 59))
    make_hours(business=business, weekdays=(Weekday.SATURDAY,), starts_at=time(0), ends_at=time(2))

    assert hours.is_open(business=business, moment=utc(2026, 11, 21, 4, 59, 30)) is True
    assert hours.spoken_state(business=business, moment=utc(2026, 11, 21, 1, 0)) == (
        "open until tomorrow at two in the morning"
    )


@pytest.mark.django_db
def test_a_business_that_never_closes_is_always_open():
    business = make_business()
    make_hours(business=business, weekdays=Weekday, starts_at=time(0), ends_at=time(23, 59))

    assert hours.spoken_state(business=business, moment=utc(2026, 11, 20, 15, 0)) == "always open"


def test_a_clock_time_in_the_gap_has_no_moment():
    zone = ZoneInfo("America/New_York")

    assert hours.from_clock(zone, date(2026, 3, 8), time(2, 30)) is None
    assert hours.from_clock(zone, date(2026, 3, 8), time(3, 0)) == utc(2026, 3, 8, 7, 0)


def test_a_clock_time_in_the_fold_is_the_first_of_the_two():
    assert hours.from_clock(ZoneInfo("America/New_York"), date(2026, 11, 1), time(1, 30)) == utc(2026, 11, 1, 5, 30)


@pytest.mark.parametrize(
    ("on", "span", "moments"),
    [
        (date(2026, 3, 8), (time(2, 30), time(4, 0)), [(utc(2026, 3, 8, 7, 0), utc(2026, 3, 8, 8, 0))]),
        (date(2026, 3, 8), (time(1, 0), time(2, 30)), [(utc(2026, 3, 8, 6, 0), utc(2026, 3, 8, 7, 0))]),
        (date(2026, 3, 8), (time(2, 10), time(2, 50)), []),
        (date(2026, 11, 1), (time(0, 0), time(1, 30)), [(utc(2026, 11, 1, 4, 0), utc(2026, 11, 1, 6, 30))]),
        (date(2026, 11, 1), (time(1, 30), time(3, 0)), [(utc(2026, 11, 1, 5, 30), utc(2026, 11, 1, 8, 0))]),
    ],
)
def test_a_span_at_a_jump_of_the_clock_is_what_people_live_through(on, span, moments):
    assert hours.spans_of(ZoneInfo("America/New_York"), on, [span]) == moments


@given(zone=st.sampled_from(ZONES), on=DAYS, minute=st.integers(0, 24 * 60 - 1))
@example(zone="America/New_York", on=date(2026, 3, 8), minute=150)
@example(zone="America/New_York", on=date(2026, 11, 1), minute=90)
@example(zone="Australia/Lord_Howe", on=date(2027, 10, 3), minute=135)
@example(zone="Africa/Cairo", on=date(2026, 4, 24), minute=30)
def test_every_moment_maps_back_to_the_clock_it_came_from(zone, on, minute):
    """None is the answer exactly for the times that the clock jumps over."""
    zone, at = ZoneInfo(zone), time(minute // 60, minute % 60)
    moment = hours.from_clock(zone, on, at)

    if moment is None:
        before, after = (datetime.combine(on, at, tzinfo=zone).replace(fold=fold).utcoffset() for fold in (0, 1))
        assert before < after
    else:
        local = moment.astimezone(zone)
        assert (local.date(), local.time(), local.fold) == (on, at, 0)


@given(zone=st.sampled_from(ZONES), on=DAYS)
@example(zone="Africa/Cairo", on=date(2026, 4, 24))
@example(zone="America/Havana", on=date(2026, 11, 1))
@example(zone="Asia/Beirut", on=date(2026, 10, 24))
def test_days_without_closing_follow_each_other_without_a_hole(zone, on):
    zone, whole_day = ZoneInfo(zone), [(time(0), time(23, 59))]
    [(start, end)] = hours.spans_of(zone, on, whole_day)
    [(next_start, _)] = hours.spans_of(zone, on + timedelta(days=1), whole_day)

    assert end == next_start
    assert timedelta(hours=23) <= end - start <= timedelta(hours=25)
