"""The greeting as kept sound: first of all things, cut like any other, and told to the model as words."""

from dataclasses import replace

import pytest

from calls.conversation.messages import EndCall, KeepGreeting, LineOpened
from calls.realtime import wire
from calls.twilio import stream
from tests.conversation.kit import (
    FIRST_CLIP,
    FRAME,
    PCMU,
    PROFILE,
    agent_audio,
    events,
    greeted_call,
    greeting_call,
    opening_call,
    ready_call,
    sound,
    turns,
    without_records,
)

WORDS = "Hello from Cedar Plumbing."
PIECES = (sound(500, 1), sound(500, 2), sound(1000, 3))  # two seconds
KEPT = replace(PROFILE, kept_greeting=PIECES)
KEEPING = replace(PROFILE, keeps_greeting=True)
LAST_MARK = stream.Mark("0:greeting:0:16000")
SPEAKS = wire.SpeechStarted("item_U1")


def told(words, item_id="greeting"):
    return wire.AddText(item_id, "assistant", words, "root")


def playing_call():
    """At 1.0 s two seconds of kept greeting were sent; OpenAI has not answered."""
    call = opening_call(profile=KEPT)
    call.wake(1.0)
    return call


def ready_while_playing():
    call = playing_call()
    call.receive(LineOpened(), 1.1)
    assert without_records(call.receive(PCMU, 1.5)) == []
    return call


def test_it_is_played_the_moment_the_stream_starts():
    call = opening_call(profile=KEPT)

    assert call.deadline == 1.0
    commands = call.wake(1.02)

    assert without_records(commands) == [
        stream.Media(PIECES[0]),
        stream.Mark("0:greeting:0:4000"),
        stream.Media(PIECES[1]),
        stream.Mark("0:greeting:0:8000"),
        stream.Media(PIECES[2]),
        LAST_MARK,
    ]
    assert [(turn.role, turn.text, turn.started_ms) for turn in turns(commands)] == [("agent", WORDS, 1020)]
    assert (events(commands), call.first_audio_ms) == (["first_audio"], 20)
    assert call.wake(1.03) == []


def test_the_model_does_not_greet_a_second_time_and_nothing_is_owed():
    call = ready_while_playing()

    assert [c for now in (1.6, 3.0, 5.0, 9.0) for c in call.wake(now) if isinstance(c, stream.Media)] == []


def test_when_it_was_heard_the_model_is_told_its_words():
    call = ready_while_playing()

    assert without_records(call.receive(stream.Mark("0:greeting:0:8000"), 2.0)) == []
    assert call.receive(LAST_MARK, 3.0) == [told(WORDS)]
    assert call.receive(LAST_MARK, 3.1) == []


def test_what_was_heard_before_the_session_is_ready_is_told_when_it_is():
    call = playing_call()
    call.receive(LineOpened(), 1.1)
    call.receive(stream.Media(FRAME), 1.2)
    assert call.receive(LAST_MARK, 3.0) == []

    assert without_records(call.receive(PCMU, 3.2)) == [wire.AppendAudio(FRAME), told(WORDS)]


def test_a_client_that_echoes_no_mark_is_followed_by_the_clock():
    call = ready_while_playing()

    assert call.deadline == 5.0  # 2 s after its end
    assert call.wake(5.0) == [told(WORDS)]


def test_barge_in_clears_it_and_only_the_heard_words_enter_the_conversation():
    call = ready_while_playing()

    commands = call.receive(SPEAKS, 2.0)

    assert without_records(commands) == [stream.Clear(), told("Hello from")]
    assert events(commands) == ["barge_in"]
    [turn] = turns(commands)
    assert (turn.text, turn.unheard, turn.interrupted, turn.heard_ms) == ("Hello from", "Cedar Plumbing.", True, 1000)
    later = [*call.wake(5.0), *call.receive(LAST_MARK, 5.1)]
    assert [c for c in later if isinstance(c, wire.AddText)] == []


