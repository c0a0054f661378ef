"""The session is lost in mid-call: what the next one is told, what the caller hears, and when it is given up."""

from base64 import b64encode
from dataclasses import replace

import pytest

from calls.conversation.messages import (
    Advised,
    CloseLine,
    EndCall,
    LineLost,
    LineOpened,
    OpenLine,
    RecordTool,
    RunTool,
    ToolFinished,
)
from calls.conversation.reconnecting import RESUMED
from calls.conversation.watching import HERE_AGAIN
from calls.realtime import wire
from calls.realtime.reasons import Reason
from calls.realtime.session import update_ladder
from calls.twilio import stream
from tests.conversation.kit import (
    FIRST_CLIP,
    PCMU,
    PROFILE,
    agent_audio,
    asked_call,
    events,
    greeted_call,
    greeting_call,
    opening_call,
    ready_call,
    sound,
    turns,
    without_records,
)

CUT = LineLost(Reason.CUT, 1006, was_open=True)
GREETING = wire.AddText("item_A1", "assistant", "Hello from Cedar Plumbing.")
NOTE = wire.AddText("resumed-1", "system", RESUMED)


def resumed(call, now: float) -> list:
    """What the call does when the next session is ready."""
    call.receive(LineOpened(), now)
    call.receive(wire.SessionCreated("sess_2"), now)
    return without_records(call.receive(PCMU, now))


def understood_call():
    """At 5.4 s the caller's question is understood, and its response has begun."""
    call = asked_call(now=5.0)
    call.receive(wire.TranscriptCompleted("item_U1", "When are you open?"), 5.4)
    return call


def calling_call(arguments: str = '{"day": "monday"}'):
    """At 5.5 s a tool runs that the caller's question is about."""
    call = understood_call()
    call.receive(wire.ToolCalled("resp_2", "item_F1", "call_1", "find_slots", arguments), 5.5)
    return call


def finished(output: str = '{"slots": []}', then: str = "") -> ToolFinished:
    return ToolFinished("call_1", output, {}, "ok", 900, then=then)


CALL = wire.AddToolCall("item_F1", "call_1", "find_slots", '{"day": "monday"}')
ANSWER = wire.ToolOutput("answer-call_1", "call_1", '{"slots": []}')
QUESTION = wire.AddText("item_U1", "user", "When are you open?")


def test_lost_session_is_followed_by_another_with_the_same_configuration():
    call = greeted_call()

    assert without_records(call.receive(CUT, 4.0)) == [OpenLine()]
    assert without_records(call.receive(LineOpened(), 4.5)) == [
        wire.UpdateSession("session-0", update_ladder(PROFILE.session)[0])
    ]


def test_call_that_waits_for_the_caller_goes_on_without_a_word():
    call = greeted_call()
    call.receive(CUT, 4.0)

    assert resumed(call, 4.6) == [GREETING, NOTE]
    assert call.deadline == pytest.approx(24.6)  # nothing is owed; the caller is asked when silent for long


def test_callers_sound_is_held_meanwhile_and_follows_what_was_said():
    call = greeted_call()
    call.receive(CUT, 4.0)
    assert call.receive(stream.Media(sound(20, 7)), 4.1) == []

    assert resumed(call, 4.6) == [GREETING, NOTE, wire.AppendAudio(sound(20, 7))]
    assert call.receive(stream.Media(sound(20, 8)), 4.7) == [wire.AppendAudio(sound(20, 8))]


def test_held_sound_is_bounded():
    call = greeted_call()
    call.receive(CUT, 4.0)
    for _ in range(1000):
        call.receive(stream.Media(sound(20)), 4.1)

    held = [command for command in resumed(call, 5.0) if isinstance(command, wire.AppendAudio)]
    assert len(held) == 240  # 4.8 s


def test_answer_that_was_owed_is_asked_for():
    call = understood_call()
    call.receive(CUT, 5.6)

    assert resumed(call, 6.2) == [GREETING, QUESTION, NOTE, wire.CreateResponse("response-2")]


