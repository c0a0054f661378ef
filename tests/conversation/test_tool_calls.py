"""Tool calls in the conversation: run once each, answered each, and one response for all of a response's calls."""

from calls.conversation.agents_turn import STAYED
from calls.conversation.messages import CloseLine, EndCall, RecordTool, RunTool, ToolFinished
from calls.realtime import wire
from calls.twilio import stream
from tests.conversation.kit import agent_audio, asked_call, events, turns, without_records


def called(tool_call_id: str, name: str = "take_message", response: str = "resp_2") -> wire.ToolCalled:
    return wire.ToolCalled(response, f"item_{tool_call_id}", tool_call_id, name, '{"text": "x"}')


def finished(tool_call_id: str, then: str = "") -> ToolFinished:
    return ToolFinished(tool_call_id, '{"status":"ok"}', {"status": "ok"}, "ok", 120, then)


def done(response: str = "resp_2") -> wire.ResponseDone:
    return wire.ResponseDone(response, "completed")


def answered(tool_call_id: str) -> wire.ToolOutput:
    return wire.ToolOutput(f"answer-{tool_call_id}", tool_call_id, '{"status":"ok"}')


def actions(commands: list) -> list:
    return [c for c in without_records(commands) if not isinstance(c, RecordTool)]


def test_tool_runs_once_and_its_answer_asks_for_one_response():
    call = asked_call()

    assert actions(call.receive(called("c1"), 5.2)) == [RunTool("c1", "take_message", '{"text": "x"}')]
    assert actions(call.receive(called("c1"), 5.2)) == []
    assert actions(call.receive(done(), 5.3)) == []
    assert actions(call.receive(finished("c1"), 5.6)) == [answered("c1"), wire.CreateResponse("response-2")]


def test_answer_waits_for_the_end_of_its_response():
    call = asked_call()
    call.receive(called("c1"), 5.2)

    assert actions(call.receive(finished("c1"), 5.25)) == [answered("c1")]
    assert actions(call.receive(done(), 5.3)) == [wire.CreateResponse("response-2")]


def test_two_tools_of_one_response_are_spoken_of_in_one():
    call = asked_call()
    call.receive(called("c1"), 5.2)
    call.receive(called("c2"), 5.2)
    call.receive(done(), 5.3)

    assert actions(call.receive(finished("c2"), 5.6)) == [answered("c2")]
    assert actions(call.receive(finished("c1"), 5.7)) == [answered("c1"), wire.CreateResponse("response-2")]


def test_caller_who_speaks_meanwhile_gets_the_answer_with_the_next_response():
    call = asked_call()
    call.receive(called("c1"), 5.2)
    call.receive(done(), 5.3)
    call.receive(wire.SpeechStarted("item_U2"), 5.4)

    assert actions(call.receive(finished("c1"), 5.6)) == [answered("c1")]


def test_response_that_knows_the_answer_already_is_not_doubled():
    call = asked_call()
    call.receive(called("c1"), 5.2)
    call.receive(done(), 5.3)
    call.receive(wire.SpeechStarted("item_U2"), 5.4)
    call.receive(wire.SpeechStopped("item_U2"), 6.0)
    # The answer comes while OpenAI is about to answer the caller: the wish waits.
    assert actions(call.receive(finished("c1"), 6.01)) == [answered("c1")]
    call.receive(wire.ItemAdded("answer-c1", "function_call_output"), 6.02)
    call.receive(wire.ResponseCreated("resp_3"), 6.03)
    call.receive(agent_audio(100, "item_A3", "resp_3"), 6.5)

    assert actions(call.receive(done("resp_3"), 7.0)) == []


