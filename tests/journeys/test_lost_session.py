"""The session with OpenAI is lost in mid-call, or ends with its hour: the call goes on."""

import threading
import time

import pytest

from calls.emulators.realtime_faults import Faults
from calls.models import Call, Message
from tests.journeys.conftest import RATE, plain, running_station, story, town_of

ROOM_MS = 150 * RATE
ANSWER = "We are open from eight until six, and on Saturday from eight until noon."


def told(session):
    """What a session was told of the call before it, without our own note."""
    items = [event["item"] for event in session.received("conversation.item.create")]
    return [_told(item) for item in items if item.get("role") != "system"]


def _told(item):
    if item["type"] == "message":
        return item["role"], item["content"][0]["text"]
    return item["type"], item["call_id"]


def gap_ms(call, since):
    """How long there was no session to speak with."""
    return call.event("session_resumed").at_ms - call.event(since).at_ms


def test_answer_that_is_cut_off_is_taken_up_again(town):
    call = town.ring(
        story(f"""
        - agent: {{text: "How can I help?"}}
        - say: {{text: "When are you open?"}}
        - agent: {{text: "{ANSWER}", fault: drop}}
        - agent: {{text: "Until noon on Saturday."}}
        - wait_ms: 300
        - hang_up: true
        """),
        troubled=True,
    )

    first, second = call.sessions
    spoken = next(text for role, text in call.turns if role == "agent" and plain(ANSWER).startswith(plain(text)))
    assert told(second) == [("assistant", "How can I help?"), ("user", "When are you open?"), ("assistant", spoken)]
    assert second.settings["instructions"] == first.settings["instructions"]
    assert second.settings["tools"] == first.settings["tools"] != []
    assert call.turns[-1] == ("agent", "Until noon on Saturday.")
    assert [text for _, text in call.turns].count("How can I help?") == 1  # no second greeting
    assert call.heard.longest_silence_ms < 3000 + ROOM_MS
    assert call.heard.verbs == ["Connect"]
    assert gap_ms(call, "line_lost") < 2000
    assert second.errors == second.script_errors == []
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.CALLER_HANGUP)


def test_tool_that_runs_when_the_session_is_lost_is_answered_in_the_next_one(town):
    call = town.ring(
        story("""
        - agent: {text: "How can I help?"}
        - say: {text: "My tap is dripping."}
        - agent:
            tool: take_message
            arguments: {caller_name: Robert Miller, text: The kitchen tap is dripping.}
            fault: drop_in_tool
        - agent: {text: "It is noted."}
        - wait_ms: 300
        - hang_up: true
        """),
        troubled=True,
    )

    _, second = call.sessions
    [(_, call_id), _] = found = [entry for entry in told(second) if entry[0].startswith("function_call")]
    assert found == [("function_call", call_id), ("function_call_output", call_id)]
    assert call.tools == [("take_message", "ok")]
    assert Message.objects.count() == 1
    assert call.turns[-1] == ("agent", "It is noted.")
    assert call.heard.longest_silence_ms < 3000 + ROOM_MS
    assert second.errors == second.script_errors == []


def test_session_lost_while_nobody_speaks_is_replaced_before_the_caller_does(town):
    def cut_when_greeted():
        while not (town.emulator.sessions and town.emulator.sessions[0].sent("response.done")):
            time.sleep(0.01)
        time.sleep(1.2 / RATE)  # heard, too
        town.emulator.cut(town.emulator.sessions[0])

    cutting = threading.Thread(target=cut_when_greeted)
    cutting.start()
    call = town.ring(
        story("""
        - agent: {text: "How can I help?"}
        - wait_ms: 2000
        - say: {text: "When are you open?"}
        - agent: {text: "From eight until six."}
        - wait_ms: 300
        - hang_up: true
        """),
        troubled=True,
    )
    cutting.join()

    _, second = call.sessions
    assert told(second) == [("assistant", "How can I help?")]
    assert call.turns == [
        ("agent", "How can I help?"),
        ("caller", "When are you open?"),
        ("agent", "From eight until six."),
    ]
    assert "filler" not in call.kinds
    assert second.errors == second.script_errors == []


