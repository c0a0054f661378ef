"""A session is replaced before OpenAI ends it, when nobody would notice."""

import pytest

from calls.conversation.messages import LineExpires, LineLost, LineNotPrepared, LinePrepared, PrepareLine, TakeLine
from calls.conversation.renewal import Renewal, Resumes
from calls.realtime import wire
from calls.realtime.reasons import Reason
from calls.realtime.session import update_ladder
from calls.twilio import stream
from tests.conversation.kit import FRAME, PCMU, PROFILE, events, greeted_call, without_records
from tests.conversation.test_resuming import CUT, GREETING, NOTE, calling_call, resumed

UPDATE = wire.UpdateSession("session-0", update_ladder(PROFILE.session)[0])


def quiet_call():
    """The greeting was heard at 3 s; OpenAI ends the session at 603 s. The caller's frames keep coming."""
    call = greeted_call()
    call.receive(LineExpires(600.0), 3.0)
    return call


def passes(call, now: float, until: float) -> list:
    """What the call does at its deadlines up to `until`, except asking whether the caller is there."""
    commands = []
    call._silence.due_at = None
    while call.deadline is not None and call.deadline <= until:
        now = max(now, call.deadline)
        call.receive(stream.Media(FRAME), now)
        commands += call.wake(now)
    return without_records([c for c in commands if not isinstance(c, wire.AppendAudio)])


@pytest.mark.parametrize(("lasts", "after"), [(3600.0, 3300.0), (1200.0, 900.0), (7200.0, 3300.0), (-3600.0, 3300.0)])
def test_session_is_renewed_five_minutes_before_its_end_whatever_our_clock_says(lasts, after):
    renewal = Renewal()
    renewal.begin(10.0, lasts=lasts)

    assert renewal.look_at == 10.0 + after


def test_second_line_is_opened_in_a_pause_and_takes_over_in_a_pause():
    call = quiet_call()
    assert passes(call, 3.0, 302.9) == []
    assert passes(call, 303.0, 304.5) == [PrepareLine()]
    assert call.receive(stream.Media(FRAME), 304.6) == [wire.AppendAudio(FRAME)]  # the first one is spoken on

    call.receive(LinePrepared(), 305.0)
    assert passes(call, 305.0, 305.0) == [TakeLine(), UPDATE]
    assert call.receive(stream.Media(FRAME), 305.1) == []
    call.receive(wire.SessionCreated("sess_2"), 305.1)
    assert without_records(call.receive(PCMU, 305.3)) == [GREETING, NOTE, wire.AppendAudio(FRAME)]
    assert call.session_id == "sess_2"


def test_caller_who_speaks_is_not_cut_off_by_it():
    call = quiet_call()
    passes(call, 303.0, 304.5)
    call.receive(wire.SpeechStarted("item_U1"), 304.8)
    call.receive(LinePrepared(), 305.0)

    assert passes(call, 305.0, 307.0) == []


def test_nothing_is_renewed_while_a_tool_runs():
    call = calling_call()
    call.receive(LineExpires(600.0), 6.0)
    call.receive(wire.ResponseDone("resp_2", "completed"), 6.0)
    call._patience.settle()  # as after an answer in between

    assert passes(call, 306.0, 310.0) == []


def test_line_that_cannot_be_prepared_is_tried_again_later_and_the_call_goes_on():
    call = quiet_call()
    passes(call, 303.0, 304.5)

    assert events(call.receive(LineNotPrepared(Reason.TIMEOUT), 307.0)) == ["line_not_prepared"]
    assert passes(call, 307.0, 366.9) == []
    assert passes(call, 367.0, 368.5) == [PrepareLine()]


def test_session_that_ends_before_it_was_renewed_is_resumed():
    call = quiet_call()
    call.receive(LineLost(Reason.EXPIRED, 1001, was_open=True), 303.2)

    assert resumed(call, 304.0) == [GREETING, NOTE]
    assert passes(call, 304.0, 700.0) == []  # nothing is known of the new session's end


def test_prepared_line_that_breaks_after_it_took_over_is_resumed_like_any_other():
    call = quiet_call()
    passes(call, 303.0, 304.5)
    call.receive(LinePrepared(), 305.0)
    passes(call, 305.0, 305.0)
    call.receive(CUT, 305.1)

    assert resumed(call, 305.9) == [GREETING, NOTE]


@pytest.mark.parametrize(
    ("losses", "allowed"),
    [
        ([0.0, 10.0, 20.0], [True, True, False]),
        ([0.0, 10.0, 70.0], [True, True, True]),
        ([0.0, 100.0, 200.0, 300.0, 400.0, 500.0], [True] * 5 + [False]),
    ],
)
def test_line_that_keeps_breaking_is_given_up(losses, allowed):
    resumes = Resumes()

    assert [resumes.take(now) for now in losses] == allowed
