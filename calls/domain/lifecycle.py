"""How a call moves from the ring to its end, as Twilio's webhooks tell it.

Twilio repeats requests and delivers them late and out of order. Each function here may be called again with the same
words: the row is locked, statuses only move forward, a reason is written once, and the answer is the same. What comes
back is a decision; the views turn it into TwiML.
"""

import secrets
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction

from calls.domain import capacity, costs, hours, messages, returning, screening, servers, summaries
from calls.domain.capacity import NO_LIMITS, Limits
from calls.domain.decisions import Answer, Busy, Decision, HangUp, Leg, Refuse, Thanks, Voicemail
from calls.domain.dials import business_name, dial, dial_result, has_a_person, is_first
from calls.domain.handover import open_handover, person_to_dial
from calls.domain.progress import advance, end, lock, lock_or_register, note, note_once
from calls.domain.streams import REFUSED
from calls.domain.summaries import LISTEN, NOBODY_ANSWERED, REACHED_A_PERSON
from calls.domain.transfer import person_for
from calls.models import Call, CallEvent, PhoneLine, Stream

Status, Reason = Call.Status, Call.EndReason

NO_OPENAI_KEY, NO_AGENT, NO_WEBSOCKETS = "no_openai_key", "no_agent", "no_websockets"
DRAINING = "draining"
OPENAI_REFUSES = "openai_refuses"
_OBSTACLE_REASONS = {
    NO_OPENAI_KEY: Reason.UPSTREAM_UNAVAILABLE,
    NO_AGENT: Reason.UPSTREAM_UNAVAILABLE,
    OPENAI_REFUSES: Reason.UPSTREAM_UNAVAILABLE,
    NO_WEBSOCKETS: Reason.INTERNAL_ERROR,
    DRAINING: Reason.DRAINING,
}

_PROGRESS = {"initiated": Status.QUEUED, "queued": Status.QUEUED, "ringing": Status.RINGING}
_OVER = {
    "completed": Reason.CALLER_HANGUP,
    "busy": Reason.BUSY,
    "no-answer": Reason.NO_ANSWER,
    "failed": Reason.FAILED,
    "canceled": Reason.FAILED,
}
_NORMAL_ENDS = {Reason.AGENT_HANGUP, Reason.SILENCE, Reason.BLOCKED}
NO_NUMBER = "no_number"


@transaction.atomic
def receive_call(
    *,
    leg: Leg,
    obstacle: str,
    default_number: str,
    findings: Iterable[str],
    limits: Limits = NO_LIMITS,
    refused_models: Collection[str] = (),
    refusal: str = "",
    instance: str = "",
    now: datetime,
) -> Decision:
    """The phone rings. `obstacle` names why no agent can answer whatever the line says, or is blank; no agent whose
    model is among `refused_models` can. `refusal` is what OpenAI has refused other calls for, `instance` the server
    that was asked."""
    call = lock_or_register(leg=leg, now=now)
    for finding in findings:
        note_once(call, finding, now)
    is_known = call.token_nonce or call.handed_over_at or call.status == Status.ENDED
    has_come_back = returning.begin_anew(call=call, leg=leg, now=now)
    if is_known and not has_come_back:
        return _same_answer(call)
    note(call, "webhook", now, direction=call.direction)
    advance(call, Status.RINGING)
    if first := open_handover(call=call, leg=leg, now=now):
        return _come_back(call, first=first, now=now)
    treatment = screening.treatment_of(call=call)
    if treatment == screening.BLOCKED:
        return _refuse(call, now=now)
    obstacle, refusal = _obstacle_of(call, obstacle, refusal, refused_models)
    is_direct = treatment == screening.DIRECT
    if is_direct or not (obstacle or has_come_back) and _rings_a_person_first(call, now):
        number = person_to_dial(business=call.business, default_number=default_number, called=call.to_number)
        if number and number != call.from_number:
            return _ring_a_person_first(call, number=number, is_announced=not is_direct, now=now)
    if obstacle:
        _note_obstacle(call, obstacle, refusal, now)
        return _to_a_person(call, default_number=default_number, reason=_OBSTACLE_REASONS[obstacle], now=now)
    return _to_the_agent_or_a_person(call, default_number=default_number, limits=limits, instance=instance, now=now)


