from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from calls.domain import appointments, area, booking, customers, letters, quotes, slots
from calls.domain.booking import Wanted, book_appointment
from calls.models import Booking, Call, CallEvent, Customer, OutgoingEmail, TakenTime, Weekday
from tests.factories import RANG_AT, make_business, make_call, make_line
from tests.factories_trade import (
    TUESDAY_AT_NINE,
    make_area,
    make_booking,
    make_customer,
    make_hours,
    make_open_business,
    make_quote,
    make_service,
    make_skill,
    make_technician,
    make_time_off,
)

pytestmark = pytest.mark.django_db

TWO_HOURS = timedelta(hours=2)
ROBERT = Wanted(name="Robert Miller", address="12 Elm Street", postal_code="12207")


class Shop:
    """A business that is open, with one service, and callers."""

    def __init__(self, **fields):
        self.business = make_open_business(**fields)
        self.line = make_line(business=self.business)
        self.service = make_service(business=self.business)

    def technician(self, **fields):
        return make_technician(business=self.business, **fields)

    def call(self, **fields):
        return make_call(line=self.line, **fields)

    def slot(self, starts_at=TUESDAY_AT_NINE, service=None):
        return slots.slot_id(service=service or self.service, starts_at=starts_at)

    def book(self, *, call=None, starts_at=TUESDAY_AT_NINE, wanted=ROBERT, now=RANG_AT, service=None):
        call = call or self.call()
        return book_appointment(call_id=call.pk, slot=self.slot(starts_at, service), wanted=wanted, now=now)


def test_a_booking_takes_the_technicians_time_and_the_buffer_after_it():
    shop = Shop()
    technician = shop.technician()
    call = shop.call()

    made = shop.book(call=call)

    assert (made.technician, made.service, made.call) == (technician, shop.service, call)
    assert (made.starts_at, made.ends_at) == (TUESDAY_AT_NINE, TUESDAY_AT_NINE + timedelta(hours=1))
    assert (made.address, made.postal_code, made.status) == ("12 Elm Street", "12207", Booking.Status.BOOKED)
    assert list(TakenTime.objects.order_by("starts_at").values_list("technician", "booking", "starts_at")) == [
        (technician.pk, made.pk, TUESDAY_AT_NINE + timedelta(minutes=5 * unit)) for unit in range(15)
    ]


def test_the_call_has_led_to_a_booking():
    shop = Shop()
    shop.technician()
    call = shop.call()

    made = shop.book(call=call, now=RANG_AT + timedelta(seconds=42))

    call.refresh_from_db()
    assert call.outcome == Call.Outcome.BOOKED
    assert list(CallEvent.objects.values_list("kind", "at_ms", "detail")) == [
        ("booked", 42_000, {"reference": made.reference})
    ]


def test_an_emergency_stays_what_the_call_was():
    shop = Shop()
    shop.technician()
    call = shop.call(outcome=Call.Outcome.EMERGENCY)

    shop.book(call=call)

    call.refresh_from_db()
    assert call.outcome == Call.Outcome.EMERGENCY


def test_the_same_slot_twice_in_a_call_is_one_booking():
    shop = Shop()
    shop.technician()
    shop.technician()
    call = shop.call()

    assert shop.book(call=call) == shop.book(call=call, now=RANG_AT + timedelta(days=3, hours=23))
    assert Booking.objects.count() == 1


def test_the_loser_of_a_slot_hears_of_the_next_openings():
    shop = Shop()
    shop.technician()
    shop.book()

    with pytest.raises(booking.SlotTaken) as refusal:
        shop.book(call=shop.call(from_number="+15550100002"))

    assert refusal.value.openings == [
        TUESDAY_AT_NINE + timedelta(minutes=90),
        TUESDAY_AT_NINE + timedelta(minutes=210),
        TUESDAY_AT_NINE + timedelta(minutes=330),
    ]
    assert Booking.objects.count() == 1
    assert list(Customer.objects.values_list("number", flat=True)) == ["+15550100001"]


