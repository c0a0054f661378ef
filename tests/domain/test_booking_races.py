"""Many callers want the same time at the same moment: as many get it as there are technicians, and nobody an error.

`make test` runs a few rounds, `make proof` a hundred, on SQLite and (tests/proof/test_bookers.py) on PostgreSQL.
"""

import threading
import time as clock
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from calls.domain import appointments, diary, slots
from calls.domain.booking import SlotTaken, Wanted, book_appointment
from calls.models import Booking, TakenTime
from tests.factories import RANG_AT, make_call, make_line
from tests.factories_trade import (
    TUESDAY_AT_NINE,
    make_booking,
    make_customer,
    make_open_business,
    make_service,
    make_technician,
)

pytestmark = pytest.mark.django_db(transaction=True)

BOOKERS = 50
# Batches, so that none takes longer than a test may.
ROUNDS = [3, *(pytest.param(25, id=f"batch{batch}", marks=pytest.mark.proof) for batch in range(1, 5))]
WANTED = Wanted(name="Robert Miller", address="12 Elm Street", postal_code="12207")


def at_once(function, arguments):
    """What each call of `function` came to, all begun at the same moment: (value or exception, seconds)."""
    barrier = threading.Barrier(len(arguments))

    def run(argument):
        try:
            barrier.wait()
            began = clock.perf_counter()
            try:
                result = function(argument)
            except (SlotTaken, diary.NotFree) as refusal:
                result = refusal
            return result, clock.perf_counter() - began
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(run, arguments))


def shop(technicians):
    business = make_open_business()
    people = [make_technician(business=business) for _ in range(technicians)]
    return business, people, make_service(business=business)


def overlaps():
    """Bookings of one technician that come nearer to each other than the buffer."""
    rows = Booking.objects.exclude(status=Booking.Status.CANCELLED).order_by("technician", "starts_at", "pk")
    spans = list(rows.values_list("technician", "starts_at", "ends_at", "business__buffer_minutes"))
    return [
        (one, two)
        for one, two in zip(spans, spans[1:], strict=False)
        if one[0] == two[0] and two[1] < one[2] + timedelta(minutes=one[3])
    ]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_one_slot_goes_to_as_many_bookers_as_there_are_technicians(rounds, record_testsuite_property):
    losing, winning = [], []
    for number in range(rounds):
        business, people, service = shop(technicians=1 + number % 3)
        line = make_line(business=business)
        calls = [make_call(line=line, from_number=f"+1555016{booker:04}") for booker in range(BOOKERS)]
        slot = slots.slot_id(service=service, starts_at=TUESDAY_AT_NINE)

        def book(call, slot=slot):
            return book_appointment(call_id=call.pk, slot=slot, wanted=WANTED, now=RANG_AT)

        results = at_once(book, calls)

        won = [made for made, _ in results if isinstance(made, Booking)]
        lost = [refusal for refusal, _ in results if isinstance(refusal, SlotTaken)]
        assert sorted(made.technician_id for made in won) == [technician.pk for technician in people]
        assert len(won) + len(lost) == BOOKERS
        assert {tuple(refusal.openings) for refusal in lost} == {
            tuple(TUESDAY_AT_NINE + timedelta(minutes=minutes) for minutes in (90, 210, 330))
        }
        winning += [seconds for made, seconds in results if isinstance(made, Booking)]
        losing += [seconds for made, seconds in results if isinstance(made, SlotTaken)]
    assert overlaps() == []
    losing.sort()
    record_testsuite_property("losers_p50_ms", round(losing[len(losing) // 2] * 1000))
    record_testsuite_property("losers_p99_ms", round(losing[len(losing) * 99 // 100] * 1000))
    record_testsuite_property("losers_max_ms", round(losing[-1] * 1000))
    record_testsuite_property("winners_max_ms", round(max(winning) * 1000))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_the_constraint_alone_keeps_overlapping_times_apart(rounds):
    """Without the order that `booking` keeps: every writer takes its time as it comes, all of them overlapping."""
    for _ in range(rounds):
        business, [technician], service = shop(technicians=1)
        customer = make_customer(business=business)
        bookings = [
            make_booking(
                service=service,
                technician=technician,
                customer=customer,
                starts_at=TUESDAY_AT_NINE + timedelta(minutes=5 * (number % 10)),
                status=Booking.Status.CANCELLED,  # which takes no time yet
            )
            for number in range(BOOKERS)
        ]

        results = at_once(lambda booking: diary.take(booking=booking), bookings)

        assert [result for result, _ in results].count(None) == 1
        assert TakenTime.objects.filter(technician=technician).count() == 15


def test_two_callers_who_change_places_at_once_wait_for_each_other_in_no_circle():
    """Each moves to the time that the other holds: both are refused, and nothing hangs."""
    business, [technician], service = shop(technicians=1)
    times = [TUESDAY_AT_NINE, TUESDAY_AT_NINE + timedelta(minutes=90)]
    bookings = [
        make_booking(
            service=service, technician=technician, customer=make_customer(business=business), starts_at=starts_at
        )
        for starts_at in times
    ]

    def move(booking):
        target = times[0] if booking.starts_at == times[1] else times[1]
        appointments.move(booking=booking, starts_at=target, now=RANG_AT)

    for _ in range(5):
        results = at_once(move, [Booking.objects.get(pk=booking.pk) for booking in bookings])

        assert [type(result) for result, _ in results] == [SlotTaken, SlotTaken]
    assert overlaps() == []
    assert TakenTime.objects.count() == 30


@pytest.mark.parametrize("technicians", [1, 3])
def test_the_same_call_asking_fifty_times_at_once_has_one_booking(technicians):
    business, _, service = shop(technicians=technicians)
    call = make_call(line=make_line(business=business))
    slot = slots.slot_id(service=service, starts_at=TUESDAY_AT_NINE)

    results = at_once(
        lambda _: book_appointment(call_id=call.pk, slot=slot, wanted=WANTED, now=RANG_AT), range(BOOKERS)
    )

    assert {made for made, _ in results} == {Booking.objects.get()}
