"""OpenAI fails: it accepts and never speaks, falls silent, or is lost in mid-call whenever it is to answer.

Whatever happens, the caller hears a sound soon, never waits for long, and reaches a person.
"""

import pytest

from calls.emulators.realtime_faults import Faults
from calls.models import Call
from tests.journeys.conftest import RATE, story

ONE_TURN = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open?"}
"""
# Room for pauses of this machine, which last RATE times as long in the call.
ROOM_MS = 150 * RATE


def test_model_that_never_speaks_is_filled_in_for_and_then_given_up(make_town):
    call = make_town(faults=Faults(never_respond=True)).ring(story("[]"))

    assert call.heard.first_audio_ms < 2000 + ROOM_MS
    assert call.heard.longest_silence_ms < 3000 + ROOM_MS
    assert call.kinds.count("filler") >= 2
    assert call.event("gave_up_waiting").detail["waited_ms"] == pytest.approx(8000, abs=ROOM_MS)
    assert call.heard.verbs == ["Connect", "Say", "Dial", "Hangup"]
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.UPSTREAM_UNAVAILABLE)
    assert call.turns == []


def test_answer_that_never_comes_is_filled_in_for_and_then_given_up(town):
    call = town.ring(story(ONE_TURN + "- agent: {fault: silent}\n- agent: {fault: silent}"))

    assert call.heard.longest_silence_ms < 3000 + ROOM_MS
    assert call.kinds.count("filler") >= 2
    assert call.heard.verbs == ["Connect", "Say", "Dial", "Hangup"]
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.UPSTREAM_LOST)
    assert call.turns == [("agent", "How can I help?"), ("caller", "When are you open?")]


def test_answer_that_was_lost_is_asked_for_once_more(town):
    call = town.ring(
        story(ONE_TURN + '- agent: {fault: silent}\n- agent: {text: "From eight."}\n- wait_ms: 6000\n- hang_up: true')
    )

    assert call.kinds.count("asked_again") == 1
    assert call.heard.longest_silence_ms < 3000 + ROOM_MS
    assert call.turns == [("agent", "How can I help?"), ("caller", "When are you open?"), ("agent", "From eight.")]
    assert call.row.end_reason == Call.EndReason.CALLER_HANGUP


def test_model_lost_in_the_middle_again_and_again_hands_over(town):
    faults = ["drop", "close: 1011", "expire"]

    calls = town.ring_all(
        [
            story(ONE_TURN + f'- agent: {{fault: "{fault}"}}', caller=f"+1555010000{number}")
            for number, fault in enumerate(faults, start=1)
        ],
        troubled=True,
    )

    for call in calls:
        assert call.heard.verbs == ["Connect", "Say", "Dial", "Hangup"]
        assert call.heard.longest_silence_ms < 3000 + ROOM_MS
        assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.UPSTREAM_LOST)


@pytest.mark.parametrize("faults", [Faults(reject_updates=1), Faults(reject_updates=2, reject_names_event=False)])
def test_rejected_configuration_is_tried_more_simply(make_town, faults):
    call = make_town(faults=faults).ring(
        story("""
        - agent: {text: "How can I help?"}
        - wait_ms: 200
        - hang_up: true
        """),
        troubled=True,
    )

    assert call.turns == [("agent", "How can I help?")]
    assert call.row.end_reason == Call.EndReason.CALLER_HANGUP


@pytest.mark.parametrize("faults", [Faults(reject_updates=9), Faults(wrong_echo=True)], ids=["rejected", "as PCM"])
def test_configuration_that_is_never_accepted_hands_over_without_noise(make_town, faults):
    call = make_town(faults=faults).ring(story("[]"), troubled=True)

    assert call.heard.heard_audio == b""
    assert call.heard.verbs == ["Connect", "Say", "Dial", "Hangup"]
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.UPSTREAM_UNAVAILABLE)
