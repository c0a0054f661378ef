"""What the server tells the model unasked."""

from dataclasses import replace

import pytest

from calls.conversation.messages import Advised, EndCall
from calls.realtime import wire
from calls.twilio import stream
from tests.conversation.kit import agent_audio, events, greeted_call, opening_call, without_records

ADVICE = Advised("The caller may be in danger: say the safety sentence.")
TOLD = wire.AddText("advice-1", "system", ADVICE.text)


def test_advice_is_told_and_spoken_of_at_once():
    commands = greeted_call().receive(ADVICE, 4.0)

    assert without_records(commands) == [TOLD, wire.CreateResponse("response-2")]
    assert events(commands) == ["advised"]


def test_advice_waits_for_the_end_of_what_the_agent_is_saying():
    call = greeted_call()
    call.receive(wire.ResponseCreated("resp_2"), 3.5)

    assert without_records(call.receive(ADVICE, 4.0)) == [TOLD]
    assert without_records(call.receive(wire.ResponseDone("resp_2", "completed"), 5.0)) == [
        wire.CreateResponse("response-2")
    ]


def test_caller_who_speaks_hears_of_it_with_the_next_answer():
    call = greeted_call()
    call.receive(wire.SpeechStarted("item_U1"), 3.5)

    assert without_records(call.receive(ADVICE, 4.0)) == [TOLD]


@pytest.mark.parametrize("has_begun", [False, True])
def test_advice_that_nothing_comes_of_is_noticed_like_any_other_missing_answer(has_begun):
    call = greeted_call()
    call.receive(ADVICE, 4.0)
    if has_begun:
        call.receive(wire.ResponseCreated("resp_2"), 4.1)

    heard = [kind for tenths in range(41, 140) for kind in events(call.wake(tenths / 10))]
    assert (heard[0], "asked_again" in heard, heard[-2:]) == ("filler", True, ["gave_up_waiting", "ended"])


def test_caller_who_begins_to_speak_is_not_spoken_over_by_what_waited():
    call = greeted_call()
    call.receive(wire.ResponseCreated("resp_2"), 3.5)
    call.receive(ADVICE, 4.0)
    call.receive(wire.SpeechStarted("item_U1"), 4.5)

    assert without_records(call.receive(wire.ResponseDone("resp_2", "cancelled", "turn_detected"), 4.6)) == []


def test_a_transfer_that_was_done_late_is_said_and_then_made():
    call = greeted_call()
    call.receive(replace(ADVICE, then="transfer"), 4.0)
    call.receive(wire.ResponseCreated("resp_2"), 4.1)
    call.receive(agent_audio(500, "item_A2", "resp_2"), 4.2)
    call.receive(wire.ResponseDone("resp_2", "completed"), 4.3)

    assert EndCall("transferred") in call.receive(stream.Mark("0:item_A2:0:4000"), 4.8)


def test_advice_before_the_session_or_after_the_call_is_too_early_or_too_late():
    assert opening_call().receive(ADVICE, 1.1) == []