def test_response_that_began_before_the_answer_came_is_followed_by_one_that_knows_it():
    call = asked_call()
    call.receive(called("c1"), 5.2)
    call.receive(done(), 5.3)
    call.receive(wire.SpeechStarted("item_U2"), 5.4)
    call.receive(wire.SpeechStopped("item_U2"), 6.0)
    call.receive(finished("c1"), 6.01)
    call.receive(wire.ResponseCreated("resp_3"), 6.02)

    assert actions(call.receive(done("resp_3"), 7.0)) == [wire.CreateResponse("response-2")]


def test_slow_tool_is_bridged_and_its_answer_renews_the_patience():
    call = asked_call(now=5.0)
    call.receive(called("c1"), 5.2)
    call.receive(done(), 5.3)

    assert events(call.wake(6.5)) == ["filler"]
    call.receive(finished("c1"), 13.0)
    assert [c for c in call.wake(14.9) if isinstance(c, EndCall)] == []
    call.wake(18.0)
    assert EndCall("upstream_lost") in call.wake(23.0)


def test_record_of_a_tool_stands_first_running_and_then_answered():
    call = asked_call()
    [running] = [c for c in call.receive(called("c1"), 5.2) if isinstance(c, RecordTool)]
    [over] = [c for c in call.receive(finished("c1"), 5.6) if isinstance(c, RecordTool)]

    assert (running.status, running.result, running.started_ms) == ("running", None, 5200)
    assert (over.status, over.result, over.duration_ms) == ("ok", {"status": "ok"}, 120)
    assert running.position == over.position


def test_tool_that_ends_after_the_call_is_still_recorded():
    call = asked_call()
    call.receive(wire.TranscriptCompleted("item_U1", "Hi"), 5.1)
    call.receive(called("c1"), 5.2)
    call.receive(stream.Stop(), 5.3)

    [record] = call.receive(finished("c1"), 9.0)

    assert (record.tool_call_id, record.status) == ("c1", "ok")


def test_goodbye_in_the_same_breath_is_heard_before_the_call_ends():
    call = asked_call()
    call.receive(wire.TranscriptCompleted("item_U1", "Bye"), 5.1)
    call.receive(agent_audio(1000, "item_A2", "resp_2"), 5.2)
    call.receive(called("c1", "end_call"), 5.3)
    call.receive(finished("c1", "end_call"), 5.3)
    call.receive(wire.OutputAudioDone("item_A2", 0), 5.3)

    assert actions(call.receive(done(), 5.4)) == []
    assert actions(call.receive(stream.Mark("0:item_A2:0:8000"), 6.2)) == [EndCall("agent_hangup"), CloseLine()]


def test_goodbye_that_was_not_said_is_asked_for_and_heard():
    call = asked_call()
    call.receive(wire.TranscriptCompleted("item_U1", "Bye"), 5.1)
    call.receive(called("c1", "end_call"), 5.3)
    call.receive(done(), 5.4)
    assert actions(call.receive(finished("c1", "end_call"), 5.5)) == [answered("c1"), wire.CreateResponse("response-2")]
    call.receive(wire.ResponseCreated("resp_3"), 5.6)
    call.receive(agent_audio(800, "item_A3", "resp_3"), 6.0)

    assert actions(call.receive(done("resp_3"), 6.1)) == []
    assert actions(call.receive(stream.Mark("0:item_A3:0:6400"), 6.9)) == [EndCall("agent_hangup"), CloseLine()]


def test_goodbye_whose_mark_never_comes_ends_after_five_seconds():
    call = asked_call()
    call.receive(wire.TranscriptCompleted("item_U1", "Bye"), 5.1)
    call.receive(agent_audio(4000, "item_A2", "resp_2"), 5.2)
    call.receive(called("c1", "end_call"), 5.3)
    call.receive(finished("c1", "end_call"), 5.3)
    call.receive(done(), 5.4)

    assert call.deadline == 10.4
    assert actions(call.wake(10.3)) == []
    assert actions(call.wake(10.4))[0] == EndCall("agent_hangup")


