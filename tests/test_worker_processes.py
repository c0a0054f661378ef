"""Workers as processes: told to stop, held to some tasks, and killed in the middle of their work."""

import random
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from calls import worker
from calls.domain.outbox import LEASE
from calls.lab.processes import Child, environment
from calls.models import OutgoingEmail
from tests.test_mail import listening
from tests.test_worker import SEND_EMAILS, statuses, until, write_letters


def child_environment(folder, **more):
    """The database of the test, and a folder for letters."""
    config = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{config['NAME']}"
    else:
        url = "postgres://{USER}@{HOST}:{PORT}/{NAME}".format(**config)
    return environment(SECRET_KEY="only-for-tests", DATABASE_URL=url, **{"EMAIL_URL": f"filemail://{folder}"} | more)


def letters_in(folder):
    return sorted(path.name.rpartition("-")[0] for path in folder.glob("*.eml")) if folder.exists() else []


def all_letters():
    return sorted(f"quote-{pk}" for pk in OutgoingEmail.objects.values_list("pk", flat=True))


@pytest.mark.django_db(transaction=True)
def test_the_command_sends_what_waits_and_ends_on_sigterm(tmp_path):
    write_letters(1)
    with Child("worker", environment=child_environment(tmp_path / "out"), log=tmp_path / "log") as child:
        child.wait_for(re.compile(r"e-mail \d+ \(quote\): sent"))
        child.end(signal.SIGTERM)
        code = child.wait(10)

    lines = [line.split(" ", 2)[2] for line in (tmp_path / "log").read_text().splitlines()]
    assert (code, lines) == (
        0,
        ["worker started", f"e-mail {OutgoingEmail.objects.get().pk} (quote): sent", "worker stopped"],
    )
    assert letters_in(tmp_path / "out") == all_letters()


@pytest.mark.django_db(transaction=True)
def test_the_command_can_do_what_is_due_and_end(tmp_path):
    write_letters(2)
    with Child("worker", "--once", environment=child_environment(tmp_path / "out"), log=tmp_path / "log") as child:
        assert child.wait(20) == 0

    assert letters_in(tmp_path / "out") == all_letters()
    assert set(OutgoingEmail.objects.values_list("status", "attempts")) == {("sent", 1)}


@pytest.mark.django_db(transaction=True)
def test_the_command_can_be_held_to_some_tasks(tmp_path):
    write_letters(1)
    arguments = ("worker", "--once", "--task", "send_emails")
    with Child(*arguments, environment=child_environment(tmp_path / "out"), log=tmp_path / "log") as child:
        assert child.wait(20) == 0
    with Child("worker", "--task", "fly", environment=child_environment(tmp_path), log=tmp_path / "log") as child:
        assert child.wait(20) == 2

    assert letters_in(tmp_path / "out") == all_letters()
    assert "invalid choice: 'fly'" in (tmp_path / "log").read_text()


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_leaves_running_is_done_when_its_lease_is_over(tmp_path, mailoutbox, monkeypatch):
    write_letters(1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a mail server that never says a word
        url = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        with Child("worker", environment=child_environment(tmp_path, EMAIL_URL=url), log=tmp_path / "log") as child:
            silent.settimeout(30)
            with silent.accept()[0]:
                child.end(signal.SIGKILL)
                child.wait(10)
    assert (statuses(), OutgoingEmail.objects.get().attempts) == ({"RUNNING": 1}, 1)
    told, now = [], timezone.now()

    assert worker.run_once(tell=told.append, duties=[SEND_EMAILS])
    assert told == []
    monkeypatch.setattr(timezone, "now", lambda: now + LEASE)
    assert worker.run_once(tell=told.append, duties=[SEND_EMAILS])

    assert (told, len(mailoutbox)) == ([f"e-mail {OutgoingEmail.objects.get().pk} (quote): sent"], 1)
    assert statuses() == {"RUNNING": 1, "SUCCESSFUL": 1}
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(days=2))
    worker.run_once(tell=told.append, duties=[SEND_EMAILS])
    assert statuses() == {}


HASTY = """
import sys
from datetime import UTC, datetime, timedelta
import django
django.setup()
from django.utils import timezone
from calls import worker
from calls.worker import Worker
worker.PAUSE_SECONDS = 0.02
began = datetime.fromisoformat(sys.argv[1])
timezone.now = lambda: began + 120 * (datetime.now(UTC) - began)
running = Worker(tell=lambda line: print(line, flush=True))
running.start()
print("worker started", flush=True)
running.wait()
"""


