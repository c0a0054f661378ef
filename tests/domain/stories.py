"""Calls as their rows tell them: what happened, and when."""

from datetime import timedelta

from calls.models import Call
from tests import factories

Reason, Status = Call.EndReason, Call.Status
RANG, ANSWERED = ("webhook", 0), ("twiml", 20, {"webhook": "voice", "answer": "Answer", "took_ms": 20})
STARTED = [RANG, ANSWERED, ("upgraded", 500), ("stream_started", 600), ("line_connecting", 610)]
TAKEN = [*STARTED, ("line_taken", 650)]
READY = [*TAKEN, ("line_opened", 900), ("session_created", 950), ("session_ready", 1000)]
GREETED = [*READY, ("first_audio", 1400, {"after_start_ms": 800}), ("sound_out", 1402, {"of": "first_audio"})]
ANSWER = ("answer", 6000, {"after_speech_ms": 1300, "after_turn_ms": 800})
TALKED = [*GREETED, ANSWER]
HANDED_OVER = ("handover", 9000)


def ended(reason, at_ms=12_000, **detail):
    return ("ended", at_ms, {"reason": reason} | detail)


def a_call(*happened, reason=Reason.CALLER_HANGUP, spoke=True, streamed=True, closed=True, **fields):
    """A call that is over. `spoke`: the caller has said something; `streamed`: a stream was admitted; `closed`: its
    end was seen."""
    standing = {"token_nonce": "nonce", "model": "gpt-realtime-2.1"}
    call = factories.make_ended_call(seconds=12, end_reason=reason, **standing | fields)
    if streamed:
        over = call.rang_at + timedelta(seconds=12) if closed else None
        factories.make_stream(call=call, ended_at=over)
    if spoke:
        factories.make_turn(call=call, started_ms=3000)
    for kind, at_ms, *detail in happened:
        factories.make_event(call=call, kind=kind, at_ms=at_ms, detail=detail[0] if detail else {})
    return call


def voicemail(**fields):
    return {"recording_sid": "RE1", "recording_seconds": 12, "handover_number": "+15550108000"} | fields
