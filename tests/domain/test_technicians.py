from datetime import UTC, date, datetime, time, timedelta

import pytest

from calls.domain import hours, technicians
from calls.domain.technicians import Place
from calls.models import Booking, Weekday
from tests.factories_trade import (
    TUESDAY_AT_NINE,
    make_area,
    make_booking,
    make_customer,
    make_open_business,
    make_service,
    make_skill,
    make_technician,
    make_time_off,
    make_working_hours,
)

pytestmark = pytest.mark.django_db

HERE = Place("12207")
AN_HOUR = timedelta(hours=1)


@pytest.fixture
def business():
    return make_open_business()


def suitable(business, place=HERE, **service):
    return technicians.suitable(service=make_service(business=business, **service), place=place)


def test_everybody_of_the_business_is_suitable_for_what_needs_no_skill(business):
    both = [make_technician(business=business, skills=[make_skill(business=business)]) for _ in range(2)]
    make_technician(business=business, is_active=False)
    make_technician()

    assert suitable(business) == both


def test_who_lacks_a_skill_is_not_suitable(business):
    gas, drains = make_skill(business=business), make_skill(business=business)
    make_technician(business=business, skills=[gas])
    able = make_technician(business=business, skills=[gas, drains])

    assert suitable(business, skills=[gas, drains]) == [able]


@pytest.mark.parametrize(
    ("place", "names"),
    [
        (Place("12207"), ["everywhere", "code"]),
        (Place("12299"), ["everywhere"]),
        (Place("12210"), ["everywhere", "prefix"]),
        (Place("", "albany"), ["everywhere", "town"]),
        (Place(), ["everywhere", "code", "prefix", "town"]),
    ],
)
def test_areas_say_who_goes_where(business, place, names):
    make_technician(business=business, name="everywhere")
    make_technician(business=business, name="code", areas=[make_area(business=business)])
    beginning = make_area(business=business, kind="prefix", value="1221")
    make_technician(business=business, name="prefix", areas=[beginning])
    make_technician(business=business, name="town", areas=[make_area(business=business, kind="town", value="Albany")])

    assert [technician.name for technician in suitable(business, place)] == names


def test_an_excluded_area_keeps_a_technician_away(business):
    wide = make_area(business=business, kind="prefix", value="122")
    excluded = make_area(business=business, is_excluded=True)
    make_technician(business=business, areas=[wide, excluded])

    assert suitable(business) == []


@pytest.mark.parametrize(
    ("starts_at", "can"),
    [
        (TUESDAY_AT_NINE, True),
        (TUESDAY_AT_NINE + 2 * AN_HOUR, True),
        (TUESDAY_AT_NINE + 2.5 * AN_HOUR, False),
        (TUESDAY_AT_NINE - AN_HOUR / 2, False),
        (TUESDAY_AT_NINE + timedelta(days=1), False),
    ],
)
def test_the_whole_work_lies_in_the_technicians_hours(business, starts_at, can):
    technician = make_technician(business=business)
    make_working_hours(technician=technician, weekdays=(Weekday.TUESDAY,), starts_at=time(9), ends_at=time(12))

    calendar = hours.calendar(business=business)
    assert (
        technicians.can_work(technician=technician, calendar=calendar, starts_at=starts_at, ends_at=starts_at + AN_HOUR)
        is can
    )


def test_work_may_pass_midnight_where_the_hours_do(business):
    technician = make_technician(business=business)
    make_working_hours(technician=technician, weekdays=(Weekday.TUESDAY,), starts_at=time(20), ends_at=time(23, 59))
    make_working_hours(technician=technician, weekdays=(Weekday.WEDNESDAY,), starts_at=time(0), ends_at=time(2))
    late = datetime(2026, 11, 25, 4, 30, tzinfo=UTC)

    calendar = hours.calendar(business=business)
    assert technicians.can_work(technician=technician, calendar=calendar, starts_at=late, ends_at=late + AN_HOUR)


