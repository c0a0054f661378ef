import pytest

from calls.conversation.messages import CloseLine, EndCall, LineLost, LineOpened, OpenLine
from calls.realtime import wire
from calls.realtime.reasons import Reason
from calls.realtime.session import update_ladder
from calls.twilio import stream
from tests.conversation.kit import (
    FIRST_CLIP,
    FRAME,
    PCMU,
    PROFILE,
    agent_audio,
    events,
    opening_call,
    ready_call,
    sound,
    without_records,
)

LADDER = update_ladder(PROFILE.session)
GREETING = wire.CreateResponse("response-1", "Say exactly this and nothing else: Hello from Cedar Plumbing.")


def test_first_thing_openai_is_told_is_the_session():
    call = opening_call()

    assert without_records(call.receive(stream.Media(FRAME), 1.05)) == []
    assert without_records(call.receive(LineOpened(), 1.1)) == [wire.UpdateSession("session-0", LADDER[0])]


def test_sound_is_held_until_the_session_is_ready_and_the_greeting_comes_behind_it():
    call = opening_call()
    call.receive(LineOpened(), 1.1)
    first, second = sound(20, 1), sound(20, 2)
    call.receive(stream.Media(first), 1.1)
    call.receive(stream.Media(second), 1.12)

    assert without_records(call.receive(PCMU, 1.2)) == [wire.AppendAudio(first), wire.AppendAudio(second), GREETING]
    assert call.receive(stream.Media(FRAME), 1.22) == [wire.AppendAudio(FRAME)]


def test_pcm_in_the_echoed_session_is_not_accepted():
    call = opening_call()
    call.receive(LineOpened(), 1.1)

    commands = call.receive(wire.SessionUpdated("audio/pcmu", "audio/pcm"), 1.2)

    assert without_records(commands) == [wire.UpdateSession("session-1", LADDER[1])]
    assert events(commands) == ["wrong_session_format"]


@pytest.mark.parametrize("code", ["server_error", "rate_limit_exceeded"])
def test_what_may_pass_by_itself_costs_no_part_of_the_session(code):
    call = opening_call()
    call.receive(LineOpened(), 1.1)
    call.receive(wire.SessionCreated("sess_1"), 1.1)

    assert without_records(call.receive(wire.ErrorEvent(code, "Later."), 1.2)) == []
    call.receive(LineLost(Reason.SERVER_ERROR, 1011, was_open=True), 1.3)
    assert without_records(call.receive(LineOpened(), 1.8)) == [
        wire.UpdateSession("session-0", update_ladder(PROFILE.session)[0])
    ]


def test_refused_updates_become_simpler_and_then_the_call_is_handed_over():
    call = opening_call()
    call.receive(LineOpened(), 1.1)

    # OpenAI names the refused event or leaves it out; both are the answer to our update.
    assert without_records(call.receive(wire.ErrorEvent("unknown_parameter", event_id="session-0"), 1.2)) == [
        wire.UpdateSession("session-1", LADDER[1])
    ]
    assert without_records(call.receive(wire.ErrorEvent("unknown_parameter"), 1.3)) == [
        wire.UpdateSession("session-2", LADDER[2])
    ]
    assert without_records(call.receive(wire.ErrorEvent("unknown_parameter"), 1.4)) == [
        EndCall("upstream_unavailable"),
        CloseLine(),
    ]


def test_refusal_of_an_update_that_was_replaced_changes_nothing():
    call = opening_call()
    call.receive(LineOpened(), 1.1)
    call.receive(wire.ErrorEvent("unknown_parameter", event_id="session-0"), 1.2)

    assert without_records(call.receive(wire.ErrorEvent("unknown_parameter", event_id="session-0"), 1.3)) == []


def test_error_that_no_second_try_mends_ends_the_call_at_once():
    call = opening_call()
    call.receive(LineOpened(), 1.1)

    commands = call.receive(wire.ErrorEvent("invalid_api_key"), 1.15)

    assert without_records(commands) == [EndCall("upstream_unavailable"), CloseLine()]
    assert events(commands) == ["openai_error", "ended"]
    assert commands[0].detail == {"code": "invalid_api_key", "param": "", "cause": Reason.BAD_KEY}


