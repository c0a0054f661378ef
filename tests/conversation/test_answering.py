"""The caller's turn, the answer to it, and what fills the time between."""

from calls.conversation.messages import EndCall, LineOpened, ToolFinished
from calls.realtime import wire
from calls.realtime.reasons import Reason
from calls.twilio import stream
from tests.conversation.kit import (
    PCMU,
    REPLY_CLIP,
    agent_audio,
    asked_call,
    events,
    greeted_call,
    opening_call,
    sound,
    turns,
    without_records,
)


def test_answer_is_timed_from_the_end_of_the_speech():
    call = asked_call(now=5.0)

    [answer] = [c for c in call.receive(agent_audio(100, "item_A2", "resp_2"), 5.8) if events([c]) == ["answer"]]

    # OpenAI had listened to 500 ms of silence before it noticed.
    assert answer.detail == {"after_speech_ms": 1300, "after_turn_ms": 800}


def test_slow_answer_is_bridged_and_a_missing_one_given_up():
    call = asked_call(now=5.0)

    assert call.deadline == 6.3
    assert without_records(call.wake(6.3)) == [stream.Media(REPLY_CLIP), stream.Mark("0:clip:0:7200")]
    assert call.deadline == 9.5
    assert without_records(call.wake(9.5)) == [wire.CancelResponse("resp_2")]
    assert call.deadline == 9.7  # 0.9 s of clip and 2.5 s
    call.wake(9.7)
    assert without_records(call.wake(14.5))[0] == EndCall("upstream_lost")


def test_answer_that_does_not_begin_is_asked_for_once_more():
    call = greeted_call()
    call.receive(wire.SpeechStarted("item_U1"), 4.0)
    call.receive(wire.SpeechStopped("item_U1"), 5.0)
    call.receive(wire.Committed("item_U1", "item_A1"), 5.0)
    call.wake(6.5)

    commands = call.wake(9.5)
    assert without_records(commands) == [wire.CreateResponse("response-2")]
    assert events(commands) == ["asked_again"]
    call.receive(wire.ResponseCreated("resp_2"), 9.8)
    assert [c for c in call.wake(14.4) if isinstance(c, wire.CreateResponse | wire.CancelResponse)] == []


def test_response_that_stalls_is_cancelled_and_asked_for_anew():
    call = asked_call(now=5.0)
    call.wake(9.5)

    asked = call.receive(wire.ResponseDone("resp_2", "cancelled", "client_cancelled"), 9.6)
    assert without_records(asked) == [wire.CreateResponse("response-2")]
    # What the old one still had to say is not heard before the new answer.
    assert call.receive(agent_audio(100, "item_A2", "resp_2"), 9.7) == []
    call.receive(wire.ResponseCreated("resp_3"), 9.8)
    assert without_records(call.receive(agent_audio(100, "item_A3", "resp_3"), 10.0)) != []
    assert [c for c in call.wake(14.9) if isinstance(c, EndCall)] == []


def test_response_that_shows_life_is_left_to_itself():
    worded, calling = asked_call(now=5.0), asked_call(now=5.0)
    worded.receive(wire.AgentTextDelta("item_A2", 0, "Well,", "resp_2"), 9.0)
    calling.receive(wire.Unknown("response.function_call_arguments.delta"), 9.0)

    asked = [*worded.wake(9.5), *calling.wake(9.5)]
    assert [c for c in asked if isinstance(c, wire.CancelResponse)] == []


def test_nothing_is_asked_for_while_a_tool_runs():
    call = asked_call(now=5.0)
    call.receive(wire.ToolCalled("resp_2", "item_F1", "c1", "find_slots", "{}"), 5.2)
    call.receive(wire.ResponseDone("resp_2", "completed"), 5.3)

    commands = [command for now in (7.0, 9.5, 12.0) for command in call.wake(now)]
    assert [c for c in commands if isinstance(c, wire.CancelResponse | wire.CreateResponse)] == []


def test_caller_who_goes_on_speaking_is_not_filled_in():
    call = asked_call(now=5.0)
    call.receive(wire.SpeechStarted("item_U2"), 5.5)

    assert [c for c in call.wake(7.0) if isinstance(c, stream.Media)] == []


def test_sound_that_stops_is_followed_by_silence_until_the_turn_ends():
    call = greeted_call()
    call.receive(wire.SpeechStarted("item_U1"), 4.0)
    call.receive(stream.Media(sound(20)), 4.02)

    assert call.deadline == 4.77
    [silence] = call.wake(4.77)
    assert silence == wire.AppendAudio(sound(1000, 0xFF))
    assert call.deadline == 5.77
    assert call.wake(5.77) == [silence]
    call.receive(wire.SpeechStopped("item_U1"), 6.0)
    assert call.wake(6.77) == []


