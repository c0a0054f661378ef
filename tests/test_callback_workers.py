"""Workers that are killed in the middle of their work: each attempt is dialed at most once, and nobody is forgotten.

What is killed are real processes; whom they dial is the emulator of Twilio's REST interface.
"""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from calls.emulators.twilio_api import ApiFaults
from calls.lab import telephony
from calls.lab.processes import environment
from calls.models import Callback, CallbackAttempt
from tests import factories

ROOT = Path(settings.BASE_DIR)
ACCOUNT, TOKEN = "AC" + "0" * 32, "0123456789abcdef0123456789abcdef"


def make_promises(count):
    """Promises of a business where it is noon now, wherever this runs."""
    offset = timezone.now().hour - 12
    zone = f"Etc/GMT{offset:+d}" if offset else "Etc/GMT"
    line = factories.make_line(business=factories.make_business(time_zone=zone, callbacks_a_day=10 * count))
    now = timezone.now()
    rows = [
        Callback(
            business=line.business,
            number=f"+1555010{index:04}",
            reason="a quote",
            consent="Yes.",
            asked_at=now,
            due_at=now - timedelta(seconds=1),
        )
        for index in range(count)
    ]
    Callback.objects.bulk_create(rows)


def worker(api, folder):
    name = connection.settings_dict["NAME"]
    url = f"sqlite:///{name}" if connection.vendor == "sqlite" else _postgres_url(connection.settings_dict)
    pinned = environment(
        SECRET_KEY="x",
        DEBUG="off",
        DATABASE_URL=url,
        TWILIO_ACCOUNT_SID=ACCOUNT,
        TWILIO_AUTH_TOKEN=TOKEN,
        TWILIO_API_BASE_URL=api.url,
        OPENAI_API_KEY="sk-test",  # nobody is rung whom no agent could talk to
        PUBLIC_BASE_URL="https://cortana.example.com",
        ENV_FILE="",
    )
    with (folder / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.ringing_worker"], cwd=ROOT, env=pinned, stdout=log, stderr=log
        )


def _postgres_url(found):
    return f"postgres://{found['USER']}:{found['PASSWORD']}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


def unsettled():
    """Promises that nobody has been dialed for yet."""
    return Callback.objects.exclude(dialings__call_sid__startswith="CA").exclude(status="failed").count()


def kill_while_ringing(*, promises, workers, kills, seconds, folder):
    """Let workers ring all promises while one after the other is killed and replaced; what was dialed in the end."""
    make_promises(promises)
    killed, deadline = 0, time.monotonic() + seconds
    faults = ApiFaults(delay_ms=60)
    with ExitStack() as stack:
        api = stack.enter_context(telephony.in_background(account_sid=ACCOUNT, auth_token=TOKEN, faults=faults))
        running = [worker(api, folder) for _ in range(workers)]
        stack.callback(lambda: [process.kill() or process.wait() for process in running])
        while unsettled():
            assert time.monotonic() < deadline, f"{unsettled()} not rung; {(folder / 'worker.log').read_text()[-2000:]}"
            time.sleep(random.uniform(0.1, 0.4))
            if killed < kills and len(api.calls) > workers * killed / 2:
                index = random.randrange(workers)
                running[index].send_signal(signal.SIGKILL)
                running[index].wait()
                running[index], killed = worker(api, folder), killed + 1
        dialed = list(api.calls.values())
        log = (folder / "worker.log").read_text()
    return dialed, killed, log


def check(dialed, *, promises, log):
    by_number = Counter(record.order.to for record in dialed)
    by_attempt = Counter(parse_qs(urlsplit(record.order.url).query)["attempt"][0] for record in dialed)
    assert "Traceback" not in log
    assert [attempt for attempt, count in by_attempt.items() if count > 1] == [], "dialed more than once per attempt"
    assert len(by_number) == promises, "forgotten"
    assert [number for number, count in by_number.items() if count > 1] == [], "a call that was placed is placed again"
    known = set(CallbackAttempt.objects.exclude(call_sid="").values_list("call_sid", flat=True))
    assert known == {record.sid for record in dialed}, "every call that was placed is known to the rows"


@pytest.mark.django_db(transaction=True)
def test_killed_workers_dial_each_attempt_at_most_once_and_forget_nobody(tmp_path):
    dialed, killed, log = kill_while_ringing(promises=24, workers=2, kills=3, seconds=60, folder=tmp_path)

    assert killed == 3
    check(dialed, promises=24, log=log)


@pytest.mark.proof
@pytest.mark.django_db(transaction=True)
def test_four_workers_killed_over_two_hundred_callbacks(tmp_path):
    dialed, killed, log = kill_while_ringing(promises=200, workers=4, kills=24, seconds=280, folder=tmp_path)

    assert killed == 24
    check(dialed, promises=200, log=log)
