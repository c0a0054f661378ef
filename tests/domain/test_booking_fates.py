"""Outcome and summary of calls that made, moved and cancelled bookings, in every order."""

import pytest

from calls.domain import booking_fates, summaries
from calls.models import Booking, Quote
from tests.factories import RANG_AT, make_call, make_event, make_message, make_turn
from tests.factories_trade import make_booking, make_customer, make_open_business, make_service

pytestmark = pytest.mark.django_db

MADE, MOVED, CANCELLED = "booked", "booking_moved", "booking_cancelled"

# What happened, each with the booking that it happened to, and what the call came to by that.
CASES = {
    "made": ([("a", MADE)], "booked", ["Booked: a."]),
    "made and moved": ([("a", MADE), ("a", MOVED)], "booked", ["Booked: a."]),
    "made and cancelled": ([("a", MADE), ("a", CANCELLED)], "answered", ["Cancelled: a."]),
    "made, moved and cancelled": ([("a", MADE), ("a", MOVED), ("a", CANCELLED)], "answered", ["Cancelled: a."]),
    "another call's moved": ([("b", MOVED)], "booked", ["Moved: b."]),
    "another call's moved and cancelled": ([("b", MOVED), ("b", CANCELLED)], "answered", ["Cancelled: b."]),
    "another call's cancelled": ([("b", CANCELLED)], "answered", ["Cancelled: b."]),
    "one cancelled, one made": ([("b", CANCELLED), ("a", MADE)], "booked", ["Booked: a.", "Cancelled: b."]),
    "one made, one moved": ([("a", MADE), ("b", MOVED)], "booked", ["Booked: a.", "Moved: b."]),
    "both cancelled": (
        [("a", MADE), ("a", CANCELLED), ("b", CANCELLED)],
        "answered",
        ["Cancelled: a.", "Cancelled: b."],
    ),
    "nothing": ([], "answered", []),
}


@pytest.fixture
def call():
    call = make_call()
    make_turn(call=call)
    return call


def happen(call, happenings):
    bookings = {}
    for position, (name, kind) in enumerate(happenings):
        if name not in bookings:
            customer = make_customer(business=call.business)
            service = make_service(business=call.business, name=name)
            bookings[name] = make_booking(service=service, customer=customer, call=call if name == "a" else None)
        if kind == CANCELLED:
            Booking.objects.filter(pk=bookings[name].pk).update(status="cancelled")
        make_event(call=call, kind=kind, at_ms=1000 * position, detail={"reference": bookings[name].reference})
    return bookings


def conclude(call):
    return summaries.conclude_call(call_id=call.pk, model_text="", now=RANG_AT)


@pytest.mark.parametrize("name", CASES)
def test_call_came_to_what_stands_when_it_ends(call, name):
    happenings, outcome, told = CASES[name]
    happen(call, happenings)

    conclusion = conclude(call)

    assert conclusion.outcome == outcome
    fates = conclusion.summary.removeprefix("The caller began with: “My kitchen tap is dripping.” ").split(". ")
    assert sorted(f"{fate.rstrip('.')}." for fate in fates if ":" in fate and "began" not in fate) == told


@pytest.mark.parametrize(("left", "outcome"), [("quote", "quoted"), ("message", "message")])
def test_what_is_left_beside_a_cancelled_booking_is_the_outcome(call, left, outcome):
    bookings = happen(call, [("a", MADE), ("a", CANCELLED)])
    if left == "quote":
        service = bookings["a"].service
        Quote.objects.create(business=call.business, call=call, service=service, total="1.00", quoted_at=RANG_AT)
    else:
        make_message(call=call)

    assert conclude(call).outcome == outcome


def test_what_a_later_call_or_the_owner_cancels_was_booked_all_the_same(call):
    bookings = happen(call, [("a", MADE)])
    Booking.objects.filter(pk=bookings["a"].pk).update(status="cancelled")
    later = make_call(line=call.line)
    make_turn(call=later)
    make_event(call=later, kind=CANCELLED, detail={"reference": bookings["a"].reference})

    assert (conclude(call).outcome, conclude(later).outcome) == ("booked", "answered")
    summaries.conclude_again(call_id=call.pk, now=RANG_AT)
    call.refresh_from_db()
    assert call.outcome == "booked"


def test_booking_of_a_call_without_events_stands_by_its_own_status(call):
    business = make_open_business()
    booking = make_booking(service=make_service(business=business), call=call)
    assert [fate.what for fate in booking_fates.fates(call=call)] == [MADE]

    Booking.objects.filter(pk=booking.pk).update(status="cancelled")
    assert booking_fates.fates(call=call) == []
