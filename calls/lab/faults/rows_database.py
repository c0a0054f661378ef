"""Rows D2, D5 and D7: PostgreSQL restarted, many calls that end at once, connections that are not given back."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from django.core.management import call_command
from django.db import connections
from websockets.exceptions import ConnectionClosed

from calls.domain import demo
from calls.emulators import phone_messages as messages
from calls.lab import postgres, scratch
from calls.lab.faults.rows_house import When
from calls.lab.faults.rows_openai import TALK, TALKED
from calls.lab.faults.stage import House, PhoneFaults, Rung, Stage, story
from calls.lab.faults.table import Row, Seen, impossible, judged
from calls.lab.faults.wire import Wire, form, new_sid, token_in
from calls.lab.postgres import PostgresServer
from calls.models import Booking, Call, Turn

HEARD = "ended, caller_hangup"
BOOKING = """
- agent: {text: "How can I help?"}
- say: {text: "My drain is blocked. I need somebody on Monday."}
- agent: {tool: find_slots, arguments: {service: Drain cleaning, day: monday, postal_code: "12207"}}
- agent: {text: "Monday at eight. Shall I book it?"}
- say: {text: "Yes, please, for Robert Miller, twelve Elm Street."}
- agent:
    tool: book_appointment
    arguments:
      slot: $find_slots.slots[0].slot
      name: Robert Miller
      address: 12 Elm Street
      address_confirmed: true
      postal_code: "12207"
- agent: {text: "You are booked."}
- hang_up: true
"""
BOOKED = ["agent", "caller", "agent", "caller", "agent"]
ENDING, TURNS_EACH, OPENING = 100, 50, 10
WRITTEN_WITHIN = 10.0
SETTLED_WITHIN = 30.0
LEAKY_CALLS, LEAKY_AT_ONCE, LEAKY_RATE = 500, 20, 8.0
WAITING = re.compile("locked|waits for the database|lost")
MORE_CONNECTIONS = 5
KEPT = "?conn_max_age=600"  # connections that are kept are those that can be lost sight of


@contextmanager
def on_postgres(stage: Stage) -> Iterator[PostgresServer]:
    """A migrated PostgreSQL with the demonstration's business; this process reads its rows. Raises NotInstalled."""
    with postgres.running() as server, scratch.database_at(server.url):
        call_command("migrate", verbosity=0)
        demo.load_demo()
        yield server
        connections.close_all()


def if_installed(act: Callable[[Stage], Seen]) -> Callable[[Stage], Seen]:
    def acted(stage: Stage) -> Seen:
        try:
            return act(stage)
        except postgres.NotInstalled as missing:
            return impossible(str(missing))

    return acted


def restarted_in_a_call(stage: Stage) -> Seen:
    """In the middle of what the caller says, so that journal, tool and status callbacks meet it; then another call."""
    with on_postgres(stage) as server, stage.house(DATABASE_URL=f"{server.url}{KEPT}") as house:
        connections.close_all()
        restart = When("say", server.restart_at_once)
        rung = house.ring(story(BOOKING), during=restart, on_event=restart.on_event)
        seen = judged(rung, house, reached="the agent", stored=HEARD, check=booked_once)
        before = len(house.server.written())
        after = house.ring(story(TALK, caller="+15550100002"))
        if after.turns != TALKED or " ERROR " in house.server.written()[before:]:
            seen.shortcomings.append(f"The call after it has the transcript {after.turns}.")
    return seen


def booked_once(rung: Rung, house: House) -> Iterator[str]:
    if [role for role, _ in rung.turns] != BOOKED:
        yield f"The transcript is {rung.turns}."
    if Booking.objects.count() != 1:
        yield f"{Booking.objects.count()} bookings were made."


def end_together(stage: Stage) -> Seen:
    """Calls that carry no sound, only words: so many are no load for the telephones, all the more for the database."""
    with replace(stage, rate=1.0).house() as house:
        took = asyncio.run(_end_together(house))
        ended = Call.objects.filter(status=Call.Status.ENDED).exclude(model="").count()
        turns = Turn.objects.exclude(text="").filter(role=Turn.Role.CALLER).count()
        logged = house.logged()
        locked = len(WAITING.findall(house.server.written()))
    found = [] if (ended, turns) == (ENDING, ENDING * TURNS_EACH) else [f"{ended} calls and {turns} turns are stored."]
    found += [] if took <= WRITTEN_WITHIN else [f"It took {took:.1f} s to write it all."]
    found += [f"The log says {locked} times that the database is locked."] if locked else []
    return Seen(found, stored=f"{ended} calls, {turns} turns, {took:.1f} s", logged="; ".join(logged) or "–")