def test_agent_that_was_cut_off_in_a_sentence_goes_on_from_there():
    call = understood_call()
    call.receive(wire.AgentTextDelta("item_A2", 0, "We are open from", "resp_2"), 5.6)
    call.receive(agent_audio(1000, "item_A2", "resp_2"), 5.6)
    lost = call.receive(CUT, 5.8)

    assert [(turn.text, turn.unheard) for turn in turns(lost)] == [("We are open from", "")]
    assert stream.Clear() not in lost  # what was sent is heard to its end
    assert resumed(call, 6.2) == [
        GREETING,
        QUESTION,
        wire.AddText("item_A2", "assistant", "We are open from"),
        NOTE,
        wire.CreateResponse("response-2"),
    ]


def test_words_that_ran_ahead_of_their_sound_were_not_all_said():
    call = understood_call()
    call.receive(wire.AgentTextDelta("item_A2", 0, "We are open from eight until six on weekdays.", "resp_2"), 5.6)
    call.receive(agent_audio(700, "item_A2", "resp_2"), 5.6)
    [turn] = turns(call.receive(CUT, 5.8))

    assert (turn.text, turn.unheard) == ("We are open", "from eight until six on weekdays.")
    assert wire.AddText("item_A2", "assistant", "We are open") in resumed(call, 6.2)


def test_caller_who_was_asked_to_wait_hears_when_the_wait_is_over():
    call = greeted_call()
    call.receive(CUT, 4.0)
    assert events(call.wake(5.5)) == ["filler"]

    [*_, asked] = resumed(call, 7.0)
    assert HERE_AGAIN in asked.instructions
    assert call.deadline < 12.0  # and that it comes is seen to


def test_words_that_never_had_a_sound_were_not_said():
    call = understood_call()
    call.receive(wire.AgentTextDelta("item_A2", 0, "We are open", "resp_2"), 5.6)
    call.receive(CUT, 5.8)

    assert resumed(call, 6.2) == [GREETING, QUESTION, NOTE, wire.CreateResponse("response-2")]


def test_caller_who_interrupts_what_the_lost_session_said_is_told_to_the_next_one():
    call = greeting_call(4000)
    call.receive(wire.AgentText("item_A1", 0, "one two three four"), 2.1)
    call.receive(CUT, 2.2)
    resumed(call, 2.6)

    commands = without_records(call.receive(wire.SpeechStarted("item_U1"), 4.0))

    assert commands == [
        stream.Clear(),
        wire.DeleteItem("item_A1"),
        wire.AddText("heard-item_A1", "assistant", "one two"),
    ]


def test_sound_is_not_played_before_the_next_session_is_ready():
    call = greeted_call()
    call.receive(CUT, 4.0)
    call.receive(LineOpened(), 4.5)

    assert call.receive(agent_audio(100, "item_X", "resp_X"), 4.6) == []


def test_caller_hears_something_when_it_takes_long_and_a_person_in_the_end():
    call = greeted_call()
    call.receive(CUT, 10.0)

    assert without_records(call.wake(11.5)) == [stream.Media(FIRST_CLIP), stream.Mark("0:clip:0:8000")]
    assert without_records(call.wake(18.0)) == [EndCall("upstream_lost")]


def test_answer_that_does_not_come_from_the_next_session_is_given_up_in_time():
    call = understood_call()
    call.receive(CUT, 6.0)
    resumed(call, 8.0)

    assert events(call.wake(13.9)) == ["filler"]
    assert EndCall("upstream_lost") in call.wake(14.0)


# Turns that the lost session did not understand


def test_turn_that_was_lost_is_heard_again_by_the_next_session():
    call = greeted_call()
    call.receive(stream.Media(sound(20, 1)), 3.9)
    call.receive(wire.SpeechStarted("item_U1"), 4.0)
    call.receive(stream.Media(sound(20, 2)), 4.1)
    call.receive(CUT, 4.2)
    call.receive(stream.Media(sound(20, 3)), 4.3)

    again = [wire.AppendAudio(sound(20, code)) for code in (1, 2, 3)]
    assert resumed(call, 4.8) == [GREETING, NOTE, *again]  # turn detection asks for the answer by itself


