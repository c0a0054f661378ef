"""Bookings by hand keep the rules of calls. How each refusal reads is tested where it is read: tests/admin."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from calls.domain import booking, bookings_by_hand, customers
from calls.domain.booking import Wanted
from calls.domain.bookings_by_hand import Day, NotPossible
from calls.domain.technicians import Place
from calls.models import Booking, Customer
from tests.factories import RANG_AT, make_business
from tests.factories_trade import (
    TUESDAY_AT_NINE,
    make_booking,
    make_customer,
    make_hours,
    make_open_business,
    make_service,
    make_technician,
    make_working_hours,
)

pytestmark = pytest.mark.django_db

TUESDAY = date(2026, 11, 24)
JO = Wanted(name="Jo Miller", address="12 Elm Street", postal_code="12207", number="+15185550123")


def service_of(business=None, **fields):
    """A service with one technician who does it."""
    service = make_service(business=business or make_open_business(), **fields)
    make_technician(business=service.business)
    return service


def openings(service, on=None, **more):
    return bookings_by_hand.openings(service=service, place=Place(), on=on, now=RANG_AT, **more)


def book(service, starts_at=TUESDAY_AT_NINE, wanted=JO):
    return bookings_by_hand.book(service=service, starts_at=starts_at, wanted=wanted, now=RANG_AT)


def test_every_opening_of_a_day_is_shown_in_order():
    found = openings(service_of(), TUESDAY)

    at_eight = TUESDAY_AT_NINE - timedelta(hours=1)
    assert found == Day(TUESDAY, [at_eight + timedelta(minutes=30 * step) for step in range(17)])


def test_without_a_day_the_soonest_is_shown():
    assert openings(service_of(), None).on == date(2026, 11, 20)


def test_after_the_last_opening_of_the_horizon_the_soonest_is_shown():
    service = service_of()
    make_working_hours(technician=service.business.technicians.get(), weekdays=[1], ends_at=time(9))

    assert openings(service, date(2026, 12, 18)) == Day(
        TUESDAY,
        [TUESDAY_AT_NINE - timedelta(hours=1)],
        "Nobody who does this work is free on Friday, December 18, 2026.",
    )


def test_a_booking_that_is_to_move_does_not_stand_in_its_own_way():
    service = service_of()
    made = book(service)

    assert TUESDAY_AT_NINE not in openings(service, TUESDAY).openings
    assert TUESDAY_AT_NINE in openings(service, TUESDAY, but=made).openings


@pytest.mark.parametrize(
    ("year", "why"), [(1, "That time is over."), (9999, "Bookings are made at most 30 days ahead.")]
)
def test_a_time_of_another_age_is_refused_in_words(year, why):
    service = service_of()
    made = book(service)
    then = datetime(year, 1, 1, tzinfo=UTC) if year == 1 else datetime(year, 12, 31, 23, 59, tzinfo=UTC)

    with pytest.raises(NotPossible, match=f"^{why}$"):
        book(service, then)
    with pytest.raises(NotPossible, match=f"^{why}$"):
        bookings_by_hand.move(booking=made, starts_at=then, now=RANG_AT)


def test_there_is_no_limit_of_bookings_for_whoever_books_by_hand():
    service = service_of()
    customer = make_customer(business=service.business, number=JO.number)
    for day in range(booking.OPEN_BOOKINGS):
        make_booking(service=service, customer=customer, starts_at=TUESDAY_AT_NINE + timedelta(days=day + 1))

    assert book(service).customer == customer


def test_two_people_of_the_business_do_not_book_one_time_twice():
    service = service_of()
    first = book(service)

    with pytest.raises(NotPossible, match="Everybody who does this work is taken then"):
        book(service, wanted=Wanted("Al", "1 Oak Road", "12207", number="+15185550999"))
    assert book(service) == first
    assert Booking.objects.count() == 1


def test_a_refusal_leaves_no_customer_behind():
    service = service_of()
    book(service)

    with pytest.raises(NotPossible):
        book(service, wanted=Wanted("Al", "1 Oak Road", "12207", number="+15185550999"))
    assert Customer.objects.get().name == "Jo Miller"


def test_the_town_after_the_last_comma_decides_who_goes_and_stands_in_the_address_once():
    service = service_of()

    made = book(service, wanted=Wanted("Jo", "12 Elm Street, Albany", town="Albany", number=JO.number))

    assert made.address == "12 Elm Street, Albany"


def test_what_is_blank_of_a_customer_is_filled_in_and_nothing_else():
    business = make_business()
    make_customer(business=business, number=JO.number, name="Ann", email="", address="")

    known = customers.fill_in(business=business, number=JO.number, name="Jo", email="jo@example.com", address="")

    known.refresh_from_db()
    assert (known.name, known.email, known.address) == ("Ann", "jo@example.com", "")


@pytest.mark.parametrize(
    ("on", "at", "moment"),
    [
        (date(2026, 11, 1), time(1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),  # which comes twice: the first
        (TUESDAY, time(9), TUESDAY_AT_NINE),
    ],
)
def test_a_time_is_read_on_the_clock_of_the_business(on, at, moment):
    assert bookings_by_hand.read_clock(business=make_business(), on=on, at=at, now=RANG_AT) == moment


@pytest.mark.parametrize(
    ("on", "why"),
    [
        (date.min, "That time is over."),
        (date.max, "Bookings are made at most 30 days ahead."),
        (date(2027, 3, 14), "The clock jumps over 2:30 AM on Sunday, March 14, 2027."),
    ],
)
def test_a_time_that_no_clock_shows_is_refused(on, why):
    with pytest.raises(NotPossible, match=why):
        bookings_by_hand.read_clock(business=make_business(), on=on, at=time(2, 30), now=RANG_AT)


def test_an_opening_that_ends_at_midnight_is_told_so():
    business = make_business()
    make_hours(business=business, starts_at=time(20), ends_at=time(23, 59))

    with pytest.raises(NotPossible, match="is open from 8:00 PM to midnight on"):
        book(service_of(business))
