"""Twilio sends a call back: another stream, another session, and the same conversation."""

from dataclasses import replace

from calls.conversation.messages import LineOpened, RecordTool, RecordTurn
from calls.conversation.reconnecting import RESUMED
from calls.conversation.watching import EXACTLY
from calls.realtime import wire
from calls.twilio import stream
from tests.conversation.kit import PCMU, PROFILE, agent_audio, opening_call, turns, without_records

GREETING = RecordTurn("item_A1", 65536, "agent", "Hello from Cedar Plumbing.", 1500)
QUESTION = RecordTurn("item_U1", 131072, "caller", "When are you open?", 4000)
TOOL = RecordTool("call_1", 196608, "opening_hours", "{}", 4500, "ok", {"hours": "8-18"}, 20)
ANSWER = RecordTurn("item_A2", 262144, "agent", "From eight until six.", 5000)
NOTE = wire.AddText("resumed-1", "system", RESUMED)
TOLD = [
    wire.AddText("item_A1", "assistant", "Hello from Cedar Plumbing."),
    wire.AddText("item_U1", "user", "When are you open?"),
    wire.AddToolCall("past-2", "call_1", "opening_hours", "{}"),
    wire.ToolOutput("answer-call_1", "call_1", '{"hours": "8-18"}'),
    wire.AddText("item_A2", "assistant", "From eight until six."),
]


def came_back(*past):
    """What the call does when the session of its second stream is ready."""
    call = opening_call(now=9.0, profile=replace(PROFILE, past=past))
    call.receive(LineOpened(), 9.1)
    call.receive(wire.SessionCreated("sess_2"), 9.1)
    return call, without_records(call.receive(PCMU, 9.2))


def test_the_session_is_told_what_was_said_and_done_and_nobody_is_greeted_again():
    call, commands = came_back(GREETING, QUESTION, TOOL, ANSWER)

    assert commands == [*TOLD, NOTE]
    assert without_records(call.wake(11.5)) == []  # nothing is owed: it is the caller's turn


def test_a_question_that_was_not_answered_is_answered_now():
    _, commands = came_back(GREETING, QUESTION)

    assert commands == [*TOLD[:2], NOTE, wire.CreateResponse("response-1")]


def test_what_a_tool_has_found_is_said_now_and_a_sentence_that_was_cut_off_is_gone_on_with():
    _, after_a_tool = came_back(GREETING, QUESTION, TOOL)
    _, after_half_a_sentence = came_back(GREETING, QUESTION, TOOL, replace(ANSWER, interrupted=True))

    assert [commands[-1] for commands in (after_a_tool, after_half_a_sentence)] == [
        wire.CreateResponse("response-1")
    ] * 2


def test_a_call_of_which_nothing_was_said_yet_is_greeted():
    _, commands = came_back()

    assert commands == [wire.CreateResponse("response-1", f"{EXACTLY}{PROFILE.greeting}")]


def test_what_is_said_now_stands_behind_what_was_said_before():
    call, _ = came_back(GREETING, QUESTION)
    call.receive(wire.ResponseCreated("resp_9"), 9.3)
    call.receive(agent_audio(400, "item_A9", "resp_9"), 9.4)

    [said] = turns(call.receive(wire.AgentText("item_A9", 0, "From eight until six."), 9.5))

    assert said.position > QUESTION.position


def test_keys_that_are_pressed_now_do_not_take_the_place_of_those_pressed_before():
    keys = RecordTurn("keypad-1", 131072, "caller", "[keypad: 5]", 4000)
    call, _ = came_back(GREETING, keys)
    call.receive(stream.Dtmf("7"), 9.5)

    [turn] = turns(call.receive(stream.Dtmf("#"), 9.6))

    assert turn.item_id == "keypad-2"
