"""The caller speaks over the agent: early, late, and when the model had already finished its answer."""

import pytest

from calls.emulators.realtime_faults import Faults
from tests.journeys.conftest import RATE, plain, story

ANSWER = "Our plumbers are on the road from eight until six, and on Saturday from eight until noon."
ANSWER_MS = len(ANSWER) * 60
# What the ear and the relay's account of it may differ by: two frames, and 25 ms of this machine.
TOLERANCE_MS = 40 + 25 * RATE

SPOKEN_OVER = """
- agent: {{text: "How can I help?"}}
- say: {{text: "When are you open?"}}
- agent: {{text: "{answer}"}}
- say: {{text: "After four, please.", barge_in_ms: {after_ms}}}
- agent: {{text: "After four it is."}}
- wait_ms: 300
- hang_up: true
"""


@pytest.mark.parametrize(
    ("after_ms", "pace"),
    [
        pytest.param(300, 1.2, id="early"),
        pytest.param(3500, 1.2, id="late"),
        pytest.param(3500, 20.0, id="after generation ended"),
    ],
)
def test_caller_cuts_the_answer_at_what_was_heard(make_town, after_ms, pace):
    call = make_town(pace=pace).ring(story(SPOKEN_OVER.format(answer=ANSWER, after_ms=after_ms)))

    [clear] = call.heard.clears
    greeting_bytes = len("How can I help?") * 60 * 8
    last_bytes = len("After four it is.") * 60 * 8
    heard_ms = (len(call.heard.heard_audio) - greeting_bytes - last_bytes) / 8
    interrupted = call.row.turns.get(interrupted=True)
    assert after_ms < heard_ms < ANSWER_MS
    assert abs(interrupted.heard_ms - heard_ms) < TOLERANCE_MS
    assert plain(ANSWER).startswith(plain(interrupted.text + interrupted.unheard))
    assert len(interrupted.text) == pytest.approx(len(ANSWER) * heard_ms / ANSWER_MS, abs=12)
    [truncated] = call.session.received("conversation.item.truncate")
    assert (truncated["item_id"], truncated["audio_end_ms"]) == (interrupted.item_id, interrupted.heard_ms)
    assert call.session.received("conversation.item.delete", "response.cancel") == []
    assert clear.dropped_bytes > 0
    assert [text for role, text in call.turns if role == "caller"] == ["When are you open?", "After four, please."]
    assert call.turns[-1] == ("agent", "After four it is.")
    assert call.heard.clears == [clear]


def test_late_sound_of_an_interrupted_answer_is_never_heard(make_town):
    call = make_town(pace=1.2, faults=Faults(late_deltas=4)).ring(
        story(SPOKEN_OVER.format(answer=ANSWER, after_ms=1000))
    )

    [clear] = call.heard.clears
    start = call.heard.start_ms
    last_ms = len("After four it is.") * 60
    after_clear = [at for at, _ in call.heard.heard if at + start > clear.at_ms + 60]
    assert len(after_clear) * 20 == pytest.approx(last_ms, abs=20)


def test_caller_who_speaks_while_nothing_plays_clears_nothing(town):
    call = town.ring(
        story("""
        - agent: {text: "How can I help?"}
        - wait_ms: 500
        - say: {text: "When are you open?"}
        - agent: {text: "From eight until six."}
        - hang_up: true
        """)
    )

    assert call.heard.clears == []
    assert call.session.received("conversation.item.truncate", "conversation.item.delete", "response.cancel") == []
    assert [turn.interrupted for turn in call.row.turns.all()] == [False, False, False]


def test_clear_is_at_the_telephone_soon_after_speech_started(make_town):
    call = make_town(pace=20.0).ring(story(SPOKEN_OVER.format(answer=ANSWER, after_ms=1500)))

    started = [f.at for f in call.session.frames if f.way == "out" and f.type == "input_audio_buffer.speech_started"]
    [cleared] = [at for at, kind, _ in call.clock if kind == "clear"]
    real_ms = (cleared - started[1]) * 1000
    assert real_ms < 5 * 50