class Hasty:
    """Workers for whom two minutes pass in a second, and who are killed in the middle of their work."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment
        self.began = timezone.now()
        self.living, self.logs = [], []

    def start(self):
        log = self.folder / f"worker-{len(self.logs)}.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-c", HASTY, self.began.isoformat()],
                cwd=Path(__file__).parent.parent,
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        self.logs.append(log)
        self.living.append((child, log))

    @property
    def kills(self):
        return len(self.logs) - len(self.living)

    def kill_one_at_work(self):
        """Kill a worker that has sent something already, at a moment of chance."""
        at_work = next(((child, log) for child, log in self.living if ": sent" in log.read_text()), None)
        if at_work is None:
            time.sleep(0.005)
            return
        time.sleep(random.uniform(0, 0.03))
        self.living.remove(at_work)
        at_work[0].kill()
        at_work[0].wait()
        self.start()

    def end(self):
        for child, _ in self.living:
            child.kill()
            child.wait()

    def told(self):
        """Which letters were said to be sent, once for each time that it was said."""
        return sorted(
            number for log in self.logs for number in re.findall(r"e-mail (\d+) \(quote\): sent", log.read_text())
        )


def kill_workers(tmp_path, *, letters, workers, kills, **more):
    """Send `letters` with workers of whom one after the other is killed, until all is sent."""
    write_letters(letters)
    before = sessions()  # the threads of this process may hold some from earlier tests
    hasty = Hasty(tmp_path, child_environment(tmp_path / "out", **more))
    queued = OutgoingEmail.objects.filter(status="queued")
    try:
        for _ in range(workers):
            hasty.start()
        while hasty.kills < kills and queued.exists():
            hasty.kill_one_at_work()
        until(lambda: not queued.exists(), 120)
    finally:
        hasty.end()
        until(lambda: sessions() <= before)
    return hasty


def sessions():
    """How many others PostgreSQL still serves; it takes a moment to notice that a process was killed."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("select count(*) - 1 from pg_stat_activity where datname = current_database()")
        return cursor.fetchone()[0]


def cut_off():
    """How many letters a killed worker had in hand."""
    return OutgoingEmail.objects.filter(attempts__gt=1).count()


def assert_each_was_sent_once(hasty):
    """A row says so once; a worker that was killed between the row and its line has said nothing."""
    assert set(OutgoingEmail.objects.values_list("status", flat=True)) == {"sent"}
    assert len(hasty.told()) == len(set(hasty.told()))


@pytest.mark.django_db(transaction=True)
def test_workers_that_are_killed_lose_nothing_and_double_nothing(tmp_path):
    hasty = kill_workers(tmp_path, letters=80, workers=2, kills=3)

    assert hasty.kills > 0
    assert letters_in(tmp_path / "out") == all_letters()
    assert_each_was_sent_once(hasty)


@pytest.mark.proof
@pytest.mark.django_db(transaction=True)
def test_four_workers_that_are_killed_all_the_time_lose_nothing_and_double_nothing(tmp_path):
    hasty = kill_workers(tmp_path, letters=1500, workers=4, kills=40)

    assert (hasty.kills >= 20, cut_off() > 0) == (True, True)
    assert letters_in(tmp_path / "out") == all_letters()
    assert_each_was_sent_once(hasty)


@pytest.mark.proof
@pytest.mark.django_db(transaction=True)
def test_a_mail_server_has_every_letter_though_workers_are_killed_all_the_time(tmp_path):
    """Between the server's yes and the row nothing can help but the Message-ID: a letter cut off there comes again."""
    with listening() as server:
        url = f"smtp://127.0.0.1:{server.server_address[1]}"
        hasty = kill_workers(tmp_path, letters=1500, workers=4, kills=40, EMAIL_URL=url)
    again = len(server.taken) - len(set(server.taken))

    assert hasty.kills >= 20
    assert sorted(re.findall(r"<(quote-\d+)-", b"".join(set(server.taken)).decode())) == all_letters()
    assert again <= cut_off() <= hasty.kills
    assert_each_was_sent_once(hasty)
