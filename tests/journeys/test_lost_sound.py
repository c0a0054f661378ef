"""The carrier loses the caller's sound, or never says what was played: turns still end and barge-in still works."""

import pytest

from calls.emulators.phone import Faults
from calls.emulators.phone_options import Gap
from tests.journeys.conftest import story

QUESTION = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open on Saturdays and on Sundays?"}
- agent: {text: "From eight until noon."}
- hang_up: true
"""


@pytest.mark.parametrize("kind", ["lost", "stopped", "late"])
def test_turn_ends_although_its_sound_stops_in_the_middle_of_a_word(town, kind):
    gap = Gap(at_ms=600, for_ms=4000, kind=kind, since="speech")

    call = town.ring(story(QUESTION), faults=Faults(gaps=(gap,)))

    assert ("agent", "From eight until noon.") in call.turns
    answer = call.row.events.filter(kind="answer").first()
    assert answer.detail["after_speech_ms"] < 4000


def test_lost_frames_reach_the_model_as_silence_of_the_same_length(town):
    gap = Gap(at_ms=600, for_ms=2000, kind="lost", since="speech")

    call = town.ring(story(QUESTION), faults=Faults(gaps=(gap,)))

    # The model's clock is the sound that it receives: it has to keep up with the call.
    lasted_ms = call.event("ended").at_ms - call.event("stream_started").at_ms
    assert len(call.session.audio_in) / 8 == pytest.approx(lasted_ms, abs=600)


def test_telephone_that_never_echoes_a_mark_is_interrupted_by_the_clock(town):
    call = town.ring(
        story("""
        - agent: {text: "We are open from eight in the morning until six in the evening, from Monday to Friday."}
        - say: {text: "And on Saturdays?", barge_in_ms: 1500}
        - agent: {text: "Until noon."}
        - hang_up: true
        """),
        faults=Faults(mark_echo=False),
    )

    [barge_in] = call.row.events.filter(kind="barge_in")
    assert 1000 < barge_in.detail["heard_ms"] < barge_in.detail["received_ms"]
    assert call.turns[-1] == ("agent", "Until noon.")
