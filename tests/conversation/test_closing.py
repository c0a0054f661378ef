"""However a call ends, it ends once, with a reason, and with the words that were still on their way."""

import pytest

from calls.conversation.machine import HANDLERS, Conversation
from calls.conversation.messages import CloseLine, EndCall, LineLost, StreamClosed
from calls.conversation.state import Phase
from calls.realtime import wire
from calls.realtime.reasons import Reason
from calls.twilio import stream
from tests.conversation.kit import asked_call, events, greeted_call, greeting_call, opening_call, turns, without_records


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (stream.Stop(), "caller_hangup"),
        (StreamClosed(1000), "caller_hangup"),
        (StreamClosed(1005), "caller_hangup"),
        (StreamClosed(1006), "stream_lost"),
        (LineLost(Reason.SERVER_ERROR, 1011), "upstream_lost"),
        (wire.ErrorEvent("insufficient_quota"), "upstream_lost"),
    ],
)
def test_end_has_a_reason(message, reason):
    commands = greeted_call().receive(message, 4.0)

    assert without_records(commands) == [EndCall(reason), CloseLine()]
    assert events(commands)[-1] == "ended"


def test_code_of_twilios_close_is_written_down():
    commands = greeted_call().receive(StreamClosed(1006), 4.0)

    assert events(commands) == ["stream_closed", "ended"]
    assert commands[0].detail == {"code": 1006}


def test_call_ends_once():
    call = greeted_call()
    call.receive(stream.Stop(), 4.0)

    assert [call.receive(m, 4.1) for m in (stream.Stop(), StreamClosed(1000), wire.SpeechStarted("u"))] == [[], [], []]
    assert (call.phase, call.deadline) == (Phase.CLOSED, None)


def test_late_transcript_is_waited_for():
    call = asked_call()
    assert without_records(call.receive(stream.Stop(), 6.0)) == [EndCall("caller_hangup")]
    assert call.deadline == 8.0

    commands = call.receive(wire.TranscriptCompleted("item_U1", "My tap drips."), 7.0)

    assert [turn.text for turn in turns(commands)] == ["My tap drips."]
    assert without_records(commands) == [CloseLine()]


def test_transcript_that_never_comes_is_not_waited_for_longer_than_two_seconds():
    call = asked_call()
    call.receive(stream.Stop(), 6.0)

    assert call.wake(7.9) == []
    assert call.wake(8.0) == [CloseLine()]


def test_words_in_the_callers_mouth_are_written_down():
    call = greeted_call()
    call.receive(wire.SpeechStarted("item_U1"), 4.0)

    assert without_records(call.receive(stream.Stop(), 5.0)) == [EndCall("caller_hangup"), wire.CommitAudio()]
    call.receive(wire.Committed("item_U1", "item_A1"), 5.1)
    commands = call.receive(wire.TranscriptCompleted("item_U1", "Never mind."), 5.5)
    assert without_records(commands) == [CloseLine()]


def test_sentence_that_the_caller_left_is_cut_to_what_was_heard():
    call = greeting_call(ms=2000)
    call.receive(wire.AgentText("item_A1", 0, "Hello from Cedar Plumbing, how can I help?"), 2.0)

    [turn] = turns(call.receive(stream.Stop(), 3.0))

    assert (turn.text, turn.unheard) == ("Hello from Cedar", "Plumbing, how can I help?")


def test_line_lost_before_any_sound_is_unavailable():
    call = opening_call()

    assert without_records(call.receive(LineLost(Reason.BAD_KEY, 3000, was_open=True), 1.3))[0] == EndCall(
        "upstream_unavailable"
    )


def test_every_message_of_both_wires_has_a_handler_or_is_passed_over_on_purpose():
    passed_over = {stream.Connected, stream.Clear, stream.Unknown}
    known = {*stream.Incoming.__args__, *wire.ServerEvent.__args__, *stream.Outgoing.__args__}

    assert known - set(HANDLERS) == passed_over


def summarized_call() -> Conversation:
    call = asked_call()
    call.closing._summary_prompt = "Sum up."
    call.receive(wire.TranscriptCompleted("item_U1", "My tap drips."), 5.5)
    return call


def test_summary_is_asked_for_beside_the_conversation_and_waited_for():
    call = summarized_call()

    assert without_records(call.receive(stream.Stop(), 6.0)) == [
        EndCall("caller_hangup"),
        wire.CreateNote("summary", "Sum up."),
    ]
    assert call.deadline == 10.0
    note = wire.ResponseDone("resp_9", "completed", kind="summary", text="A tap drips.")
    assert without_records(call.receive(note, 7.0)) == [CloseLine()]
    assert call.closing.summary == "A tap drips."


def test_summary_that_never_comes_is_given_up():
    call = summarized_call()
    call.receive(stream.Stop(), 6.0)

    assert (call.wake(9.9), call.wake(10.0), call.closing.summary) == ([], [CloseLine()], "")


def test_call_in_which_nothing_was_said_is_not_summed_up():
    call = greeted_call()
    call.closing._summary_prompt = "Sum up."

    assert without_records(call.receive(stream.Stop(), 4.0)) == [EndCall("caller_hangup"), CloseLine()]


def test_line_that_is_lost_is_not_asked_for_a_summary():
    call = summarized_call()

    assert without_records(call.receive(LineLost(Reason.SERVER_ERROR, 1011), 6.0)) == [
        EndCall("upstream_lost"),
        CloseLine(),
    ]