@transaction.atomic
def fall_back(*, leg: Leg, error_code: str, failed_address: str, default_number: str, now: datetime) -> Decision:
    """A document of ours could not be had: a person, or, if that is what failed, the voicemail."""
    call = lock_or_register(leg=leg, now=now)
    note_once(call, "fallback", now, error_code=error_code, address=failed_address)
    if failed_address == "recording":
        return Thanks()
    if call.end_reason in _NORMAL_ENDS:
        return HangUp()
    if failed_address == "dial-done" and call.handover_accepted_at:
        end(call, reason=Reason.TRANSFERRED, now=now)
        return HangUp()
    if failed_address == "dial-done" or call.handover_result:
        return _to_voicemail(call, now=now)
    if first := open_handover(call=call, leg=leg, now=now):
        return _to_voicemail(call, now=now, came_back_from=first)
    if screening.treatment_of(call=call) == screening.BLOCKED:
        return _refuse(call, now=now)
    return _to_a_person(call, default_number=default_number, reason=Reason.INTERNAL_ERROR, now=now)


@transaction.atomic
def leave_stream(*, leg: Leg, default_number: str, now: datetime) -> Decision:
    """The stream is over: the end, if somebody wanted it, else a person."""
    is_over = leg.call_status in _OVER
    if is_over and not Call.objects.filter(call_sid=leg.call_sid).exists():
        return HangUp()
    call = lock_or_register(leg=leg, now=now)
    if is_over:
        _hung_up(call, now=now)
        return HangUp()
    if call.end_reason in _NORMAL_ENDS or call.handover_result in REACHED_A_PERSON:
        return HangUp()
    if call.handover_result:
        return _to_voicemail(call, now=now)
    was_refused = call.token_used_at is None and CallEvent.objects.filter(call=call, kind=REFUSED).exists()
    reason = Reason.AUTH_FAILED if was_refused else Reason.STREAM_LOST
    return _to_a_person(call, default_number=default_number, reason=reason, now=now)


@transaction.atomic
def finish_dial(
    *,
    leg: Leg,
    result: str,
    seconds: int | None,
    is_bridged: bool | None = None,
    obstacle: str = "",
    limits: Limits = NO_LIMITS,
    refused_models: Collection[str] = (),
    refusal: str = "",
    instance: str = "",
    now: datetime,
) -> Decision:
    """The dial to a person is over. What the first report said stands. `is_bridged` is None where Twilio is silent;
    `obstacle`, `refused_models` and `refusal` are those of `receive_call`, for a person who was rung first."""
    call = lock_or_register(leg=leg, now=now)
    if call.token_nonce and not call.handover_number and not call.end_reason:
        return _same_answer(call)  # a repetition: the agent has the caller already
    if not call.handover_result:
        call.handover_result = dial_result(call, result=result, is_bridged=is_bridged)
        note(call, "dial_done", now, result=call.handover_result, seconds=seconds)
    if call.handover_result in REACHED_A_PERSON:
        end(call, reason=Reason.TRANSFERRED, now=now)
        return HangUp()
    if leg.call_status in _OVER:
        _hung_up(call, now=now)
        return HangUp()
    if is_first(call):
        obstacle, refusal = _obstacle_of(call, obstacle, refusal, refused_models)
        if obstacle:
            _note_obstacle(call, obstacle, refusal, now)
            call.end_reason = _OBSTACLE_REASONS[obstacle]
        elif not _limit_reached(call, limits, now):
            call.handover_number, call.handover_result, call.handover_is_announced = "", "", False
            call.handed_over_at = call.handover_accepted_at = None
            return _to_the_agent(call, instance=instance, now=now)
    return _to_voicemail(call, now=now)


@transaction.atomic
def change_status(
    *,
    call_sid: str,
    call_status: str,
    sequence: int | None,
    seconds: int | None,
    findings: Iterable[str],
    now: datetime,
) -> bool:
    """Twilio's view of the call, in any order. Whether the call is known."""
    call = lock(call_sid)
    if call is None:
        return False
    for finding in findings:
        note_once(call, finding, now)
    detail = {"status": call_status, "sequence": sequence} | ({"seconds": seconds} if seconds is not None else {})
    note_once(call, "call_status", now, **detail)
    if sequence is not None:
        is_newest = sequence > call.status_sequence
        call.status_sequence = max(call.status_sequence, sequence)
    else:
        is_newest = True
    if call_status in _OVER:
        _hung_up(call, reason=_over_reason(call, call_status), now=now)
        costs.settle_cost(call_id=call.pk)
    elif is_newest and call_status in _PROGRESS:
        advance(call, _PROGRESS[call_status])
        call.save()
    return True


