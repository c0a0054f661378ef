"""How a call moves from the ring to its end, as Twilio's webhooks tell it.

Twilio repeats requests and delivers them late and out of order. Each function here may be called again with the same
words: the row is locked, statuses only move forward, a reason is written once, and the answer is the same. What comes
back is a decision; the views turn it into TwiML.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import transaction
from django.db.models import F, Q

from calls.models import Business, Call, CallEvent, PhoneLine, Stream

Status, Reason = Call.Status, Call.EndReason

HANDOVER_OPEN = timedelta(seconds=90)
LOOP_KIND = "forwarding_loop"

NO_OPENAI_KEY, NO_AGENT, NO_WEBSOCKETS = "no_openai_key", "no_agent", "no_websockets"
_OBSTACLE_REASONS = {
    NO_OPENAI_KEY: Reason.UPSTREAM_UNAVAILABLE,
    NO_AGENT: Reason.UPSTREAM_UNAVAILABLE,
    NO_WEBSOCKETS: Reason.INTERNAL_ERROR,
}

_ORDER = [Status.QUEUED, Status.RINGING, Status.STREAMING, Status.HANDED_OVER, Status.ENDED]
_PROGRESS = {"initiated": Status.QUEUED, "queued": Status.QUEUED, "ringing": Status.RINGING}
_OVER = {
    "completed": Reason.CALLER_HANGUP,
    "busy": Reason.BUSY,
    "no-answer": Reason.NO_ANSWER,
    "failed": Reason.FAILED,
    "canceled": Reason.FAILED,
}
_NORMAL_ENDS = {Reason.AGENT_HANGUP, Reason.SILENCE, Reason.MAX_DURATION}
_REACHED_A_PERSON = {"completed", "answered"}

# What Twilio writes for callers who hide their number; to dial or to show one of these would fail.
_PSEUDO_NUMBERS = {"+266696687", "+7378742833", "+2562533", "+8566696", "+86282452253"}


class Leg(Protocol):
    """What every request for TwiML says of its call (twilio.webhook.IncomingCall)."""

    @property
    def call_sid(self) -> str: ...
    @property
    def account_sid(self) -> str: ...
    @property
    def from_number(self) -> str: ...
    @property
    def to_number(self) -> str: ...
    @property
    def forwarded_from(self) -> str: ...
    @property
    def is_outbound(self) -> bool: ...
    @property
    def call_status(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The agent answers: open a stream, with a token made of the nonce."""

    call_sid: str
    nonce: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """A person's telephone rings. A blank `caller_id` shows the caller's own number."""

    number: str
    caller_id: str = ""
    business: str = ""
    apologize: bool = True


@dataclass(frozen=True, slots=True)
class Voicemail:
    business: str = ""


@dataclass(frozen=True, slots=True)
class Thanks:
    """The message was recorded: a last word, then the end."""


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


Decision = Answer | HandOver | Voicemail | Thanks | HangUp


@transaction.atomic
def receive_call(*, leg: Leg, obstacle: str, default_number: str, findings: Iterable[str], now: datetime) -> Decision:
    """The phone rings. `obstacle` names why no agent can answer whatever the line says, or is blank."""
    call, is_new = _lock_or_register(leg=leg, now=now)
    for finding in findings:
        _note_once(call, finding, now)
    if not is_new and call.status != Status.QUEUED:
        return _same_answer(call)
    call.status = Status.RINGING
    if first := _open_handover(call, leg=leg, now=now):
        _note(call, LOOP_KIND, now, first_call=first.call_sid)
        return _to_voicemail(call, now=now)
    obstacle = obstacle or ("" if call.agent_id else NO_AGENT)
    if obstacle:
        _note(call, "no_stream", now, because=obstacle)
        return _to_a_person(call, default_number=default_number, reason=_OBSTACLE_REASONS[obstacle], now=now)
    call.token_nonce, call.token_issued_at = secrets.token_hex(16), now
    call.save()
    _note(call, "webhook", now, direction=call.direction)
    return Answer(call_sid=call.call_sid, nonce=call.token_nonce)


@transaction.atomic
def fall_back(*, leg: Leg, error_code: str, failed_address: str, default_number: str, now: datetime) -> Decision:
    """A document of ours could not be had: a person, or, if that is what failed, the voicemail."""
    call, _ = _lock_or_register(leg=leg, now=now)
    _note_once(call, "fallback", now, error_code=error_code, address=failed_address)
    if failed_address == "recording":
        return Thanks()
    if failed_address == "dial-done" or call.handover_result:
        return _to_voicemail(call, now=now)
    if first := _open_handover(call, leg=leg, now=now):
        _note_once(call, LOOP_KIND, now, first_call=first.call_sid)
        return _to_voicemail(call, now=now)
    return _to_a_person(call, default_number=default_number, reason=Reason.INTERNAL_ERROR, now=now)


