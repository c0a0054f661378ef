"""A call keeps only so much of what the other side sends, whatever that is."""

import pytest

from calls.conversation import bounds, tool_calls, transcript, voice
from calls.conversation.messages import RecordTurn, RunTool
from calls.realtime import wire
from calls.twilio import stream
from tests.conversation.kit import agent_audio, greeted_call, greeting_call, without_records


def media(commands):
    return [command for command in commands if isinstance(command, stream.Media)]


def test_sound_runs_two_minutes_ahead_of_the_caller_and_no_further():
    call = greeting_call(1000)
    sent = [media(call.receive(agent_audio(1000), 2.0)) for _ in range(200)]

    assert [len(pieces) for pieces in sent] == [1] * 120 + [0] * 80
    assert call.dropped == 80
    assert len(media(call.receive(agent_audio(1000), 4.0))) == 1  # two seconds were played


def test_sound_that_is_dropped_is_said_once():
    call = greeting_call(1000)
    said = [c.kind for _ in range(200) for c in call.receive(agent_audio(1000), 2.0) if hasattr(c, "kind")]

    assert said.count("sound_dropped") == 1


def test_pieces_of_sound_are_bounded_however_small_they_are():
    call = greeting_call(20)
    sent = sum(len(media(call.receive(agent_audio(1), 2.0))) for _ in range(voice.MOST_PIECES + 100))

    assert sent == voice.MOST_PIECES


def test_names_beyond_all_measure_are_passed_over_and_known_ones_still_count(monkeypatch):
    call = greeted_call()
    monkeypatch.setattr(bounds, "MOST_NAMES", 10)
    for number in range(100):
        call.receive(wire.AgentText(f"item_{number}", 0, "Hello."), 4.0)

    assert call.passed_over >= 90
    [turn] = call.receive(wire.AgentText("item_A1", 0, "Good morning."), 4.0)
    assert turn.text == "Good morning."


@pytest.mark.parametrize("message", [wire.AgentText("i" * 300, 0, "x"), wire.AgentText("item_A1", 32, "x")])
def test_names_and_places_that_cannot_be_real_are_passed_over(message):
    assert greeted_call().receive(message, 4.0) == []


def test_words_of_a_call_have_an_end(monkeypatch):
    monkeypatch.setattr(transcript, "MOST_LETTERS", 40)
    call = greeted_call()  # with 26 letters of greeting
    turns = [c for n in range(5) for c in call.receive(wire.AgentText(f"i{n}", 0, "abcdefgh"), 4.0)]

    assert [turn.text for turn in turns if isinstance(turn, RecordTurn)] == ["abcdefgh", "abcdef", "", "", ""]


def test_model_that_calls_tools_without_end_is_not_obeyed():
    call = greeted_call()
    asked = [
        command
        for number in range(tool_calls.MOST + 50)
        for command in without_records(
            call.receive(wire.ToolCalled("resp_1", f"item_{number}", f"call_{number}", "opening_hours", "{}"), 4.0)
        )
    ]

    assert sum(isinstance(command, RunTool) for command in asked) == tool_calls.MOST