def test_words_of_the_caller_are_written_down_in_their_place():
    call = asked_call()
    call.receive(agent_audio(100, "item_A2", "resp_2"), 5.5)
    call.receive(wire.ItemAdded("item_A2", "message", "assistant", "item_U1"), 5.5)

    # The transcript comes after the answer has begun.
    [turn] = turns(call.receive(wire.TranscriptCompleted("item_U1", " My tap drips. "), 6.0))
    [answer] = turns(call.receive(wire.AgentText("item_A2", 0, "I see."), 6.1))

    assert (turn.role, turn.text, turn.started_ms) == ("caller", "My tap drips.", 4000)
    assert turn.position < answer.position


def test_speech_that_could_not_be_understood_leaves_a_trace():
    call = asked_call()

    [turn] = turns(call.receive(wire.TranscriptFailed("item_U1", "audio_unintelligible"), 6.0))

    assert turn.text == "[unintelligible]"


def test_response_that_failed_is_asked_for_once_more():
    call = asked_call()

    commands = call.receive(wire.ResponseDone("resp_2", "failed", "server_error"), 5.5)
    assert (events(commands), without_records(commands)) == (["response_failed"], [])
    assert commands[0].detail == {"status": "failed", "code": "server_error", "cause": Reason.SERVER_ERROR}
    assert without_records(call.wake(6.5))[0] == wire.CreateResponse("response-2")

    call.receive(wire.ResponseCreated("resp_3"), 6.6)
    call.receive(wire.ResponseDone("resp_3", "failed", "server_error"), 7.0)
    assert [c for c in call.wake(9.0) if isinstance(c, wire.CreateResponse)] == []
    assert EndCall("upstream_lost") in call.wake(17.0)


def test_response_that_breaks_off_after_some_sound_is_made_up_for():
    call = asked_call()
    call.receive(agent_audio(500, "item_A2", "resp_2"), 5.2)
    call.receive(wire.ResponseDone("resp_2", "failed", "rate_limit_exceeded"), 5.3)

    assert wire.CreateResponse("response-2") in call.wake(6.3)


def test_answer_that_stops_in_the_middle_is_bridged_asked_for_anew_and_given_up():
    call = asked_call(now=5.0)
    call.receive(agent_audio(500, "item_A2", "resp_2"), 5.2)
    call.receive(stream.Mark("0:item_A2:0:4000"), 5.7)

    heard = [(tenths / 10, kind) for tenths in range(58, 160) for kind in events(call.wake(tenths / 10))]
    assert heard[0] == (7.5, "filler")
    assert [at for at, kind in heard if kind in ("asked_again", "gave_up_waiting")] == [10.7, 15.2]


def test_answer_to_a_tool_that_ended_while_something_else_was_said_is_waited_for_too():
    call = asked_call(now=5.0)
    call.receive(wire.ToolCalled("resp_2", "item_F1", "c1", "find_slots", "{}"), 5.2)
    call.receive(wire.ResponseDone("resp_2", "completed"), 5.3)
    call.receive(wire.ResponseCreated("resp_3"), 5.5)
    call.receive(ToolFinished("c1", "{}", {}, "ok", 800), 6.0)
    call.receive(agent_audio(200, "item_A3", "resp_3"), 6.1)  # pays off what was owed
    asked = without_records(call.receive(wire.ResponseDone("resp_3", "completed"), 6.2))

    assert asked == [wire.CreateResponse("response-2")]
    assert "filler" in [kind for tenths in range(63, 90) for kind in events(call.wake(tenths / 10))]


def test_response_that_failed_is_not_asked_for_while_the_caller_speaks():
    call = asked_call()
    call.receive(wire.SpeechStarted("item_U2"), 5.4)
    call.receive(wire.ResponseDone("resp_2", "failed", "server_error"), 5.5)

    assert [c for c in call.wake(6.5) if isinstance(c, wire.CreateResponse)] == []


def test_response_that_failed_is_not_asked_for_once_the_caller_speaks():
    call = asked_call()
    call.receive(wire.ResponseDone("resp_2", "failed", "server_error"), 5.5)
    call.receive(wire.SpeechStarted("item_U2"), 6.0)

    assert [c for c in call.wake(6.5) if isinstance(c, wire.CreateResponse)] == []


def test_response_that_only_ended_sooner_than_the_model_wanted_is_left_alone():
    call = asked_call()
    call.receive(agent_audio(500, "item_A2", "resp_2"), 5.2)

    assert without_records(call.receive(wire.ResponseDone("resp_2", "incomplete", "max_output_tokens"), 5.3)) == []
    assert call.deadline == 25.7  # the caller's silence, counted from the end of the sound


def test_nothing_is_asked_for_while_the_second_of_two_tools_runs():
    call = asked_call(now=5.0)
    for tool in ("c1", "c2"):
        call.receive(wire.ToolCalled("resp_2", f"item_{tool}", tool, "find_slots", "{}"), 5.2)
    call.receive(wire.ResponseDone("resp_2", "completed"), 5.3)
    call.receive(ToolFinished("c1", "{}", {}, "ok", 800), 6.0)

    assert [c for c in call.wake(11.0) if isinstance(c, wire.CreateResponse)] == []


