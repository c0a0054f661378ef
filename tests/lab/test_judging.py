"""What an emulated call is blamed for."""

import pytest

from calls.emulators import scenario as scenarios
from calls.emulators import sound
from calls.emulators.phone_result import CallResult, Piece, Speech, StreamRecord
from calls.lab.calling import Outcome
from calls.lab.judging import Limits, _unheard, shortcomings, shortcomings_of_model
from tests import factories

SCENARIO = scenarios.parse(
    {
        "name": "short",
        "steps": [
            {"agent": {"text": "How can I help?"}},
            {"say": {"text": "My tap is dripping."}},
            {"agent": {"text": "It is noted.", "tool": "take_message"}},
        ],
        "expect": {"status": "ended", "end_reason": "caller_hangup", "tools": ["take_message"], "rows": {"Message": 1}},
    }
)
SESSION = {"turns": [], "tools": [], "errors": [], "script_errors": [], "steps_left": 0}
pytestmark = pytest.mark.django_db


def heard_call(*, first_audio_ms=700):
    """The agent speaks a second, the caller a second, the agent a second."""
    heard = CallResult("CA1", completed=True, ended_ms=6000)
    heard.streams.append(StreamRecord("MZ1", "wss://example.com", started_ms=0.0))
    heard.ear += [Piece(first_audio_ms, sound.tone(1000), "stream"), Piece(4000, sound.tone(1000), "stream")]
    heard.speeches.append(Speech("My tap is dripping.", 2000, 3000, over_agent=False))
    return heard


def good_row():
    row = factories.make_ended_call()
    factories.make_turn(call=row, role="agent", text="How can I help?")
    factories.make_turn(call=row, role="caller", text="My tap is dripping.")
    factories.make_turn(call=row, role="agent", text="It is ", unheard="noted.")
    factories.make_tool_call(call=row)
    factories.make_message(call=row)
    return row


def judged(*, heard=None, sessions=(SESSION,), row, limits=Limits()):  # noqa: B008 - a frozen value
    return shortcomings(Outcome(heard or heard_call(), [*sessions], row), SCENARIO, limits)


def test_good_call_falls_short_of_nothing():
    assert judged(row=good_row()) == []


def test_call_of_a_server_with_another_database_is_judged_by_ear():
    assert shortcomings(Outcome(heard_call(), None, None), SCENARIO, Limits()) == []


def test_silence_and_lateness_are_told():
    heard = heard_call(first_audio_ms=1700)
    heard.ear[1] = Piece(6000, sound.tone(1000), "stream")

    assert judged(heard=heard, row=good_row(), limits=Limits(silence_ms=2900)) == [
        "The first sound came after 1700 ms; 1500 are allowed.",
        "The caller waited 3000 ms for a sound; 2900 are allowed.",
    ]


def test_call_without_a_sound_is_told():
    heard = heard_call()
    heard.ear.clear()

    assert judged(heard=heard, row=good_row(), limits=Limits(silence_ms=9000)) == [
        "The caller heard nothing of the agent."
    ]


def test_violations_apology_and_an_unfinished_script_are_told():
    heard = heard_call()
    heard.protocol_violations.append("31951 wrong streamSid")
    heard.apology, heard.completed, heard.ended_by = True, False, "apology"

    assert judged(heard=heard, row=good_row()) == [
        "Protocol violation: 31951 wrong streamSid",
        "The caller heard Twilio's apology: a webhook failed.",
        "The caller's script was not played to its end (ended by: apology).",
    ]


def test_missing_turn_tool_and_message_are_told():
    row = good_row()
    row.turns.filter(role="caller").delete()
    row.tool_calls.update(status="failed")
    row.messages.all().delete()

    assert judged(row=row) == [
        "The tools that ran are [], not ['take_message'].",
        "The call left 0 messages, not 1.",
        "The transcript lacks a line of the caller: 'My tap is dripping.'",
    ]


def test_a_recorded_line_that_was_not_heard_to_its_end_is_told():
    lines = [
        {"agent": {"text": "Hello.", "audio": "agent_greeting.ulaw"}},
        {"say": {"text": "My tap", "barge_in_ms": 300}},
        {"agent": {"text": "Goodbye.", "audio": "agent_goodbye.ulaw"}},
    ]
    spoken = scenarios.parse({"steps": lines})
    heard = CallResult("CA1", completed=True)
    heard.ear.append(Piece(500, sound.read(spoken.audio_path("agent_goodbye.ulaw")), "stream"))

    assert [*_unheard(Outcome(heard, None, None), spoken)] == []
    heard.ear[0] = Piece(500, heard.ear[0].payload[:-160], "stream")
    assert [*_unheard(Outcome(heard, None, None), spoken)] == ["The caller did not hear to its end: 'Goodbye.'"]


def test_unexpected_end_is_told():
    row = good_row()
    row.end_reason = "stream_lost"

    assert judged(row=row) == ["The call's end_reason is stream_lost, not caller_hangup."]


def test_what_the_model_refused_or_was_never_asked_is_told():
    session = {**SESSION, "errors": [{"message": "Unknown parameter."}], "script_errors": ["boom"], "steps_left": 1}

    assert judged(row=good_row(), sessions=[session]) == [
        "OpenAI would refuse: Unknown parameter.",
        "The Realtime emulator failed: boom",
        "Answers of the script that were never asked for: 1.",
    ]
    assert judged(row=good_row(), sessions=[]) == ["No Realtime session was opened."]


def test_real_model_is_judged_by_ear_and_by_its_tools_alone():
    row = good_row()
    row.turns.all().delete()
    row.tool_calls.all().delete()

    assert shortcomings_of_model(Outcome(heard_call(), None, row), SCENARIO, Limits()) == [
        "The model never called take_message."
    ]


def test_limits_stretch_with_the_speed_of_a_call():
    assert Limits(1000, 3000, 500).times(4) == Limits(4000, 12000, 2000)
