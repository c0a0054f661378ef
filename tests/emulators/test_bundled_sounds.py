"""The sounds that ship: what a caller says must reach the emulated ear as one turn, at a speaker's level."""

from itertools import groupby
from pathlib import Path

import pytest

from calls.emulators import scenario, sound

CLIPS = Path(scenario.__file__).parents[1] / "relay" / "clips"
SPOKEN = sorted([*scenario.AUDIO.glob("*.ulaw"), *CLIPS.glob("*.ulaw")])
LOUD_DBOV = -40.0  # what the emulated server VAD takes for speech at its usual threshold of 0.5


def test_every_sound_of_a_bundled_scenario_ships_and_every_sound_that_ships_is_used():
    steps = [step for script in scenario.load_folder() for step in script.steps]
    named = {step.audio for step in steps if isinstance(step, scenario.Say | scenario.Agent) and step.audio}

    assert sorted(named) == sorted(path.name for path in scenario.AUDIO.glob("*.ulaw"))


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.stem)
def test_a_line_is_spoken_at_a_common_level_and_without_a_pause_that_would_end_the_turn(path):
    payload = sound.read(path)
    begin, end = sound.audible_span(payload)
    spoken = payload[begin * sound.BYTES_PER_MS : end * sound.BYTES_PER_MS]
    loud = [sound.level(frame) >= LOUD_DBOV for frame in sound.frames(spoken)]
    pauses_ms = [sound.FRAME_MS * len(list(run)) for is_loud, run in groupby(loud) if not is_loud]

    assert -23 <= sound.level(spoken) <= -17
    assert max(pauses_ms, default=0) < 400


def test_all_sounds_together_stay_small():
    assert sum(path.stat().st_size for path in SPOKEN) < 2_500_000
