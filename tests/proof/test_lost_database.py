"""PostgreSQL goes away and comes back in the middle of a call: who asks next is answered, and no record is lost."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import psycopg
import pytest

from tests.proof.test_postgres import ROOT, manage
from tests.proof.through_a_restart import TURNS_EACH

THREADS = 4


@contextmanager
def a_call_on(database_url):
    """A process that uses the database as a call does; `step()` lets it go on, and gives what it says next."""
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "voiceagent.settings",
        "DATABASE_URL": database_url,
        "DB_THREADS": str(THREADS),
        "ENV_FILE": "",
        "SECRET_KEY": "only-for-tests",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.proof.through_a_restart"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def step(expected):
        line = process.stdout.readline()
        assert line, f"it ended before it was at {expected!r}"
        told = json.loads(line)
        assert told.pop("stage") == expected
        return told

    def go_on():
        process.stdin.write("\n")
        process.stdin.flush()

    try:
        yield step, go_on
    finally:
        process.kill()
        process.wait(10)
        process.stdin.close()
        process.stdout.close()


def sessions(url):
    """How many connections the server holds beside the one that asks."""
    with psycopg.connect(url) as connection:
        count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        return connection.execute(count).fetchone()[0] - 1


@pytest.mark.proof
@pytest.mark.parametrize(("options", "most_kept"), [("", 0), ("?conn_max_age=600", THREADS + 1)])
def test_database_that_was_restarted_costs_no_call_and_no_record(postgres, options, most_kept):
    """Whether connections are closed after each use, as by default, or kept."""
    assert manage("migrate", "--verbosity", "0", database_url=postgres.url).returncode == 0
    with a_call_on(postgres.url + options) as (step, go_on):
        step("used")
        kept = sessions(postgres.url)
        postgres.stop()
        postgres.start()
        go_on()
        again = step("again")
        postgres.stop()
        go_on()
        away = step("away")
        postgres.start()
        go_on()
        written = step("written")

    assert (kept <= most_kept, kept > 0) == (True, bool(options))
    assert again == {"failed": []}
    assert away == {"written": False}
    assert written == {"texts": [str(number) for number in range(2 * TURNS_EACH)], "dropped": 0}