@transaction.atomic
def note_stream_status(*, call_sid: str, stream_sid: str, event: str, error: str, now: datetime) -> bool:
    """What Twilio says of a stream: the only place where a failed handshake shows. Whether the call is known."""
    call = lock(call_sid)
    if call is None:
        return False
    detail = {"stream_sid": stream_sid} | ({"error": error} if error else {})
    note_once(call, f"twilio_{event.replace('-', '_')}"[:40], now, **detail)
    if error:
        Stream.objects.filter(call=call, stream_sid=stream_sid).update(error=error)
    return True


@transaction.atomic
def keep_recording(
    *, call_sid: str, recording_sid: str, url: str, seconds: int | None, status: str, now: datetime
) -> bool:
    """A voicemail: told by the action of `<Record>`, `status` blank, and by its status callback."""
    call = lock(call_sid)
    if call is None:
        return False
    detail = {"recording_sid": recording_sid} | ({"status": status} if status else {})
    note_once(call, "recording", now, **detail)
    if url and status in {"", "completed"} and call.recording_sid in {"", recording_sid}:
        call.recording_sid, call.recording_url = recording_sid, url
        call.recording_seconds = seconds if seconds is not None else call.recording_seconds
        call.next_action = LISTEN
        if call.end_reason == Reason.CALLER_HANGUP:  # what Twilio says of the call may come before its recording
            call.end_reason = Reason.VOICEMAIL
        call.save()
        messages.keep_voicemail(call=call, now=now)
        summaries.conclude_again(call_id=call.pk, now=now)
    if not status:
        call.refresh_from_db()
        end(call, reason=Reason.VOICEMAIL if call.recording_sid else Reason.CALLER_HANGUP, now=now)
    return True


def _obstacle_of(call: Call, obstacle: str, refusal: str, refused_models: Collection[str]) -> tuple[str, str]:
    """What keeps any agent away, else what keeps that of the line away, with what OpenAI has refused; blank without."""
    if obstacle:
        return obstacle, refusal
    if call.agent is None:
        return NO_AGENT, ""
    return (OPENAI_REFUSES, "model") if call.agent.model in refused_models else ("", "")


def _note_obstacle(call: Call, obstacle: str, refusal: str, now: datetime) -> None:
    note(call, "no_stream", now, because=obstacle, **({"cause": refusal} if refusal else {}))


def _same_answer(call: Call) -> Decision:
    if call.end_reason == Reason.BLOCKED:
        return Refuse(screening.WORDS_FOR_BLOCKED)
    if call.token_nonce:
        return Answer(call_sid=call.call_sid, nonce=call.token_nonce)
    if call.end_reason == Reason.BUSY:
        return Busy()
    return dial(call) if call.handover_number else Voicemail(business=business_name(call))


def _refuse(call: Call, *, now: datetime) -> Refuse:
    end(call, reason=Reason.BLOCKED, now=now)
    return Refuse(screening.WORDS_FOR_BLOCKED)


def _to_the_agent_or_a_person(
    call: Call, *, default_number: str, limits: Limits, instance: str = "", now: datetime
) -> Decision:
    if limit := _limit_reached(call, limits, now):
        if limit in capacity.OF_THE_CALLER:
            return _to_voicemail(call, now=now)
        return _to_a_person(call, default_number=default_number, reason=Reason.OVERLOADED, now=now)
    return _to_the_agent(call, instance=instance, now=now)


def _limit_reached(call: Call, limits: Limits, now: datetime) -> str:
    """Which limit keeps the agent from taking the call, written on it as its reason; blank when there is room."""
    if limit := capacity.limit_reached(call=call, limits=limits, now=now):
        note(call, "over_limit", now, limit=limit)
        call.end_reason = call.end_reason or Reason.OVERLOADED
    return limit


