"""The server ends: every caller hears a last sentence, and goes to a person within seconds."""

from dataclasses import replace

import pytest

from calls.audio import silence_payload
from calls.conversation.goodbye import LONGEST_LAST, MOST_LAST
from calls.conversation.messages import ClosingTime, EndCall, StreamClosed, ToolFinished
from calls.conversation.state import Phase
from calls.realtime import wire
from calls.twilio import stream
from tests.conversation.kit import (
    PROFILE,
    agent_audio,
    asked_call,
    events,
    greeted_call,
    greeting_call,
    opening_call,
    ready_call,
    without_records,
)

CLIP = silence_payload(3000)
CLOSING = replace(PROFILE, closing_clip=CLIP)
LAST = ClosingTime("draining")
SAID = stream.Media(CLIP)


def mark_of(commands):
    return next(command for command in commands if isinstance(command, stream.Mark))


def test_the_last_sentence_is_said_and_the_caller_goes_to_a_person_behind_it():
    call = greeted_call(CLOSING)

    said = call.receive(LAST, 10.0)
    ended = call.receive(mark_of(said), 13.0)

    assert without_records(said) == [SAID, mark_of(said)]
    assert events(said) == ["closing_time"]
    assert without_records(ended)[0] == EndCall("draining")


def test_the_agent_is_cut_off_and_not_heard_again():
    call = greeting_call(5000, CLOSING)

    said = without_records(call.receive(LAST, 3.0))

    assert said[:2] == [stream.Clear(), wire.TruncateItem("item_A1", 0, 1000)]
    assert said[2:] == [wire.CancelResponse("resp_1"), SAID, mark_of(said)]
    assert call.receive(agent_audio(1000), 3.1) == []
    assert call.receive(agent_audio(1000, item="item_A2", response="resp_2"), 3.2) == []


def test_the_caller_does_not_talk_it_away():
    call = greeted_call(CLOSING)
    said = call.receive(LAST, 10.0)

    spoken = call.receive(wire.SpeechStarted("item_U1"), 11.0)

    assert without_records(spoken) == []
    assert EndCall("draining") in call.receive(mark_of(said), 13.0)


def test_a_mark_that_never_comes_holds_nobody_up():
    call = greeted_call(CLOSING)
    call.receive(LAST, 10.0)

    assert call.deadline == 10.0 + LONGEST_LAST
    assert call.wake(10.0 + LONGEST_LAST - 0.1) == []
    assert EndCall("draining") in call.wake(10.0 + LONGEST_LAST)


@pytest.mark.parametrize(("seconds", "latest"), [(3, LONGEST_LAST), (3.5, 3.8), (5, 5.3), (60, MOST_LAST)])
def test_a_sentence_that_is_longer_than_ours_is_heard_to_its_end(seconds, latest):
    call = greeted_call(replace(PROFILE, closing_clip=silence_payload(round(seconds * 1000))))
    call.receive(LAST, 10.0)
    call.receive(ClosingTime("draining"), 10.5)

    assert call.deadline == 10.0 + latest


@pytest.mark.parametrize("call_of", [opening_call, ready_call], ids=["opening", "ready"])
def test_it_needs_no_openai(call_of):
    call = call_of(profile=CLOSING)

    said = call.receive(LAST, 1.5)

    assert SAID in said
    assert EndCall("draining") in call.receive(mark_of(said), 4.5)


def test_a_kept_greeting_that_has_not_begun_is_not_played_any_more():
    call = opening_call(profile=replace(CLOSING, kept_greeting=(silence_payload(1000),)))
    call.receive(LAST, 1.0)

    assert without_records(call.wake(2.0)) == []
    assert call.deadline == 1.0 + LONGEST_LAST


def test_whoever_is_leaving_as_it_is_only_hurries():
    call = greeted_call(CLOSING)
    call.receive(wire.ResponseCreated("resp_2"), 5.0)
    call.receive(wire.ToolCalled("resp_2", "item_T1", "call_1", "end_call", "{}"), 5.1)
    call.receive(agent_audio(2000, item="item_A2", response="resp_2"), 5.1)
    call.receive(ToolFinished("call_1", "{}", {}, "ok", 1, then="end_call"), 5.2)

    assert without_records(call.receive(LAST, 5.3)) == []
    assert call.receive(wire.SpeechStarted("item_U1"), 5.4) == []
    ended = call.receive(stream.Mark("0:item_A2:0:16000"), 7.2)

    assert EndCall("agent_hangup") in ended


def test_a_tool_that_wants_to_leave_later_changes_nothing():
    call = greeted_call(CLOSING)
    call.receive(wire.ResponseCreated("resp_2"), 5.0)
    call.receive(wire.ToolCalled("resp_2", "item_T1", "call_1", "end_call", "{}"), 5.1)
    said = call.receive(LAST, 5.3)
    call.receive(ToolFinished("call_1", "{}", {}, "ok", 1, then="end_call"), 5.4)

    assert EndCall("draining") in call.receive(mark_of(said), 8.3)


def test_nothing_is_summed_up_and_last_words_are_waited_for_half_a_second():
    call = asked_call()
    call.closing._summary_prompt = "Sum up."

    ended = without_records(call.receive(LAST, 6.0))

    assert (EndCall("draining") in ended, call.phase, call.deadline) == (True, Phase.CLOSING, 6.5)
    assert [command for command in ended if isinstance(command, wire.CreateNote)] == []


def test_it_comes_once():
    call = greeted_call(CLOSING)
    call.receive(LAST, 10.0)

    assert without_records(call.receive(ClosingTime("server_restart"), 11.0)) == []
    assert call.deadline == 10.0 + LONGEST_LAST


def test_a_socket_that_our_own_server_closes_is_no_loss_of_the_network():
    assert EndCall("draining") in greeted_call().receive(StreamClosed(1012), 4.0)