def test_the_same_answer_is_not_asked_for_a_third_time():
    call = asked_call(now=5.0)
    asked = events(call.wake(9.5))
    call.receive(wire.ResponseDone("resp_2", "failed", "server_error"), 10.0)
    call.receive(wire.ResponseCreated("resp_3"), 11.0)

    asked += [kind for now in (11.0, 15.0, 16.0) for kind in events(call.wake(now))]
    assert asked.count("asked_again") == 1


def test_end_of_a_response_that_never_began_opens_the_gate():
    call = greeted_call()
    call.receive(stream.Dtmf("#"), 4.0)
    call.receive(agent_audio(100, "item_A7", "resp_7"), 4.5)
    call.receive(wire.ResponseDone("resp_7", "completed"), 5.0)

    assert wire.CreateResponse("response-3") in call.receive(stream.Dtmf("#"), 6.0)


def test_keys_before_the_session_is_ready_are_told_after_it():
    call = opening_call()
    call.receive(stream.Dtmf("1"), 1.05)
    assert [c for c in call.receive(stream.Dtmf("#"), 1.06) if isinstance(c, wire.AddText)] == []
    assert [c for c in call.receive(LineOpened(), 1.1) if isinstance(c, wire.AddText | wire.CreateResponse)] == []
    call.receive(PCMU, 1.2)

    assert wire.AddText("keypad-1", "user", "(The caller pressed 1 # on the keypad.)") in call.wake(call.deadline)


def test_response_that_failed_for_good_hands_over_at_once():
    call = asked_call()

    commands = call.receive(wire.ResponseDone("resp_2", "failed", "insufficient_quota"), 5.5)

    assert without_records(commands)[0] == EndCall("upstream_lost")


def test_digits_reach_the_model_in_one_piece_and_ask_for_an_answer():
    call = greeted_call()
    call.receive(stream.Dtmf("1"), 4.0)
    call.receive(stream.Dtmf("2"), 4.5)

    assert call.deadline == 5.7
    commands = call.wake(5.7)
    assert without_records(commands) == [
        wire.AddText("keypad-1", "user", "(The caller pressed 1 2 on the keypad.)"),
        wire.CreateResponse("response-2"),
    ]
    assert [turn.text for turn in turns(commands)] == ["[keypad: 1 2]"]


def test_hash_key_ends_the_digits():
    call = greeted_call()

    assert wire.AddText("keypad-1", "user", "(The caller pressed # on the keypad.)") in call.receive(
        stream.Dtmf("#"), 4.0
    )


def test_long_run_of_digits_is_not_written_down():
    call = greeted_call()
    for digit in "4111111111111111":
        call.receive(stream.Dtmf(digit), 4.0)

    commands = call.wake(6.0)

    assert [turn.text for turn in turns(commands)] == ["[keypad: 16 digits]"]


def test_usage_of_all_responses_is_added_up():
    call = asked_call()
    call.receive(wire.ResponseDone("resp_2", "completed", usage=wire.Usage(100, 60, 20)), 5.5)
    call.receive(wire.ResponseDone("resp_3", "completed", usage=wire.Usage(10, 0, 5)), 6.5)

    assert call.usage == wire.Usage(110, 60, 25)


def test_out_of_band_response_does_not_hold_the_gate():
    call = greeted_call()
    call.receive(wire.ResponseCreated("resp_x", out_of_band=True), 3.5)

    assert wire.CreateResponse("response-2") in call.receive(stream.Dtmf("#"), 4.0)


def test_messages_that_mean_nothing_change_nothing():
    call = greeted_call()

    for message in (wire.Unknown("rate_limits.updated"), stream.Unknown("party"), stream.Connected(), stream.Mark("x")):
        assert call.receive(message, 4.0) == []


def test_answer_behind_one_that_still_plays_begins_when_it_is_heard():
    call = asked_call()
    call.receive(agent_audio(2000, "item_A2", "resp_2"), 5.5)
    call.receive(agent_audio(1000, "item_A3", "resp_2"), 5.6)

    [turn] = turns(call.receive(wire.AgentText("item_A3", 0, "And more."), 5.7))

    assert turn.started_ms == 7500


def test_a_response_without_sound_is_asked_for_once_more_at_once():
    call = asked_call(now=5.0)

    commands = call.receive(wire.ResponseDone("resp_2", "completed"), 5.3)
    assert (events(commands), without_records(commands)) == (["no_sound"], [wire.CreateResponse("response-2")])

    call.receive(wire.ResponseCreated("resp_3"), 5.4)
    commands = call.receive(wire.ResponseDone("resp_3", "completed"), 5.6)
    assert (events(commands), without_records(commands)) == (["no_sound"], [])


def test_a_response_that_calls_a_tool_needs_no_sound():
    call = asked_call(now=5.0)
    call.receive(wire.ToolCalled("resp_2", "item_F1", "call_1", "find_slots", "{}"), 5.2)

    assert without_records(call.receive(wire.ResponseDone("resp_2", "completed"), 5.3)) == []


def test_a_response_without_sound_while_the_caller_speaks_is_not_asked_for_again():
    call = asked_call(now=5.0)
    call.receive(wire.SpeechStarted("item_U2"), 5.2)

    assert without_records(call.receive(wire.ResponseDone("resp_2", "completed"), 5.3)) == []
