"""The worker: asks each task what is due, in a thread of its own, until it is told to stop.

There is no queue beside the rows. A row that is due is claimed with a lease by the task's own conditional update, so a
worker may be killed at any moment, and several may run. A thread for each task keeps a slow mail server from delaying
a telephone that has to ring.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import connections
from django.utils import timezone

from calls.tasks import DUE, Task

PAUSE_SECONDS = 1.0
LONGEST_REST_SECONDS = 30.0

log = logging.getLogger(__name__)

Tell = Callable[[str], None]
Clock = Callable[[], datetime]


class Worker:
    """Runs tasks side by side from `start` until `stop`; what they have in hand is finished first."""

    def __init__(self, *, tell: Tell, due: Sequence[Task] = DUE, clock: Clock = timezone.now) -> None:
        self._tell = tell
        self._clock = clock
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(task,), name=task.__name__, daemon=True) for task in due
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask for the end; may be called from a signal's handler."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def wait(self) -> None:
        """Until every task has ended."""
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.2)  # a join without a limit would keep signals waiting

    def _repeat(self, task: Task) -> None:
        rest = PAUSE_SECONDS
        try:
            while not self._stopping.is_set():
                done = attempt(task, self._clock(), self._tell)
                rest = PAUSE_SECONDS if done is not None else min(2 * rest, LONGEST_REST_SECONDS)
                if not done:
                    self._stopping.wait(rest)
        finally:
            connections.close_all()


def run_once(*, tell: Tell, due: Sequence[Task] = DUE, clock: Clock = timezone.now) -> bool:
    """Do all that is due now, and say whether every task came through."""
    came_through = True
    for task in due:
        while done := attempt(task, clock(), tell):
            pass
        came_through = came_through and done is not None
    return came_through


def attempt(task: Task, now: datetime, tell: Tell) -> int | None:
    """Let a task do what is due; gives how many things it has done, None when it broke."""
    done = 0
    try:
        for line in task(now):
            tell(line)
            done += 1
    except Exception:
        # Bulkhead: a database that is gone for a while, or an error in one task, must not end the others.
        log.exception("task failed", extra={"task": task.__name__})
        connections.close_all()
        return None
    return done