def test_a_booking_just_before_another_keeps_the_buffer_between_them():
    shop = Shop()
    shop.technician()
    shop.book(starts_at=TUESDAY_AT_NINE)

    with pytest.raises(booking.SlotTaken):
        shop.book(starts_at=TUESDAY_AT_NINE + timedelta(hours=1))


def test_the_second_technician_gets_the_slot_that_the_first_has_given():
    shop = Shop()
    first, second = shop.technician(), shop.technician()

    assert shop.book().technician == first
    assert shop.book(call=shop.call(from_number="+15550100002")).technician == second


def test_only_a_technician_with_every_skill_is_sent():
    shop = Shop()
    gas, drains = make_skill(business=shop.business), make_skill(business=shop.business)
    shop.service.skills.set([gas, drains])
    shop.technician(skills=[gas])
    able = shop.technician(skills=[drains, gas])

    assert shop.book().technician == able


def test_only_a_technician_of_the_area_is_sent():
    shop = Shop()
    here, there = make_area(business=shop.business), make_area(business=shop.business, value="12180")
    shop.technician(areas=[there])
    able = shop.technician(areas=[here, there])

    assert shop.book().technician == able


def test_a_technician_of_a_town_is_sent_there():
    shop = Shop()
    albany = make_area(business=shop.business, kind="town", value="Albany")
    shop.technician(areas=[make_area(business=shop.business, value="12180")])
    able = shop.technician(areas=[albany])

    made = shop.book(wanted=Wanted(name="Robert Miller", address="12 Elm Street", town="albany"))

    assert (made.technician, made.address) == (able, "12 Elm Street, Albany")


def test_nobody_is_sent_in_their_time_off_or_when_inactive():
    shop = Shop()
    make_time_off(technician=shop.technician())
    shop.technician(is_active=False)
    able = shop.technician()

    assert shop.book().technician == able


def test_who_is_nearest_by_the_bookings_of_the_day_is_sent():
    shop = Shop()
    shop.technician(home_postal_code="12180")
    near = shop.technician(home_postal_code="90210")
    make_booking(
        service=shop.service,
        technician=near,
        customer=make_customer(business=shop.business, postal_code="12206"),
        starts_at=TUESDAY_AT_NINE + timedelta(hours=4),
    )

    assert shop.book(wanted=Wanted("Robert Miller", "12 Elm Street", "12208")).technician == near


def test_of_two_at_the_same_distance_the_less_loaded_is_sent():
    shop = Shop()
    loaded = shop.technician(home_postal_code="12207")
    free = shop.technician(home_postal_code="12207")
    make_booking(
        service=shop.service,
        technician=loaded,
        customer=make_customer(business=shop.business, postal_code="12207"),
        starts_at=TUESDAY_AT_NINE + timedelta(hours=4),
    )

    assert shop.book().technician == free


def test_a_customer_is_known_by_the_number_that_calls():
    shop = Shop()
    shop.technician()
    known = make_customer(business=shop.business, number="+15550100001", name="R. Miller", email="r@example.com")

    assert shop.book().customer == known
    known.refresh_from_db()
    assert (known.name, known.email) == ("Robert Miller", "r@example.com")


def test_an_anonymous_caller_has_to_give_a_number():
    shop = Shop()
    shop.technician()
    call = shop.call(from_number="anonymous")

    with pytest.raises(customers.NumberNeeded):
        shop.book(call=call)

    made = shop.book(call=call, wanted=Wanted("Robert Miller", "12 Elm Street", "12207", number="518 555 0123"))
    assert made.customer.number == "+15185550123"


@pytest.mark.parametrize("number", ["911", "call me", "+1555", "+15550100001 ext. 4"])
def test_what_cannot_be_called_is_no_number(number):
    shop = Shop()
    shop.technician()

    with pytest.raises(customers.NumberUnclear):
        shop.book(wanted=Wanted("Robert Miller", "12 Elm Street", "12207", number=number))


