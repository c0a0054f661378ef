"""kill -9 in the middle of a call: what was said before stands in the database, and the next server closes the call."""

import asyncio
import logging
import random
import signal
import threading
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db.models import Q

from calls.domain import demo
from calls.emulators.twilio_call import Order, Record
from calls.lab import telephony
from calls.lab.scratch import ACCOUNT_SID
from calls.models import Booking, Business, Call, OutgoingEmail, Server, TakenTime
from tests.journeys.conftest import LINE, RATE, running_station, story, town_of

logger = logging.getLogger(__name__)

TALK = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open?"}
- agent: {text: "From eight until six."}
- say: {text: "And on Saturdays?"}
- agent: {text: "Until noon."}
"""


def test_server_that_is_killed_loses_the_turn_in_progress_at_most(django_db_setup, line, tmp_path):
    killed = threading.Event()

    def kill(kind, detail):
        if (kind, detail) == ("say", "And on Saturdays?"):
            killed.set()
            station.server.end(signal.SIGKILL)

    with running_station(tmp_path, RATE) as station, town_of(station) as town:
        # Nobody is left who could write how it ended.
        call = town.ring(story(TALK), on_event=kill, troubled=True, patience_seconds=1)

    assert killed.is_set()
    assert call.turns == [
        ("agent", "How can I help?"),
        ("caller", "When are you open?"),
        ("agent", "From eight until six."),
    ]
    assert [kind for kind in call.kinds if kind in {"stream_started", "first_audio"}] == [
        "stream_started",
        "first_audio",
    ]


SEED, KILLS = 20261120, 20
LONGEST_SECONDS = 3.5  # a little more than the call takes
CLOSED_SECONDS = 5
BOOKING = """
- agent: {text: "How can I help?"}
- say: {text: "My drain is blocked."}
- agent:
    text: "Let me look."
    tool: find_slots
    arguments: {service: Drain cleaning, day: soonest, postal_code: "12207"}
- agent: {text: "I have a time."}
- say: {text: "I take it."}
- agent:
    text: "One moment."
    tool: book_appointment
    arguments:
      slot: $find_slots.slots[0].slot
      name: Robert Miller
      address: 12 Elm Street
      address_confirmed: true
      postal_code: "12207"
- agent: {text: "You are booked."}
- say: {text: "Thank you, goodbye."}
- agent: {text: "Goodbye.", tool: end_call}
"""


class Town:
    """A line whose server is killed again and again, each time by the next one's start."""

    def __init__(self, folder, api):
        self.folder = folder
        self.api = api
        self.random = random.Random(SEED)
        self.killed = []  # (instant, CallSid)
        self.seconds = []  # from each start to the last call closed

    def serve_and_kill(self, number):
        """With credentials of Twilio's every other time."""
        more = {"TWILIO_API_BASE_URL": self.api.url} if number % 2 else {"TWILIO_ACCOUNT_SID": ""}
        with self.started(number, **more) as station, town_of(station) as town:
            town.emulator.scenarios[:] = [story(BOOKING, caller=f"+155501004{number:02}")]
            instant = self.random.uniform(0, LONGEST_SECONDS)
            heard = asyncio.run(self.ring(town, station.server, instant))
        self.killed.append((round(instant, 3), heard.call_sid))
        record = Record(heard.call_sid, Order(to=LINE, from_number=heard.call_sid), {}, status="completed")
        record.started_at = record.ended_at = datetime.now(UTC)
        self.api.calls[heard.call_sid] = record

    def started(self, number, **more):
        folder = self.folder / f"server{number}"
        folder.mkdir()
        return Started(self, running_station(folder, RATE, **more))

    async def ring(self, town, server, instant):
        [scenario] = town.emulator.scenarios
        ringing = asyncio.create_task(town.phone().call(scenario))
        await asyncio.sleep(instant)
        server.end(signal.SIGKILL)
        return await ringing


class Started:
    """A station whose predecessors' calls are closed."""

    def __init__(self, town, station):
        self.town = town
        self.station = station

    def __enter__(self):
        entered = self.station.__enter__()
        began = time.monotonic()
        self.town.api.auth_token = entered.token
        while open_calls() and time.monotonic() < began + 4 * CLOSED_SECONDS:
            time.sleep(0.02)
        self.town.seconds.append(round(time.monotonic() - began, 2))
        return entered

    def __exit__(self, *reason):
        return self.station.__exit__(*reason)


def open_calls():
    return Call.objects.filter(
        Q(status=Call.Status.STREAMING) | Q(streams__isnull=False, streams__ended_at=None)
    ).count()


@pytest.mark.proof
def test_twenty_kills_at_random_instants_leave_no_call_open_and_nothing_twice(
    django_db_setup, transactional_db, tmp_path, mailoutbox
):
    demo.load_demo()
    Business.objects.update(email="owner@example.com", emails_summaries=True)

    with telephony.in_background(account_sid=ACCOUNT_SID, auth_token="") as api:
        town = Town(tmp_path, api)
        for number in range(KILLS):
            town.serve_and_kill(number)
        with town.started(KILLS, TWILIO_API_BASE_URL=api.url):
            deadline = time.monotonic() + CLOSED_SECONDS
            while Call.objects.exclude(status=Call.Status.ENDED).exists() and time.monotonic() < deadline:
                time.sleep(0.02)
    logger.info("seed %s, kills at %s, closed after %s s", SEED, [at for at, _ in town.killed], town.seconds)

    rows = {row.call_sid: row for row in Call.objects.all()}
    reasons = Counter(row.end_reason for row in rows.values())
    assert Counter(row.status for row in rows.values()) == {Call.Status.ENDED: len(rows)}
    assert set(reasons) <= {Call.EndReason.SERVER_RESTART, Call.EndReason.AGENT_HANGUP, Call.EndReason.CALLER_HANGUP}
    assert reasons[Call.EndReason.SERVER_RESTART] >= KILLS // 2
    assert max(town.seconds) <= CLOSED_SECONDS
    assert Counter(server.ending for server in Server.objects.exclude(ending="")) == {"gone": KILLS, "stopped": 1}
    nothing_stands_twice()
    for _ in range(2):
        call_command("worker", once=True)
    assert (len(mailoutbox), len(mailoutbox) > KILLS // 2) == (OutgoingEmail.objects.count(), True)


def nothing_stands_twice():
    """Each call has booked once at most, each booking holds its time, and nobody is written twice of the same."""
    bookings = Booking.objects.all()
    assert [n for n in Counter(bookings.values_list("call_id", flat=True)).values() if n > 1] == []
    assert len(set(bookings.values_list("technician_id", "starts_at"))) == len(bookings) > 0
    held = Counter(TakenTime.objects.values_list("booking_id", flat=True))
    assert (set(held), len(set(held.values()))) == (set(bookings.values_list("pk", flat=True)), 1)
    told = Counter(OutgoingEmail.objects.values_list("call_id", "purpose"))
    assert [about for about, n in told.items() if n > 1] == []
    tools = Call.objects.filter(tool_calls__name="book_appointment", tool_calls__status="ok")
    assert [call.call_sid for call in tools if not call.bookings.exists()] == []