@transaction.atomic
def leave_stream(*, leg: Leg, default_number: str, now: datetime) -> Decision:
    """The stream is over: the end, if somebody wanted it, else a person."""
    is_over = leg.call_status in _OVER
    if is_over and not Call.objects.filter(call_sid=leg.call_sid).exists():
        return HangUp()
    call, _ = _lock_or_register(leg=leg, now=now)
    if is_over:
        _end(call, reason=Reason.CALLER_HANGUP, now=now)
        return HangUp()
    if call.end_reason in _NORMAL_ENDS or call.handover_result in _REACHED_A_PERSON:
        return HangUp()
    if call.handover_result:
        return _to_voicemail(call, now=now)
    return _to_a_person(call, default_number=default_number, reason=Reason.STREAM_LOST, now=now)


@transaction.atomic
def finish_dial(*, leg: Leg, result: str, seconds: int | None, now: datetime) -> Decision:
    """The dial to a person is over. What the first report said stands."""
    call, _ = _lock_or_register(leg=leg, now=now)
    if not call.handover_result:
        call.handover_result = result or "unknown"
        _note(call, "dial_done", now, result=call.handover_result, seconds=seconds)
    if call.handover_result in _REACHED_A_PERSON:
        if call.outcome == Call.Outcome.NONE:
            call.outcome = Call.Outcome.TRANSFERRED
        _end(call, reason=Reason.TRANSFERRED, now=now)
        return HangUp()
    if leg.call_status in _OVER:
        _end(call, reason=Reason.CALLER_HANGUP, now=now)
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
    call = _lock(call_sid)
    if call is None:
        return False
    for finding in findings:
        _note_once(call, finding, now)
    detail = {"status": call_status, "sequence": sequence} | ({"seconds": seconds} if seconds is not None else {})
    _note_once(call, "call_status", now, **detail)
    if sequence is not None:
        is_newest = sequence > call.status_sequence
        call.status_sequence = max(call.status_sequence, sequence)
    else:
        is_newest = True
    if call_status in _OVER:
        _end(call, reason=_over_reason(call, call_status), now=now)
    elif is_newest and call_status in _PROGRESS:
        _advance(call, _PROGRESS[call_status])
    call.save()
    return True


@transaction.atomic
def note_stream_status(*, call_sid: str, stream_sid: str, event: str, error: str, now: datetime) -> bool:
    """What Twilio says of a stream: the only place where a failed handshake shows. Whether the call is known."""
    call = _lock(call_sid)
    if call is None:
        return False
    detail = {"stream_sid": stream_sid} | ({"error": error} if error else {})
    _note_once(call, f"twilio_{event.replace('-', '_')}"[:40], now, **detail)
    if error:
        Stream.objects.filter(call=call, stream_sid=stream_sid).update(error=error)
    return True


@transaction.atomic
def keep_recording(
    *, call_sid: str, recording_sid: str, url: str, seconds: int | None, status: str, now: datetime
) -> bool:
    """A voicemail: told by the action of `<Record>`, `status` blank, and by its status callback."""
    call = _lock(call_sid)
    if call is None:
        return False
    detail = {"recording_sid": recording_sid} | ({"status": status} if status else {})
    _note_once(call, "recording", now, **detail)
    if url and status in {"", "completed"} and call.recording_sid in {"", recording_sid}:
        call.recording_sid, call.recording_url = recording_sid, url
        call.recording_seconds = seconds if seconds is not None else call.recording_seconds
    if not status:
        _end(call, reason=Reason.VOICEMAIL, now=now)
    call.save()
    return True


def person_to_dial(*, business: Business | None, default_number: str) -> str:
    """The telephone of a person: the business's, else the default; blank if there is none that can be dialed.

    One of our own lines is never dialed: the caller would reach the next agent instead of a person.
    """
    for text in (business.handover_number if business else "", default_number):
        number = dialable(text)
        if number and not PhoneLine.objects.filter(number=number).exists():
            return number
    return ""


def dialable(text: str) -> str:
    """`text` as +15551234567, or blank if it is no telephone number with its country."""
    number = re.sub(r"[\s().-]", "", text)
    return number if re.fullmatch(r"\+[1-9][0-9]{6,14}", number) and number not in _PSEUDO_NUMBERS else ""


def is_same_number(one: str, other: str) -> bool:
    """Whether two spellings mean one telephone: carriers leave out the plus or the country when they forward."""
    short, long = sorted((re.sub(r"[^0-9]", "", text).lstrip("0") for text in (one, other)), key=len)
    return len(short) >= 7 and long.endswith(short)