def test_turn_that_was_not_written_down_yet_is_heard_again_and_not_waited_for():
    call = greeted_call()
    call.receive(wire.SpeechStarted("item_U1"), 4.0)
    call.receive(stream.Media(sound(20, 2)), 4.1)
    call.receive(wire.SpeechStopped("item_U1"), 4.5)
    call.receive(wire.Committed("item_U1", "item_A1"), 4.5)
    call.receive(CUT, 4.6)

    assert resumed(call, 5.0) == [GREETING, NOTE, wire.AppendAudio(sound(20, 2))]
    call.receive(stream.Stop(), 5.1)
    assert call.deadline is None  # nothing awaited from a session that is gone


def test_turn_that_is_heard_again_is_one_line_of_the_transcript():
    call = greeted_call()
    call.receive(wire.SpeechStarted("item_U1"), 4.0)
    call.receive(stream.Media(sound(20, 2)), 4.1)
    call.receive(wire.SpeechStopped("item_U1"), 4.5)
    first = call.receive(wire.Committed("item_U1", "item_A1"), 4.5)
    call.receive(CUT, 4.6)
    resumed(call, 5.0)
    call.receive(wire.SpeechStarted("item_X1"), 5.0)
    call.receive(wire.Committed("item_X1", "item_A1"), 5.1)
    again = call.receive(wire.TranscriptCompleted("item_X1", "When are you open?"), 5.5)

    assert [(turn.item_id, turn.text) for turn in turns(first + again)] == [
        ("item_U1", ""),
        ("item_U1", "When are you open?"),
    ]
    call.receive(wire.SpeechStarted("item_X2"), 7.0)
    [later] = turns(call.receive(wire.Committed("item_X2", "item_X1"), 7.5))
    assert later.item_id == "item_X2"


def test_turn_that_was_understood_is_not_heard_twice():
    call = greeted_call()
    call.receive(wire.SpeechStarted("item_U1"), 4.0)
    call.receive(stream.Media(sound(20, 2)), 4.1)
    call.receive(wire.SpeechStopped("item_U1"), 4.5)
    call.receive(wire.Committed("item_U1", "item_A1"), 4.5)
    call.receive(wire.TranscriptCompleted("item_U1", "When are you open?"), 4.9)
    call.receive(CUT, 5.0)

    assert resumed(call, 5.4) == [GREETING, QUESTION, NOTE, wire.CreateResponse("response-2")]


def test_turn_that_two_sessions_lost_is_heard_by_the_third():
    call = greeted_call()
    call.receive(wire.SpeechStarted("item_U1"), 4.0)
    call.receive(stream.Media(sound(20, 2)), 4.1)
    call.receive(CUT, 4.2)
    resumed(call, 4.8)
    call.receive(CUT, 4.9)

    assert resumed(call, 5.5) == [
        GREETING,
        wire.AddText("resumed-2", "system", RESUMED),
        wire.AppendAudio(sound(20, 2)),
    ]


# Tools


def test_tool_that_still_runs_stands_in_the_next_session_and_is_answered_there():
    call = calling_call()
    call.receive(CUT, 5.6)

    assert resumed(call, 6.0) == [GREETING, QUESTION, CALL, NOTE]
    commands = call.receive(finished(), 6.4)
    assert without_records(commands) == [
        RecordTool("call_1", 196608, "find_slots", '{"day": "monday"}', 5500, "ok", {}, 900),
        ANSWER,
        wire.CreateResponse("response-2"),
    ]


def test_tool_that_finishes_in_between_is_told_with_its_answer():
    call = calling_call()
    call.receive(CUT, 5.6)
    assert [type(command) for command in call.receive(finished(), 5.9)] == [RecordTool]

    assert resumed(call, 6.0) == [GREETING, QUESTION, CALL, ANSWER, NOTE, wire.CreateResponse("response-2")]


def test_turn_that_was_answered_by_a_tool_call_is_not_heard_again():
    call = asked_call(now=5.0)
    call.receive(stream.Media(sound(20, 2)), 5.1)
    call.receive(wire.ToolCalled("resp_2", "item_F1", "call_1", "find_slots", '{"day": "monday"}'), 5.2)
    call.receive(CUT, 5.3)

    assert resumed(call, 6.0) == [GREETING, CALL, NOTE]


