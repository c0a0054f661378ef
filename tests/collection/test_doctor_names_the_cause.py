"""The doctor at real set-ups: what is broken is named first, what works is left alone, and nothing secret is shown."""

import os
import subprocess
import sys
import time

import pytest

from tests.collection import labels, setups
from tests.collection.town import CANARIES, OVERLAY, ROOT

pytestmark = pytest.mark.proof
STEP_MS = 10_000
SLACK_MS = 4_000  # a step that is cut off at its limit is told of when this machine comes to it
# What is true of a set-up that works all the same, and worth a warning.
NOTHING_LEAVES = ["settings.twilio-account", "emergencies.rota"]  # calls come in, and nobody can be rung or written to
TRUE_WARNINGS = {"no_account_named": NOTHING_LEAVES, "shared_key_instead_of_a_token": NOTHING_LEAVES}


@pytest.mark.parametrize("setup", setups.BROKEN)
def test_the_cause_is_named_first(setup, diagnoses):
    diagnosis, label = diagnoses[setup].result(), labels.LABELS[setup]

    assert diagnosis.named is not None, diagnosis.out
    text = " ".join(diagnosis.named[part] for part in ("seen", "means", "remedy")).lower()
    assert diagnosis.named["id"] in {label.first, f"{label.first}.{diagnosis.named['id'].partition('.')[2]}"}, (
        diagnosis.told
    )
    assert [word for word in label.words if word.lower() not in text] == [], diagnosis.told
    assert diagnosis.named["remedy"] != ""
    sound(diagnosis)


@pytest.mark.parametrize("setup", setups.HEALTHY)
def test_nothing_is_named_where_all_is_well(setup, diagnoses):
    diagnosis = diagnoses[setup].result()

    assert diagnosis.findings != [], diagnosis.err
    assert diagnosis.of("FAIL") == []
    assert [finding["id"] for finding in diagnosis.of("WARN")] == TRUE_WARNINGS.get(setup, []), diagnosis.told
    sound(diagnosis)


def sound(diagnosis):
    """Whatever it met, the doctor ended by itself in time, without an error of its own and without a secret."""
    assert diagnosis.code == (2 if diagnosis.of("FAIL") else 1 if diagnosis.of("WARN") else 0)
    assert diagnosis.err == ""
    assert [secret for secret in CANARIES if secret in diagnosis.out] == []
    assert [finding for finding in diagnosis.findings if "check itself failed" in finding["seen"]] == []
    assert [finding for finding in diagnosis.findings if finding["ms"] > STEP_MS + SLACK_MS] == []


def test_it_ends_in_an_empty_environment_without_a_network(tmp_path):
    """Not a single setting, no name that is known, nobody listening."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(OVERLAY),
        "COLLECTION_NAMES": "{}",
        "ENV_FILE": "",
        "SECRET_KEY": "canary-secret-key",
        "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3",
        "DATA_DIR": str(tmp_path),
        "PORT": "1",
    }
    began = time.monotonic()

    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stderr) == (2, "")
    assert "Begin with settings.public-url" in done.stdout
    assert "canary" not in done.stdout
    assert time.monotonic() - began < 5 * 5
