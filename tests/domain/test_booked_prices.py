"""What is booked costs what its time costs, and the letter and the newest quote say so."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Max

from calls.domain import appointments, booked_prices, booking, bookings_by_hand, quotes, slots
from calls.domain.appointments import Facts
from calls.domain.booking import Wanted
from calls.domain.technicians import Place
from calls.models import OutgoingEmail, Quote, Service, Weekday
from tests.factories import RANG_AT, make_call, make_line
from tests.factories_trade import (
    MONDAY_TO_FRIDAY,
    TUESDAY_AT_NINE,
    make_hours,
    make_service,
    make_technician,
)

pytestmark = pytest.mark.django_db

SATURDAY_AT_TEN = datetime.fromisoformat("2026-11-28T10:00-05:00")
HERE = Place("12207")


class Office:
    """A business that is open on Saturdays too, for a quarter more, with taxes of 8 %."""

    def __init__(self):
        self.call = make_call(line=make_line())
        business = self.call.business
        business.tax_percent = Decimal(8)
        business.save()
        make_hours(business=business, weekdays=(*MONDAY_TO_FRIDAY, Weekday.SATURDAY))
        self.service = make_service(
            business=business, name="Drain cleaning", price=Decimal("189.00"), weekend_percent=Decimal(25)
        )
        make_technician(business=business)

    def slot(self, starts_at):
        return slots.slot_id(service=self.service, starts_at=starts_at)

    def quote(self, **wanted):
        wanted = quotes.Wanted(service="Drain cleaning", postal_code="12207", **wanted)
        return quotes.quote_price(call_id=self.call.pk, wanted=wanted, now=RANG_AT)

    def book(self, starts_at):
        wanted = Wanted(name="Jo Miller", address="12 Elm Street", postal_code="12207", email="jo@example.com")
        now = RANG_AT + timedelta(minutes=1)
        return booking.book_appointment(call_id=self.call.pk, slot=self.slot(starts_at), wanted=wanted, now=now)

    def move(self, starts_at):
        now = RANG_AT + timedelta(minutes=2)
        return appointments.reschedule(call_id=self.call.pk, facts=Facts(), slot=self.slot(starts_at), now=now)


def prices_in_letters():
    """The line of the price in each letter to the customer, or nothing."""
    letters = OutgoingEmail.objects.filter(to="jo@example.com").order_by("pk")
    return [[line.strip() for line in letter.body.splitlines() if "Price" in line] for letter in letters]


def kept():
    return list(Quote.objects.order_by("pk").values_list("wanted_at", "total", "customer__number"))


def test_a_dearer_time_that_is_booked_makes_a_quote_of_its_own_and_the_letter_names_it():
    office = Office()
    office.quote()

    made = office.book(SATURDAY_AT_TEN)

    assert kept() == [
        (None, Decimal("204.12"), "+15550100001"),
        (SATURDAY_AT_TEN, Decimal("255.15"), "+15550100001"),
    ]
    assert prices_in_letters() == [["Price at that time: $255.15"]]
    assert booked_prices.of_booking(booking=made).total == Decimal("255.15")
    email = quotes.email_quote(call_id=office.call.pk, reference="", address="jo@example.com", now=RANG_AT)[1]
    assert "Total: $255.15" in email.body


def test_a_dearer_time_is_priced_though_nobody_asked():
    office = Office()

    office.book(SATURDAY_AT_TEN)

    assert kept() == [(SATURDAY_AT_TEN, Decimal("255.15"), "+15550100001")]
    assert prices_in_letters() == [["Price at that time: $255.15"]]


def test_a_price_that_stays_what_was_named_is_named_in_the_letter_and_kept_once():
    office = Office()
    office.quote()

    office.book(TUESDAY_AT_NINE)

    assert kept() == [(None, Decimal("204.12"), "+15550100001")]
    assert prices_in_letters() == [["Price at that time: $204.12"]]


def test_where_no_price_was_named_and_no_surcharge_applies_none_is_written():
    office = Office()

    office.book(TUESDAY_AT_NINE)

    assert (kept(), prices_in_letters()) == ([], [[]])


def test_a_price_asked_for_another_dear_time_is_not_that_of_the_booking():
    office = Office()
    office.quote()
    office.quote(local_time="2026-11-28T12:00")

    made = office.book(SATURDAY_AT_TEN)

    assert booked_prices.of_booking(booking=made).wanted_at == SATURDAY_AT_TEN


def test_moving_to_and_from_a_dear_time_changes_the_price():
    office = Office()
    office.quote()
    office.book(TUESDAY_AT_NINE)

    office.move(SATURDAY_AT_TEN)
    office.move(TUESDAY_AT_NINE)

    assert prices_in_letters() == [
        ["Price at that time: $204.12"],
        ["Price at that time: $255.15"],
        ["Price at that time: $204.12"],
    ]
    assert Quote.objects.aggregate(Max("total"))["total__max"] == Decimal("255.15")


# By hand


def book_by_hand(office, starts_at, number="+15550100001"):
    wanted = Wanted(
        name="Jo Miller", address="12 Elm Street", postal_code="12207", number=number, email="jo@example.com"
    )
    service = Service.objects.get(pk=office.service.pk)
    now = RANG_AT + timedelta(minutes=10)
    return bookings_by_hand.book(service=service, starts_at=starts_at, wanted=wanted, now=now)


def move_by_hand(made, starts_at, minutes):
    bookings_by_hand.move(booking=made, starts_at=starts_at, now=RANG_AT + timedelta(minutes=minutes))


def test_a_booking_that_is_moved_by_hand_costs_what_its_new_time_costs():
    office = Office()
    office.quote()
    made = office.book(TUESDAY_AT_NINE)

    for minutes, starts_at in enumerate([SATURDAY_AT_TEN, TUESDAY_AT_NINE, SATURDAY_AT_TEN], start=5):
        move_by_hand(made, starts_at, minutes)

    cheap, dear = ["Price at that time: $204.12"], ["Price at that time: $255.15"]
    assert prices_in_letters() == [cheap, dear, cheap, dear]


@pytest.mark.parametrize(("starts_at", "price"), [(TUESDAY_AT_NINE, "$324.00"), (SATURDAY_AT_TEN, "$405.00")])
def test_a_booking_by_hand_costs_what_it_costs_today_and_not_what_was_named_once(starts_at, price):
    office = Office()
    office.quote()
    office.quote(local_time="2026-11-24T09:00")
    Service.objects.update(price=Decimal(300))

    book_by_hand(office, starts_at)

    assert prices_in_letters() == [[f"Price at that time: {price}"]]


def test_a_price_named_for_that_very_time_before_the_prices_changed_is_not_that_of_the_booking():
    office = Office()
    office.quote(local_time="2026-11-24T09:00")
    Service.objects.update(price=Decimal(300))
    office.quote()

    office.book(TUESDAY_AT_NINE)

    assert prices_in_letters() == [["Price at that time: $324.00"]]


def test_a_dearer_time_by_hand_is_priced_for_its_own_customer():
    office = Office()
    first = book_by_hand(office, SATURDAY_AT_TEN)
    second = book_by_hand(office, SATURDAY_AT_TEN + timedelta(hours=2), number="+15550100002")

    for made in (first, second):
        quote = booked_prices.of_booking(booking=made)
        assert (quote.customer, quote.call, quote.total) == (made.customer, None, Decimal("255.15"))
    assert prices_in_letters() == [["Price at that time: $255.15"]] * 2


def test_two_customers_at_the_same_dear_time_have_a_quote_each():
    office = Office()
    make_technician(business=office.service.business)

    for number in ("+15550100001", "+15550100002"):
        book_by_hand(office, SATURDAY_AT_TEN, number=number)

    dear = (SATURDAY_AT_TEN, Decimal("255.15"))
    assert kept() == [(*dear, "+15550100001"), (*dear, "+15550100002")]


def test_where_nothing_was_named_a_booking_by_hand_at_an_ordinary_time_names_no_price():
    book_by_hand(Office(), TUESDAY_AT_NINE)

    assert (kept(), prices_in_letters()) == ([], [[]])


@pytest.mark.parametrize(("starts_at", "total"), [(SATURDAY_AT_TEN, Decimal("255.15")), (TUESDAY_AT_NINE, None)])
def test_only_times_with_a_surcharge_are_dearer(starts_at, total):
    price = booked_prices.dearer_price(service=Office().service, place=HERE, starts_at=starts_at)

    assert (price and price.total) == total
