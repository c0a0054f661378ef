import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from calls.doctor import runner
from calls.models import DoctorRun

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db(transaction=True)


def run(capsys, *arguments):
    """The exit code and what was printed."""
    with pytest.raises(SystemExit) as caught:
        call_command("doctor", *arguments)
    return caught.value.code, capsys.readouterr().out


def test_lines_have_columns_and_a_remedy_below(capsys, settings):
    settings.OPENAI_API_KEY = ""

    code, out = run(capsys, "--only", "settings")

    lines = out.splitlines()
    at = next(number for number, line in enumerate(lines) if "settings.openai-key" in line)
    assert code == 2
    assert re.sub(r"  \(\d+ ms\)$", "", lines[at]) == "FAIL     settings.openai-key        not set"
    assert lines[at + 1].startswith("         means:   No agent can speak")
    assert lines[at + 2].startswith("         remedy:  Make a key at https://platform.openai.com/api-keys")
    assert lines[-1].startswith("15 well, 2 failed. Begin with settings.public-url: Set PUBLIC_BASE_URL=")


def test_json_is_one_document(capsys):
    code, out = run(capsys, "--only", "database,routes", "--json")

    report = json.loads(out)
    assert (code, report["exit"], report["summary"]) == (0, 0, "2 well.")
    assert [(finding["id"], finding["level"]) for finding in report["findings"]] == [
        ("database", "OK"),
        ("routes", "OK"),
    ]
    assert set(report["findings"][0]) == {"id", "level", "title", "seen", "means", "remedy", "ms"}


def test_a_run_is_kept_and_says_whether_it_looked_at_everything(capsys, settings):
    settings.PUBLIC_BASE_URL, settings.PORT = "http://127.0.0.1:1", 1
    whole, _ = run(capsys)
    part, _ = run(capsys, "--only", "routes", "--json")

    kept = [(one.source, one.is_complete, one.result, len(one.findings)) for one in DoctorRun.objects.order_by("pk")]
    ids = {id for check in runner.CHECKS for id in check.ids}
    assert (kept[1:], whole, part) == ([("command", False, 0, 1)], 2, 0)
    assert kept[0][:3] == ("command", True, 2)
    assert {finding["id"] for finding in DoctorRun.objects.earliest("pk").findings} < ids


def test_warnings_alone_are_exit_code_1(capsys, settings):
    settings.PUBLIC_BASE_URL = "https://line.cedarplumbing.com"
    settings.ALLOWED_HOSTS = ["line.cedarplumbing.com"]
    settings.OPENAI_API_KEY = "0123456789abcdefghijkl"

    assert run(capsys, "--only", "settings")[0] == 1


def test_a_check_that_does_not_exist_is_named_with_those_that_do(capsys):
    with pytest.raises(CommandError) as caught:
        call_command("doctor", "--only", "weather")

    assert caught.value.returncode == 2
    assert str(caught.value).startswith("No check weather. There are: settings, database, line, ")


def test_it_works_in_an_empty_environment_without_a_network(tmp_path):
    """A real process, as a stranger starts it: no .env, no database, nothing listening."""
    environment = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": "",
        "SECRET_KEY": "canary-secret-key",
        "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3",
        "PORT": "1",
    }

    done = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (2, "")
    assert {finding["id"]: finding["level"] for finding in report["findings"] if finding["level"] != "OK"} == {
        "settings.public-url": "FAIL",
        "settings.openai-key": "FAIL",
        "settings.twilio-token": "FAIL",
        "settings.email": "WARN",
        "settings.secret-key": "WARN",
        "database": "FAIL",
        "line": "SKIPPED",
        "text-messages": "SKIPPED",
        "emergencies": "SKIPPED",
        "worker": "SKIPPED",
        "clock": "SKIPPED",
        "port": "FAIL",
        "asgi": "SKIPPED",
        "webhook": "SKIPPED",
        "upgrade": "SKIPPED",
        "twilio": "SKIPPED",
        "first-audio": "SKIPPED",
        "openai": "SKIPPED",
    }
    assert "canary" not in done.stdout


def test_it_works_with_variables_that_cannot_be_read_and_quotes_none():
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": "", "SECRET_KEY": "for-tests", "PORT": "80a", "DEBUG": "ja"}
    environment |= {"DATABASE_URL": "postgres//u:canary-pw@h/db", "TWILIO_SIGNATURE": "log", "EMAIL_URL": "canary"}

    done = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--only", "settings,database"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (2, "")
    assert "Correct or clear DEBUG, PORT, TWILIO_SIGNATURE, EMAIL_URL and DATABASE_URL in .env" in done.stdout
    assert "canary" not in done.stdout


def test_a_database_whose_host_swallows_what_is_sent_is_named_and_nothing_else_blamed():
    """A real process, and a socket that listens and never answers: neither OpenAI nor the worker has to do with it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            "PATH": os.environ["PATH"],
            "ENV_FILE": "",
            "SECRET_KEY": "only-for-tests",
            "DATABASE_URL": f"postgres://u:canary-pw@127.0.0.1:{silent.getsockname()[1]}/calls?connect_timeout=2",
            "OPENAI_API_KEY": "sk-canary-0123456789abcdef",
            "OPENAI_REALTIME_URL": "ws://127.0.0.1:1/v1/realtime",
        }

        done = subprocess.run(
            [sys.executable, "manage.py", "doctor", "--json", "--only", "database,line,emergencies,worker,openai"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    report = json.loads(done.stdout)
    needs = ("SKIPPED", "needs database, which did not succeed")
    found = {
        one["id"]: (one["level"], one["seen"]) for one in report["findings"] if not one["id"].startswith("settings")
    }
    del found["openai.model"]
    assert found == {
        "database": ("FAIL", "postgresql: the database does not answer (connection timeout expired)"),
        "line": needs,
        "emergencies": needs,
        "worker": needs,
        "openai": ("FAIL", "network: 127.0.0.1 refused the connection"),
        "openai.speaks": ("SKIPPED", "needs openai, which did not succeed"),
        "openai.tools": ("SKIPPED", "needs openai, which did not succeed"),
        "openai.hears": ("SKIPPED", "needs openai, which did not succeed"),
    }
    assert "Begin with database: " in report["summary"]
    assert "canary" not in done.stdout
