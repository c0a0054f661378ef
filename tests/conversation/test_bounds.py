"""A call keeps only so much of what the other side sends, whatever that is."""

from dataclasses import replace

import pytest

from calls.conversation import bounds, tool_calls, transcript, voice
from calls.conversation.messages import RecordTurn, RunTool
from calls.realtime import wire
from calls.twilio import stream
from tests.conversation.kit import PROFILE, agent_audio, greeted_call, greeting_call, without_records


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
    monkeypatch.setattr(bounds, "MOST_NAMES", 2)  # and eight more by the fourth second
    for number in range(100):
        call.receive(wire.AgentText(f"item_{number}", 0, "Hello."), 4.0)

    assert call.passed_over >= 90
    [turn] = call.receive(wire.AgentText("item_A1", 0, "Good morning."), 4.0)
    assert turn.text == "Good morning."


def quick_talk(call, until, *, at, every=2.0):
    """A turn of each side every two seconds, all of it heard; gives when it is over, and how many turns it had."""
    turns = 0
    while at < until:
        item, answer, response = f"item_U{turns}", f"item_B{turns}", f"resp_B{turns}"
        call.receive(wire.SpeechStarted(item), at)
        call.receive(wire.SpeechStopped(item), at + 0.4)
        call.receive(wire.Committed(item, ""), at + 0.4)
        call.receive(wire.ResponseCreated(response), at + 0.5)
        said = call.receive(agent_audio(500, item=answer, response=response), at + 0.6)
        call.receive(wire.OutputAudioDone(answer, 0), at + 0.7)
        call.receive(wire.ResponseDone(response, "completed"), at + 0.7)
        for mark in (command for command in said if isinstance(command, stream.Mark)):
            call.receive(mark, at + 1.2)
        at, turns = at + every, turns + 1
    return at, turns


@pytest.mark.parametrize("seconds", [30 * 60, 3 * 3600])
def test_the_agent_can_be_interrupted_however_long_the_call_is(seconds):
    call = greeted_call(replace(PROFILE, longest_seconds=seconds + 60))
    at, turns = quick_talk(call, seconds, at=4.0)
    call.receive(wire.ResponseCreated("resp_last"), at)
    call.receive(agent_audio(4000, item="item_last", response="resp_last"), at)

    cut = without_records(call.receive(wire.SpeechStarted("item_U_last"), at + 1.0))

    assert (turns > seconds / 2.2, call.passed_over) == (True, 0)
    assert cut == [stream.Clear(), wire.TruncateItem("item_last", 0, 1000)]


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
