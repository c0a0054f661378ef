"""What depends on the database holds on PostgreSQL too: the tests of it run again, in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Folders whose tests write rows: webhooks that race, the journal, tools, the admin's queries.
TOUCHING_THE_DATABASE = [
    "tests/domain",
    "tests/views",
    "tests/relay",
    "tests/tools",
    "tests/admin",
    "tests/test_worker.py",
]


@pytest.mark.proof
def test_the_database_tests_pass_on_postgresql(postgres_url):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TOUCHING_THE_DATABASE],
        cwd=ROOT,
        env=os.environ | {"TEST_DATABASE_URL": postgres_url},
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.proof
def test_migrations_run_forward_and_back_on_postgresql(postgres_url):
    for target in ([], ["calls", "zero"], []):
        run = subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0", *target],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": postgres_url, "ENV_FILE": "", "SECRET_KEY": "only-for-tests"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stderr
