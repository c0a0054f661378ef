"""Whoever is sent to a booking, or no longer is, hears of each change of it: once, and in the order of the changes."""

from datetime import timedelta

import pytest

from calls.domain import appointments, booking_letters, by_hand, dispatch, slots
from calls.domain.appointments import Facts
from calls.domain.booking import Wanted, book_appointment
from calls.models import Booking, OutgoingEmail, OutgoingMessage
from tests.factories import RANG_AT, make_call, make_line
from tests.factories_trade import (
    TUESDAY_AT_NINE,
    make_booking,
    make_customer,
    make_open_business,
    make_service,
    make_technician,
    make_time_off,
)

pytestmark = pytest.mark.django_db

AT_ELEVEN = TUESDAY_AT_NINE + timedelta(hours=2)
NINE, ELEVEN = "Tuesday the 24th of November 2026 at nine", "Tuesday the 24th of November 2026 at eleven"


class Office:
    """A business with a technician, Dan, and a caller."""

    def __init__(self, **dan):
        self.business = make_open_business()
        self.line = make_line(business=self.business)
        self.service = make_service(business=self.business, name="Drain cleaning")
        self.dan = make_technician(business=self.business, **{"name": "Dan", "email": "dan@example.com"} | dan)
        self.call = make_call(line=self.line)
        self.minutes = 0

    def now(self):
        """A minute later than when it was last asked."""
        self.minutes += 1
        return RANG_AT + timedelta(minutes=self.minutes)

    def slot(self, starts_at):
        return slots.slot_id(service=self.service, starts_at=starts_at)

    def book(self, **wanted):
        told = Wanted(**{"name": "Jo Miller", "address": "12 Elm Street", "postal_code": "12207"} | wanted)
        slot = self.slot(TUESDAY_AT_NINE)
        return book_appointment(call_id=self.call.pk, slot=slot, wanted=told, now=self.now())

    def booked_before(self, **fields):
        standing = {"service": self.service, "technician": self.dan, "reference": "K7FCM4"}
        return make_booking(customer=make_customer(business=self.business), **standing | fields)

    def move(self, starts_at=AT_ELEVEN):
        slot = self.slot(starts_at)
        return appointments.reschedule(call_id=self.call.pk, facts=Facts(), slot=slot, now=self.now())

    def cancel(self):
        return appointments.cancel_own(call_id=self.call.pk, facts=Facts(), now=self.now())


def letters(to):
    return list(OutgoingEmail.objects.filter(to=to).order_by("pk"))


def subjects(to):
    return [letter.subject for letter in letters(to)]


def in_calendar(to):
    """What a calendar makes of the letters to somebody: each with its method, its sequence and when it begins."""
    lines = [dict(line.split(":", 1) for line in letter.calendar.splitlines()) for letter in letters(to)]
    return [(line["METHOD"], int(line["SEQUENCE"]), line["DTSTART"]) for line in lines]


def messages():
    return list(OutgoingMessage.objects.order_by("pk").values_list("to", "body"))


def test_who_is_sent_by_a_call_is_told_by_email_whom_where_and_when():
    office = Office()

    made = office.book(notes="Mind the dog.")

    [letter] = letters("dan@example.com")
    assert (letter.subject, letter.purpose, letter.call) == (
        f"You are sent to booking {made.reference}: {NINE}",
        "technician",
        office.call,
    )
    assert letter.body.splitlines() == [
        f"You are sent to booking {made.reference}.",
        "",
        "  What: Drain cleaning",
        f"  When: {NINE}",
        "  Where: 12 Elm Street 12207",
        f"  Reference: {made.reference}",
        "  Who: Jo Miller, +15550100001",
        "  Notes: Mind the dog.",
        "",
        "Cedar Plumbing",
    ]
    assert f"UID:{made.reference}@booking\r\n" in letter.calendar
    assert messages() == []


def test_who_has_a_telephone_only_gets_text_messages():
    office = Office(email="", number="+15550130001")

    made = office.book()
    office.move()
    office.cancel()

    about = f"{ELEVEN}, 12 Elm Street."
    assert messages() == [
        ("+15550130001", f"You are sent to booking {made.reference}: Drain cleaning, {NINE}, 12 Elm Street."),
        (
            "+15550130001",
            f"Booking {made.reference} has moved to a new time: Drain cleaning, {about} It was {NINE}.",
        ),
        ("+15550130001", f"Booking {made.reference} is cancelled: Drain cleaning, {about}"),
    ]
    assert OutgoingEmail.objects.count() == 0


def test_who_cannot_be_reached_is_sent_all_the_same():
    office = Office(email="", number="")

    assert office.book().technician == office.dan
    assert (OutgoingEmail.objects.count(), messages()) == (0, [])


def test_what_is_booked_moved_and_cancelled_in_one_call_leaves_both_calendars_empty():
    office = Office()
    made = office.book(email="jo@example.com")
    office.move()
    office.move(TUESDAY_AT_NINE)
    office.cancel()

    assert subjects("dan@example.com") == [
        f"You are sent to booking {made.reference}: {NINE}",
        f"Booking {made.reference} has moved to a new time: {ELEVEN}",
        f"Booking {made.reference} has moved to a new time: {NINE}",
        f"Booking {made.reference} is cancelled: {NINE}",
    ]
    for to in ("dan@example.com", "jo@example.com"):
        assert in_calendar(to) == [
            ("PUBLISH", 0, "20261124T140000Z"),
            ("PUBLISH", 60, "20261124T160000Z"),
            ("PUBLISH", 120, "20261124T140000Z"),
            ("CANCEL", 180, "20261124T140000Z"),
        ]


