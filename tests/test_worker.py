"""The worker goes on whatever breaks, stops when told, and does once what is queued twice."""

import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from calls import worker
from calls.models import OutgoingEmail
from calls.tasks import DUTIES, Duty
from calls.worker import Hands, Worker
from tests.domain.test_outbox import write
from tests.factories import make_business


@pytest.fixture
def unhurried(monkeypatch):
    """Pauses of a fast test."""
    monkeypatch.setattr(worker, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(worker, "HOLD", timedelta(0))


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def write_letters(count):
    business = make_business()
    for number in range(count):
        write(f"quote:{number}", business=business, now=timezone.now())


STEPS: dict[int, list] = {}


def do_next(number):
    step = STEPS[number].pop(0)
    if isinstance(step, Exception):
        raise step
    return step() if callable(step) else step


# django-tasks takes functions of a module only.
@task(queue_name="one")
def errand_one(number):
    return do_next(number)


@task(queue_name="two")
def errand_two(number):
    return do_next(number)


@pytest.fixture
def errand():
    """Makes a duty whose task does what is on its list, and breaks where an exception stands."""
    STEPS.clear()

    def make(errand_task, *steps, asked=()):
        questions, number = list(asked), len(STEPS) + 1
        STEPS[number] = list(steps)

        def due(*, now, most):
            if questions and (answer := questions.pop(0)):
                raise answer
            return [number] if STEPS[number] else []

        return Duty(errand_task, due)

    return make


@pytest.mark.django_db(transaction=True)
def test_what_is_due_is_done_at_once_and_told_line_by_line(errand):
    told = []

    came_through = worker.run_once(tell=told.append, duties=[errand(errand_one, "a", "b"), errand(errand_two, "c")])

    assert (told, came_through) == (["a", "b", "c"], True)


@pytest.mark.django_db(transaction=True)
def test_a_task_that_breaks_is_told_in_the_log_and_the_others_go_on(errand, caplog):
    told = []
    duties = [errand(errand_one, ValueError("broken"), "held"), errand(errand_two, "c")]

    came_through = worker.run_once(tell=told.append, duties=duties)

    assert (told, came_through) == (["c"], False)
    [record] = caplog.records
    assert "path=tests.test_worker.errand_one state=FAILED" in record.getMessage()
    assert str(record.exc_info[1]) == "broken"


@pytest.mark.django_db(transaction=True)
def test_all_that_is_due_is_done_over_one_connection(errand):
    connection.ensure_connection()
    ours = connection.connection

    worker.run_once(tell=print, duties=[errand(errand_one, "a", "b")])

    assert connection.connection is ours


@pytest.mark.django_db(transaction=True)
def test_a_row_whose_task_broke_is_tried_again(errand, unhurried):
    told = []
    running = Worker(tell=told.append, duties=[errand(errand_one, ValueError("broken"), "a")])

    running.start()
    until(lambda: told == ["a"])
    running.stop()
    running.wait()

    assert sorted(DBTaskResult.objects.values_list("status", flat=True)) == ["FAILED", "SUCCESSFUL"]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_gone_for_a_while_is_survived(errand, unhurried, caplog):
    told, gone = [], DatabaseError("gone")
    running = Worker(tell=told.append, duties=[errand(errand_one, "a", "b", asked=[gone, None, None, gone])])

    running.start()
    until(lambda: told == ["a", "b"])
    running.stop()
    running.wait()

    assert [(record.message, record.queue) for record in caplog.records] == [("queue out of reach", "one")] * 2


@pytest.mark.django_db(transaction=True)
def test_a_slow_task_delays_no_other(errand, unhurried):
    told, free = [], threading.Event()
    slow = errand(errand_one, lambda: free.wait(20) and "slow")
    running = Worker(tell=told.append, duties=[slow, errand(errand_two, "a", "b")])

    running.start()
    until(lambda: told == ["a", "b"])
    free.set()
    running.stop()
    running.wait()


@pytest.mark.django_db(transaction=True)
def test_what_is_in_hand_is_finished_when_the_worker_is_stopped_and_nothing_else_is_begun(errand, unhurried):
    told, begun, free = [], threading.Event(), threading.Event()

    def step():
        begun.set()
        free.wait(20)
        return "finished"

    duty = errand(errand_one, step, "not begun")
    errand_one.enqueue(1)
    errand_one.enqueue(1)
    running = Worker(tell=told.append, duties=[duty])
    running.start()
    begun.wait(20)
    running.stop()
    assert running.is_stopping
    free.set()
    running.wait()

    assert told == ["finished"]


# The queue


SEND_EMAILS = next(duty for duty in DUTIES if duty.queue == "send_emails")


def statuses():
    return Counter(DBTaskResult.objects.values_list("status", flat=True))


def side_by_side(*functions):
    together = threading.Barrier(len(functions))

    def run(function):
        together.wait()
        try:
            function()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db
def test_idling_costs_one_question_a_duty(django_assert_num_queries):
    for duty in DUTIES:
        with django_assert_num_queries(1):
            assert worker.sweep(duty, timezone.now()) is False


@pytest.mark.django_db
def test_what_stands_in_the_queue_is_not_queued_again():
    write_letters(3)

    assert [worker.sweep(SEND_EMAILS, timezone.now()) for _ in range(2)] == [True, True]
    assert statuses() == {"READY": 3}


@pytest.mark.django_db
def test_a_sweep_is_bounded(monkeypatch):
    monkeypatch.setattr(worker, "MOST", 2)
    write_letters(3)

    worker.sweep(SEND_EMAILS, timezone.now())

    assert statuses() == {"READY": 2}


@pytest.mark.django_db
def test_rows_that_broke_do_not_keep_the_others_waiting(monkeypatch):
    monkeypatch.setattr(worker, "MOST", 1)
    write_letters(2)
    broken, other = OutgoingEmail.objects.order_by("pk").values_list("pk", flat=True)
    worker.sweep(SEND_EMAILS, timezone.now())
    DBTaskResult.objects.update(status="FAILED", finished_at=timezone.now())

    worker.sweep(SEND_EMAILS, timezone.now())

    assert list(DBTaskResult.objects.filter(status="READY").values_list("args_kwargs__args", flat=True)) == [[other]]
    assert DBTaskResult.objects.get(status="FAILED").args_kwargs["args"] == [broken]


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_that_sweep_at_once_each_letter_is_sent_by_one(mailoutbox):
    write_letters(12)
    told = []

    def work():
        worker.run_once(tell=told.append, duties=[SEND_EMAILS])

    side_by_side(work, work)

    assert (len(mailoutbox), len(told), len(set(told))) == (12, 12, 12)
    assert set(statuses()) == {"SUCCESSFUL"}


@pytest.mark.django_db(transaction=True)
def test_what_was_queued_twice_is_done_once(mailoutbox):
    write_letters(6)
    for pk in OutgoingEmail.objects.values_list("pk", flat=True):
        for _ in range(2):
            SEND_EMAILS.task.enqueue(pk)
    told = []

    def work():
        Hands(SEND_EMAILS, told.append).run()

    side_by_side(work, work)

    assert (len(mailoutbox), len(told), statuses()) == (6, 6, {"SUCCESSFUL": 12})


@pytest.mark.django_db(transaction=True)
def test_results_are_pruned_when_nobody_needs_them_any_more():
    now = timezone.now()
    kept = {
        "done just now": ("SUCCESSFUL", now - timedelta(minutes=59)),
        "broken today": ("FAILED", now - timedelta(hours=23)),
        "in hand": ("RUNNING", now - timedelta(hours=23)),
        "queued long ago": ("READY", None),
    }
    gone = {
        "done": ("SUCCESSFUL", now - timedelta(minutes=61)),
        "broken": ("FAILED", now - timedelta(hours=25)),
        "left by a killed worker": ("RUNNING", now - timedelta(hours=25)),
    }
    for status, moment in [*kept.values(), *gone.values()]:
        result = SEND_EMAILS.task.enqueue(1).db_result
        DBTaskResult.objects.filter(pk=result.pk).update(status=status, started_at=moment, finished_at=moment)
    elsewhere = errand_one.enqueue(1).db_result
    DBTaskResult.objects.filter(pk=elsewhere.pk).update(status="SUCCESSFUL", finished_at=now - timedelta(days=9))

    worker.run_once(tell=print, duties=[SEND_EMAILS])

    left = DBTaskResult.objects.filter(queue_name="send_emails").values_list("status", flat=True)
    assert sorted(left) == sorted(status for status, _ in kept.values())
    assert DBTaskResult.objects.filter(queue_name="one").count() == 1
