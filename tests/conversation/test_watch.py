"""What runs out: the caller's silence, the sound of the stream, the time of the call."""

from dataclasses import replace

import pytest

from calls.conversation.messages import CloseLine, EndCall
from calls.conversation.state import Phase
from calls.conversation.watching import NEARLY_OVER
from calls.realtime import wire
from calls.twilio import stream
from tests.conversation.kit import (
    FRAME,
    PCMU,
    PROFILE,
    agent_audio,
    asked_call,
    events,
    greeted_call,
    opening_call,
    ready_call,
    without_records,
)

EXACTLY = "Say exactly this and nothing else: "
GOODBYE = "I can't hear you, so I will hang up now. Please call again whenever you like. Goodbye."


def hearing(call, until, since=3.0):
    """Twilio goes on sending the quiet of the caller's room."""
    for second in range(int(since), int(until)):
        call.receive(stream.Media(FRAME), float(second))
    return call


def answered(call, number, at, ms=1000):
    """The model says what it was asked to say, and the caller hears it."""
    item = f"item_Q{number}"
    call.receive(wire.ResponseCreated(f"resp_Q{number}"), at)
    call.receive(agent_audio(ms, item, f"resp_Q{number}"), at + 0.3)
    call.receive(wire.OutputAudioDone(item, 0), at + 0.4)
    call.receive(wire.ResponseDone(f"resp_Q{number}", "completed"), at + 0.4)
    return call.receive(stream.Mark(f"0:{item}:0:{ms * 8}"), at + 0.3 + ms / 1000)


def asked_once():
    """At 24 s, 20 s and a little after the greeting, the silent caller was asked, and hears the question."""
    call = hearing(greeted_call(), 24)
    call.wake(23.0)
    answered(call, 1, 23.0)
    return call


def test_a_silent_caller_is_asked_twice_and_then_said_goodbye_to():
    call = hearing(greeted_call(), 23)  # the greeting ends at 3.0

    assert call.wake(22.9) == []
    first = call.wake(23.0)
    assert without_records(first) == [wire.CreateResponse("response-2", f"{EXACTLY}Are you still there?")]
    assert events(first) == ["silence"]
    answered(call, 1, 23.0)
    hearing(call, 43, since=24)
    assert call.wake(42.9) == []
    assert without_records(call.wake(43.0)) == [wire.CreateResponse("response-3", f"{EXACTLY}Are you still there?")]
    answered(call, 2, 43.0)
    hearing(call, 63, since=44)
    assert without_records(call.wake(63.0)) == [wire.CreateResponse("response-4", f"{EXACTLY}{GOODBYE}")]
    assert without_records(answered(call, 3, 63.0, ms=4000)) == [EndCall("silence"), CloseLine()]


def test_in_another_language_the_question_is_put_in_it():
    session = replace(PROFILE.session, language="es")
    call = hearing(greeted_call(replace(PROFILE, session=session)), 23)

    asked = 'Say this in the language with the code "es", and nothing else: Are you still there?'
    assert without_records(call.wake(23.0)) == [wire.CreateResponse("response-2", asked)]


def test_a_model_that_does_not_say_goodbye_is_not_waited_for():
    call = asked_once()
    hearing(call, 43, since=24)
    call.wake(43.0)
    answered(call, 2, 43.0)
    hearing(call, 63, since=44)
    call.wake(63.0)

    assert without_records(call.wake(68.0))[0] == EndCall("silence")


@pytest.mark.parametrize("sign", [wire.SpeechStarted("item_U1"), stream.Dtmf("1")], ids=["speech", "key"])
def test_any_sign_of_the_caller_begins_the_count_anew(sign):
    call = asked_once()
    call.receive(sign, 30.0)
    call.receive(wire.SpeechStopped("item_U1"), 30.5)
    call.wake(31.2)
    call.receive(wire.ItemAdded("keypad-1", "message", "user"), 31.2)
    call.receive(wire.ResponseCreated("resp_2"), 31.3)
    call.receive(agent_audio(500, "item_A2", "resp_2"), 31.5)
    call.receive(wire.ResponseDone("resp_2", "completed"), 31.6)
    call.receive(stream.Mark("0:item_A2:0:4000"), 32.0)
    hearing(call, 52, since=32)

    assert [k for now in (43.0, 51.9) for k in events(call.wake(now)) if k == "silence"] == []
    again = call.wake(52.0)
    assert [c.detail for c in again if events([c]) == ["silence"]] == [{"times": 1}]


def test_a_caller_who_speaks_into_the_goodbye_stays_on_the_line():
    call = asked_once()
    hearing(call, 43, since=24)
    call.wake(43.0)
    answered(call, 2, 43.0)
    hearing(call, 63, since=44)
    call.wake(63.0)

    assert "goodbye_cancelled" in events(call.receive(wire.SpeechStarted("item_U1"), 64.0))
    assert [c for c in call.wake(69.0) if isinstance(c, EndCall)] == []


def test_nobody_is_asked_while_the_agent_owes_an_answer():
    call = hearing(asked_call(5.0), 25)
    for number, now in enumerate([6.0, 13.0, 20.0]):
        call.receive(wire.ToolCalled("resp_2", f"item_F{number}", f"c{number}", "find_slots", "{}"), now)

    assert call._silence.due_at == 25.0  # 20 s after the caller's last word
    assert "silence" not in events(call.wake(25.0))
    assert call._silence.due_at == 45.0


