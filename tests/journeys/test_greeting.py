"""The first sound does not wait for OpenAI: the greeting is kept, played at once, cut and told like any other."""

import pytest

from calls.emulators import sound
from calls.emulators.realtime_faults import Faults
from calls.models import Call, KeptGreeting
from tests import factories
from tests.journeys.conftest import RATE, plain, story

GREETING = "Hello, this is an automated assistant. How can I help you today?"
GREETING_MS = len(GREETING) * 60
ROOM_MS = 150 * RATE
FIRST_AUDIO_MS = 150
ASSERTED_AT = 5

QUESTION = f"""
- agent: {{text: "{GREETING}"}}
- say: {{text: "When are you open?"}}
- agent: {{text: "From eight until six."}}
- wait_ms: 200
- hang_up: true
"""
TURNS = [("agent", GREETING), ("caller", "When are you open?"), ("agent", "From eight until six.")]


@pytest.fixture
def agent(line):
    line.agent.greeting = GREETING
    line.agent.save()
    return line.agent


@pytest.fixture
def kept(agent):
    return factories.make_kept_greeting(agent=agent, text=GREETING, sound=sound.tone(GREETING_MS, hz=330))


def spoken_by_request(call):
    """The responses that were asked for, without the summary: the answer to a turn comes by itself."""
    asked = call.session.received("response.create")
    return [event for event in asked if event.get("response", {}).get("conversation") != "none"]


def test_greeting_is_heard_at_once_though_openai_takes_ten_seconds(make_town, kept):
    call = make_town(faults=Faults(upgrade_ms=10_000)).ring(story("[]"), troubled=True)

    assert call.heard.first_audio_ms < FIRST_AUDIO_MS * ASSERTED_AT
    assert call.heard.heard_audio.startswith(bytes(kept.sound))
    assert call.heard.longest_silence_ms < 3000 + ROOM_MS
    assert call.turns == [("agent", GREETING)]
    assert call.heard.verbs == ["Connect", "Say", "Dial", "Hangup"]
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.UPSTREAM_UNAVAILABLE)


def test_caller_who_speaks_before_openai_is_ready_is_answered(make_town, kept):
    call = make_town(faults=Faults(updated_ms=GREETING_MS + 1000)).ring(story(QUESTION))

    assert call.heard.first_audio_ms < FIRST_AUDIO_MS * ASSERTED_AT
    assert call.turns == TURNS
    assert spoken_by_request(call) == []
    [told] = call.session.received("conversation.item.create")
    assert (told["previous_item_id"], told["item"]["content"]) == ("root", [{"type": "output_text", "text": GREETING}])


def test_who_speaks_over_it_silences_it_and_the_model_learns_what_was_heard(town, kept):
    call = town.ring(
        story(f"""
        - agent: {{text: "{GREETING}"}}
        - say: {{text: "When are you open?", barge_in_ms: 1500}}
        - agent: {{text: "From eight until six."}}
        - wait_ms: 200
        - hang_up: true
        """)
    )

    [clear] = call.heard.clears
    assert clear.dropped_bytes > 0
    first = call.row.turns.get(interrupted=True)
    assert plain(first.text + first.unheard) == plain(GREETING)
    assert 1500 <= first.heard_ms < GREETING_MS
    [told] = call.session.received("conversation.item.create")
    assert (told["previous_item_id"], told["item"]["content"][0]["text"]) == ("root", first.text)
    assert call.session.received("conversation.item.truncate") == []
    assert call.turns[1:] == TURNS[1:]


def test_the_first_call_keeps_what_the_second_one_plays(town, agent):
    first = town.ring(story(QUESTION))
    kept = KeptGreeting.objects.get()
    second = town.ring(story(QUESTION))

    assert (kept.agent, kept.text, kept.ms) == (agent, GREETING, GREETING_MS)
    assert first.turns == second.turns == TURNS
    assert first.heard.heard_audio == second.heard.heard_audio
    assert second.heard.first_audio_ms < FIRST_AUDIO_MS * ASSERTED_AT < first.heard.first_audio_ms + ROOM_MS
    assert [len(spoken_by_request(call)) for call in (first, second)] == [1, 0]
    assert second.event("first_audio").detail["kept"] is True


def test_a_greeting_that_was_spoken_over_is_not_kept(town, agent):
    town.ring(
        story(f"""
        - agent: {{text: "{GREETING}"}}
        - say: {{text: "When are you open?", barge_in_ms: 1500}}
        - agent: {{text: "From eight until six."}}
        - wait_ms: 200
        - hang_up: true
        """)
    )

    assert KeptGreeting.objects.count() == 0


@pytest.mark.proof
def test_a_silent_caller_is_asked_twice_and_the_call_ends_in_a_goodbye(town):
    call = town.ring(
        story("""
        - agent: {text: "How can I help?"}
        - wait_ms: 60000
        - agent: {text: "Are you still there?"}
        - agent: {text: "Are you still there?"}
        - agent: {text: "I will hang up now. Goodbye."}
        - wait_ms: 15000
        """),
        patience_ms=90_000,
        patience_seconds=30,
    )

    assert [text for _, text in call.turns][1:] == ["Are you still there?"] * 2 + ["I will hang up now. Goodbye."]
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.SILENCE)
    assert [e.detail["times"] for e in call.row.events.filter(kind="silence")] == [1, 2]
    ended_ms = call.event("ended").at_ms - call.event("stream_started").at_ms
    assert ended_ms == pytest.approx(63_000, abs=5_000)