def test_the_same_again_is_told_once():
    office = Office()
    for _ in range(2):
        office.book()
    for _ in range(2):
        office.move()
    for _ in range(2):
        office.cancel()

    assert len(letters("dan@example.com")) == 3


def test_a_letter_that_is_written_twice_is_one_letter():
    office = Office(number="+15550130001")
    booking = office.booked_before()
    for _ in range(2):
        tell = booking_letters.tell_technician
        assert tell(booking=booking, what=booking_letters.SENT, call=None, now=RANG_AT, is_both=True)

    assert (OutgoingEmail.objects.count(), len(messages())) == (1, 1)


def test_if_another_goes_at_the_new_time_the_first_hears_of_the_time_that_is_in_the_calendar():
    office = Office()
    make_technician(business=office.business, name="Ann", email="ann@example.com")
    booking = office.booked_before()
    make_time_off(technician=office.dan, starts_at=AT_ELEVEN)

    appointments.move(booking=booking, starts_at=AT_ELEVEN, now=RANG_AT)

    assert subjects("ann@example.com") == [f"You are sent to booking K7FCM4: {ELEVEN}"]
    assert subjects("dan@example.com") == [f"You are no longer sent to booking K7FCM4: {NINE}"]
    day = 24 * 60 * 60
    assert in_calendar("ann@example.com") == [("PUBLISH", day, "20261124T160000Z")]
    assert in_calendar("dan@example.com") == [("CANCEL", day, "20261124T140000Z")]


def test_the_owner_who_confirms_moves_and_cancels_has_it_told():
    office = Office()
    booking = office.booked_before()

    by_hand.confirm_booking(booking=booking, now=office.now())
    appointments.move(booking=booking, starts_at=AT_ELEVEN, now=office.now())
    appointments.cancel(booking=booking, now=office.now())

    assert subjects("dan@example.com") == [
        f"Booking K7FCM4 is confirmed: {NINE}",
        f"Booking K7FCM4 has moved to a new time: {ELEVEN}",
        f"Booking K7FCM4 is cancelled: {ELEVEN}",
    ]
    assert f"Booking K7FCM4 has moved to a new time. It was {NINE}." in letters("dan@example.com")[1].body


def test_who_is_sent_instead_and_who_was_sent_are_named_as_told_if_they_can_be_reached():
    office = Office(number="")
    ann = make_technician(business=office.business, name="Ann", email="", number="")
    booking = office.booked_before()

    assert dispatch.send(booking=booking, technician=ann, now=RANG_AT) == [office.dan]
    assert dispatch.send(booking=booking, technician=ann, now=RANG_AT) == []
    assert subjects("dan@example.com") == [f"You are no longer sent to booking K7FCM4: {NINE}"]


def test_nothing_is_told_of_a_change_that_did_not_happen():
    office = Office()
    booking = office.booked_before()
    Booking.objects.update(status=Booking.Status.DONE)

    with pytest.raises(by_hand.Changed):
        by_hand.confirm_booking(booking=booking, now=RANG_AT)
    with pytest.raises(appointments.NotYours):
        appointments.cancel(booking=booking, now=RANG_AT)

    assert (OutgoingEmail.objects.count(), messages()) == (0, [])


def test_nobody_is_told_of_what_is_over():
    office = Office()
    ann = make_technician(business=office.business, name="Ann")
    booking = office.booked_before(starts_at=RANG_AT - timedelta(days=400))
    Booking.objects.update(email="jo@example.com")

    by_hand.confirm_booking(booking=booking, now=RANG_AT)
    assert dispatch.send(booking=booking, technician=ann, now=RANG_AT) == []
    appointments.cancel(booking=booking, now=RANG_AT)

    assert Booking.objects.get().status == Booking.Status.CANCELLED
    assert (OutgoingEmail.objects.count(), messages()) == (0, [])


def test_what_is_over_and_moves_into_the_future_is_told_of_its_new_time():
    office = Office()
    booking = office.booked_before(starts_at=RANG_AT - timedelta(days=3))

    appointments.move(booking=booking, starts_at=TUESDAY_AT_NINE, now=RANG_AT)

    assert subjects("dan@example.com") == [f"Booking K7FCM4 has moved to a new time: {NINE}"]


def test_letters_of_a_booking_go_where_its_first_went_and_not_to_whose_number_was_claimed():
    office = Office()
    make_customer(business=office.business, number="+15185550123", email="ann@example.com")

    made = office.book(number="+15185550123", email="jo@example.com")
    appointments.cancel(booking=made, now=office.now())

    assert made.email == "jo@example.com"
    assert len(letters("jo@example.com")) == 2
    assert letters("ann@example.com") == []


def test_letters_follow_a_customer_whose_address_is_mended():
    office = Office()
    made = office.book(email="jo@exmaple.com")
    made.customer.email = "jo@example.com"
    made.customer.save()

    appointments.cancel(booking=made, now=office.now())

    assert (made.email, len(letters("jo@example.com"))) == ("", 1)