def _to_the_agent(call: Call, *, instance: str, now: datetime) -> Answer:
    call.server_id = servers.id_of(instance)
    call.token_nonce, call.token_issued_at = secrets.token_hex(16), now
    call.save()
    return Answer(call_sid=call.call_sid, nonce=call.token_nonce)


def _rings_a_person_first(call: Call, now: datetime) -> bool:
    """Whether a person's telephone rings before the agent answers; never for a call of ours, or for the doctor's."""
    line = call.line
    if line is None or call.direction == Call.Direction.OUTBOUND or call.is_test:
        return False
    if line.answers == PhoneLine.Answers.OUTSIDE_HOURS:
        return hours.is_open(business=line.business, moment=now)
    return line.answers == PhoneLine.Answers.AFTER_RINGING


def _ring_a_person_first(call: Call, *, number: str, is_announced: bool, now: datetime) -> Decision:
    """The call stays ringing; that it was handed over is known by `handed_over_at`, so that its dial is recognized
    when the person's telephone forwards it back."""
    call.handover_number, call.handover_is_announced, call.handed_over_at = number, is_announced, now
    note_once(call, "rings_a_person_first", now)
    call.save()
    return dial(call)


def _come_back(call: Call, *, first: Call, now: datetime) -> Decision:
    """Our own dial, forwarded back to us. While it is announced nobody may pick it up: a voicemail of ours would
    record the announcement, and the first caller would wait for it."""
    if not first.handover_is_announced:
        return _to_voicemail(call, now=now, came_back_from=first)
    note_once(call, "forwarding_loop", now, first_call=first.call_sid)
    end(call, reason=Reason.BUSY, now=now)
    return Busy()


def _to_a_person(call: Call, *, default_number: str, reason: str, now: datetime) -> Decision:
    """Hand the call over and say why, if nothing else was said; a repetition finds everything in place."""
    call.end_reason = call.end_reason or reason
    if not call.handover_number:
        call.handover_number = person_for(call=call, default_number=default_number)
        call.handover_is_announced = (
            call.end_reason == Reason.TRANSFERRED and call.agent is not None and call.agent.warm_transfer
        )
        call.handed_over_at = now
    if not call.handover_number:
        return _to_voicemail(call, now=now)
    note_once(call, "handover", now)
    advance(call, Status.HANDED_OVER)
    call.save()
    return dial(call)


def _to_voicemail(call: Call, *, now: datetime, came_back_from: Call | None = None) -> Voicemail:
    """Let the caller leave a message; the call it was handed over from names the reason, where it has come back."""
    if came_back_from:
        note_once(call, "forwarding_loop", now, first_call=came_back_from.call_sid)
    note_once(call, "voicemail", now)
    _was_not_transferred(call)
    _want_a_person(call)
    call.handed_over_at = call.handed_over_at or now
    advance(call, Status.HANDED_OVER)
    call.save()
    return Voicemail(business=business_name(call))


def _was_not_transferred(call: Call) -> None:
    """Nobody took the caller over: how the call ends is still to come, and so is its reason."""
    if call.end_reason == Reason.TRANSFERRED:
        call.end_reason = ""
        _want_a_person(call)
        call.handover_result = call.handover_result or ("" if call.handover_number else NO_NUMBER)


def _want_a_person(call: Call) -> None:
    """Somebody has to call back; what weighs more is put before it when the call is over."""
    call.next_action = LISTEN if call.next_action == LISTEN else NOBODY_ANSWERED


def _over_reason(call: Call, call_status: str) -> str:
    """A caller who hangs up before the answer has canceled the call; a call of ours that is canceled has failed."""
    if call_status == "canceled" and call.direction == Call.Direction.INBOUND:
        return Reason.CALLER_HANGUP
    if call_status == "completed" and call.recording_sid:
        return Reason.VOICEMAIL
    return _OVER[call_status]


def _hung_up(call: Call, *, reason: str = Reason.CALLER_HANGUP, now: datetime) -> None:
    """The telephone call is over, with the caller or without: who was waiting for a person was not transferred."""
    if call.end_reason == Reason.TRANSFERRED and not has_a_person(call):
        _was_not_transferred(call)
    end(call, reason=reason, now=now)
