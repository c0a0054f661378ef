"""Children of the lab: started, seen to answer, and never left behind."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from calls.lab.processes import Child, ChildFailed, EmulatorChild, environment, fetch_json

PARENT = """
import pathlib, sys, time
import django
django.setup()
from calls.lab.processes import EmulatorChild, environment, leaving_none_behind
with leaving_none_behind():
    with EmulatorChild(environment=environment(), log=pathlib.Path(sys.argv[1])) as child:
        print(child.pid, flush=True)
        time.sleep(60)
"""


def is_alive(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_emulator_child_answers_on_the_port_it_names_and_is_gone_afterwards(tmp_path):
    with EmulatorChild(environment=environment(), log=tmp_path / "log") as emulator:
        port = re.fullmatch(r"ws://127\.0\.0\.1:(\d+)/v1/realtime", emulator.url)[1]
        sessions = fetch_json(f"http://127.0.0.1:{port}/_emulator/sessions")

    assert sessions == []
    assert emulator.failure() == "emulate_realtime ended with code 0.\n" + emulator.last_lines()


def test_child_that_fails_is_told_with_its_last_words(tmp_path):
    child = Child("emulate_realtime", "--port", "none", environment=environment(), log=tmp_path / "log")

    with child, pytest.raises(ChildFailed) as failed:
        child.wait_for(re.compile("ready"))

    assert str(failed.value).startswith("emulate_realtime ended with code 2.\n")
    assert "invalid int value: 'none'" in str(failed.value)


def test_child_that_never_gets_ready_is_told_after_the_time_allowed(tmp_path):
    child = Child("emulate_realtime", "--port", "0", environment=environment(), log=tmp_path / "log")

    with child, pytest.raises(ChildFailed, match=r"^emulate_realtime was not ready after 0\.1 s\."):
        child.wait_for(re.compile("never written"), seconds=0.1)

    assert not is_alive(child.pid)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_children_go_with_their_parent(tmp_path, sig):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path / "log"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    child = int(parent.stdout.readline())

    parent.send_signal(sig)
    parent.communicate(timeout=10)
    deadline = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert not is_alive(child)


def test_children_see_every_setting_pinned_and_nothing_of_a_dotenv_file(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a developer's own")
    monkeypatch.setenv("LANG", "C.UTF-8")

    seen = environment(PORT="9999")

    assert {name: seen[name] for name in ("OPENAI_API_KEY", "ENV_FILE", "PORT", "LANG", "DJANGO_SETTINGS_MODULE")} == {
        "OPENAI_API_KEY": "",
        "ENV_FILE": "",
        "PORT": "9999",
        "LANG": "C.UTF-8",
        "DJANGO_SETTINGS_MODULE": "voiceagent.settings",
    }
