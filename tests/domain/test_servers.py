"""Which servers live, and which are dead."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calls.domain import servers
from calls.domain.servers import Process
from calls.models import Server
from tests import factories

pytestmark = pytest.mark.django_db
NOW = factories.RANG_AT + timedelta(minutes=10)
ME = Process(instance="me", host="here", machine="this machine", pid=10, began=100, version="1.0")


def row_of_me():
    return Server.objects.get(instance="me")


def running(*pids):
    return lambda pid, began: (pid, began) in pids


def test_the_first_beat_makes_a_row_and_the_next_ones_keep_it():
    servers.beat(process=ME, started_at=NOW, now=NOW)
    servers.beat(process=ME, started_at=NOW, now=NOW + timedelta(seconds=5))

    row = row_of_me()
    assert (row.instance, row.host, row.machine, row.pid, row.pid_began) == ("me", "here", "this machine", 10, 100)
    assert (row.started_at, row.heartbeat_at, row.ended_at) == (NOW, NOW + timedelta(seconds=5), None)


def test_whoever_was_taken_for_dead_lives_with_its_next_beat():
    servers.beat(process=ME, started_at=NOW, now=NOW)
    servers.bury(row_of_me(), ending="silent")

    servers.beat(process=ME, started_at=NOW, now=NOW + timedelta(minutes=5))

    row = row_of_me()
    assert (row.ended_at, row.ending, row.heartbeat_at) == (None, "", NOW + timedelta(minutes=5))


def test_a_server_that_stops_has_ended_by_its_own_will():
    servers.beat(process=ME, started_at=NOW, now=NOW)

    servers.stop(instance="me", now=NOW + timedelta(minutes=1))

    row = row_of_me()
    assert (row.ended_at, row.ending) == (NOW + timedelta(minutes=1), "stopped")


def test_neighbors_are_the_others_that_have_not_ended():
    servers.beat(process=ME, started_at=NOW, now=NOW)
    other = factories.make_server()
    ended = factories.make_server(ended_at=NOW, ending="stopped")

    found = servers.neighbors(me=ME)
    assert [server in found for server in (other, row_of_me(), ended)] == [True, False, False]


@pytest.mark.parametrize(
    ("fields", "is_running"),
    [
        ({"machine": ME.machine, "pid": 11}, False),
        ({"machine": ME.machine, "pid": 12}, True),
        ({"machine": ME.machine, "pid": 12, "pid_began": 7}, False),
        ({"machine": ME.machine, "pid": 13, "pid_began": 0}, None),
        ({"machine": ME.machine, "pid": ME.pid, "pid_began": ME.began}, False),
        ({"pid": 11}, None),
    ],
    ids=["gone", "running", "its pid is another's now", "beginnings unknown", "its pid is ours", "another machine"],
)
def test_a_process_is_looked_for_where_it_can_be(fields, is_running):
    server = factories.make_server(**fields)

    assert servers.is_running(server, me=ME, runs=running((12, 1000), (13, 0), (10, 100))) is is_running


def test_a_dead_server_is_buried_once_and_ended_when_it_last_spoke():
    server = factories.make_server()

    assert [servers.bury(server, ending="gone"), servers.bury(server, ending="gone")] == [True, False]
    server.refresh_from_db()
    assert (server.ended_at, server.ending) == (server.heartbeat_at, "gone")


def test_who_has_spoken_since_the_look_is_not_buried():
    server = factories.make_server(instance="other")
    servers.beat(process=replace(ME, instance="other"), started_at=NOW, now=NOW)

    assert servers.bury(server, ending="silent") is False
    server.refresh_from_db()
    assert server.ended_at is None


def test_old_servers_are_forgotten_and_their_calls_are_not():
    old = factories.make_server(ended_at=NOW - timedelta(days=31), ending="stopped")
    call = factories.make_ended_call(server=old)
    young = factories.make_server(ended_at=NOW - timedelta(days=29), ending="gone")
    living = factories.make_server()

    servers.forget_old(now=NOW)

    call.refresh_from_db()
    kept = Server.objects.filter(pk__in=[old.pk, young.pk, living.pk]).order_by("pk")
    assert (call.server, list(kept)) == (None, [young, living])
