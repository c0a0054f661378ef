from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from calls.domain import hours, slots
from calls.domain.slots import Wish
from calls.domain.technicians import Place
from calls.models import Weekday
from tests.domain.test_hours import ZONES
from tests.factories import RANG_AT, make_business
from tests.factories_trade import (
    TUESDAY_AT_NINE,
    make_booking,
    make_exception,
    make_open_business,
    make_service,
    make_skill,
    make_technician,
    make_time_off,
    make_working_hours,
)

NEW_YORK = ZoneInfo("America/New_York")


def found(business, *, service=None, now=RANG_AT, **wish):
    service = service or make_service(business=business)
    return slots.find(service=service, wish=Wish(**wish), place=Place(), now=now)


def clock(result):
    """The openings as they are read on the wall of the business."""
    return [f"{moment.astimezone(NEW_YORK):%a %d %H:%M}" for moment in result.openings]


def shop(**fields):
    business = make_open_business(**fields)
    make_technician(business=business)
    return business


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("day", "openings"),
    [
        ("soonest", ["Fri 20 12:30", "Fri 20 14:30", "Mon 23 08:00"]),
        ("today", ["Fri 20 12:30", "Fri 20 13:00", "Fri 20 14:30"]),
        ("tuesday", ["Tue 24 08:00", "Tue 24 10:00", "Tue 24 12:00"]),
        ("Next Tuesday", ["Tue 24 08:00", "Tue 24 10:00", "Tue 24 12:00"]),
        ("next friday", ["Fri 27 08:00", "Fri 27 10:00", "Fri 27 12:00"]),
        ("2026-12-01", ["Tue 01 08:00", "Tue 01 10:00", "Tue 01 12:00"]),
    ],
)
def test_up_to_three_openings_are_offered_the_earliest_first(day, openings):
    assert clock(found(shop(), day=day)) == openings


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wish", "openings"),
    [
        ({"part_of_day": "morning"}, ["Tue 24 08:00", "Tue 24 08:30", "Tue 24 10:00"]),
        ({"part_of_day": "afternoon"}, ["Tue 24 12:00", "Tue 24 14:00", "Tue 24 16:00"]),
        ({"after": time(15)}, ["Tue 24 15:00", "Tue 24 15:30", "Tue 24 16:00"]),
        ({"before": time(9)}, ["Tue 24 08:00", "Tue 24 08:30"]),
        ({"after": time(15), "before": time(15, 30)}, ["Tue 24 15:00"]),
    ],
)
def test_only_the_wanted_time_of_the_day_is_offered(wish, openings):
    assert clock(found(shop(), day="tuesday", **wish)) == openings


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("day", "why", "openings"),
    [
        ("tomorrow", "closed", ["Tue 24 08:00", "Tue 24 10:00", "Tue 24 12:00"]),
        ("monday", "closed", ["Tue 24 08:00", "Tue 24 10:00", "Tue 24 12:00"]),
        ("wednesday", "full", ["Thu 26 08:00", "Thu 26 10:00", "Thu 26 12:00"]),
        ("2026-12-24", "too_far", []),
    ],
)
def test_a_day_without_openings_says_why_and_what_comes_next(day, why, openings):
    business = make_open_business()
    technician = make_technician(business=business)
    make_exception(business=business, on=date(2026, 11, 23), note="Moving house")
    make_time_off(technician=technician, starts_at=datetime(2026, 11, 25, 5, 0, tzinfo=UTC))

    result = found(business, day=day)

    assert (result.today, result.why) == (date(2026, 11, 20), why)
    assert clock(result) == openings


@pytest.mark.django_db
def test_a_day_that_ends_before_the_notice_is_too_soon():
    result = found(shop(), day="today", now=datetime(2026, 11, 20, 19, 30, tzinfo=UTC))

    assert (result.why, clock(result)) == ("too_soon", ["Mon 23 08:00", "Mon 23 10:00", "Mon 23 12:00"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wish",
    [
        {"day": "whenever"},
        {"day": ""},
        {"day": "next week"},
        {"day": "2026-02-30"},
        {"day": "2026-11-19"},
        {"day": "0001-01-01"},
        {"part_of_day": "night"},
        {"after": time(17), "before": time(9)},
        {"part_of_day": "morning", "after": time(13)},
    ],
)
def test_a_wish_that_names_no_time_is_asked_for_again(wish):
    with pytest.raises(slots.WishUnclear):
        found(shop(), **wish)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("now", "day", "on"),
    [
        (datetime(2026, 11, 21, 4, 59, tzinfo=UTC), "tomorrow", date(2026, 11, 21)),  # 23:59 on Friday in New York
        (datetime(2026, 11, 21, 5, 0, tzinfo=UTC), "tomorrow", date(2026, 11, 22)),
        (datetime(2026, 11, 24, 15, 0, tzinfo=UTC), "tuesday", date(2026, 11, 24)),
        (datetime(2026, 11, 24, 15, 0, tzinfo=UTC), "next tuesday", date(2026, 12, 1)),
        (datetime(2026, 11, 23, 15, 0, tzinfo=UTC), "next tuesday", date(2026, 12, 1)),
        (datetime(2026, 11, 22, 15, 0, tzinfo=UTC), "next tuesday", date(2026, 11, 24)),
        (datetime(2026, 11, 22, 15, 0, tzinfo=UTC), "sunday", date(2026, 11, 22)),
    ],
)
def test_days_are_those_of_the_business(now, day, on):
    assert found(shop(), day=day, now=now).asked_on == on