def test_a_caller_who_claims_another_number_changes_nothing_of_that_customer():
    shop = Shop()
    shop.technician()
    other = make_customer(business=shop.business, name="Ann Lee", email="ann@example.com")
    claimed = Wanted("Eve", "1 Trap Street", "12207", number=other.number, email="eve@example.com")

    shop.book(wanted=claimed)

    other.refresh_from_db()
    assert (other.name, other.address, other.email) == ("Ann Lee", "12 Elm Street", "ann@example.com")


@pytest.mark.parametrize(
    ("starts_at", "reason"),
    [
        (RANG_AT - timedelta(hours=1), "That time is too soon or over."),
        (datetime(1, 1, 1, tzinfo=UTC), "That time is too soon or over."),
        (datetime(2026, 11, 20, 16, 30, tzinfo=UTC), "That time is too soon or over."),
        (datetime(2026, 12, 21, 15, 0, tzinfo=UTC), "Bookings are made at most 30 days ahead."),
        (datetime(9999, 12, 31, 23, 30, tzinfo=UTC), "Bookings are made at most 30 days ahead."),
        (datetime(2026, 11, 22, 15, 0, tzinfo=UTC), "The business does not begin this work at that time."),
        (datetime(2026, 11, 24, 21, 30, tzinfo=UTC), "The business does not begin this work at that time."),
        (datetime(2026, 11, 24, 14, 10, tzinfo=UTC), "The business does not begin this work at that time."),
    ],
)
def test_a_slot_that_was_never_offered_is_refused(starts_at, reason):
    shop = Shop()
    shop.technician()

    with pytest.raises(slots.NotOffered, match=reason):
        shop.book(starts_at=starts_at)
    assert Booking.objects.count() == 0


def test_a_slot_offered_with_just_enough_notice_can_be_booked_a_little_later():
    shop = Shop()
    shop.technician()
    soon = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)

    assert shop.book(starts_at=soon, now=soon - timedelta(hours=2) + slots.GRACE).starts_at == soon


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-11-24T14:00Z/", "2026-13-24T14:00Z/1", "2026-11-24T14:00Z/999999"]
)
def test_what_names_no_slot_is_refused(text):
    shop = Shop()

    with pytest.raises(slots.SlotUnknown):
        book_appointment(call_id=shop.call().pk, slot=text, wanted=ROBERT, now=RANG_AT)


def test_the_service_of_another_business_is_no_slot():
    shop = Shop()

    with pytest.raises(slots.SlotUnknown):
        shop.book(service=make_service(business=make_business()))


def test_a_place_that_is_not_served_is_refused():
    shop = Shop()
    shop.technician()
    make_area(business=shop.business, value="12180")

    with pytest.raises(slots.OutsideArea, match="1 2 2 0 7 is not served"):
        shop.book()


def test_the_place_has_to_be_known():
    shop = Shop()
    shop.technician()

    with pytest.raises(area.UnknownPlace):
        shop.book(wanted=Wanted("Robert Miller", "12 Elm Street"))


def test_a_service_that_nobody_knows_is_refused():
    shop = Shop()
    shop.service.skills.set([make_skill(business=shop.business)])
    shop.technician()

    with pytest.raises(slots.NobodyForIt):
        shop.book()


def test_a_caller_books_so_often_and_no_more():
    shop = Shop()
    shop.technician()
    call = shop.call()
    for hour in (0, 2, 4):
        shop.book(call=call, starts_at=TUESDAY_AT_NINE + timedelta(hours=hour))

    with pytest.raises(booking.TooManyBookings):
        shop.book(call=call, starts_at=TUESDAY_AT_NINE + timedelta(hours=6))
    assert Booking.objects.count() == booking.BOOKINGS_A_CALL


def test_a_customer_has_only_so_many_open_bookings():
    shop = Shop()
    shop.technician()
    known = make_customer(business=shop.business, number="+15550100001")
    for day in range(1, 6):
        make_booking(service=shop.service, customer=known, starts_at=TUESDAY_AT_NINE + timedelta(days=day))

    with pytest.raises(booking.TooManyBookings):
        shop.book()