def test_line_that_cannot_be_opened_ends_the_call_at_once():
    commands = opening_call().receive(LineLost(Reason.NETWORK), 1.1)

    assert without_records(commands) == [EndCall("upstream_unavailable"), CloseLine()]
    assert events(commands) == ["line_lost", "ended"]
    assert commands[0].detail == {"cause": Reason.NETWORK, "code": 0, "detail": "", "was_open": False}


def test_sound_of_openai_before_the_session_is_ready_is_never_played():
    call = opening_call()
    call.receive(LineOpened(), 1.1)

    assert call.receive(agent_audio(100), 1.15) == []


def test_silence_after_the_start_is_filled_and_then_given_up():
    call = opening_call(now=1.0)
    call.receive(LineOpened(), 1.1)

    assert call.deadline == 2.5
    assert call.wake(2.4) == []
    assert without_records(call.wake(2.5)) == [stream.Media(FIRST_CLIP), stream.Mark("0:clip:0:8000")]
    # The clip plays until 3.5; the next one comes 2.5 s after its end.
    assert call.deadline == 6.0
    assert without_records(call.wake(6.0)) == [stream.Media(FIRST_CLIP), stream.Mark("0:clip:0:16000")]
    assert call.deadline == 9.0
    commands = call.wake(9.0)
    assert without_records(commands)[0] == EndCall("upstream_unavailable")
    assert events(commands) == ["gave_up_waiting", "ended"]


def test_first_sound_pays_off_what_the_agent_owes():
    call = ready_call()

    commands = call.receive(agent_audio(100), 1.5)

    assert without_records(commands) == [stream.Media(sound(100)), stream.Mark("0:item_A1:0:800")]
    assert events(commands) == ["first_audio"]
    assert call.first_audio_ms == 500
    assert call.deadline == pytest.approx(1.6 + 1.8)  # more of it is owed, as long as it is not over
    call.receive(wire.ResponseDone("resp_1", "completed"), 1.6)
    assert call.deadline == 21.6  # only the caller's silence is waited for


def test_stream_that_is_not_mu_law_is_handed_over():
    call = opening_call()

    commands = call.receive(stream.Start("MZ1", "CA1", encoding="audio/l16"), 1.0)

    assert without_records(commands)[0] == EndCall("stream_lost")


def test_caller_who_spoke_first_gets_no_greeting_after_the_answer():
    call = ready_call()
    call.receive(wire.SpeechStarted("item_U1"), 1.3)
    call.receive(wire.SpeechStopped("item_U1"), 1.9)
    call.receive(wire.ResponseCreated("resp_9"), 1.9)

    refusal = wire.ErrorEvent("conversation_already_has_active_response", "… in progress: resp_9.", "response-1")
    assert without_records(call.receive(refusal, 2.0)) == []
    call.receive(agent_audio(100, "item_A9", "resp_9"), 2.1)
    assert without_records(call.receive(wire.ResponseDone("resp_9", "completed"), 3.0)) == []


def test_an_error_instead_of_a_session_is_followed_by_another_line_and_in_the_end_by_a_person():
    call = opening_call()
    full = wire.ErrorEvent("server_error", "full")
    for now in (1.2, 1.3):
        call.receive(LineOpened(), now)
        assert without_records(call.receive(full, now)) == [OpenLine()]

    call.receive(LineOpened(), 1.4)
    assert EndCall("upstream_unavailable") in call.receive(full, 1.4)


def test_the_same_error_in_a_session_is_only_noted():
    call = opening_call()
    call.receive(LineOpened(), 1.1)
    call.receive(wire.SessionCreated("sess_1"), 1.1)
    call.receive(PCMU, 1.2)

    assert without_records(call.receive(wire.ErrorEvent("server_error", "once"), 1.3)) == []
