"""The row of a call moves on: it is locked while it does, its status only moves forward, a reason is written once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from calls.domain import history, summaries
from calls.domain.decisions import Decision, Leg
from calls.models import Call, CallEvent, PhoneLine

Status = Call.Status

_ORDER = [Status.QUEUED, Status.RINGING, Status.STREAMING, Status.HANDED_OVER, Status.ENDED]


def lock(call_sid: str) -> Call | None:
    """The row for this transaction alone; None for a call that is not known."""
    return Call.objects.select_for_update(no_key=True).filter(call_sid=call_sid).first()


def lock_or_register(*, leg: Leg, now: datetime) -> Call:
    """The same, made of what Twilio says of the call where there is none; whoever asks for it first makes it."""
    ours = leg.from_number if leg.is_outbound else leg.to_number
    line = PhoneLine.objects.filter(number=ours).first() if ours else None
    call, _ = Call.objects.select_for_update(no_key=True).get_or_create(
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
    call.account_sid = call.account_sid or leg.account_sid  # not known yet when a call of ours was written
    return call


def end(call: Call, *, reason: str, now: datetime) -> None:
    """Save the call as over. The first reason stands; a hand-over that came later moves the end behind itself."""
    call.end_reason = call.end_reason or reason
    if call.ended_at is None or (call.handed_over_at and call.ended_at < call.handed_over_at):
        call.ended_at = now
    advance(call, Status.ENDED)
    call.save()
    if call.handed_over_at:
        summaries.conclude_again(call_id=call.pk, now=now)


def advance(call: Call, status: str) -> None:
    """Set the status if it lies ahead; it is not saved."""
    if _ORDER.index(Status(status)) > _ORDER.index(Status(call.status)):
        call.status = status


def note(call: Call, kind: str, now: datetime, **detail: object) -> None:
    at_ms = _ms(now - call.rang_at)
    history.record_event(call_id=call.pk, kind=kind, at_ms=at_ms, detail=detail)


def note_once(call: Call, kind: str, now: datetime, **detail: object) -> None:
    """For what Twilio may tell again in the same words."""
    if not CallEvent.objects.filter(call=call, kind=kind, detail=detail).exists():
        note(call, kind, now, **detail)


@transaction.atomic
def decided(
    rule: Callable[..., Decision],
    *,
    webhook: str,
    clock: Callable[[], datetime],
    leg: Leg,
    now: datetime,
    **facts: Any,
) -> Decision:
    """What `rule` decides of a webhook that came at `now`, written down with the moment at which it was decided; of
    repetitions the first counts."""
    decision = rule(leg=leg, now=now, **facts)
    answer = type(decision).__name__
    # One question and one row: each ring of a busy hour waits for the one writer that SQLite has.
    told = CallEvent.objects.filter(call=OuterRef("pk"), kind="twiml", detail__webhook=webhook, detail__answer=answer)
    calls = Call.objects.filter(call_sid=leg.call_sid).annotate(is_told=Exists(told))
    for call_id, rang_at, is_told in calls.values_list("pk", "rang_at", "is_told"):
        if not is_told:
            at = clock()
            detail = {"webhook": webhook, "answer": answer, "took_ms": _ms(at - now)}
            CallEvent.objects.create(call_id=call_id, kind="twiml", at_ms=_ms(at - rang_at), detail=detail)
    return decision


@transaction.atomic
def note_missed(*, leg: Leg, webhook: str, answer: str, because: str, at: datetime) -> None:
    """Say on the call that a webhook of it was answered without the database; of a ring nobody else has kept anything,
    so the call is made here, as one that was handed over."""
    call = lock_or_register(leg=leg, now=at)
    note_once(call, "answered_without_records", at, webhook=webhook, answer=answer, because=because)
    if webhook == "voice" and call.status == Status.RINGING and call.token_used_at is None:
        call.token_nonce = ""  # a slow transaction may have issued it after all, and nobody was told
        call.end_reason = call.end_reason or Call.EndReason.INTERNAL_ERROR
        call.handed_over_at = call.handed_over_at or at
        advance(call, Status.HANDED_OVER)
    call.save()


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
