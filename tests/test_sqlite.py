"""Writers of one process wait in line for SQLite, and none of them for long."""

import threading
import time
from contextlib import contextmanager

import pytest
from django.db import connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper as Djangos
from django.db.utils import OperationalError

from calls.models import Business
from tests import factories
from voiceagent.sqlite import base

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("sqlite" not in connections.settings["default"]["ENGINE"], reason="about SQLite alone"),
]
BUSY_SECONDS = 0.005


@contextmanager
def running(act):
    """`act` again and again in a thread, without a pause."""
    over = threading.Event()

    def run():
        try:
            while not over.is_set():
                act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def busy():
    with transaction.atomic():
        time.sleep(BUSY_SECONDS)


def longest_wait(times):
    waits = []
    for _ in range(times):
        began = time.monotonic()
        with transaction.atomic():
            waits.append(time.monotonic() - began)
        time.sleep(BUSY_SECONDS)
    return max(waits)


def is_taken():
    return base._lines[str(connections["default"].settings_dict["NAME"])].locked()


def test_a_writer_is_not_kept_waiting_by_those_that_never_rest():
    """Without the line it waits for seconds, in most runs until SQLite gives it up."""
    with running(busy), running(busy):
        assert longest_wait(times=40) < 0.5


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_every_end_of_a_transaction_gives_the_turn_on(end):
    try:
        with transaction.atomic():
            factories.make_business()
            if end == "close":
                connections["default"].close()
            if end == "rollback":
                raise ValueError
    except (ValueError, transaction.TransactionManagementError, OperationalError):
        pass

    assert not is_taken()
    assert Business.objects.count() == (end == "commit")


def test_a_transaction_that_could_not_begin_keeps_no_turn(monkeypatch):
    def locked(self):
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(Djangos, "_start_transaction_under_autocommit", locked)
        with pytest.raises(OperationalError), transaction.atomic():
            pass

    assert not is_taken()


@pytest.mark.parametrize("query", ["UPDATE calls_business SET name = %s", "DELETE FROM calls_business WHERE name = %s"])
def test_a_statement_that_writes_by_itself_stands_in_line_for_as_long_as_it_takes(query):
    taken = []
    with connections["default"].cursor() as cursor:
        cursor.db.connection.set_trace_callback(lambda statement: taken.append(is_taken()))
        try:
            cursor.execute(query, ["Cedar"])
            cursor.execute("SELECT name FROM calls_business WHERE name = %s", ["Cedar"])
        finally:
            cursor.db.connection.set_trace_callback(None)

    assert taken == [True, False]
    assert not is_taken()


def test_a_turn_that_is_never_given_on_holds_up_nobody_for_good(monkeypatch):
    monkeypatch.setattr(base, "WAIT_SECONDS", 0.1)
    line = base._lines[str(connections["default"].settings_dict["NAME"])]
    with line, transaction.atomic():
        factories.make_business()

    assert Business.objects.count() == 1