def test_turn_that_is_not_heard_again_keeps_its_line_of_the_transcript():
    call = asked_call(now=5.0)
    call.receive(wire.ToolCalled("resp_2", "item_F1", "call_1", "find_slots", '{"day": "monday"}'), 5.2)
    call.receive(CUT, 5.3)
    resumed(call, 6.0)
    call.receive(wire.SpeechStarted("item_X1"), 8.0)

    [later] = turns(call.receive(wire.Committed("item_X1", "item_A1"), 8.5))
    assert later.item_id == "item_X1"


def test_answer_that_the_lost_session_may_not_have_taken_is_told_again():
    call = calling_call()
    call.receive(finished(), 5.6)
    call.receive(CUT, 5.7)

    assert resumed(call, 6.0) == [GREETING, QUESTION, CALL, ANSWER, NOTE, wire.CreateResponse("response-2")]


def test_tool_is_not_run_twice():
    call = calling_call()
    call.receive(CUT, 5.6)
    resumed(call, 6.0)

    again = call.receive(wire.ToolCalled("resp_9", "item_F1", "call_1", "find_slots", "{}"), 6.1)
    assert [command for command in again if isinstance(command, RunTool)] == []


def test_caller_who_wants_a_person_gets_one_although_the_session_is_lost():
    call = calling_call()
    call.receive(finished(then="transfer"), 5.6)

    assert without_records(call.receive(CUT, 5.7)) == [EndCall("transferred"), CloseLine()]


# What we told OpenAI ourselves


def test_advice_that_comes_in_between_is_told_and_spoken_of():
    call = greeted_call()
    call.receive(CUT, 4.0)
    assert without_records(call.receive(Advised("Say the safety sentence."), 4.2)) == []

    advice = wire.AddText("advice-1", "system", "Say the safety sentence.")
    assert resumed(call, 4.6) == [GREETING, advice, NOTE, wire.CreateResponse("response-2")]


def test_keys_pressed_in_between_are_told_afterwards():
    call = greeted_call()
    call.receive(CUT, 4.0)
    call.receive(stream.Dtmf("7"), 4.2)
    resumed(call, 4.6)

    assert without_records(call.wake(5.5)) == [
        wire.AddText("keypad-1", "user", "(The caller pressed 7 on the keypad.)"),
        wire.CreateResponse("response-2"),
    ]


def test_only_the_last_thirty_turns_are_told_again():
    call = greeted_call()
    for number in range(40):
        call.receive(wire.Committed(f"item_{number}", ""), 4.0)
        call.receive(wire.TranscriptCompleted(f"item_{number}", f"Words {number}."), 4.0)
    call.receive(CUT, 5.0)

    told = resumed(call, 5.5)
    assert [item.text for item in told[:30]] == [f"Words {number}." for number in range(10, 40)]
    assert told[30:] == [NOTE]


# The beginning and the end


def test_session_lost_before_the_greeting_greets():
    call = ready_call()
    call.receive(CUT, 1.3)

    assert [type(command) for command in resumed(call, 1.8)] == [wire.CreateResponse]
    assert call.wake(2.4) == []


def test_session_lost_while_it_is_agreed_on_is_opened_again():
    call = opening_call()
    call.receive(LineOpened(), 1.1)

    assert without_records(call.receive(CUT, 1.2)) == [OpenLine()]
    assert EndCall("upstream_unavailable") in call.wake(9.0)  # 8 s after the start, however often it breaks


def test_expired_session_is_resumed_at_the_error_that_says_so():
    commands = greeted_call().receive(wire.ErrorEvent("session_expired"), 4.0)

    assert without_records(commands) == [OpenLine()]


def test_third_loss_within_a_minute_is_given_up():
    call = greeted_call()
    for now in (4.0, 20.0):
        assert without_records(call.receive(CUT, now)) == [OpenLine()]
        resumed(call, now + 0.5)

    commands = call.receive(CUT, 40.0)
    assert without_records(commands) == [EndCall("upstream_lost"), CloseLine()]
    assert "gave_up_resuming" in events(commands)


def test_sixth_loss_of_a_call_is_given_up_however_long_it_took():
    call = greeted_call()
    for number in range(5):
        assert without_records(call.receive(CUT, 100.0 * (number + 1))) == [OpenLine()]
        resumed(call, 100.0 * (number + 1) + 0.5)

    assert EndCall("upstream_lost") in call.receive(CUT, 600.0)


