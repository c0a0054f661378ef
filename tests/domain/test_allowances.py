"""What one caller may have us write: so much a call, and so much a number and day, however many calls there are."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from calls.domain import appointments, booking, messages, slots
from calls.domain.appointments import Facts
from calls.domain.booking import Wanted
from calls.domain.messages import TooManyMessages
from calls.models import Message, OutgoingEmail
from tests.factories import RANG_AT, make_call, make_line
from tests.factories_trade import (
    TUESDAY_AT_NINE,
    make_booking,
    make_customer,
    make_open_business,
    make_service,
    make_technician,
)

pytestmark = pytest.mark.django_db


class Office:
    """A business whose technicians have time for everybody."""

    def __init__(self):
        self.business = make_open_business()
        self.line = make_line(business=self.business)
        self.service = make_service(business=self.business)
        make_technician(business=self.business)

    def call(self, number="+15550100001"):
        return make_call(line=self.line, from_number=number)

    def book(self, call, number, now=RANG_AT):
        """Book for one number and one mailbox after the other."""
        told = {"name": "Jo Miller", "address": "12 Elm Street", "postal_code": "12207"}
        wanted = Wanted(number=f"+1555010{number:04}", email=f"mailbox{number}@example.com", **told)
        starts_at = TUESDAY_AT_NINE + timedelta(days=number // 3, hours=2 * (number % 3))
        slot = slots.slot_id(service=self.service, starts_at=starts_at)
        return booking.book_appointment(call_id=call.pk, slot=slot, wanted=wanted, now=now)


def letters(**fields):
    return OutgoingEmail.objects.filter(purpose="booking", **fields).count()


def test_two_confirmations_a_call_are_written():
    office = Office()
    call = office.call()

    for number in range(3):
        office.book(call, number)

    assert (call.bookings.count(), letters()) == (3, 2)


def test_five_confirmations_a_number_in_a_day_are_written():
    office = Office()

    for number in range(7):
        office.book(office.call(), number)
    office.book(office.call("+15550100002"), 7)
    office.book(office.call(), 8, now=RANG_AT + timedelta(hours=24))

    assert list(OutgoingEmail.objects.filter(purpose="booking").order_by("pk").values_list("to", flat=True)) == [
        f"mailbox{number}@example.com" for number in (0, 1, 2, 3, 4, 7, 8)
    ]


def test_ten_letters_of_moving_to_and_fro_are_written_in_a_day():
    office = Office()
    customer = make_customer(business=office.business, number="+15550100001", email="r@example.com")
    make_booking(service=office.service, customer=customer)
    moves = 0

    for _ in range(5):
        call = office.call()
        for _ in range(3):
            moves += 1
            starts_at, now = TUESDAY_AT_NINE + timedelta(hours=moves % 2 * 2), RANG_AT + timedelta(minutes=moves)
            slot = slots.slot_id(service=office.service, starts_at=starts_at)
            appointments.reschedule(call_id=call.pk, facts=Facts(), slot=slot, now=now)

    assert letters(to="r@example.com") == 10


@pytest.mark.django_db(transaction=True)
def test_the_limit_is_exact_when_many_book_at_once():
    office = Office()
    for _ in range(2):
        make_technician(business=office.business)
    calls = [office.call() for _ in range(8)]
    together = threading.Barrier(len(calls))

    def work(number, call):
        together.wait()
        try:
            office.book(call, number)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=attempt) for attempt in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (office.business.bookings.count(), letters()) == (8, 5)


def say(call, text, now=RANG_AT):
    return messages.take_message(call_id=call.pk, text=text, caller_name="Jo", number="", now=now)


def test_five_messages_a_call_are_taken_and_each_may_be_said_again():
    call = make_call()
    for number in range(5):
        say(call, f"Message {number}")

    with pytest.raises(TooManyMessages, match=r"^Enough messages of this call have been written down\. "):
        say(call, "One more")

    assert say(call, "Message 3").text == "Message 3"
    assert Message.objects.count() == 5


def test_fifteen_messages_a_number_in_a_day_are_taken():
    line = make_line()
    for number in range(15):
        say(make_call(line=line), f"Message {number}")

    with pytest.raises(TooManyMessages, match=r"^Many messages of this number have been written down today\. "):
        say(make_call(line=line), "One more")

    say(make_call(line=line, from_number="+15550100002"), "From another number")
    say(make_call(line=line), "The next day", now=RANG_AT + timedelta(hours=24))
    assert Message.objects.count() == 17