async def _end_together(house: House) -> float:
    """Seconds from the first of the last words until everything is written down."""
    wire = Wire(house)
    crowd = asyncio.Semaphore(OPENING)
    streams = await asyncio.gather(*(_open(wire, crowd, number) for number in range(ENDING)))
    reading = [asyncio.create_task(_drain(socket)) for socket, _ in streams]
    await _until(lambda: sum("session.update" in s.client_event_types for s in house.model.sessions) == ENDING)
    began = time.monotonic()
    for session in house.model.sessions:
        for number in range(TURNS_EACH):
            item_id = f"item_{session.index}_{number}"
            previous = f"item_{session.index}_{number - 1}" if number else None
            house.model.send(session, "input_audio_buffer.committed", item_id=item_id, previous_item_id=previous)
            kind = "conversation.item.input_audio_transcription.completed"
            house.model.send(session, kind, item_id=item_id, content_index=0, transcript=f"This is turn {number}.")
    wanted = ENDING * TURNS_EACH
    await _until(lambda: Turn.objects.exclude(text="").filter(role=Turn.Role.CALLER).count() >= wanted)
    for socket, writer in streams:
        with suppress(ConnectionClosed):  # by the server, which has handed the call over
            await socket.send(writer.stop())
        await socket.close()
    await _until(lambda: Call.objects.filter(status=Call.Status.ENDED).exclude(model="").count() == ENDING)
    for task in reading:
        task.cancel()
    return time.monotonic() - began


async def _open(wire: Wire, crowd: asyncio.Semaphore, number: int):  # type: ignore[no-untyped-def]
    sid = new_sid()
    writer = messages.Writer(scratch.ACCOUNT_SID, sid, new_sid("MZ"))
    async with crowd:
        answer = await wire.answer("/twilio/voice", form(sid, From=f"+1555030{number:04}"))
        socket = await wire.open("/twilio/realtime")
        await socket.send(writer.connected())
        await socket.send(writer.start({"token": token_in(answer.text)}))
    return socket, writer


async def _drain(socket) -> None:  # type: ignore[no-untyped-def]
    with suppress(ConnectionClosed):
        async for _ in socket:
            pass


async def _until(holds: Callable[[], bool]) -> None:
    def look() -> None:
        deadline = time.monotonic() + SETTLED_WITHIN
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.05)  # a database of another process does not tell when something is written

    await asyncio.to_thread(look)


def many_calls(stage: Stage) -> Seen:
    """Short calls, many at once, on connections that are kept: none may be lost sight of."""
    fast = replace(stage, rate=LEAKY_RATE)
    wanted = LEAKY_CALLS if not stage.without else LEAKY_CALLS // 5  # a leak shows soon enough
    short = PhoneFaults(hang_up_on_first_audio=True)
    with on_postgres(stage) as server, fast.house(DATABASE_URL=f"{server.url}{KEPT}") as house:
        house.ring_all(_short_stories(0), faults=short)
        connections.close_all()
        start = server.connections()
        for number in range(1, wanted // LEAKY_AT_ONCE):
            house.ring_all(_short_stories(number), faults=short)
        connections.close_all()
        end = server.connections()
        calls = Call.objects.count()
        ends = sorted({f"{call.status}, {call.end_reason}" for call in Call.objects.all()})
        logged = house.logged()
    found = [] if end <= start + MORE_CONNECTIONS else [f"{start} connections became {end}."]
    found += [] if calls == wanted else [f"{calls} calls are stored."]
    stored = f"{calls} calls; {start} connections, then {end}; {'; '.join(ends)}"
    return Seen(found, stored=stored, logged="; ".join(logged) or "–")


def _short_stories(number: int) -> list:  # type: ignore[type-arg]
    callers = range(number * LEAKY_AT_ONCE, (number + 1) * LEAKY_AT_ONCE)
    return [story(TALK, caller=f"+1555040{caller:04}") for caller in callers]


_ACTS: list[tuple[str, str, Callable[[Stage], Seen], tuple[str, ...]]] = [
    ("D2", "PostgreSQL is restarted at once in a call", if_installed(restarted_in_a_call), ("connection_check",)),
    (
        "D5",
        f"{ENDING} calls end in the same second, with {ENDING * TURNS_EACH} turns",
        end_together,
        ("writers_line",),
    ),
    ("D7", f"{LEAKY_CALLS} calls on PostgreSQL, {LEAKY_AT_ONCE} at once", if_installed(many_calls), ("pools",)),
]
ROWS = tuple(Row(number=number, fault=fault, act=act, guards=guards) for number, fault, act, guards in _ACTS)
