"""manage.py probe_openai, against the emulator of the Realtime server."""

import asyncio
import contextlib
import hashlib
import json
import threading
import time
from base64 import b64decode

import pytest
from django.core.management import CommandError, call_command
from websockets.asyncio.server import serve

from calls.doctor import probe
from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_server import RealtimeServer

KEY = "sk-canary-0123456789"


@pytest.fixture(autouse=True)
def hurried(monkeypatch, settings, tmp_path):
    monkeypatch.setattr(probe, "_QUIET_MS", 20)
    settings.OPENAI_API_KEY, settings.DATA_DIR = KEY, tmp_path


@contextlib.contextmanager
def in_background(start):
    """`start`: a coroutine function that opens a server and gives back its address and how to close it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    address, stop = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield address
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextlib.contextmanager
def emulated(settings, **how):
    server = RealtimeServer(**{"pace": 50.0, "think_ms": 10, "transcription_ms": 10} | how)

    async def start():
        await server.start()
        return server.url, server.stop

    with in_background(start) as settings.OPENAI_REALTIME_URL:
        yield server


def run(tmp_path):
    call_command("probe_openai", file=tmp_path / "probe.jsonl")
    return read(tmp_path)


def read(tmp_path):
    return [json.loads(line) for line in (tmp_path / "probe.jsonl").read_text().splitlines()]


def steps(lines):
    return {line["step"]: line for line in lines if "saw" in line}


def test_without_a_key_it_is_not_run_and_that_is_no_error(settings, capsys, tmp_path):
    settings.OPENAI_API_KEY = ""

    call_command("probe_openai")

    assert capsys.readouterr().out == "Not run: OPENAI_API_KEY is not set.\n"
    assert list(tmp_path.iterdir()) == []


def test_every_question_is_put_and_answered(settings, tmp_path, capsys):
    with emulated(settings) as server:
        lines = run(tmp_path)

    found = steps(lines)
    assert list(found) == [step.name for step in probe.STEPS]
    assert [name for name, line in found.items() if not line["is_answered"]] == []
    assert found["defaults"]["saw"] == {"session.created": 1}
    assert found["deltas"]["saw"]["response.output_audio.delta"] > 2
    assert found["item-ids"]["saw"]["conversation.item.added"] >= 1
    assert found["transcript"]["saw"]["conversation.item.input_audio_transcription.completed"] == 1
    assert found["barge-in"]["saw"]["input_audio_buffer.speech_started"] == 1
    assert found["barge-in"]["saw"]["response.done"] == 2
    assert found["no-interruption"]["saw"]["input_audio_buffer.speech_stopped"] == 1
    assert lines[-1]["end"] == "closed"
    assert "deltas" in capsys.readouterr().out
    cut = [line["came"]["response"]["status"] for line in lines if line.get("came", {}).get("type") == "response.done"]
    assert "cancelled" in cut
    assert all(session.open is False for session in server.sessions)


def test_what_is_recorded_is_every_event_both_ways(settings, tmp_path):
    with emulated(settings) as server:
        lines = run(tmp_path)

    (session,) = server.sessions
    assert [line["sent"]["type"] for line in lines if "sent" in line] == [frame["type"] for frame in session.received()]
    came = [line["came"]["type"] for line in lines if "came" in line]
    assert came == [frame["type"] for frame in session.sent()][: len(came)]
    assert [line["ms"] for line in lines] == sorted(line["ms"] for line in lines)


def test_sound_is_told_by_length_and_hash_and_no_secret_is_written(settings, tmp_path):
    with emulated(settings) as server:
        lines = run(tmp_path)

    (session,) = server.sessions
    deltas = [b64decode(frame["delta"]) for frame in session.sent("response.output_audio.delta")]
    told = [
        line["came"]["delta"] for line in lines if line.get("came", {}).get("type") == "response.output_audio.delta"
    ]
    assert told[0] == {"bytes": len(deltas[0]), "sha256": hashlib.sha256(deltas[0]).hexdigest()[:16]}
    path = tmp_path / "probe.jsonl"
    assert "canary" not in path.read_text()
    assert max(len(line) for line in path.read_text().splitlines()) < 4000
    assert path.stat().st_mode & 0o077 == 0


def test_a_model_that_does_not_reason_is_not_asked_about_it(settings, tmp_path):
    settings.OPENAI_REALTIME_MODEL = "gpt-realtime-1.5"
    with emulated(settings):
        found = steps(run(tmp_path))

    assert set(found) == {step.name for step in probe.STEPS} - {"no-effort"}


def test_a_question_that_is_not_answered_in_time_holds_up_no_other(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "STEP_SECONDS", 0.3)
    began = time.monotonic()
    with emulated(settings, faults=Faults(never_respond=True)):
        found = steps(run(tmp_path))

    assert time.monotonic() - began < 10  # four of them are not answered; it takes 1.5 s on an idle machine

    assert [name for name, line in found.items() if not line["is_answered"]] == [
        "deltas",
        "transcript",
        "barge-in",
        "no-interruption",
    ]


def test_each_step_has_less_than_ten_seconds():
    assert probe.STEP_SECONDS < 10


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"keys": ["sk-another"]}, "wrong key: OpenAI does not know it. Make a new key"),
        ({"faults": Faults(upgrade_status=429)}, "too many requests for this account"),
        ({"faults": Faults(close_on_open=1011)}, "the socket was closed before the end of the step "),
    ],
    ids=["key", "limit", "closed"],
)
def test_a_session_that_ends_early_is_recorded_as_far_as_it_came(settings, tmp_path, how, why):
    with emulated(settings, **how), pytest.raises(CommandError) as failed:
        run(tmp_path)

    assert why in str(failed.value)
    assert "canary" not in str(failed.value) + (tmp_path / "probe.jsonl").read_text()
    assert "end" in read(tmp_path)[-1]


def test_a_network_that_does_not_lead_there_is_recorded(settings, tmp_path):
    settings.OPENAI_REALTIME_URL = "ws://127.0.0.1:1/v1/realtime"

    with pytest.raises(CommandError, match="refused the connection"):
        run(tmp_path)
    assert [line.get("end") for line in read(tmp_path)] == [None, "not opened"]


def test_a_key_that_is_quoted_and_a_frame_that_is_no_json_are_no_trouble(settings, tmp_path):
    async def quote(socket):
        await socket.send("hello")
        await socket.send(
            json.dumps({"type": "error", "error": {"message": f"Incorrect key {KEY} \ud83d"}, "\ud83d": 1})
        )
        await socket.close(1000, "")

    async def start():
        server = await serve(quote, "127.0.0.1", 0)

        async def stop():
            server.close()
            await server.wait_closed()

        return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime", stop

    with in_background(start) as settings.OPENAI_REALTIME_URL, pytest.raises(CommandError):
        run(tmp_path)

    came = [line["came"] for line in read(tmp_path) if "came" in line]
    assert came == [
        {"type": "(no JSON)", "characters": 5},
        {"type": "error", "error": {"message": "Incorrect key ••• ?"}, "?": 1},
    ]


def test_a_file_that_cannot_be_written_is_said(settings, tmp_path):
    (tmp_path / "folder").mkdir()

    with emulated(settings), pytest.raises(CommandError, match="The record could not be written"):
        call_command("probe_openai", file=tmp_path / "folder")


class Slow:
    """A line whose response ends a while after it was canceled, and after the pause between two steps."""

    def __init__(self):
        self.coming = asyncio.Queue()

    async def send(self, frame):
        if json.loads(frame)["type"] == "response.cancel":
            asyncio.get_running_loop().call_later(0.1, self.coming.put_nowait, '{"type": "response.done"}')
        return True

    async def __aiter__(self):
        while True:
            yield await self.coming.get()


@pytest.mark.asyncio
async def test_the_end_of_a_response_is_not_taken_for_that_of_the_next_step():
    session = probe.Session(Slow(), probe.Record([]), "gpt-realtime-2.1", seen=["response.created"])
    reading = asyncio.create_task(session.read())

    await probe._fall_silent(session)
    reading.cancel()

    assert session.seen == ["response.created", "response.done"]
