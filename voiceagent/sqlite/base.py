"""SQLite, with the writers of one process in a line.

SQLite lets one connection write at a time. Those that wait for it look again now and then, up to 100 ms apart, so that
among busy writers an unlucky one can look for seconds: a webhook that Twilio waits for, behind the journals of calls.
Here the writers of a process wait for one another on a lock first, which wakes the one that waits. The lock is a
courtesy and no guard: whoever has waited for long goes on to ask SQLite, which decides, as it does between processes.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db.backends.sqlite3 import base

WAIT_SECONDS = 2.0

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_lines: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""By the name of the database."""


class Cursor(base.SQLiteCursorWrapper):
    """A statement that writes by itself, outside of a transaction, stands in the line too."""

    def __init__(self, wrapper: "DatabaseWrapper", connection: Any) -> None:
        super().__init__(connection)
        self._wrapper = wrapper

    def execute(self, query: str, params: Any = None) -> Any:
        with self._wrapper.turn_of(query):
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        with self._wrapper.turn_of(query):
            return super().executemany(query, param_list)


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn: threading.Lock | None = None

    def create_cursor(self, name: str | None = None) -> Cursor:
        return self.connection.cursor(factory=partial(Cursor, self))

    @contextmanager
    def turn_of(self, query: str) -> Iterator[None]:
        if self._turn is not None or not query.lstrip()[:7].upper().startswith(_WRITES):
            yield
            return
        self._wait_for_turn()
        try:
            yield
        finally:
            self._end_turn()

    def _start_transaction_under_autocommit(self) -> None:
        self._wait_for_turn()
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        super()._commit()
        self._end_turn()  # not when it fails: then it is rolled back

    def _rollback(self) -> None:
        try:
            super()._rollback()
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            self._end_turn()

    def _wait_for_turn(self) -> None:
        line = _lines[str(self.settings_dict["NAME"])]
        if self._turn is None and line.acquire(timeout=WAIT_SECONDS):
            self._turn = line

    def _end_turn(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            turn.release()
