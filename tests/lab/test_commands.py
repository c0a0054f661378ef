"""The commands as a person types them, each in a process of its own."""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command

from calls import serving
from calls.emulators import sound
from calls.emulators.scenario import parse
from calls.lab import demonstration, emulation, local, scratch, simulation
from calls.lab.processes import ServerChild, environment, free_port
from voiceagent.settings import BASE_DIR

LIMIT_SECONDS = 120


def run(*arguments, **pinned):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=environment(SECRET_KEY="only-for-tests", **pinned),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )


@contextmanager
def running(*arguments, output, **pinned):
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=environment(SECRET_KEY="only-for-tests", **pinned),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(LIMIT_SECONDS)


def wait_for(pattern, output, seconds=40):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := re.search(pattern, output.read_text()):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{pattern!r} was never written: {output.read_text()}")


# simulate_call


def test_simulated_call_is_judged_and_told_as_json(tmp_path):
    done = run("simulate_call", "--fast", "--json", "--scenario", "hours", "--save", str(tmp_path))

    told = json.loads(done.stdout)
    assert (done.returncode, told["shortcomings"], told["passed"]) == (0, [], True)
    assert (told["status"], told["end_reason"], told["tools"]) == ("ended", "caller_hangup", [])
    assert [(turn["role"], turn["interrupted"]) for turn in told["turns"]] == [
        ("agent", False),
        ("caller", False),
        ("agent", False),
    ]
    assert told["turns"][1]["text"] == "When are you open on Saturday?"
    assert 0 < told["first_audio_ms"] < 5 * 1000
    assert told["heard_wav"] == str(tmp_path / f"{told['call_sid']}.wav")
    assert (tmp_path / f"{told['call_sid']}.wav").read_bytes()[22:28] == b"\x02\x00\x40\x1f\x00\x00"  # stereo, 8 kHz


def test_simulated_call_that_falls_short_fails(tmp_path):
    (tmp_path / "angry.yaml").write_text(
        """
        caller: {from: "+15550100003", to: "+15550109998"}
        steps: [{agent: {text: "How can I help?"}}, {hang_up: true}]
        expect: {end_reason: agent_hangup}
        """
    )

    done = run("simulate_call", "--fast", "--scenario", str(tmp_path / "angry.yaml"))

    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == [
        "What fell short:",
        "  - The call's end_reason is caller_hangup, not agent_hangup.",
    ]


def test_real_model_without_a_key_is_said_not_to_have_been_run(settings, capsys):
    settings.OPENAI_API_KEY = ""

    call_command("simulate_call", "--realtime", "openai", "--repeat", "3")
    call_command("simulate_call", "--realtime", "openai", "--json")

    spoken, document = capsys.readouterr().out.split("\n", 1)
    assert spoken == simulation.NO_KEY
    assert json.loads(document) == {"run": False, "reason": simulation.NO_KEY}


@pytest.mark.proof
def test_real_model_is_called_as_often_as_wanted_and_measured():
    """An emulator stands for the model, which this machine cannot reach; the command cannot tell."""
    story = {"name": "hours", "caller": {"from": "+15550100002"}, "steps": [{"agent": {"text": "How can I help?"}}]}

    with emulation.in_background([parse(story)]) as model:
        done = run(
            *("simulate_call", "--realtime", "openai", "--repeat", "2", "--json", "--scenario", "hours"),
            OPENAI_API_KEY="sk-real",
            OPENAI_REALTIME_URL=model.url,
        )
        keys = {session.headers["authorization"] for session in model.sessions}

    told = json.loads(done.stdout)
    assert (done.returncode, told["passed"], told["of"], told["pass_rate"]) == (0, 2, 2, 1.0)
    assert keys == {"Bearer sk-real"}
    assert told["tokens"]["output"] > 0
    assert 0 < told["first_audio_ms"]["median"] <= told["first_audio_ms"]["worst"] < 5 * 1000
    assert [(run["turns"], run["tools"]) for run in told["runs"]] == [(None, None)] * 2


