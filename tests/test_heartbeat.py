"""A process among the servers: it says that it lives, and finds the dead."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from calls import database, heartbeat
from calls.domain import servers
from calls.heartbeat import Heartbeat, is_running, this_process
from calls.models import Server
from calls.relay import live
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def start():
    """Starts heartbeats that are stopped in the end."""
    started = []

    def begin(**options):
        beating = Heartbeat(this_process, **options)
        beating.start(wait=True)
        started.append(beating)
        return beating

    yield begin
    for beating in started:
        beating.stop()


@pytest.fixture
def watcher():
    """One that has not begun: its looks are taken one by one."""
    return Heartbeat(this_process, watch_seconds=0.05)


@pytest.fixture
def dead_process():
    """The id and the beginning of a process that has ended, and was not even waited for."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = heartbeat._stat(process.pid)[1]
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process.pid, began
    process.communicate()


def await_equal(ask, wanted):
    deadline = time.monotonic() + 5
    while ask() != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ask() == wanted


def mine():
    """The row of this process: a server of other tests may live beside it."""
    return Server.objects.filter(instance=this_process().instance)


def here(**fields):
    return factories.make_server(**{"machine": this_process().machine} | fields)


def silent(**fields):
    return factories.make_server(heartbeat_at=timezone.now() - timedelta(seconds=90), **fields)


def ending(server):
    server.refresh_from_db()
    return server.ending


def test_a_server_is_known_when_it_starts_and_has_ended_when_it_stops(start):
    beating = start()

    row = mine().get()
    during = (row.instance, row.pid, row.ended_at, row.version != "")
    beating.stop()
    row.refresh_from_db()

    assert during == (this_process().instance, os.getpid(), None, True)
    assert (row.ending, row.ended_at is not None) == ("stopped", True)


def test_a_row_that_is_taken_away_comes_back_with_the_next_beat(start):
    start(beat_seconds=0.02)
    mine().delete()

    await_equal(mine().count, 1)


def test_a_dead_process_of_this_machine_is_found_at_the_start(start, dead_process):
    pid, began = dead_process
    server = here(pid=pid, pid_began=began)
    call = factories.make_call(server=server)
    factories.make_stream(call=call)

    start()

    await_equal(lambda: ending(server), "gone")
    await_equal(lambda: type(call).objects.get(pk=call.pk).end_reason, "server_restart")


def test_a_living_neighbor_is_never_touched_however_old_its_beat(watcher):
    own = heartbeat._stat(os.getppid())[1]
    server = here(pid=os.getppid(), pid_began=own, heartbeat_at=timezone.now() - timedelta(hours=1))

    for _ in range(2):
        watcher.look()
        time.sleep(0.06)

    assert ending(server) == ""


def test_a_later_process_with_the_same_id_is_another(dead_process):
    assert is_running(os.getpid(), this_process().began)
    assert is_running(os.getpid(), 0)
    assert not is_running(os.getpid(), this_process().began - 1)
    assert not is_running(*dead_process)
    assert is_running(1, 0)


def test_a_server_elsewhere_is_dead_when_its_silence_lasts_while_somebody_watches(watcher):
    server = silent()

    pauses = [watcher.look()]
    first = ending(server)
    time.sleep(0.06)
    pauses.append(watcher.look())

    assert (first, ending(server)) == ("", "silent")
    assert pauses == [0.05, heartbeat.LOOK_SECONDS]


def test_a_server_elsewhere_whose_clock_is_wrong_lives_as_long_as_it_beats(watcher):
    server = silent()

    for _ in range(3):
        watcher.look()
        time.sleep(0.06)
        Server.objects.filter(pk=server.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=80))

    assert ending(server) == ""


def test_a_database_that_is_away_is_told_once_and_the_beat_comes_back(start, monkeypatch, caplog):
    run = database.run

    async def dead(*_, **__):
        raise OperationalError("unable to open database file")

    monkeypatch.setattr(database, "run", dead)
    monkeypatch.setattr(heartbeat, "FIRST_BEAT_SECONDS", 0.1)
    start(beat_seconds=0.02)
    before = mine().count()
    monkeypatch.setattr(database, "run", run)

    await_equal(mine().count, 1)
    assert before == 0
    told = [record.getMessage() for record in caplog.records if record.work == "beat"]
    assert told == ["no heartbeat in the database"]


def test_a_beat_that_breaks_in_any_way_is_not_the_last(start, monkeypatch):
    beat, broken = servers.beat, [ValueError("nobody has thought of this")]

    def breaking(**fields):
        if broken:
            raise broken.pop()
        return beat(**fields)

    monkeypatch.setattr(servers, "beat", breaking)
    start(beat_seconds=0.02)

    await_equal(mine().count, 1)


def test_a_call_that_this_server_carries_no_more_is_closed_at_its_next_look(watcher):
    server = here(instance=this_process().instance)
    call = factories.make_call(server=server, streaming_at=timezone.now())
    factories.make_stream(call=call, started_at=timezone.now() - timedelta(minutes=3))
    watcher.look()

    call.refresh_from_db()
    assert (call.status, call.end_reason) == ("ended", "internal_error")
    assert call.streams.get().ended_at is not None


def test_a_call_that_this_server_carries_is_left_alone(watcher, monkeypatch):
    call = factories.make_call(server=here(instance=this_process().instance), streaming_at=timezone.now())
    stream = factories.make_stream(call=call, started_at=timezone.now() - timedelta(minutes=3))
    monkeypatch.setattr(live, "stream_sids", lambda: [stream.stream_sid])
    watcher.look()

    call.refresh_from_db()
    assert (call.status, call.end_reason) == ("streaming", "")


def test_a_call_that_is_deleted_meanwhile_does_not_end_the_looks(start, monkeypatch):
    looked = []

    def close_streams(**asked):
        looked.append(asked)
        return [str(Server.objects.get(pk=0))]

    monkeypatch.setattr(heartbeat.cut_off, "close_streams", close_streams)
    start(beat_seconds=0.02)

    await_equal(lambda: len(looked) > 2, True)


def test_two_who_look_at_once_close_a_call_once(dead_process):
    pid, began = dead_process
    server = here(pid=pid, pid_began=began)
    call = factories.make_call(server=server)
    factories.make_stream(call=call)
    both = [
        Heartbeat(lambda name=name: replace(this_process(), instance=name, began=name == "one"))
        for name in ("one", "two")
    ]

    for beating in both:
        beating.start(wait=True)
    await_equal(lambda: ending(server), "gone")
    await_equal(lambda: call.events.filter(kind="server_gone").count(), 1)
    for beating in both:
        beating.stop()

    assert call.events.filter(kind="server_gone").count() == 1


def test_servers_are_looked_after_each_minute_and_beat_often_enough_for_that():
    assert heartbeat.LOOK_SECONDS == 60
    assert 3 * heartbeat.BEAT_SECONDS < heartbeat.WATCH_SECONDS < 60