@pytest.mark.django_db
def test_what_is_taken_is_not_offered_with_its_buffer_on_both_sides():
    business = make_open_business()
    technician = make_technician(business=business)
    make_booking(technician=technician, starts_at=TUESDAY_AT_NINE + timedelta(hours=2))

    free = slots.search_for(service=make_service(business=business), place=Place(), now=RANG_AT)
    offered = [f"{m.astimezone(NEW_YORK):%H:%M}" for m in free.openings(date(2026, 11, 24), date(2026, 11, 24))]

    assert offered[:5] == ["08:00", "08:30", "09:00", "09:30", "12:30"]


@pytest.mark.django_db
def test_a_second_technician_keeps_the_time_open():
    business = make_open_business()
    busy, _ = make_technician(business=business), make_technician(business=business)
    make_booking(technician=busy)

    assert clock(found(business, day="tuesday", after=time(9), before=time(9, 30))) == ["Tue 24 09:00"]


@pytest.mark.django_db
def test_a_technicians_own_hours_narrow_the_openings():
    business = make_open_business()
    make_working_hours(
        technician=make_technician(business=business),
        weekdays=(Weekday.TUESDAY, Weekday.SUNDAY),
        starts_at=time(13),
        ends_at=time(15),
    )

    assert clock(found(business, day="tuesday")) == ["Tue 24 13:00", "Tue 24 13:30", "Tue 24 14:00"]


@pytest.mark.django_db
def test_work_that_is_longer_than_what_is_left_of_the_day_is_not_offered():
    business = shop()
    service = make_service(business=business, duration_minutes=480)

    assert clock(found(business, service=service, day="tuesday")) == ["Tue 24 08:00", "Tue 24 08:30", "Tue 24 09:00"]


@pytest.mark.django_db
def test_a_full_calendar_has_no_openings():
    business = make_open_business(horizon_days=3)
    make_time_off(technician=make_technician(business=business), starts_at=RANG_AT, ends_at=RANG_AT + timedelta(days=9))

    result = found(business)

    assert (result.openings, result.asked_on, result.why) == ([], None, "full")


@pytest.mark.django_db
def test_a_service_that_nobody_knows_has_no_openings_ever():
    business = shop()

    with pytest.raises(slots.NobodyForIt):
        found(business, service=make_service(business=business, skills=[make_skill(business=business)]))


@pytest.mark.django_db
def test_a_slots_name_is_read_back_as_it_was_given():
    service = make_service(business=make_business())
    name = slots.slot_id(service=service, starts_at=TUESDAY_AT_NINE)

    assert name == f"2026-11-24T14:00Z/{service.pk}"
    assert slots.read_slot_id(business=service.business, text=f" {name}\n") == (service, TUESDAY_AT_NINE)


@pytest.mark.django_db
def test_the_name_of_a_service_that_is_not_offered_any_more_is_unknown():
    service = make_service(is_active=False)

    with pytest.raises(slots.SlotUnknown):
        slots.read_slot_id(business=service.business, text=slots.slot_id(service=service, starts_at=TUESDAY_AT_NINE))


@pytest.mark.django_db
def test_a_step_of_zero_minutes_is_taken_for_five():
    assert clock(found(shop(slot_step_minutes=0), day="tuesday", before=time(8, 10))) == [
        "Tue 24 08:00",
        "Tue 24 08:05",
    ]


def jumps(zone):
    """The days from 2024 to 2030 on which the clock of a zone jumps, and those beside them."""
    day, days = date(2024, 1, 1), set()
    while day < date(2031, 1, 1):
        noon, next_noon = (datetime.combine(d, time(12), tzinfo=zone) for d in (day, day + timedelta(days=1)))
        if noon.utcoffset() != next_noon.utcoffset():
            days |= {day, day + timedelta(days=1)}
        day += timedelta(days=1)
    return sorted(days)


@pytest.mark.parametrize("name", ZONES)
def test_no_slot_lies_where_the_clock_jumps_and_each_is_spoken_as_it_is_stored(name):
    """Around every jump from 2024 to 2030, of a business that never closes, every five minutes."""
    zone = ZoneInfo(name)
    always = {day: [(time(0), time(23, 59))] for day in range(7)}
    search = slots.Search(
        business=SimpleNamespace(slot_step_minutes=5, buffer_minutes=0, horizon_days=366),
        service=SimpleNamespace(duration_minutes=60),
        place=Place(),
        people=[],
        calendar=hours.Calendar(zone, always, {}),
        earliest=datetime(2023, 1, 1, tzinfo=UTC),
        today=date(2023, 1, 1),
        last_day=date(2031, 1, 1),
    )
    for day in jumps(zone):
        offered = search.grid(day, day)
        local = [moment.astimezone(zone) for moment in offered]

        assert {(moment.date(), moment.fold) for moment in local} == {(day, 0)}
        assert sorted({moment.time() for moment in local}) == [moment.time() for moment in local]
        assert all(search.is_on_the_grid(moment) for moment in offered)
        jumped_over = {
            time(minute // 60, minute % 60)
            for minute in range(0, 1440, 5)
            if hours.from_clock(zone, day, time(minute // 60, minute % 60)) is None
        }
        assert len(local) + len(jumped_over) == 288
        assert not jumped_over & {moment.time() for moment in local}