def test_server_that_does_not_answer_is_named():
    port = free_port()

    with pytest.raises(CommandError, match=f"http://127.0.0.1:{port}/healthz does not answer as our server does"):
        call_command("simulate_call", "--url", f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--scenario", "nothing"], "no scenario 'nothing'"),
        (["--scenario", "nothing.yaml"], "nothing.yaml"),
        (["--audio", "nothing.wav"], "nothing.wav is no sound that can be played"),
        (["--url", "http://127.0.0.1:1", "--fast"], "leave out --url"),
        (["--url", "http://127.0.0.1:1", "--realtime", "openai"], "leave out --url"),
        (["--repeat", "0"], "at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(arguments, complaint):
    with pytest.raises(CommandError, match=complaint):
        call_command("simulate_call", *arguments)


def test_recording_takes_the_place_of_the_callers_first_words(tmp_path):
    recording = tmp_path / "me.wav"
    sound.write_wav(recording, sound.tone(500))
    scenario = simulation.scenarios.find("demo")

    changed = simulation.with_audio(scenario, recording)

    before, after = scenario.steps[1], changed.steps[1]
    assert (after.audio, after.text) == (str(recording), before.text)
    assert changed.steps[2:] == scenario.steps[2:]


# serve


def style_from(base_url):
    with urllib.request.urlopen(f"{base_url}/static/admin/css/base.css") as answer:
        return answer.status, answer.headers["Content-Type"]


def test_server_without_debug_serves_the_admin_and_its_styles(tmp_path):
    settings = scratch.server_environment(
        token="t", database_url=f"sqlite:///{tmp_path}/db.sqlite3", realtime_url="ws://127.0.0.1:9/v1/realtime"
    )

    with ServerChild(environment=settings, log=tmp_path / "log") as server:
        style = style_from(server.base_url)
        with urllib.request.urlopen(f"{server.base_url}/admin/login/") as answer:
            page = answer.read().decode()

    assert style == (200, 'text/css; charset="utf-8"')
    assert "/static/admin/css/base.css" in page
    assert "Warning" not in server.written()


def test_server_can_run_a_worker_inside(tmp_path):
    pinned = {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "EMAIL_URL": f"filemail://{tmp_path}/outbox"}
    run("migrate", **pinned)
    run("load_demo", **pinned)
    leave_a_letter(pinned)

    with running("serve", "--worker", "--port", "0", output=tmp_path / "output", **pinned) as server:
        wait_for("Serving on", tmp_path / "output")
        wait_for(r"e-mail \d+ \(test\): sent", tmp_path / "output")
        server.send_signal(signal.SIGTERM)
        code = server.wait(LIMIT_SECONDS)

    assert (code, len(list((tmp_path / "outbox").iterdir()))) == (0, 1)


def test_taken_port_is_refused_with_its_owner():
    with serving.listen(0, "127.0.0.1") as listener:
        port = listener.getsockname()[1]
        done = run("serve", "--port", str(port))

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"CommandError: Port {port} is taken by pid ")


# demo


@pytest.mark.proof
def test_demonstration_whose_server_dies_says_so_and_fails(tmp_path):
    output = tmp_path / "output"
    pinned = {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}

    with running("demo", output=output, **pinned) as demo:
        port = wait_for(r"Server at http://127\.0\.0\.1:(\d+)", output)[1]
        owner = re.match(r"pid (\d+) ", serving.port_owner(int(port)))[1]
        subprocess.run(["kill", "-KILL", owner], check=True)
        code = demo.wait(LIMIT_SECONDS)

    told = output.read_text().splitlines()
    assert code == 1
    assert told[0] == told[-1] == demonstration.SCRIPTED
    assert "The demonstration failed. serve ended with code -9." in told


@pytest.mark.proof
def test_demonstration_is_heard_to_its_end(tmp_path):
    pinned = {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "EMAIL_URL": f"filemail://{tmp_path}/outbox"}

    done = run("demo", **pinned)

    told = done.stdout.splitlines()
    assert (done.returncode, told[-2]) == (0, "All went well.")
    assert told[0] == told[-1] == demonstration.SCRIPTED
    assert sum(line.startswith("  Agent ") for line in told) == 9
    assert sum(line.startswith("  Caller ") for line in told) == 6
    letters = dict(re.findall(r"^E-mail                to (\S+): (.+)$", done.stdout, re.M))
    assert set(letters) == {
        "robert@example.com",
        "maria@cedarplumbing.example.com",
    }  # the caller's quote, the technician's job
    assert set(letters.values()) == {str(letter) for letter in (tmp_path / "outbox").iterdir()}
    assert "Price                 Drain cleaning, $204.12: http://localhost:8000/admin/calls/quote/1/change/" in told
    assert re.search(
        r"^Appointment           Drain cleaning, .+, Maria Ortiz: \S+/admin/calls/booking/1/change/$", done.stdout, re.M
    )
    [reaction] = re.findall(r"Barge-in reaction     (\d+) ms", done.stdout)
    assert int(reaction) < 1000
    assert re.search(r"In the admin          http://localhost:8000/admin/calls/call/\d+/change/", done.stdout)
    [recording] = re.findall(r"Recording             (\S+\.wav)", done.stdout)
    (BASE_DIR / recording).unlink()


# runserver

LETTER = """
from calls.domain import outbox
from calls.models import Business
from django.utils import timezone
business = Business.objects.first()
words = {"subject": "Hello", "body": "Hello"}
outbox.write_email(business_id=business.pk, call_id=None, purpose="test", key="test", to="a@example.com", **words,
                   now=timezone.now())
"""


def leave_a_letter(pinned):
    """One letter in the outbox, for the worker inside of the server."""
    assert run("shell", "-c", LETTER, **pinned).returncode == 0


@pytest.mark.proof
@pytest.mark.parametrize("reloading", [True, False])
def test_development_server_without_a_key_answers_calls_of_its_checkout(tmp_path, reloading):
    output, port = tmp_path / "output", free_port()
    pinned = {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "PORT": str(port)}
    pinned["EMAIL_URL"] = f"filemail://{tmp_path}/outbox"
    run("migrate", **pinned)
    run("load_demo", **pinned)
    leave_a_letter(pinned)

    with running("runserver", *([] if reloading else ["--noreload"]), output=output, **pinned) as server:
        wait_for("Place a call", output)
        wait_for(r"e-mail \d+ \(test\): sent", output)
        call = run("simulate_call", "--url", "--json", "--scenario", "hours", **pinned)
        again = run("runserver", **pinned)
        doctor = run("doctor", "--json", **pinned)
        style = style_from(f"http://127.0.0.1:{port}")
        model = wait_for(r"Realtime emulator at ws://127\.0\.0\.1:(\d+)", output)[1]
        server.send_signal(signal.SIGTERM)
        server.wait(LIMIT_SECONDS)

    told = json.loads(call.stdout)
    assert (call.returncode, told["shortcomings"], len(told["turns"])) == (0, [], 3)
    assert again.stderr.splitlines()[-1].startswith(f"CommandError: Port {port} is taken by pid ")
    assert {one["id"]: one["level"] for one in json.loads(doctor.stdout)["findings"] if one["level"] != "OK"} == {
        "settings.public-url": "FAIL",  # nobody outside of this machine can call
        "settings.openai-url": "WARN",
        "settings.twilio-token": "WARN",
        "settings.email": "WARN",
        "settings.secret-key": "WARN",
        "line.fallback": "WARN",
        "emergencies.rota": "WARN",
        "twilio": "SKIPPED",
    }
    assert style == (200, 'text/css; charset="utf-8"')
    assert "Warning" not in output.read_text()
    assert f"http://localhost:{port}/twilio/voice" in output.read_text()
    assert f"http://localhost:{port}/admin/" in output.read_text()
    assert (serving.port_owner(port), serving.port_owner(int(model))) == (None, None)
    assert local.noted_emulator(BASE_DIR) == ""
    assert len(list((tmp_path / "outbox").glob("test-*.eml"))) == 1


def test_note_of_an_emulator_is_taken_back_by_who_left_it(tmp_path):
    local.note_emulator(tmp_path, "ws://127.0.0.1:2/v1/realtime")

    local.forget_emulator(tmp_path, "ws://127.0.0.1:1/v1/realtime")
    kept = local.noted_emulator(tmp_path)
    local.forget_emulator(tmp_path, "ws://127.0.0.1:2/v1/realtime")

    assert (kept, local.noted_emulator(tmp_path)) == ("ws://127.0.0.1:2/v1/realtime", "")


def test_token_of_a_checkout_is_derived_only_when_twilio_gave_none():
    assert local.auth_token(["given", "older"], "secret") == "given"
    assert local.auth_token([], "secret") == local.derived_token("secret") != local.derived_token("other")