def test_of_one_that_was_cut_before_a_word_the_model_is_told_nothing():
    call = ready_while_playing()

    assert without_records(call.receive(SPEAKS, 1.1)) == [stream.Clear()]


def test_who_speaks_after_it_was_heard_cuts_nothing():
    call = ready_while_playing()
    call.receive(LAST_MARK, 3.0)

    assert without_records(call.receive(SPEAKS, 3.5)) == []


def test_who_speaks_after_it_without_a_mark_has_heard_it_whole():
    call = ready_while_playing()

    assert without_records(call.receive(SPEAKS, 5.5)) == [told(WORDS)]


def test_keys_pressed_into_it_are_answered_by_a_model_that_knows_the_caller_was_greeted():
    call = ready_while_playing()

    asked = without_records(call.receive(stream.Dtmf("#"), 1.6))
    assert asked == [
        told(WORDS),
        wire.AddText("keypad-1", "user", "(The caller pressed # on the keypad.)"),
        wire.CreateResponse("response-1"),
    ]
    assert call.receive(LAST_MARK, 3.0) == []


def test_what_was_told_too_soon_is_put_right_when_the_caller_interrupts():
    call = ready_while_playing()
    call.receive(stream.Dtmf("#"), 1.6)

    assert without_records(call.receive(SPEAKS, 2.0)) == [
        stream.Clear(),
        wire.DeleteItem("greeting"),
        told("Hello from", "greeting-heard"),
    ]


def test_wait_for_openai_is_filled_in_from_the_end_of_the_greeting():
    call = playing_call()
    call.receive(LAST_MARK, 3.0)

    assert call.deadline == 4.5
    assert without_records(call.wake(4.5))[0] == stream.Media(FIRST_CLIP)
    assert without_records(call.wake(9.0)) == [EndCall("upstream_unavailable")]


def test_a_long_greeting_leaves_openai_some_time_after_its_end():
    call = opening_call(profile=replace(PROFILE, kept_greeting=(sound(9000),)))
    call.wake(1.0)

    assert [c for c in call.wake(12.9) if isinstance(c, EndCall)] == []
    assert EndCall("upstream_unavailable") in call.wake(13.0)


def test_who_was_asked_to_wait_hears_when_the_wait_is_over():
    call = playing_call()
    call.receive(LineOpened(), 1.1)
    call.receive(LAST_MARK, 3.0)
    call.wake(4.5)

    commands = without_records(call.receive(PCMU, 8.9))

    back = "Say exactly this and nothing else: Thank you for waiting. How can I help you?"
    assert commands == [told(WORDS), wire.CreateResponse("response-1", back)]
    assert [c for c in call.wake(11.8) if isinstance(c, EndCall)] == []
    assert EndCall("upstream_unavailable") in call.wake(11.9)


def test_openai_that_refuses_after_it_was_never_available():
    call = playing_call()
    call.receive(LineOpened(), 1.1)

    assert EndCall("upstream_unavailable") in call.receive(wire.ErrorEvent("invalid_api_key"), 4.0)


# Keeping it


def kept(commands):
    return [c for c in commands if isinstance(c, KeepGreeting)]


def test_the_models_greeting_is_kept_when_it_was_heard_to_its_end():
    call = greeting_call(400, KEEPING)
    call.receive(agent_audio(600), 2.1)
    call.receive(wire.AgentText("item_A1", 0, "Hello from Cedar Plumbing", "resp_1"), 2.2)
    assert kept(call.receive(wire.ResponseDone("resp_1", "completed"), 2.2)) == []

    assert kept(call.receive(stream.Mark("0:item_A1:0:8000"), 3.0)) == [KeepGreeting((sound(400), sound(600)))]
    assert kept(call.receive(stream.Mark("0:item_A1:0:8000"), 3.1)) == []


