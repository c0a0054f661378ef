"""A worker says that it lives, whatever its duties do, and takes its row away when it ends."""

import os
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from calls import pulse
from calls.models import WorkerPulse
from calls.pulse import Pulse
from calls.worker import Worker
from tests.test_worker import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(pulse, "BEAT_SECONDS", 0.01)


def test_a_worker_shows_its_process_and_its_queues_until_it_ends():
    worker = Worker(tell=print, duties=[])

    worker.start()
    until(WorkerPulse.objects.exists)
    row = WorkerPulse.objects.get()
    worker.stop()
    worker.wait()

    assert (row.pid, row.queues, timezone.now() - row.beat_at < timedelta(minutes=1)) == (os.getpid(), [], True)
    assert not WorkerPulse.objects.exists()


def test_it_beats_again_and_again(hurried):
    beating = Pulse(["send_emails"])
    beating.start()
    until(WorkerPulse.objects.exists)
    first = WorkerPulse.objects.get()
    until(lambda: WorkerPulse.objects.get().beat_at > first.beat_at)
    beating.stop()
    beating.wait()

    assert first.queues == ["send_emails"]


def test_a_database_that_is_gone_for_a_while_ends_no_pulse(hurried, monkeypatch, caplog):
    kept, failures = WorkerPulse.objects.update_or_create, [OperationalError("locked"), OperationalError("locked")]

    def update_or_create(**fields):
        if failures:
            raise failures.pop()
        return kept(**fields)

    monkeypatch.setattr(WorkerPulse.objects, "update_or_create", update_or_create)
    beating = Pulse([])
    beating.start()
    until(WorkerPulse.objects.exists)
    beating.stop()
    beating.wait()

    assert [record.message for record in caplog.records] == ["a worker could not say that it lives"] * 2


def test_the_row_of_a_worker_that_was_killed_is_kept_for_a_day(hurried):
    now = timezone.now()
    for name, age in (("new", timedelta(hours=23)), ("old", timedelta(hours=25))):
        WorkerPulse.objects.create(worker_id=name, host="h", pid=1, queues=[], started_at=now - age, beat_at=now - age)
    beating = Pulse([])
    beating.start()
    until(lambda: not WorkerPulse.objects.filter(pk="old").exists())
    beating.stop()
    beating.wait()

    assert [row.pk for row in WorkerPulse.objects.all()] == ["new"]
