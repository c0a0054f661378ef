"""The worker: what is due is swept into a queue of django-tasks, whose own worker takes it from there.

The rows are the truth, and the queue only hands them out: each task claims its row by a conditional update with a
lease. So a row that is queued twice is done once; and a task that a killed worker leaves RUNNING for ever is forgotten,
since its row is due again when the lease is over. Each kind of work has a queue and a thread of its own, which keeps a
slow mail server from delaying a telephone that has to ring. A queue is only looked into while something of its kind is
due.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import connection, connections, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import get_random_string
from django_tasks import DEFAULT_TASK_BACKEND_ALIAS, TaskResultStatus
from django_tasks_db.management.commands import db_worker
from django_tasks_db.models import DBTaskResult

from calls.pulse import Pulse
from calls.tasks import DUTIES, Duty

PAUSE_SECONDS = 1.0
LONGEST_REST_SECONDS = 30.0
MOST = 20  # rows of a kind in one sweep; the others follow as soon as these are done
HOLD = timedelta(seconds=10)  # until a row is tried again whose task broke
KEEP_DONE = timedelta(hours=1)
KEEP_BROKEN = timedelta(days=1)  # those that failed, and those that a killed worker left RUNNING
PRUNE_SECONDS = 60.0

log = logging.getLogger(__name__)

Tell = Callable[[str], None]


class Worker:
    """Runs duties side by side from `start` until `stop`; what they have in hand is finished first."""

    def __init__(self, *, tell: Tell, duties: Sequence[Duty] = DUTIES) -> None:
        self._stopping = threading.Event()
        self._hands = [Hands(duty, tell) for duty in duties]
        self._pulse = Pulse([duty.queue for duty in duties])
        self._threads = [
            threading.Thread(target=self._repeat, args=(hands,), name=hands.duty.queue, daemon=True)
            for hands in self._hands
        ]

    def start(self) -> None:
        self._pulse.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask for the end; may be called from a signal's handler."""
        self._stopping.set()
        self._pulse.stop()
        for hands in self._hands:
            hands.running = False

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def wait(self) -> None:
        """Until every duty has ended."""
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.2)  # a join without a limit would keep signals waiting
        self._pulse.wait()

    def _repeat(self, hands: "Hands") -> None:
        rest = PAUSE_SECONDS
        try:
            while not self._stopping.is_set():
                told = hands.work()
                rest = PAUSE_SECONDS if told is not None else min(2 * rest, LONGEST_REST_SECONDS)
                if not told:
                    self._stopping.wait(rest)
        finally:
            connections.close_all()


def run_once(*, tell: Tell, duties: Sequence[Duty] = DUTIES) -> bool:
    """Do all that is due now, and say whether every task came through."""
    came_through = True
    for duty in duties:
        hands = Hands(duty, tell)
        while told := hands.work():
            pass
        came_through = came_through and told is not None and not hands.broken
    return came_through


class Hands(db_worker.Worker):
    """django-tasks' worker for the queue of one duty. `broken` counts the tasks that raised."""

    def __init__(self, duty: Duty, tell: Tell) -> None:
        super().__init__(
            queue_names=[duty.queue],
            interval=0.1,  # only while another process has the database locked: with `batch` an empty queue is the end
            batch=True,
            backend_name=DEFAULT_TASK_BACKEND_ALIAS,
            startup_delay=False,
            max_tasks=None,
            worker_id=get_random_string(32),
            excluded_queue_names=[],
        )
        self.duty = duty
        self.broken = 0
        self._told = 0
        self._tell = tell
        self._prune_at = 0.0

    def work(self) -> int | None:
        """Do what is due; gives how many things were told of, None when not even the queue was reached."""
        self._told = 0
        try:
            if self._prune_at <= time.monotonic():
                prune(self.duty, timezone.now())
                self._prune_at = time.monotonic() + PRUNE_SECONDS
            if sweep(self.duty, timezone.now()):
                connection.close_at = None  # by its age: django-tasks' worker would connect anew for every task
                self.run()
        except Exception:
            # Bulkhead: a database that is gone for a while must not end the worker.
            log.exception("queue out of reach", extra={"queue": self.duty.queue})
            connections.close_all()
            return None
        return self._told

    def run_task(self, db_task_result: DBTaskResult) -> None:
        super().run_task(db_task_result)
        if db_task_result.status == TaskResultStatus.FAILED:
            self.broken += 1
        elif line := db_task_result.return_value:
            self._told += 1
            self._tell(line)


def sweep(duty: Duty, now: datetime) -> bool:
    """Queue what is due and does not stand in the queue yet; whether anything waits there now."""
    if not duty.is_possible() or not duty.due(now=now, most=1):
        return False
    with transaction.atomic():
        results = DBTaskResult.objects.filter(queue_name=duty.queue)
        waiting = _rows(results.filter(status=TaskResultStatus.READY))
        held = _rows(results.filter(status=TaskResultStatus.FAILED, finished_at__gt=now - HOLD))
        for pk in duty.due(now=now, most=MOST + len(held)):
            if pk not in waiting | held:
                duty.task.enqueue(pk)
                waiting.add(pk)
    return bool(waiting)


def prune(duty: Duty, now: datetime) -> int:
    """Delete what nobody needs any more of the queue's results; how many."""
    is_old = (
        Q(status=TaskResultStatus.SUCCESSFUL, finished_at__lt=now - KEEP_DONE)
        | Q(status=TaskResultStatus.FAILED, finished_at__lt=now - KEEP_BROKEN)
        | Q(status=TaskResultStatus.RUNNING, started_at__lt=now - KEEP_BROKEN)
    )
    return DBTaskResult.objects.filter(is_old, queue_name=duty.queue).delete()[0]


def _rows(results: QuerySet[DBTaskResult]) -> set[int]:
    """The ids that these tasks were given."""
    return {found["args"][0] for found in results.values_list("args_kwargs", flat=True)}