def test_caller_who_is_speaking_when_the_session_is_lost_is_understood_whole(town):
    def cut(kind, detail):
        if kind == "say":
            threading.Timer(0.6 / RATE, town.emulator.cut, [town.emulator.sessions[0]]).start()

    call = town.ring(
        story("""
        - agent: {text: "How can I help?"}
        - say: {text: "When are you open?"}
        - agent: {text: "From eight until six."}
        - wait_ms: 300
        - hang_up: true
        """),
        troubled=True,
        on_event=cut,
    )

    _, second = call.sessions
    assert call.turns == [
        ("agent", "How can I help?"),
        ("caller", "When are you open?"),
        ("agent", "From eight until six."),
    ]
    assert len(second.audio_in) > 1080 * 8  # the tone that stands for the question is all there
    assert second.errors == second.script_errors == []


def test_session_is_renewed_in_a_pause_before_it_ends(make_town):
    call = make_town(faults=Faults(session_ms=32_000)).ring(
        story("""
        - agent: {text: "How can I help?"}
        - wait_ms: 19000
        - say: {text: "When are you open?"}
        - agent: {text: "From eight until six."}
        - wait_ms: 300
        - hang_up: true
        """),
    )

    first, second = call.sessions
    assert first.errors == []  # it never came to its end
    assert first.close_code == 1000
    assert gap_ms(call, "session_renewed") < 700
    assert told(second) == [("assistant", "How can I help?")]
    assert [kind for kind in call.kinds if kind in {"line_lost", "session_renewed", "filler"}] == ["session_renewed"]
    assert call.turns[-2:] == [("caller", "When are you open?"), ("agent", "From eight until six.")]


def test_line_that_cannot_be_had_again_hands_over_with_a_voice(make_town):
    call = make_town(faults=Faults(most_sessions=1)).ring(
        story("""
        - agent: {text: "How can I help?"}
        - say: {text: "When are you open?"}
        - agent: {text: "We are open from eight until six.", fault: "close: 1011"}
        """),
        troubled=True,
    )

    assert len(call.sessions) == 1
    assert call.kinds.count("line_retried") == 2
    assert call.heard.verbs == ["Connect", "Say", "Dial", "Hangup"]
    assert call.heard.longest_silence_ms < 3000 + ROOM_MS
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.UPSTREAM_LOST)


def test_sound_that_is_not_the_telephones_is_never_heard(make_town):
    call = make_town(faults=Faults(linear_deltas=True)).ring(
        story("""
        - agent: {text: "How can I help?"}
        """),
        troubled=True,
    )

    assert call.heard.heard_audio == b""
    assert "format_mismatch" in call.kinds
    assert call.heard.verbs == ["Connect", "Say", "Dial", "Hangup"]


@pytest.fixture
def lone_town(django_db_setup, line, tmp_path):
    """A town with a server of its own, since what the calls of a process find out concerns all of them."""
    with running_station(tmp_path, RATE) as station, town_of(station, bad_keys=["sk-emulated"]) as town:
        yield town


def test_refused_key_costs_one_failed_call(lone_town):
    first = lone_town.ring(story("[]"), troubled=True)
    others = [story("[]", caller=f"+1555010000{number}") for number in range(2, 6)]
    calls = [first, *lone_town.ring_all(others, troubled=True)]

    assert [session.errors[0]["code"] for session in lone_town.emulator.sessions] == ["invalid_api_key"]
    assert [call.heard.verbs for call in calls] == [["Connect", "Say", "Dial", "Hangup"]] + [
        ["Say", "Dial", "Hangup"]
    ] * 4
    assert {(c.row.status, c.row.end_reason) for c in calls} == {
        (Call.Status.ENDED, Call.EndReason.UPSTREAM_UNAVAILABLE)
    }
    assert {call.row.handover_result for call in calls} == {"completed"}
    assert first.heard.longest_silence_ms < 3000 + ROOM_MS