@pytest.mark.parametrize(("begins", "can"), [(-1, True), (-0.5, False), (0.5, False), (1, True)])
def test_time_off_is_free_of_work_from_its_first_to_its_last_minute(business, begins, can):
    technician = make_technician(business=business)
    make_time_off(technician=technician, ends_at=TUESDAY_AT_NINE + AN_HOUR)
    starts_at = TUESDAY_AT_NINE + begins * AN_HOUR

    assert (
        technicians.can_work(
            technician=technician,
            calendar=hours.calendar(business=business),
            starts_at=starts_at,
            ends_at=starts_at + AN_HOUR,
        )
        is can
    )


def order(business, people, place=HERE, **more):
    calendar = hours.calendar(business=business)
    rounds = technicians.rounds(people=people, calendar=calendar, on=date(2026, 11, 24), **more)
    return sorted(people, key=lambda technician: rounds.order(technician, place))


def booked(business, technician, postal_code, **fields):
    return make_booking(
        service=make_service(business=business),
        technician=technician,
        customer=make_customer(business=business, postal_code=postal_code),
        **fields,
    )


def test_who_lives_nearest_comes_first_and_who_lives_nowhere_last(business):
    codes = ["", "90210", "12180", "12206", "12207"]
    people = [make_technician(business=business, home_postal_code=code) for code in codes]

    assert [person.home_postal_code for person in order(business, people)] == [
        "12207", "12206", "12180", "", "90210",
    ]  # fmt: skip


def test_bookings_of_the_day_count_more_than_the_home(business):
    at_home = make_technician(business=business, home_postal_code="12299")
    out = make_technician(business=business, home_postal_code="90210")
    booked(business, out, "12207")
    booked(business, at_home, "12207", starts_at=TUESDAY_AT_NINE + timedelta(days=1))

    assert order(business, [at_home, out]) == [out, at_home]


@pytest.mark.parametrize(("status", "is_first"), [(Booking.Status.CANCELLED, True), (Booking.Status.CONFIRMED, False)])
def test_of_two_equally_near_the_less_loaded_comes_first(business, status, is_first):
    people = [make_technician(business=business, home_postal_code="12207") for _ in range(2)]
    row = booked(business, people[0], "12207", status=status)

    assert (order(business, people)[0] == people[0]) is is_first
    assert order(business, people, but=row)[0] == people[0]


def test_the_town_of_a_booking_stands_after_the_last_comma(business):
    technician = make_technician(business=business)
    make_area(business=business, kind="town", value="Albany")
    with_town = booked(business, technician, "12207", address="12 Elm Street, back door, Albany")
    without = booked(business, technician, "", address="12 Elm Street", starts_at=TUESDAY_AT_NINE + 4 * AN_HOUR)

    assert technicians.place_of(booking=with_town) == Place("12207", "Albany")
    assert technicians.place_of(booking=without) == Place()


def test_towns_and_codes_that_cannot_be_compared_keep_nobody_away(business):
    code, town = make_area(business=business), make_area(business=business, kind="town", value="Albany")
    in_town = make_technician(business=business, areas=[town])

    assert suitable(business, Place("12207")) == [in_town]

    by_code = make_technician(business=business, areas=[code])

    assert suitable(business, Place("12207")) == [by_code]
    assert suitable(business, Place("", "Albany")) == [in_town]

    in_town.delete()

    assert suitable(business, Place("", "Albany")) == [by_code]
    assert suitable(business, Place("12299", "Albany")) == []


def test_the_most_particular_area_of_a_technician_decides(business):
    wide = make_area(business=business, kind="prefix", value="12", is_excluded=True)
    technician = make_technician(business=business, areas=[wide, make_area(business=business)])

    assert (suitable(business), suitable(business, Place("12299"))) == ([technician], [])


@pytest.mark.parametrize(("address", "town"), [("12 Elm Street, Apt 4", ""), ("12 Elm Street, albany", "albany")])
def test_what_stands_last_in_an_address_is_a_town_if_one_of_that_name_is_served(business, address, town):
    make_area(business=business, kind="town", value="Albany")
    booking = make_booking(service=make_service(business=business), address=address)

    assert technicians.place_of(booking=booking) == Place("12207", town)
