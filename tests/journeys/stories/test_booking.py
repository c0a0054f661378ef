"""Stories of bookings: made, full, moved, cancelled, wanted by two, and of a caller who does not wait for the end."""

import threading
from datetime import datetime, time, timedelta
from time import monotonic, sleep
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.utils import timezone

from calls.models import Booking, CallEvent, TakenTime, TimeOff
from tests.factories_trade import make_booking, make_customer
from tests.journeys.stories.conftest import writing_held_up

HELD_SECONDS = 1.0
WAIT_SECONDS = 10


def next_monday(business):
    zone = ZoneInfo(business.time_zone)
    today = timezone.now().astimezone(zone).date()
    return datetime.combine(today + timedelta(days=7 - today.weekday()), time(9), tzinfo=zone)


def appointment(business, number, name, *, days=0):
    """Drain cleaning at nine, so many days after next Monday, for whoever has that number."""
    return make_booking(
        service=business.services.get(name="Drain cleaning"),
        technician=business.technicians.get(name="Maria Ortiz"),
        customer=make_customer(business=business, number=number, name=name),
        starts_at=next_monday(business) + timedelta(days=days),
        booked_at=timezone.now(),
    )


def fill(day, technicians):
    for technician in technicians:
        TimeOff.objects.create(technician=technician, starts_at=day, ends_at=day + timedelta(days=1))


def test_callers_who_are_new_book_once_and_what_is_free(stage, business):
    fill(next_monday(business).replace(hour=0), business.technicians.all())

    booked, full, twice = stage.play_all(["book", "book_when_full", "tool_twice"])

    [found, made, _] = booked.session.tools
    booking = booked.row.bookings.get()
    assert found.result["slots"][0]["slot"] == f"{booking.starts_at:%Y-%m-%dT%H:%MZ}/{booking.service_id}"
    assert (made.result["reference"], made.result["when"]) == (booking.reference, found.result["slots"][0]["when"])
    assert full.session.tools[0].result["asked"].endswith("That day is fully booked.")
    assert [tool.name for tool in twice.session.tools] == ["find_slots", "book_appointment", "end_call"]
    assert len(twice.session.received("conversation.item.create")) == 3


@pytest.mark.proof
def test_callers_who_are_known_move_hear_and_cancel_their_own_and_nobody_elses(stage, business):
    moved = appointment(business, "+15550100213", "Ian Reid")
    cancelled = appointment(business, "+15550100220", "Susan Clark", days=1)
    heard = appointment(business, "+15550100226", "Robert Miller", days=2)
    before = moved.starts_at

    calls = stage.play_all(["reschedule", "cancel", "next_appointment", "stranger"])

    moved.refresh_from_db()
    assert moved.starts_at != before
    assert CallEvent.objects.filter(kind="booking_moved", call=calls[0].row).count() == 1
    assert Booking.objects.get(pk=cancelled.pk).status == Booking.Status.CANCELLED
    assert not TakenTime.objects.filter(booking=cancelled).exists()
    assert calls[2].session.tools[0].result["appointments"][0]["reference"] == heard.reference
    assert calls[3].session.tools[0].result["appointments"] == []


@pytest.mark.proof
def test_two_callers_for_one_slot_get_two_times(make_stage, business):
    """Only one technician cleans drains today; the second caller's booking is held until the first one's is made: for a
    moment only, since a model that stalls is given up."""
    business.technicians.filter(name="Dan Kowalski").update(is_active=False)
    second_found = threading.Event()

    def in_turn(record, name):
        if name != "book_appointment":
            return
        if record.scenario == "two_callers_first":
            second_found.wait(WAIT_SECONDS)
        elif not second_found.is_set():
            second_found.set()
            await_booking()

    def await_booking():
        deadline = monotonic() + WAIT_SECONDS
        while not Booking.objects.exists() and monotonic() < deadline:
            sleep(0.01)
        connections.close_all()  # of this thread

    stage = make_stage(before_tool=in_turn)
    first, second = stage.play_all(["two_callers_first", "two_callers_second"])

    [first_found, *_] = first.session.tools
    [second_found, refused, booked, _] = second.session.tools
    assert first_found.result["slots"][0] == second_found.result["slots"][0]
    assert (refused.result["booked"], refused.result["reason"]) == (False, "That time has just been taken.")
    assert booked.result["when"] == refused.result["slots"][0]["when"]
    assert Booking.objects.values("starts_at").distinct().count() == 2


@pytest.fixture
def slow_booking(make_stage):
    """A stage on which booking takes a second, five of the call."""
    with writing_held_up(HELD_SECONDS) as hold:
        yield make_stage(before_tool=lambda record, name: hold() if is_writing(record, name) else None)


def is_writing(record, name):
    return name == "book_appointment" and record.scenario != "hang_up_unconfirmed"


def took_ms(call, name):
    return call.row.tool_calls.get(name=name).duration_ms


@pytest.mark.proof
def test_a_caller_who_speaks_while_a_tool_runs_is_answered_and_booked(slow_booking):
    call = slow_booking.play("barge_in_during_a_tool")

    assert took_ms(call, "book_appointment") > 0.5 * HELD_SECONDS * 1000


@pytest.mark.proof
def test_callers_who_hang_up_have_what_they_had_confirmed_and_nothing_else(slow_booking):
    confirmed, *_ = slow_booking.play_all(["hang_up_while_booking", "hang_up_unconfirmed", "hang_up_while_looking"])

    assert Booking.objects.get().call == confirmed.row
