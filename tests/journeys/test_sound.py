"""Every byte of sound arrives, in order, both ways; and the first one soon."""

import base64
import random
from dataclasses import replace

import pytest

from calls.emulators import sound
from calls.emulators.realtime_faults import Faults
from calls.emulators.scenario import Agent, Caller, HangUp, Say, Scenario, Wait
from tests.journeys.conftest import CALLER, LINE, story


def noise(path, ms, seed):
    """Loud noise: no stretch of it is like another, so that what is lost or swapped is seen."""
    path.write_bytes(sound.encode(random.Random(seed).choices(range(-9000, 9000), k=ms * sound.BYTES_PER_MS)))
    return str(path)


@pytest.fixture
def noisy_call(tmp_path):
    greeting, question, answer = (noise(tmp_path / f"{n}.ulaw", 1500 + 100 * n, n) for n in range(3))
    steps = (
        Agent("Hello.", greeting),
        Say(question, "When are you open?"),
        Agent("From eight.", answer),
        Wait(300),
        HangUp(),
    )
    return Scenario("noise", Caller(CALLER, LINE), steps)


def test_callers_sound_reaches_the_model_whole_and_in_order(town, noisy_call):
    call = town.ring(noisy_call)

    spoken = b"".join(payload for _, payload in call.heard.spoken)
    received = bytes(call.session.audio_in)
    at = received.find(spoken[:160])
    assert spoken == sound.read(noisy_call.steps[1].audio)
    assert received[at : at + len(spoken)] == spoken
    assert received[:at].strip(b"\xff") == received[at + len(spoken) :].strip(b"\xff") == b""
    assert 0 <= call.heard.streams[0].sent["media"] * 160 - len(received) <= 10 * 160


def test_sound_held_until_the_model_is_ready_reaches_it_in_order(make_town, noisy_call):
    town = make_town(faults=Faults(updated_ms=1000))

    call = town.ring(replace(noisy_call, steps=noisy_call.steps[1:]))

    assert sound.read(noisy_call.steps[1].audio) in bytes(call.session.audio_in)
    assert call.event("session_ready").detail["held_frames_dropped"] == 0


# As the model makes it, and all at once.
@pytest.mark.parametrize("pace", [5.0, 1000.0])
def test_agents_sound_reaches_the_caller_whole_and_in_order(make_town, noisy_call, pace):
    call = make_town(pace=pace).ring(noisy_call)

    sent = b"".join(base64.b64decode(event["delta"]) for event in call.session.sent("response.output_audio.delta"))
    assert sent == b"".join(sound.read(noisy_call.steps[number].audio) for number in (0, 2))
    assert call.heard.heard_audio == sent
    assert {mark.how for mark in call.heard.marks} <= {"played", "empty"}


def test_first_sound_comes_soon(town):
    call = town.ring(
        story("""
        - agent: {text: "How can I help?"}
        - hang_up: true
        """)
    )

    assert call.heard.first_audio_ms < 5 * 1000
    assert call.row.first_audio_ms < 5 * 1000
    assert "filler" not in call.kinds  # what was heard was the agent and no clip of ours