def test_caller_who_speaks_into_the_goodbye_stays_on_the_line():
    call = asked_call()
    call.receive(agent_audio(1000, "item_A2", "resp_2"), 5.2)
    call.receive(called("c1", "end_call"), 5.3)
    call.receive(finished("c1", "end_call"), 5.3)
    call.receive(done(), 5.4)

    commands = call.receive(wire.SpeechStarted("item_U2"), 5.6)

    assert "goodbye_cancelled" in events(commands)
    assert [c for c in call.wake(20.0) if isinstance(c, EndCall)] == []
    assert turns(commands)[0].interrupted is True


def test_transfer_leaves_the_stream_when_its_announcement_was_heard():
    call = asked_call()
    call.receive(wire.TranscriptCompleted("item_U1", "A person, please"), 5.1)
    call.receive(agent_audio(1000, "item_A2", "resp_2"), 5.2)
    call.receive(called("c1", "transfer_to_person"), 5.3)
    call.receive(finished("c1", "transfer"), 5.3)
    call.receive(done(), 5.4)

    assert actions(call.receive(stream.Mark("0:item_A2:0:8000"), 6.2)) == [EndCall("transferred"), CloseLine()]


def test_caller_who_speaks_into_a_transfer_is_transferred_all_the_same():
    call = asked_call()
    call.receive(wire.TranscriptCompleted("item_U1", "A person, please"), 5.1)
    call.receive(agent_audio(4000, "item_A2", "resp_2"), 5.2)
    call.receive(called("c1", "transfer_to_person"), 5.3)
    call.receive(finished("c1", "transfer"), 5.3)
    call.receive(done(), 5.4)

    assert EndCall("transferred") in call.receive(wire.SpeechStarted("item_U2"), 6.0)


def test_tool_that_wants_silence_asks_for_no_response_and_nothing_is_owed():
    call = asked_call()
    call.receive(called("c1", "wait_for_user"), 5.2)
    call.receive(done(), 5.3)

    assert actions(call.receive(finished("c1", "wait"), 5.4)) == [answered("c1")]
    assert events(call.wake(24.9)) == []


def test_answer_beside_a_wish_for_silence_is_spoken_all_the_same():
    call = asked_call()
    call.receive(called("c1", "wait_for_user"), 5.2)
    call.receive(called("c2"), 5.2)
    call.receive(done(), 5.3)
    call.receive(finished("c1", "wait"), 5.4)

    assert actions(call.receive(finished("c2"), 5.5)) == [answered("c2"), wire.CreateResponse("response-2")]


def test_tool_is_bridged_after_one_and_a_half_seconds():
    call = asked_call(now=5.0)
    call.receive(agent_audio(200, "item_A2", "resp_2"), 5.1)
    call.receive(called("c1"), 5.4)

    assert call.deadline == 6.9
    assert events(call.wake(6.9)) == ["filler"]


def test_caller_who_speaks_before_the_goodbye_is_begun_stays_too():
    call = asked_call()
    call.receive(called("c1", "end_call"), 5.2)
    call.receive(wire.SpeechStarted("item_U2"), 5.25)
    call.receive(wire.ResponseDone("resp_2", "cancelled", "turn_detected"), 5.3)

    commands = actions(call.receive(finished("c1", "end_call"), 5.4))

    assert commands == [wire.ToolOutput("answer-c1", "c1", STAYED)]
    assert [c for c in call.wake(20.0) if not isinstance(c, wire.AppendAudio)] == []


def test_caller_who_was_speaking_when_the_tool_was_called_stays_too():
    call = asked_call()
    call.receive(wire.SpeechStarted("item_U2"), 5.1)
    call.receive(called("c1", "end_call"), 5.2)
    call.receive(wire.ResponseDone("resp_2", "cancelled", "turn_detected"), 5.3)
    call.receive(wire.SpeechStopped("item_U2"), 5.4)

    assert EndCall("agent_hangup") not in call.receive(finished("c1", "end_call"), 5.5)
