"""Fifty bookers, a hundred rounds, on PostgreSQL: the proof that runs on SQLite beside the tests of booking."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.proof
@pytest.mark.parametrize("batch", range(1, 5))
def test_a_hundred_rounds_of_bookers_have_one_winner_a_slot_on_postgresql(postgres_url, batch):
    races = ["-m", "proof", "-k", f"batch{batch}", "tests/domain/test_booking_races.py"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *races],
        cwd=ROOT,
        env=os.environ | {"TEST_DATABASE_URL": postgres_url},
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed" in run.stdout
