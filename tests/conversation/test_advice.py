"""What the server tells the model unasked."""

from calls.conversation.messages import Advised
from calls.realtime import wire
from tests.conversation.kit import events, greeted_call, opening_call, without_records

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


def test_advice_before_the_session_or_after_the_call_is_too_early_or_too_late():
    assert opening_call().receive(ADVICE, 1.1) == []