def test_a_long_answer_is_not_silence():
    call = asked_call(5.0)
    call.receive(agent_audio(30_000, "item_A2", "resp_2"), 5.5)
    call.receive(wire.ResponseDone("resp_2", "completed"), 6.0)
    hearing(call, 56, since=5)

    assert events(call.wake(55.4)) == []
    assert events(call.wake(55.5)) == ["silence"]


def test_a_stream_without_sound_is_handed_over_after_half_a_minute():
    call = greeted_call()
    call.receive(stream.Media(FRAME), 3.0)

    assert call.wake(31.0) != []  # asks the silent caller, if any
    answered(call, 1, 31.0)
    commands = call.wake(33.0)
    assert without_records(commands)[0] == EndCall("stream_lost")
    assert events(commands) == ["no_media", "ended"]


def test_sound_that_comes_is_noticed_without_moving_the_clock_at_each_frame():
    call = ready_call()
    before = call._media.due_at
    hearing(call, 20, since=2)

    assert call._media.due_at == before == 31.0
    call.wake(31.0)
    assert call._media.due_at == 49.0


SHORT = replace(PROFILE, longest_seconds=120.0)


def nearly_over():
    """At 61 s, one minute before the end."""
    call = hearing(greeted_call(SHORT), 61)
    call.receive(wire.SpeechStarted("item_U1"), 20.0)
    call.receive(wire.SpeechStopped("item_U1"), 58.0)
    call.receive(wire.ResponseCreated("resp_2"), 58.0)
    call.receive(agent_audio(1000, "item_A2", "resp_2"), 58.5)
    call.receive(wire.ResponseDone("resp_2", "completed"), 58.6)
    call.receive(stream.Mark("0:item_A2:0:8000"), 59.5)
    return call


def test_the_caller_is_told_a_minute_before_the_longest_call_is_over():
    commands = nearly_over().wake(61.0)

    assert without_records(commands) == [
        wire.AddText("limit", "system", NEARLY_OVER),
        wire.CreateResponse("response-2"),
    ]
    assert events(commands) == ["limit_near"]


def test_at_the_longest_time_the_call_goes_to_a_person():
    call = nearly_over()
    call.wake(61.0)
    answered(call, 1, 61.0)
    hearing(call, 121, since=61)
    call.receive(wire.SpeechStarted("item_U2"), 80.0)

    commands = call.wake(121.0)

    assert EndCall("max_duration") in commands
    assert events(commands) == ["limit_reached", "ended"]


def test_what_is_being_said_at_that_time_is_said_to_its_end():
    call = nearly_over()
    call.wake(61.0)
    answered(call, 1, 61.0)
    hearing(call, 121, since=61)
    call.receive(wire.ResponseCreated("resp_3"), 119.0)
    call.receive(agent_audio(4000, "item_A3", "resp_3"), 120.0)
    call.receive(wire.ResponseDone("resp_3", "completed"), 120.1)

    assert [c for c in call.wake(121.0) if isinstance(c, EndCall)] == []
    assert [c for c in call.receive(stream.Mark("0:item_A3:0:800"), 121.5) if isinstance(c, EndCall)] == []
    assert EndCall("max_duration") in call.receive(stream.Mark("0:item_A3:0:32000"), 124.0)


def test_who_speaks_into_the_last_sentence_goes_to_a_person_all_the_same():
    call = nearly_over()
    call.wake(61.0)
    answered(call, 1, 61.0)
    hearing(call, 121, since=61)
    call.receive(wire.ResponseCreated("resp_3"), 119.0)
    call.receive(agent_audio(4000, "item_A3", "resp_3"), 120.0)
    call.receive(wire.ResponseDone("resp_3", "completed"), 120.1)
    call.wake(121.0)

    commands = call.receive(wire.SpeechStarted("item_U2"), 122.0)
    assert EndCall("max_duration") in commands
    assert "goodbye_cancelled" not in events(commands)


def test_somebody_who_is_leaving_anyway_is_not_handed_over():
    call = nearly_over()
    call.wake(61.0)
    answered(call, 1, 61.0)
    hearing(call, 121, since=61)
    call.receive(wire.ResponseCreated("resp_3"), 119.0)
    call.receive(wire.ToolCalled("resp_3", "item_F1", "c1", "end_call", "{}"), 119.0)
    call._goodbye.begin(120.0, reason="agent_hangup", was_spoken=False)

    assert [c for c in call.wake(121.0) if isinstance(c, EndCall)] == []
    assert call.deadline > 121.0
    assert EndCall("agent_hangup") in call.wake(125.0)


def test_no_deadline_lies_behind_a_moment_that_was_woken_for():
    call = opening_call(profile=replace(SHORT, kept_greeting=(FRAME,)))
    call.wake(1.0)
    call.receive(PCMU, 1.2)
    answered(call, 1, 1.3)
    moments = [1.0]
    while call.phase is Phase.TALKING:
        assert call.deadline > moments[-1]
        moments.append(call.deadline)
        call.wake(moments[-1])

    assert len(moments) < 20