def test_the_customer_is_told_by_email_with_the_appointment_for_a_calendar():
    shop = Shop()
    shop.technician()
    call = shop.call()

    made = shop.book(call=call, wanted=Wanted("Robert Miller", "12 Elm Street", "12207", email="r@example.com"))

    [letter] = OutgoingEmail.objects.filter(purpose="booking")
    assert (letter.to, letter.purpose, letter.call) == ("r@example.com", "booking", call)
    assert letter.subject == "Your appointment with Cedar Plumbing: Tuesday the 24th of November 2026 at nine"
    assert letter.body.splitlines() == [
        "Your appointment is booked.",
        "",
        f"  What: {shop.service.name}",
        "  When: Tuesday the 24th of November 2026 at nine",
        "  Where: 12 Elm Street 12207",
        f"  Reference: {made.reference}",
        "",
        "Cedar Plumbing",
    ]
    assert "<h1" in letter.html and made.reference in letter.html
    assert "DTSTART:20261124T140000Z\r\nDTEND:20261124T150000Z\r\n" in letter.calendar
    assert made.customer.email == "r@example.com"


def test_what_was_quoted_before_belongs_to_the_customer_from_the_booking_on():
    shop = Shop()
    shop.technician()
    call = shop.call()
    mine = make_quote(call=call)
    earlier = make_quote(call=shop.call())
    strangers = make_quote(call=shop.call(from_number="+15550100002"))

    made = shop.book(call=call)

    assert set(made.customer.quotes.all()) == {mine, earlier}
    strangers.refresh_from_db()
    assert strangers.customer is None


def test_a_claimed_number_gets_nothing_of_its_owner_and_the_letter_goes_where_it_was_asked_for():
    shop = Shop()
    shop.technician()
    owner = make_customer(business=shop.business, number="+15550100002", email="owner@example.com")
    claimed = replace(ROBERT, number=owner.number)

    told_nothing = shop.book(wanted=claimed)
    told = shop.book(wanted=replace(claimed, email="owner@example.com"), starts_at=TUESDAY_AT_NINE + TWO_HOURS)
    appointments.cancel(booking=told_nothing, now=RANG_AT)

    assert [(row.to, row.key[8:14]) for row in OutgoingEmail.objects.filter(purpose="booking")] == [
        ("owner@example.com", told.reference)
    ]


def test_a_claimed_number_does_not_lead_its_owners_letters_to_whoever_claims_it():
    shop = Shop()
    shop.technician()
    shop.book(wanted=replace(ROBERT, number="+15550100002", email="thief@example.com"))

    own = shop.book(call=shop.call(from_number="+15550100002"), starts_at=TUESDAY_AT_NINE + TWO_HOURS)

    assert (own.customer.number, own.customer.email) == ("+15550100002", "")
    assert OutgoingEmail.objects.filter(purpose="booking", key__contains=own.reference).count() == 0


@pytest.mark.parametrize("field", ["name", "address", "town", "notes"])
def test_no_link_of_a_caller_gets_into_a_letter(field):
    shop = Shop()
    shop.technician()

    with pytest.raises(letters.NotPlain):
        shop.book(wanted=replace(ROBERT, **{field: "Go to www.evil-prize.com/pay"}))

    assert (Booking.objects.count(), OutgoingEmail.objects.count()) == (0, 0)


def test_without_an_address_no_email_is_written():
    shop = Shop()
    shop.technician()
    shop.book()

    assert OutgoingEmail.objects.filter(purpose="booking").count() == 0


def test_what_is_no_email_address_is_asked_for_again():
    shop = Shop()
    shop.technician()

    with pytest.raises(quotes.NoEmail):
        shop.book(wanted=Wanted("Robert Miller", "12 Elm Street", "12207", email="robert at home"))
    assert Booking.objects.count() == 0


def test_of_a_time_that_comes_twice_only_the_first_is_a_slot():
    shop = Shop()
    make_hours(business=shop.business, weekdays=(Weekday.SUNDAY,), starts_at=time(0), ends_at=time(6))
    shop.technician()
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    now = first - timedelta(days=2)

    with pytest.raises(slots.NotOffered):
        shop.book(starts_at=first + timedelta(hours=1), now=now)
    assert shop.book(starts_at=first, now=now).starts_at == first