@pytest.mark.parametrize("lost", [LineLost(Reason.BAD_KEY, 3000, was_open=True), LineLost(Reason.TIMEOUT)])
def test_what_no_other_session_mends_is_handed_over_at_once(lost):
    assert without_records(greeted_call().receive(lost, 4.0)) == [EndCall("upstream_lost"), CloseLine()]


def test_line_that_cannot_be_opened_again_is_handed_over():
    call = greeted_call()
    call.receive(CUT, 4.0)

    assert without_records(call.receive(LineLost(Reason.SERVER_ERROR, 503), 6.0)) == [
        EndCall("upstream_lost"),
        CloseLine(),
    ]


def test_caller_who_hangs_up_in_between_ends_the_call_without_asking_for_a_summary():
    call = greeted_call()
    call.receive(CUT, 4.0)

    assert without_records(call.receive(stream.Stop(), 4.2)) == [EndCall("caller_hangup"), CloseLine()]


def test_goodbye_that_plays_is_heard_to_its_end():
    call = calling_call()
    call.receive(agent_audio(1000, "item_A2", "resp_2"), 5.6)
    call.receive(finished(then="end_call"), 5.7)

    assert [c for c in call.receive(CUT, 5.8) if isinstance(c, EndCall | OpenLine)] == []
    ended = call.receive(stream.Mark("0:item_A2:0:8000"), 6.6)
    assert without_records(ended) == [EndCall("agent_hangup"), CloseLine()]


# Sound that is not what was agreed on


def test_sound_that_is_no_mu_law_is_never_played():
    call = ready_call()
    linear = b"\x10\x00\xf2\xff\x05\x01\x9c\x00" * 100
    delta = wire.OutputAudioDelta("resp_1", "item_A1", 0, b64encode(linear).decode(), len(linear))

    commands = call.receive(delta, 1.5)

    assert without_records(commands) == [EndCall("upstream_unavailable"), CloseLine()]
    assert events(commands) == ["format_mismatch", "ended"]


# The kept greeting


def greeted_from_memory(now: float = 1.5):
    """The session is ready at `now`; the kept greeting of two seconds plays since 1.0 s."""
    call = opening_call(profile=replace(PROFILE, kept_greeting=(sound(2000),)))
    call.wake(1.0)
    call.receive(LineOpened(), 1.1)
    call.receive(PCMU, now)
    return call


def test_kept_greeting_is_told_again_and_not_said_again():
    call = greeted_from_memory()
    call.receive(stream.Mark("0:greeting:0:16000"), 3.0)
    call.receive(CUT, 4.0)

    assert resumed(call, 4.5) == [wire.AddText("greeting", "assistant", "Hello from Cedar Plumbing."), NOTE]


def test_kept_greeting_that_ends_while_there_is_no_session_is_told_once():
    call = greeted_from_memory()
    call.receive(CUT, 2.0)
    assert without_records(call.receive(stream.Mark("0:greeting:0:16000"), 3.0)) == []

    assert resumed(call, 3.5) == [wire.AddText("greeting", "assistant", "Hello from Cedar Plumbing."), NOTE]


def test_kept_greeting_that_is_cut_in_the_next_session_is_told_as_it_was_heard():
    call = greeted_from_memory()
    call.receive(CUT, 1.6)
    resumed(call, 1.9)

    assert without_records(call.receive(wire.SpeechStarted("item_U1"), 2.2)) == [
        stream.Clear(),
        wire.DeleteItem("greeting"),
        wire.AddText("greeting-heard", "assistant", "Hello from", "root"),
    ]


def test_session_lost_before_it_is_agreed_on_leaves_the_kept_greeting_playing():
    call = opening_call(profile=replace(PROFILE, kept_greeting=(sound(2000),)))
    call.wake(1.0)
    call.receive(LineOpened(), 1.1)

    assert without_records(call.receive(CUT, 1.2)) == [OpenLine()]
    assert resumed(call, 1.8) == []
    assert without_records(call.receive(stream.Mark("0:greeting:0:16000"), 3.0)) == [
        wire.AddText("greeting", "assistant", "Hello from Cedar Plumbing.", "root")
    ]