def _lock(call_sid: str) -> Call | None:
    return Call.objects.select_for_update().filter(call_sid=call_sid).first()


def _lock_or_register(*, leg: Leg, now: datetime) -> tuple[Call, bool]:
    ours = leg.from_number if leg.is_outbound else leg.to_number
    line = PhoneLine.objects.filter(number=ours).first() if ours else None
    return Call.objects.select_for_update().get_or_create(
        call_sid=leg.call_sid,
        defaults={
            "account_sid": leg.account_sid,
            "line": line,
            "business_id": line.business_id if line else None,
            "agent_id": line.agent_id if line else None,
            "direction": Call.Direction.OUTBOUND if leg.is_outbound else Call.Direction.INBOUND,
            "from_number": leg.from_number,
            "to_number": leg.to_number,
            "rang_at": now,
        },
    )


def _open_handover(call: Call, *, leg: Leg, now: datetime) -> Call | None:
    """The call whose dial to a person came back to us as `call`, if its hand-over is still open.

    The leg shows the first caller's number, or that of the telephone that forwards, or, where the first caller hid
    the number, the line that was shown instead.
    """
    is_open = Q(status=Status.HANDED_OVER) | Q(ended_at__lt=F("handed_over_at"))
    recent = Call.objects.filter(is_open, handed_over_at__gte=now - HANDOVER_OPEN, handover_result="")
    for other in recent.exclude(handover_number="").exclude(pk=call.pk).order_by("-handed_over_at"):
        via_person = [leg.from_number, leg.forwarded_from]
        if any(is_same_number(other.handover_number, number) for number in via_person):
            return other
        shown = [other.from_number, _caller_id(other)]
        if other.business_id == call.business_id and any(is_same_number(leg.from_number, number) for number in shown):
            return other
    return None


def _same_answer(call: Call) -> Decision:
    if call.token_nonce:
        return Answer(call_sid=call.call_sid, nonce=call.token_nonce)
    return _dial(call) if call.handover_number else Voicemail(business=_business_name(call))


def _to_a_person(call: Call, *, default_number: str, reason: str, now: datetime) -> Decision:
    """Hand the call over and say why, if nothing else was said; a repetition finds everything in place."""
    call.end_reason = call.end_reason or reason
    if not call.handover_number:
        call.handover_number = person_to_dial(business=call.business, default_number=default_number)
        call.handed_over_at = now
    if not call.handover_number:
        return _to_voicemail(call, now=now)
    _note_once(call, "handover", now)
    _advance(call, Status.HANDED_OVER)
    call.save()
    return _dial(call)


def _to_voicemail(call: Call, *, now: datetime) -> Voicemail:
    _note_once(call, "voicemail", now)
    call.end_reason = call.end_reason or Reason.VOICEMAIL
    call.handed_over_at = call.handed_over_at or now
    _advance(call, Status.HANDED_OVER)
    call.save()
    return Voicemail(business=_business_name(call))


def _dial(call: Call) -> HandOver:
    return HandOver(
        number=call.handover_number,
        caller_id=_caller_id(call),
        business=_business_name(call),
        apologize=call.end_reason != Reason.TRANSFERRED,
    )


def _caller_id(call: Call) -> str:
    """Our own line where the caller's number cannot be shown: hidden, a SIP address, or the callee of our own call."""
    if call.direction == Call.Direction.OUTBOUND:
        return dialable(call.from_number)
    return "" if dialable(call.from_number) else dialable(call.to_number)


def _business_name(call: Call) -> str:
    return call.business.name if call.business else ""


def _over_reason(call: Call, call_status: str) -> str:
    """A caller who hangs up before the answer has canceled the call; a call of ours that is canceled has failed."""
    if call_status == "canceled" and call.direction == Call.Direction.INBOUND:
        return Reason.CALLER_HANGUP
    return _OVER[call_status]


def _end(call: Call, *, reason: str, now: datetime) -> None:
    call.end_reason = call.end_reason or reason
    if call.ended_at is None or (call.handed_over_at and call.ended_at < call.handed_over_at):
        call.ended_at = now
    _advance(call, Status.ENDED)
    call.save()


def _advance(call: Call, status: str) -> None:
    if _ORDER.index(Status(status)) > _ORDER.index(Status(call.status)):
        call.status = status


def _note(call: Call, kind: str, now: datetime, **detail: object) -> None:
    at_ms = round((now - call.rang_at).total_seconds() * 1000)
    CallEvent.objects.create(call=call, kind=kind, at_ms=at_ms, detail=detail)


def _note_once(call: Call, kind: str, now: datetime, **detail: object) -> None:
    if not CallEvent.objects.filter(call=call, kind=kind, detail=detail).exists():
        _note(call, kind, now, **detail)
