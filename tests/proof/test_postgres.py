"""What depends on the database holds on PostgreSQL too: the tests of it run again, in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What writes rows: webhooks that race, the journal, tools, the admin's queries.
TOUCHING_THE_DATABASE = [
    "tests/admin",
    "tests/domain",
    "tests/models",
    "tests/relay",
    "tests/tools",
    "tests/views",
    "tests/test_worker.py",
    "tests/test_worker_processes.py",
]


@pytest.mark.proof
def test_the_database_tests_pass_on_postgresql(postgres_url):
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TOUCHING_THE_DATABASE),
            # The threads of the pools keep their connections, so the database goes with its server, not before.
            "--reuse-db",
        ],
        cwd=ROOT,
        env=os.environ | {"TEST_DATABASE_URL": postgres_url},
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert run.returncode == 0, run.stdout + run.stderr


def manage(*arguments, database_url):
    """A command of the project under an environment that holds the database and nothing else."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database_url, "ENV_FILE": "", "SECRET_KEY": "only-for-tests"},
        capture_output=True,
        text=True,
        timeout=150,
    )


@pytest.mark.proof
def test_migrations_run_forward_and_back_on_postgresql(postgres_url):
    for target in ([], ["calls", "zero"], []):
        done = manage("migrate", "--verbosity", "0", *target, database_url=postgres_url)
        assert done.returncode == 0, done.stderr


@pytest.mark.proof
def test_the_demonstration_goes_well_on_postgresql(postgres_url):
    """A whole call over the production server: webhooks, journal and tools, each in its own thread and connection."""
    done = manage("demo", database_url=postgres_url)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