def test_the_one_whose_response_ends_after_its_sound_was_heard_is_kept_too():
    call = greeting_call(1000, KEEPING)
    call.receive(wire.AgentText("item_A1", 0, WORDS, "resp_1"), 2.2)
    call.receive(stream.Mark("0:item_A1:0:8000"), 3.0)

    assert kept(call.receive(wire.ResponseDone("resp_1", "completed"), 3.1)) == [KeepGreeting((sound(1000),))]


def test_a_greeting_that_was_interrupted_is_never_kept():
    call = greeting_call(1000, KEEPING)
    call.receive(wire.AgentText("item_A1", 0, WORDS, "resp_1"), 2.2)
    call.receive(wire.ResponseDone("resp_1", "completed"), 2.2)
    later = [*call.receive(SPEAKS, 2.5), *call.receive(wire.SpeechStopped("item_U1"), 3.0)]
    later += [*call.receive(stream.Mark("0:item_A1:0:8000"), 3.1), *call.receive(wire.SpeechStarted("item_U2"), 9.0)]

    assert kept(later) == []


def test_without_a_mark_it_is_kept_when_the_caller_speaks_after_it():
    call = greeting_call(1000, KEEPING)
    call.receive(wire.AgentText("item_A1", 0, WORDS, "resp_1"), 2.2)
    call.receive(wire.ResponseDone("resp_1", "completed"), 2.2)

    assert kept(call.receive(SPEAKS, 5.5)) == [KeepGreeting((sound(1000),))]


@pytest.mark.parametrize("said", ["Hello from Cedar.", "Hello from Cedar Plumbing. How are you?", ""])
def test_other_words_than_the_greeting_are_never_kept(said):
    call = greeting_call(1000, KEEPING)
    call.receive(wire.AgentText("item_A1", 0, said, "resp_1"), 2.2)
    call.receive(wire.ResponseDone("resp_1", "completed"), 2.2)

    assert kept(call.receive(stream.Mark("0:item_A1:0:8000"), 3.0)) == []


@pytest.mark.parametrize("status", ["cancelled", "incomplete", "failed"])
def test_a_response_that_was_not_completed_is_never_kept(status):
    call = greeting_call(1000, KEEPING)
    call.receive(wire.AgentText("item_A1", 0, WORDS, "resp_1"), 2.2)
    call.receive(wire.ResponseDone("resp_1", status), 2.2)

    assert kept(call.receive(stream.Mark("0:item_A1:0:8000"), 3.0)) == []


def test_a_greeting_in_two_items_is_never_kept():
    call = greeting_call(500, KEEPING)
    call.receive(agent_audio(500, "item_A2"), 2.1)
    call.receive(wire.AgentText("item_A1", 0, WORDS, "resp_1"), 2.2)
    call.receive(wire.ResponseDone("resp_1", "completed"), 2.2)

    assert kept(call.receive(stream.Mark("0:item_A2:0:4000"), 3.0)) == []


def test_a_greeting_without_end_is_not_gathered():
    call = greeting_call(20_100, KEEPING)
    call.receive(wire.AgentText("item_A1", 0, WORDS, "resp_1"), 2.2)
    call.receive(wire.ResponseDone("resp_1", "completed"), 2.2)

    assert kept(call.receive(stream.Mark("0:item_A1:0:160800"), 23.0)) == []


def test_where_none_is_wanted_none_is_kept():
    call = greeted_call()

    assert kept(call.receive(SPEAKS, 5.5)) == []


def test_an_answer_to_a_caller_who_spoke_first_is_not_the_greeting():
    call = ready_call(profile=KEEPING)
    call.receive(SPEAKS, 1.3)
    call.receive(wire.SpeechStopped("item_U1"), 1.8)
    call.receive(wire.ResponseCreated("resp_1"), 1.9)
    call.receive(agent_audio(1000), 2.0)
    call.receive(wire.AgentText("item_A1", 0, WORDS, "resp_1"), 2.2)
    call.receive(wire.ResponseDone("resp_1", "completed"), 2.2)

    assert kept(call.receive(stream.Mark("0:item_A1:0:8000"), 3.0)) == []
