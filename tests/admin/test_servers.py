"""The list of servers: who lives, and who carries how many calls."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.admin.pages import address, cells

NOW = factories.RANG_AT + timedelta(seconds=30)


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


def test_servers_are_shown_with_their_state_and_their_calls(owner):
    alive = factories.make_server(host="one")
    factories.make_server(host="two", heartbeat_at=NOW - timedelta(seconds=61), pid=7)
    factories.make_server(host="three", ending="gone", ended_at=NOW)
    factories.make_server(host="four", ending="stopped", ended_at=NOW, version="")
    for _ in range(2):
        factories.make_call(server=alive)
    factories.make_ended_call(server=alive)

    hosts = ("one", "two", "three", "four")  # a server of other tests may live beside them
    rows = {row[0]: row[1:] for row in cells(owner.get(address("server"))) if row[0] in hosts}

    began, died = "Nov 20, 9:04 AM", "Nov 20, 10:04 AM"
    assert rows == {
        "one": ["4242", "Alive", "2", "1.0", began, "10:04:25 AM", "–"],
        "two": ["7", "Silent", "0", "1.0", began, "Nov 20, 10:03 AM", "–"],
        "three": ["4242", "Died", "0", "1.0", began, died, died],
        "four": ["4242", "Stopped", "0", "-", began, died, died],
    }


@pytest.mark.parametrize("verb", ["add", "delete", "change"])
def test_nobody_writes_of_them(owner, verb):
    server = factories.make_server()

    response = owner.post(address("server", verb, *([] if verb == "add" else [server.pk])), {"host": "x"})

    assert response.status_code == 403


def test_three_hundred_ask_as_often_as_three(owner):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            owner.get(address("server"))
        return len(captured)

    for _ in range(3):
        factories.make_call(server=factories.make_server())
    queries()
    few = queries()
    line = factories.make_line()
    for _ in range(60):
        factories.make_call(server=factories.make_server(), line=line)

    assert (queries(), few <= 6) == (few, True)
