"""Why a call was as it was, as its rows tell it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.domain.explanation import Cause, Party, Silence, explain, explain_all
from calls.domain.explanation_causes import ABOUT
from calls.domain.explanation_openai import REASONS
from calls.models import Call, ToolCall, Turn
from calls.realtime import reasons
from tests import factories
from tests.domain.stories import (
    ANSWERED,
    GREETED,
    HANDED_OVER,
    RANG,
    READY,
    STARTED,
    TAKEN,
    TALKED,
    a_call,
    ended,
    voicemail,
)

pytestmark = pytest.mark.django_db
Reason, Direction = Call.EndReason, Call.Direction

UNAVAILABLE, LOST = Reason.UPSTREAM_UNAVAILABLE, Reason.UPSTREAM_LOST
PERSON = {"handover_number": "+15550108000", "handover_result": "completed"}
NOBODY = {"handover_number": "+15550108000", "handover_result": "no-answer"}


def line_lost(cause, at_ms=8000, code=0):
    return ("line_lost", at_ms, {"cause": cause, "code": code, "detail": ""})


def no_stream(because, **detail):
    return [RANG, ("no_stream", 5, {"because": because} | detail), HANDED_OVER]


def error(code):
    return ("twilio_stream_error", 700, {"stream_sid": "MZ1", "error": f"{code} handshake error: answered 403"})


CASES = [
    # The way to the agent
    (Cause.NO_KEY, no_stream("no_openai_key"), UNAVAILABLE, PERSON),
    (Cause.QUOTA, no_stream("openai_refuses", cause="quota"), UNAVAILABLE, PERSON),
    (Cause.MODEL_UNKNOWN, no_stream("openai_refuses", cause="model"), UNAVAILABLE, PERSON),
    (Cause.OPENAI_REFUSED, no_stream("openai_refuses"), UNAVAILABLE, PERSON),
    (Cause.NO_AGENT, no_stream("no_agent"), UNAVAILABLE, PERSON),
    (Cause.WRONG_SERVER, no_stream("no_websockets"), Reason.INTERNAL_ERROR, PERSON),
    (Cause.DRAINING, no_stream("draining"), Reason.DRAINING, PERSON),
    (Cause.CAPACITY, [RANG, ("over_limit", 5, {"limit": "calls_at_once"}), HANDED_OVER], Reason.OVERLOADED, PERSON),
    (Cause.BUDGET, [RANG, ("over_limit", 5, {"limit": "budget_of_the_day"}), HANDED_OVER], Reason.OVERLOADED, PERSON),
    (Cause.BLOCKED_NUMBER, [RANG], Reason.BLOCKED, {}),
    (Cause.FORWARDING_LOOP, [RANG, ("forwarding_loop", 5, {"first_call": "CA1"})], Reason.BUSY, {}),
    (Cause.NOT_REACHED, [("call_status", 9000, {"status": "busy"})], Reason.BUSY, {"direction": Direction.OUTBOUND}),
    (Cause.CALL_FAILED, [RANG, ANSWERED], Reason.FAILED, {}),
    (Cause.DATABASE_AWAY, [("dial_done", 0, {"result": "completed"})], Reason.TRANSFERRED, PERSON),
    (
        Cause.DATABASE_AWAY,
        [RANG, ("answered_without_records", 0, {"webhook": "voice", "because": "TimeoutError"})],
        Reason.TRANSFERRED,
        PERSON,
    ),
    (Cause.DATABASE_AWAY, [RANG, ("twiml", 9000, {"took_ms": 9000}), HANDED_OVER], Reason.TRANSFERRED, PERSON),
    (
        Cause.DATABASE_AWAY,
        [RANG, ANSWERED, ("stream_not_admitted", 3000, {"because": "OperationalError"}), error(31921)],
        Reason.STREAM_LOST,
        PERSON,
    ),
    (
        Cause.INTERNAL_ERROR,
        [RANG, ANSWERED, ("stream_not_admitted", 3000, {"because": "KeyError"}), error(31921)],
        Reason.STREAM_LOST,
        PERSON,
    ),
    (
        Cause.STREAM_REFUSED,
        [RANG, ANSWERED, ("stream_refused", 600, {"why": "wrong token"}), error(31921)],
        Reason.AUTH_FAILED,
        PERSON,
    ),
    (Cause.STREAM_NEVER_STARTED, [RANG, ANSWERED, error(31920), HANDED_OVER], Reason.STREAM_LOST, PERSON),
    (Cause.STREAM_NEVER_STARTED, [RANG, ANSWERED, HANDED_OVER], Reason.STREAM_LOST, PERSON),
    (Cause.STREAM_NEVER_STARTED, [RANG, ANSWERED], Reason.CALLER_HANGUP, {}),
    (
        Cause.WEBHOOK_FAILED,
        [RANG, ANSWERED, ("fallback", 300, {"error_code": "12100", "address": "voice"}), HANDED_OVER],
        Reason.INTERNAL_ERROR,
        PERSON,
    ),
    (
        Cause.INTERNAL_ERROR,
        [("fallback", 300, {"error_code": "", "address": "voice"}), HANDED_OVER],
        Reason.INTERNAL_ERROR,
        PERSON,
    ),
]

ON_THE_LINE = [
    # OpenAI
    (Cause.BAD_KEY, [*STARTED, line_lost("bad_key"), ended(UNAVAILABLE), HANDED_OVER], UNAVAILABLE, PERSON),
    (Cause.RATE_LIMIT, [*STARTED, line_lost("rate_limit"), ended(UNAVAILABLE)], UNAVAILABLE, PERSON),
    (Cause.OPENAI_UNREACHABLE, [*STARTED, line_lost("dns"), ended(UNAVAILABLE)], UNAVAILABLE, PERSON),
    (Cause.BETA_SHAPE, [*STARTED, ("line_opened", 900), line_lost("beta"), ended(UNAVAILABLE)], UNAVAILABLE, PERSON),
    (
        Cause.QUOTA,
        [*TALKED, ("response_failed", 8000, {"status": "failed", "cause": "quota"}), ended(LOST)],
        LOST,
        PERSON,
    ),
    (
        Cause.SESSION_REFUSED,
        [*STARTED, ("line_opened", 900), ("openai_error", 950, {"cause": "bad_session"}), ended(UNAVAILABLE)],
        UNAVAILABLE,
        PERSON,
    ),
    (
        Cause.SESSION_REFUSED,
        [*STARTED, ("line_opened", 900), ("openai_error", 950, {"cause": "request", "code": "invalid_value"})],
        UNAVAILABLE,
        PERSON,
    ),
    (
        Cause.OPENAI_UNREACHABLE,
        [*STARTED, ("gave_up_waiting", 8600, {"waited_ms": 8000}), ended(UNAVAILABLE, 8600)],
        UNAVAILABLE,
        PERSON,
    ),
    (
        Cause.OPENAI_HUNG,
        [*TAKEN, ("gave_up_waiting", 8600, {"waited_ms": 8000}), ended(UNAVAILABLE, 8600)],
        UNAVAILABLE,
        PERSON,
    ),
    (
        Cause.OPENAI_HUNG,
        [*STARTED, ("line_opened", 900), ("gave_up_waiting", 8600, {"waited_ms": 8000}), ended(UNAVAILABLE, 8600)],
        UNAVAILABLE,
        PERSON,
    ),
    (
        Cause.OPENAI_SILENT,
        [*READY, ("gave_up_waiting", 8600, {"waited_ms": 8000}), ended(UNAVAILABLE, 8600)],
        UNAVAILABLE,
        PERSON,
    ),
    (Cause.OPENAI_SILENT, [*TALKED, ("gave_up_waiting", 16000, {"waited_ms": 9500}), ended(LOST)], LOST, PERSON),
    (Cause.OPENAI_CLOSED, [*TALKED, line_lost("cut"), line_lost("unreachable", 9000), ended(LOST)], LOST, PERSON),
    (Cause.OPENAI_CLOSED, [*TALKED, line_lost("closed", code=1000), ("session_resumed", 8400)], "", {}),
    (Cause.OPENAI_ERROR, [*TALKED, ("response_failed", 5000, {"status": "failed", "cause": "server_error"})], "", {}),
    (Cause.WRONG_AUDIO_FORMAT, [*READY, ("format_mismatch", 1300), ended(UNAVAILABLE)], UNAVAILABLE, PERSON),
    (Cause.OPENAI_SLOW, [*STARTED, ("line_opened", 6700), ("session_ready", 6800), ("first_audio", 7200)], "", {}),
    (Cause.SLOW_ANSWERS, [*GREETED, ("answer", 9000, {"after_speech_ms": 6200})], "", {}),
    (Cause.SLOW_ANSWERS, [*TALKED, ("asked_again", 9000)], "", {}),
    (Cause.SLOW_ANSWERS, [*TALKED, ("filler", 9000), ended(Reason.CALLER_HANGUP)], "", {}),
    # Twilio, the caller and the way between
    (Cause.STREAM_CUT, [*TALKED, ("stream_closed", 9000, {"code": 1006}), ended("stream_lost")], "stream_lost", PERSON),
    (Cause.STREAM_PROTOCOL, [*TALKED, error(31951), ended("stream_lost")], "stream_lost", PERSON),
    (Cause.STREAM_PROTOCOL, [*TALKED, error(31931), ended(Reason.CALLER_HANGUP)], "", {}),
    (Cause.NO_SOUND_FROM_TWILIO, [*TALKED, ("no_media", 40_000), ended("stream_lost")], "stream_lost", PERSON),
    (Cause.WRONG_AUDIO_FORMAT, [*STARTED, ("wrong_stream_format", 600, {"encoding": "audio/l16"})], "stream_lost", {}),
    (Cause.SOUND_LOST, [*TALKED, ended(Reason.CALLER_HANGUP, padded_ms=2000, lost_ms=2000)], "", {}),
    (Cause.WEBHOOK_MISSET, [("webhook_by_get", 0), *TALKED], "", {}),
    (Cause.SILENT_CALLER, [*GREETED, ("silence", 21_000), ended(Reason.SILENCE)], Reason.SILENCE, {}),
    (Cause.MAX_LENGTH, [*TALKED, ("limit_reached", 11_000), ended(Reason.MAX_DURATION)], Reason.MAX_DURATION, PERSON),
    # Ours
    (Cause.DRAINING, [*TALKED, ended(Reason.DRAINING)], Reason.DRAINING, PERSON),
    (Cause.INTERNAL_ERROR, [*TALKED], Reason.INTERNAL_ERROR, PERSON),
    (Cause.NOT_TRANSFERRED, [*TALKED, HANDED_OVER, ("dial_done", 9900), ("voicemail", 9900)], "voicemail", NOBODY),
    (Cause.UNEXPLAINED, [*TALKED, ended(LOST)], LOST, PERSON),
]


@pytest.mark.parametrize(("cause", "happened", "reason", "fields"), CASES, ids=lambda value: str(value)[:30])
def test_what_kept_a_caller_from_the_agent_is_named(cause, happened, reason, fields):
    found = explain(a_call(*happened, reason=reason, streamed=False, spoke=False, **fields))

    assert found.cause is cause


@pytest.mark.parametrize(("cause", "happened", "reason", "fields"), ON_THE_LINE, ids=lambda value: str(value)[:30])
def test_what_a_caller_met_who_had_the_agent_is_named(cause, happened, reason, fields):
    found = explain(a_call(*happened, reason=reason or Reason.CALLER_HANGUP, **fields))

    assert (found.cause, found.party) == (cause, ABOUT[cause].party)


@pytest.mark.parametrize(
    ("cause", "status", "ms"),
    [
        (Cause.TOOL_FAILED, ToolCall.Status.FAILED, 30),
        (Cause.TOOL_SLOW, ToolCall.Status.TIMED_OUT, 8000),
        (Cause.TOOL_SLOW, ToolCall.Status.OK, 4500),
        (Cause.NONE, ToolCall.Status.REFUSED, 30),
        (Cause.NONE, ToolCall.Status.OK, 300),
    ],
)
def test_tools_that_break_or_take_long_are_named(cause, status, ms):
    call = a_call(*TALKED, ended(Reason.CALLER_HANGUP))
    factories.make_tool_call(call=call, status=status, duration_ms=ms, started_ms=4000)

    assert explain(call).cause is cause


def test_the_time_of_a_tool_is_not_the_models():
    call = a_call(*GREETED, ("answer", 9500, {"after_speech_ms": 6000}), ended(Reason.CALLER_HANGUP))
    factories.make_tool_call(call=call, duration_ms=3500, started_ms=4500)

    assert explain(call).cause is Cause.NONE


def test_a_call_that_went_well_has_no_cause():
    found = explain(a_call(*TALKED, ended(Reason.CALLER_HANGUP, padded_ms=2000, lost_ms=0)))

    assert (found.cause, found.party, found.also, found.silences, found.is_fault) == (
        Cause.NONE,
        Party.NOBODY,
        (),
        (),
        False,
    )
    assert found.said == "Nothing went wrong: the agent was heard 0.8 s after the stream began."


def test_a_call_whose_end_its_server_never_saw():
    found = explain(a_call(*TALKED, HANDED_OVER, reason=Reason.STREAM_LOST, closed=False, **PERSON))

    assert found.cause is Cause.SERVER_DIED
    assert found.said == (
        "The call broke off some time after 6.0 s because the server that carried the call was gone; what it was "
        "about to write down is missing. A person then took the call."
    )


def test_a_call_that_nobody_has_ended_is_told_from_one_that_goes_on():
    call = factories.make_call()
    factories.make_stream(call=call)
    factories.make_event(call=call)

    early, late = (explain(call, now=call.rang_at + timedelta(hours=hours)) for hours in (1, 3))

    assert (early.cause, early.said) == (
        Cause.NONE,
        "The call is still going on, and nothing has gone wrong so far.",
    )
    assert late.cause is Cause.SERVER_DIED


def test_a_caller_who_hangs_up_in_silence_learns_what_it_was_that_took_so_long():
    call = a_call(*STARTED, ended(Reason.CALLER_HANGUP, 5600), spoke=False)

    found = explain(call)

    assert found.cause is Cause.HUNG_UP_IN_SILENCE
    assert found.said == (
        "The caller heard nothing for 5.0 s, and hung up, because OpenAI's socket took 5.0 s to open."
    )
    assert found.silences == (Silence(600, 5000, "the agent had not spoken yet"),)


@pytest.mark.parametrize(
    ("because", "party"),
    [("dns", Party.NETWORK), ("rate_limit", Party.OPENAI), ("server_error", Party.OPENAI)],
)
def test_whose_the_silence_is_in_which_a_caller_hangs_up_depends_on_what_took_so_long(because, party):
    tried = [("line_retried", 1000, {"cause": because}), ended("caller_hangup", 5600)]

    found = explain(a_call(*STARTED, *tried, spoke=False))

    assert (found.cause, found.party) == (Cause.HUNG_UP_IN_SILENCE, party)


def test_a_caller_who_waited_and_left_at_the_first_word_left_for_the_wait():
    opened = [("line_opened", 900), ("session_ready", 1000), ("first_audio", 9600), ended("caller_hangup", 10_100)]
    call = a_call(*STARTED, *opened, spoke=False)
    factories.make_turn(call=call, role=Turn.Role.AGENT, started_ms=9600, interrupted=True)

    found = explain(call)

    assert (found.cause, found.party, found.is_fault, found.also) == (
        Cause.OPENAI_SLOW,
        Party.OPENAI,
        True,
        (Cause.HUNG_UP_EARLY,),
    )


@pytest.mark.parametrize(
    ("cause", "fault"),
    [
        (Cause.OPENAI_CLOSED, [line_lost("cut"), ("session_resumed", 8700)]),
        (Cause.SOUND_LOST, []),
    ],
)
@pytest.mark.parametrize(
    ("wanted", "reason", "happened"),
    [
        (Cause.SILENT_CALLER, Reason.SILENCE, [("silence", 11_000)]),
        (Cause.MAX_LENGTH, Reason.MAX_DURATION, [("limit_reached", 11_000)]),
    ],
)
def test_a_fault_comes_before_what_somebody_wanted(cause, fault, wanted, reason, happened):
    lost_ms = 2000 if cause is Cause.SOUND_LOST else 0

    found = explain(a_call(*GREETED, *fault, *happened, ended(reason, lost_ms=lost_ms), reason=reason, **PERSON))

    assert (found.cause, found.is_fault, found.also) == (cause, True, (wanted,))


def test_a_caller_who_is_gone_before_the_stream_is_nobodys_fault_unless_the_number_is_set_wrong():
    left = [RANG, ANSWERED, ("call_status", 900, {"status": "completed"})]
    fields = {"streamed": False, "spoke": False, "ended_at": factories.RANG_AT + timedelta(seconds=1)}

    assert explain(a_call(*left, **fields)).cause is Cause.HUNG_UP_EARLY
    assert explain(a_call(("webhook_by_get", 0), *left, **fields)).cause is Cause.WEBHOOK_MISSET


TRIED = ("line_retried", 3610, {"cause": "timeout"})
AGAIN = ("line_connecting", 3900)


@pytest.mark.parametrize(
    ("happened", "cause", "party"),
    [
        ([*STARTED, TRIED, AGAIN], Cause.OPENAI_UNREACHABLE, Party.NETWORK),
        ([*TAKEN, TRIED, AGAIN, ("line_taken", 3950)], Cause.OPENAI_HUNG, Party.OPENAI),
        ([*TAKEN, TRIED, AGAIN], Cause.OPENAI_UNREACHABLE, Party.NETWORK),
        ([*STARTED, TRIED, AGAIN, ("line_taken", 3950)], Cause.OPENAI_HUNG, Party.OPENAI),
    ],
)
def test_a_firewall_that_drops_packets_is_told_from_openai_that_says_nothing(happened, cause, party):
    lost = [line_lost("timeout", 6900), ended(UNAVAILABLE, 6900)]

    found = explain(a_call(*happened, *lost, reason=UNAVAILABLE, spoke=False, **PERSON))

    assert (found.cause, found.party) == (cause, party)


@pytest.mark.parametrize(("happened", "party"), [(STARTED, Party.NETWORK), (TAKEN, Party.OPENAI)])
def test_a_caller_who_leaves_before_a_try_has_ended_left_for_the_network_or_for_openai(happened, party):
    found = explain(a_call(*happened, ended("caller_hangup", 3400), spoke=False))

    assert (found.cause, found.party) == (Cause.HUNG_UP_IN_SILENCE, party)


def test_a_caller_who_hangs_up_at_once_is_nobodys_fault():
    for happened in ([*STARTED, ended(Reason.CALLER_HANGUP, 1500)], [*GREETED, ended(Reason.CALLER_HANGUP, 2000)]):
        found = explain(a_call(*happened, spoke=False))

        assert (found.cause, found.party, found.is_fault) == (Cause.HUNG_UP_EARLY, Party.CALLER, False)


@pytest.mark.parametrize(
    ("before", "back", "said"),
    [
        (
            TALKED,
            "session_resumed",
            "The agent fell silent for a moment because OpenAI closed the line with code 1012; the conversation went "
            "on 0.7 s later in a new session.",
        ),
        (
            STARTED,
            "session_ready",
            "The agent was late because OpenAI closed the line with code 1012; another session was there 0.7 s later.",
        ),
    ],
)
def test_a_line_that_was_lost_and_found_again_is_told_with_its_gap(before, back, said):
    lost = [line_lost("restarting", 8000, 1012), (back, 8700), ("first_audio", 9000)]
    found = explain(a_call(*before, *lost, ended("caller_hangup")))

    assert (found.cause, found.said) == (Cause.OPENAI_CLOSED, said)


def test_silence_cause_and_voicemail_stand_in_one_story():
    """The sentence that the issue asks for."""
    happened = [*TAKEN, line_lost("timeout", 8000), ended(UNAVAILABLE, 8000), HANDED_OVER, ("voicemail", 9500)]

    found = explain(a_call(*happened, reason=UNAVAILABLE, spoke=False, **voicemail()))

    assert found.said == (
        "The caller heard nothing for 7.4 s because OpenAI took the connection and did not answer. "
        "The hand-over then reached your voicemail, and the caller left a message."
    )
    assert (found.cause, found.party) == (Cause.OPENAI_HUNG, Party.OPENAI)
    assert found.silences == (Silence(600, 7400, "the agent had not spoken yet"),)


def test_a_slow_opening_names_the_step_that_took_longest():
    happened = [*STARTED, ("line_opened", 6700), ("session_ready", 6800), ("first_audio", 8000), ended("caller_hangup")]

    assert explain(a_call(*happened)).said == (
        "The caller heard nothing for 7.4 s because OpenAI's socket took 6.1 s to open."
    )


LATE_STREAM = [RANG, ANSWERED, ("upgraded", 6000), ("stream_started", 6020), ("line_connecting", 6030)]


@pytest.mark.parametrize("detail", [{}, {"kept": True}])
def test_a_stream_that_opens_late_is_part_of_the_silence_and_named(detail):
    opened = [("line_taken", 6080), ("line_opened", 6200), ("session_ready", 6300), ("first_audio", 6900, detail)]

    found = explain(a_call(*LATE_STREAM, *opened, ended("caller_hangup")))

    assert (found.cause, found.party) == (Cause.STREAM_SLOW, Party.NETWORK)
    assert found.said == "The caller heard nothing for 6.9 s because Twilio's media stream took 6.0 s to open."
    assert found.silences == (Silence(20, 6880, "the agent had not spoken yet"),)


def test_a_late_stream_is_not_blamed_for_an_openai_that_was_later():
    opened = [("line_taken", 6080), ("line_opened", 6200), ("session_ready", 15_000), ("first_audio", 15_600)]

    found = explain(a_call(*LATE_STREAM, *opened, ended("caller_hangup", 20_000)))

    assert (found.cause, found.also) == (Cause.OPENAI_SLOW, (Cause.STREAM_SLOW,))


def test_a_caller_who_hangs_up_soon_after_a_late_stream_left_for_it():
    found = explain(a_call(*LATE_STREAM, ended("caller_hangup", 7000), spoke=False))

    assert (found.cause, found.party) == (Cause.HUNG_UP_IN_SILENCE, Party.NETWORK)
    assert found.said == (
        "The caller heard nothing for 7.0 s, and hung up, because Twilio's media stream took 6.0 s to open."
    )


def test_the_time_in_which_a_person_rang_first_is_no_late_stream():
    dialed = ("twiml", 20, {"webhook": "voice", "answer": "Transfer"})
    then = [("twiml", 20_000, {"webhook": "dial-done", "answer": "Answer"}), ("stream_started", 20_600)]

    found = explain(a_call(RANG, dialed, *then, ("first_audio", 21_400), ended("caller_hangup", 30_000)))

    assert (found.cause, found.silences) == (Cause.NONE, ())


@pytest.mark.parametrize(("our_ms", "cause"), [(40, Cause.NONE), (1900, Cause.NONE), (4200, Cause.SERVER_SLOW)])
def test_sound_that_stayed_in_our_server_is_ours(our_ms, cause):
    sent = ("sound_out", 6000 + our_ms, {"of": "answer", "our_ms": our_ms})

    found = explain(a_call(*TALKED, sent, ended("caller_hangup", 20_000)))

    assert (found.cause, found.party) == (cause, ABOUT[cause].party)
    assert (Silence(6000, our_ms, "the sound was still in our server") in found.silences) is (our_ms > 1500)


def test_clips_part_a_silence():
    happened = [*STARTED, ("filler", 2100), ("filler", 5800), ("first_audio", 7500), ended("caller_hangup")]

    found = explain(a_call(*happened))

    assert [(silence.start_ms, silence.ms) for silence in found.silences] == [(600, 1500), (3300, 2500)]
    assert found.said.startswith("The caller waited 6.9 s and heard only a short clip asking for a moment because")


def test_a_kept_greeting_hides_a_slow_start():
    kept = ("first_audio", 610, {"after_start_ms": 10, "kept": True})
    opened = [("line_opened", 4800), ("session_ready", 5000)]

    assert explain(a_call(*STARTED, kept, *opened, ended("caller_hangup"))).cause is Cause.NONE
    assert explain(a_call(*STARTED, kept, ("filler", 4700), *opened, ended("caller_hangup"))).cause is Cause.OPENAI_SLOW


def test_what_broke_the_call_comes_before_what_it_led_to():
    happened = [*TALKED, ("asked_again", 8000), ("gave_up_waiting", 16_000, {"waited_ms": 9500}), ended(LOST)]

    found = explain(a_call(*happened, reason=LOST, **NOBODY))

    assert (found.cause, found.also) == (Cause.OPENAI_SILENT, (Cause.SLOW_ANSWERS,))


def test_a_person_who_rang_first_and_did_not_answer_is_no_failed_transfer():
    rang_first = [RANG, ("rings_a_person_first", 5), ("dial_done", 20_000, {"result": "no-answer"})]

    assert explain(a_call(*rang_first, *TALKED[1:], ended("caller_hangup"))).cause is Cause.NONE


@pytest.mark.parametrize(
    ("fields", "last", "fate"),
    [
        ({"handover_accepted_at": factories.RANG_AT}, [], "A person then took the call."),
        (
            voicemail(),
            [("voicemail", 9500)],
            "The hand-over then reached your voicemail, and the caller left a message.",
        ),
        (NOBODY, [("voicemail", 9500)], "The hand-over then reached your voicemail, and the caller left no message."),
        (NOBODY, [("dial_done", 9500)], "Nobody took the hand-over."),
        ({}, [], "The call was then handed over; whether a person answered is not recorded."),
    ],
)
def test_what_became_of_the_caller_is_told(fields, last, fate):
    happened = [*STARTED, line_lost("bad_key"), ended(UNAVAILABLE), HANDED_OVER, *last]

    assert explain(a_call(*happened, reason=UNAVAILABLE, spoke=False, **fields)).said.endswith(f". {fate}")


def test_many_calls_are_explained_with_as_many_queries_as_one():
    calls = [a_call(*TALKED, ended("caller_hangup")) for _ in range(5)]
    calls.append(a_call(*no_stream("no_agent"), reason=UNAVAILABLE, streamed=False, spoke=False))

    with CaptureQueriesContext(connection) as asked:
        found = explain_all(Call.objects.order_by("pk"))

    assert [each.cause for each in found] == [Cause.NONE] * 5 + [Cause.NO_AGENT]
    assert len(asked) == 5  # the calls, and their events, turns, tools and streams


def test_every_reason_of_openai_has_a_cause():
    assert set(REASONS) == {reason.value for reason in reasons.Reason}


@pytest.mark.parametrize("reason", reasons.Reason)
def test_the_reason_that_kept_openai_away_is_the_cause(reason):
    never = [*STARTED, line_lost(reason.value, 3000), ended(UNAVAILABLE, 3000), HANDED_OVER]
    cause, why = REASONS[reason.value]

    found = explain(a_call(*never, reason=UNAVAILABLE, spoke=False, **PERSON))

    assert (found.cause, found.said) == (
        cause,
        f"The caller heard nothing for 2.4 s because {why}. A person then took the call.",
    )


@pytest.mark.parametrize(
    ("code", "party"),
    [
        ("31920", Party.CONFIGURATION),
        ("31910", Party.CONFIGURATION),
        ("31901", Party.SERVER),
        ("31902", Party.SERVER),
        ("31921", Party.SERVER),
        ("31999", Party.NOBODY),
    ],
)
def test_whose_a_stream_is_that_never_started_depends_on_twilios_error(code, party):
    happened = [RANG, ANSWERED, error(code), HANDED_OVER]
    found = explain(a_call(*happened, reason=Reason.STREAM_LOST, streamed=False, spoke=False, **PERSON))

    assert (found.cause, found.party) == (Cause.STREAM_NEVER_STARTED, party)
    assert f"(error {code})" in found.said


def test_every_cause_says_whose_it_is_and_what_mends_it():
    assert set(ABOUT) == set(Cause)
    assert [cause for cause, about in ABOUT.items() if about.is_fault and not about.remedy] == []
    assert [cause for cause, about in ABOUT.items() if about.title.endswith(".")] == []


def test_every_cause_can_be_found():
    """What no test here has brought about might never be said."""
    named = {case[0] for case in [*CASES, *ON_THE_LINE]} | {cause for cause, _ in REASONS.values()}
    elsewhere = {
        *(Cause.NONE, Cause.TOOL_FAILED, Cause.TOOL_SLOW, Cause.SERVER_DIED),
        *(Cause.HUNG_UP_IN_SILENCE, Cause.HUNG_UP_EARLY),
        *(Cause.STREAM_SLOW, Cause.SERVER_SLOW),
    }

    assert named | elsewhere == set(Cause)
