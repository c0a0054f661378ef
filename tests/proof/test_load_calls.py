"""Many calls: what 200 leave that were hung up at any moment, and what hundreds in a row. Prints its figures (`-s`)."""

import os
import random
import re
from collections import Counter

import pytest

from calls.domain import demo
from calls.emulators.phone import Faults
from calls.lab import load
from calls.lab.calling import settled_row
from calls.lab.faults.stage import LINE, story
from calls.lab.load import MIB
from calls.models import Booking, Call, OutgoingEmail, Stream, TakenTime, ToolCall
from tests import factories
from tests.proof.load_kit import caller_number, figure, running_house

pytestmark = pytest.mark.proof

SEED = 20261120
HANG_UPS = 200
LONGEST_MS = 12_000
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
CALLS = int(os.environ.get("SOAK_CALLS", "600"))  # the figure is that of 2,000, which take minutes
WARM = 200
AT_ONCE = 6
MISTAKES = re.compile("Traceback|never retrieved|never awaited")
MOST_GROWTH = 10 * MIB


def booking_story(number):
    """The caller books; who hangs up does so somewhere in it."""
    return story(
        f"""
        - agent: {{text: "How can I help?"}}
        - say: {{text: "A drain cleaned, please."}}
        - agent:
            tool: find_slots
            arguments: {{service: Drain cleaning, day: {DAYS[number % 5]}, postal_code: "12207"}}
        - agent: {{text: "I have three openings."}}
        - say: {{text: "The first one."}}
        - agent:
            tool: book_appointment
            arguments:
              slot: $find_slots.slots[0].slot
              name: Robert Miller
              address: 12 Elm Street
              address_confirmed: true
              postal_code: "12207"
        - agent: {{text: "You are booked."}}
        - hang_up: true
        """,
        caller=caller_number(number),
    )


def half_bookings():
    """Bookings that lack what was to be written with them, and taken times that belong to none."""
    found = []
    for booking in Booking.objects.select_related("service"):
        times = TakenTime.objects.filter(booking=booking, technician=booking.technician)
        letters = OutgoingEmail.objects.filter(call=booking.call, purpose="technician")
        minutes = (booking.ends_at - booking.starts_at).total_seconds() / 60
        if times.count() * 5 < minutes or not letters.exists():
            found.append(booking.reference)
    made = set(ToolCall.objects.filter(name="book_appointment", result__booked=True).values_list("call", flat=True))
    kept = set(Booking.objects.values_list("call", flat=True))
    return found + sorted(made ^ kept)


def test_hang_ups_at_any_moment_leave_nothing_behind(django_db_setup, transactional_db, tmp_path):
    demo.load_demo()
    chance = random.Random(SEED)
    moments = [(chance.randrange(LONGEST_MS), chance.choice(["stop", "close", "reset"])) for _ in range(HANG_UPS)]
    stories = [booking_story(number) for number in range(HANG_UPS)]
    with running_house(tmp_path, rate=6.0, emulator={"keep_frames_of": 1}) as house:
        house.model.scenarios[:] = stories

        async def place(number):
            at_ms, how = moments[number]
            phone = house.phone(faults=Faults(hang_up_after_ms=at_ms, hang_up_how=how))
            return await phone.call(stories[number])

        async def warm(number):
            return await house.phone().call(stories[number])

        load.ring_many(3, at_once=3, place=warm)
        before = house.watch.held_at_rest()
        results = load.ring_many(HANG_UPS, at_once=8, place=place)
        for result in results:
            settled_row(result.call_sid, look_seconds=0.05, patience_seconds=10)
        after = house.watch.held_at_rest(before.counted)
        open_sessions, written = house.open_sessions, house.server.written()

    ends = Counter(Call.objects.values_list("end_reason", flat=True))
    figure(f"{HANG_UPS} hang-ups (seed {SEED}): {dict(ends)}, {Booking.objects.count()} bookings; {before} -> {after}")
    assert load.not_back(before, after) == []
    assert open_sessions == 0
    assert Call.objects.exclude(status=Call.Status.ENDED).count() == 0
    assert Stream.objects.filter(ended_at=None).count() == 0
    assert Booking.objects.count() > 10  # some got that far
    assert half_bookings() == []
    assert MISTAKES.findall(written) == []


def test_calls_in_a_row_cost_no_memory(django_db_setup, transactional_db, tmp_path):
    """The clock runs as in the world: faster would need DEBUG, which keeps every query."""
    factories.make_line(number=LINE)
    told = story(load.SHORT)
    with running_house(tmp_path, rate=1.0, emulator={"keep_frames_of": 1, "think_ms": 50}) as house:
        house.model.scenarios[:] = [told]

        async def place(number):
            return await house.phone().call(told)

        load.ring_many(WARM, at_once=AT_ONCE, place=place)
        first, ended, course = house.watch.held_at_rest(), [], []
        while len(ended) < CALLS - WARM:
            ended += load.ring_many(WARM, at_once=AT_ONCE, place=place)
            course.append((house.watch.held_at_rest(first.counted).rss - first.rss) / MIB)
        last = house.watch.held_at_rest(first.counted)
        open_sessions = house.open_sessions

    heard = sum(result.first_audio_ms is not None for result in ended)
    told_course = ", ".join(f"{growth:+.1f}" for growth in course)
    figure(f"{CALLS} calls, {heard} of the last {len(ended)} heard the agent: {told_course} MiB; {first} -> {last}")
    assert heard >= 0.95 * len(ended)
    assert last.rss - first.rss <= MOST_GROWTH
    assert load.not_back(first, last) == []
    assert open_sessions == 0
    assert Call.objects.exclude(status=Call.Status.ENDED).count() == 0
