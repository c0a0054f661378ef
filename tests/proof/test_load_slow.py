"""A caller who never reads, a database that is locked, a disk that is full. Prints its figures (`-s`)."""

import asyncio
import gc
import resource
import sqlite3
import time
from base64 import b64encode
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection

from calls.lab.load import MIB
from calls.lab.thin import HALF_SECOND, LINE, Model
from calls.models import Call, CallEvent, Turn
from tests import factories
from tests.proof.load_kit import figure, running_server

pytestmark = pytest.mark.proof

DEAF_SECONDS = 60
MOST_DEAF_GROWTH = 5 * MIB
MOST_DEAF_SECONDS = 45  # a ping every 20 s, and 20 s for its answer
LOCKED_SECONDS = 3.0
EVERY = 0.009  # more than 300 frames each way while the database is away
MOST_DELAY_MS = 20
FEWEST = 300


@pytest.fixture(autouse=True)
def no_pause_to_collect_garbage():
    """Frames leave from this process, and collecting what pytest has loaded takes a tenth of a second."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def p99(delays):
    return sorted(delays)[int(len(delays) * 0.99)] * 1000 if delays else float("inf")


async def never_reads(house, model):
    """The caller stops reading after the first sound; the model goes on speaking, five seconds of sound every 20 ms.

    Gives the most by which the server has grown, in bytes, what it holds afterwards, and after how many seconds the
    call was given up.
    """
    caller = await house.caller().ring()
    await asyncio.wait_for(caller.first_sound.wait(), 10)
    before = house.watch.held().rss
    caller.socket.transport.pause_reading()
    most, began, ended_after = 0, time.monotonic(), None
    while ended_after is None and (elapsed := time.monotonic() - began) < DEAF_SECONDS:
        for _ in range(50):
            number = int((time.monotonic() - began) * 1000)
            model.speak(f"resp_{number}", f"item_{number}", [HALF_SECOND] * 10)
            await model.drain()
            if not caller.socket.transport.is_closing():
                caller.say("/v7+" * 54)
            await asyncio.sleep(0.02)
        held = await asyncio.to_thread(house.watch.held)
        most = max(most, held.rss - before)
        if held.calls == 0:
            ended_after = elapsed
    held = await asyncio.to_thread(house.watch.held_at_rest)
    caller.socket.transport.abort()
    return most, held, ended_after


def test_caller_who_never_reads_costs_little_and_is_handed_over(django_db_setup, transactional_db, tmp_path):
    factories.make_line(number=LINE)

    async def play():
        async with Model().serving() as model, running_server(tmp_path, model.url) as house:
            known = await house.caller().ring()
            await asyncio.wait_for(known.first_sound.wait(), 10)
            model.speak("resp_1", "item_1", [HALF_SECOND] * 100)  # what any talk makes the process load
            await asyncio.sleep(0.5)
            await known.hang_up()
            idle = await asyncio.to_thread(house.watch.held_at_rest)
            model.is_ready.clear()
            return idle, *await never_reads(house, model)

    idle, growth, held, ended_after = asyncio.run(play())
    call = Call.objects.order_by("pk").last()
    figure(
        f"never read for {DEAF_SECONDS} s: at most {growth / MIB:+.1f} MiB; handed over after "
        f"{ended_after:.0f} s; {held}"
    )
    assert growth <= MOST_DEAF_GROWTH
    assert call.end_reason == Call.EndReason.STREAM_LOST
    assert CallEvent.objects.filter(call=call, kind="sound_dropped").count() == 1
    assert ended_after <= MOST_DEAF_SECONDS
    assert (held.calls, held.tasks <= idle.tasks, held.files <= idle.files) == (0, True, True)


class Delays:
    """How long each frame took from one end to the other, both ways; a frame carries the moment when it left."""

    def __init__(self):
        self.up, self.down = [], []

    def heard(self, payload):
        if (left := MOMENTS.pop(bytes(payload), None)) is not None:
            self.up.append(time.monotonic() - left)

    def played(self, payload):
        if (left := MOMENTS.pop(payload.encode(), None)) is not None:
            self.down.append(time.monotonic() - left)


MOMENTS = {}


def sound(number, side):
    """20 ms that nobody else sends."""
    return b64encode(f"{side}{number:09}".encode() + b"\x7f" * 150).decode()


async def talk(caller, model, seconds, count):
    """Frames both ways, and words that are to be written down all the while. Gives the delays of this phase."""
    delays, began, sent = Delays(), time.monotonic(), 0
    model.on_sound, caller.on_media = delays.heard, delays.played
    item = f"item_{count}"
    while time.monotonic() - began < seconds:
        up, down = sound(count * 100_000 + sent, "u"), sound(count * 100_000 + sent, "d")
        MOMENTS[up.encode()] = time.monotonic()
        caller.say(up)
        MOMENTS[down.encode()] = time.monotonic()
        model.put(
            f'{{"type":"response.output_audio.delta","response_id":"resp","item_id":"{item}","content_index":0,'
            f'"delta":"{down}"}}'
        )
        if sent % 20 == 0:
            words = f'"item_id":"{item}-{sent}","transcript":"Words {count} {sent}."'
            model.put(f'{{"type":"response.output_audio_transcript.done","content_index":0,{words}}}')
        sent += 1
        await asyncio.sleep(max(0.0, began + sent * EVERY - time.monotonic()))
    await asyncio.sleep(0.3)
    return delays, (sent + 19) // 20


@contextmanager
def locked_database(house):
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=10)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def full_disk(house):
    """No file of the server may grow."""
    before = resource.prlimit(house.server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(house.server.pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(house.server.pid, resource.RLIMIT_FSIZE, before)


def test_database_that_is_away_delays_no_sound_and_loses_nothing(django_db_setup, transactional_db, tmp_path):
    factories.make_line(number=LINE)
    phases = [("control", None), ("locked", locked_database), ("control again", None), ("disk full", full_disk)]

    async def play():
        async with Model().serving() as model, running_server(tmp_path, model.url) as house:
            caller = await house.caller().ring()
            await asyncio.wait_for(caller.first_sound.wait(), 10)
            await talk(caller, model, 1.0, 9)  # not measured: the first of everything
            measured, words = {}, 0
            for count, (name, away) in enumerate(phases):
                if away is None:
                    measured[name], said = await talk(caller, model, LOCKED_SECONDS, count)
                else:
                    with away(house):
                        measured[name], said = await talk(caller, model, LOCKED_SECONDS, count)
                words += said
            is_open = caller.is_open
            await caller.hang_up()
            await asyncio.to_thread(house.watch.held_at_rest)
            return measured, words, is_open

    measured, words, is_open = asyncio.run(play())
    for name, delays in measured.items():
        figure(
            f"{name}: {len(delays.up)} frames to OpenAI p99 {p99(delays.up):.1f} ms, "
            f"{len(delays.down)} to the caller p99 {p99(delays.down):.1f} ms"
        )
    control = {
        side: max(p99(getattr(measured[n], side)) for n in ("control", "control again")) for side in ("up", "down")
    }
    for name in ("locked", "disk full"):
        for side in ("up", "down"):
            delays = getattr(measured[name], side)
            assert len(delays) >= FEWEST
            assert p99(delays) <= control[side] + MOST_DELAY_MS
    assert is_open
    call = Call.objects.get()
    assert (call.status, call.end_reason) == (Call.Status.ENDED, Call.EndReason.CALLER_HANGUP)
    assert Turn.objects.filter(text__regex=r"^Words [0-3] \d+\.$").count() == words
    with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    other.close()
