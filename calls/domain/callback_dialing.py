"""Keeps the promises to ring back: each attempt is dialed at most once, and no promise is forgotten.

The order of things is what makes it safe. A due row is claimed by a conditional update with a lease. Then the attempt
is written and *committed*, and only then is Twilio asked to dial; its CallSid is stored afterwards. Whoever dies before
the commit has dialed nothing, and the lease gives the row back. Whoever dies after it leaves an attempt without a
CallSid: nobody knows whether it was dialed, so it is looked up at Twilio by number and time, and never dialed blindly.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.db.models import F, Q, QuerySet

from calls.domain import lifecycle, outbox, summaries
from calls.domain.callback_objections import NOT_PLACED, READY, Never, Readiness, objection
from calls.domain.callbacks import message_of
from calls.domain.outside import NotPlaced, Telephone, Unclear
from calls.models import Business, Call, Callback, CallbackAttempt, EmergencyAlert, PhoneLine

LEASE = timedelta(minutes=2)  # far beyond the time limits of a request: who holds a claim longer is dead
CHECK_AFTER = timedelta(minutes=15)  # when a call of which no end was reported is asked for
SKEW = timedelta(seconds=30)  # between our clock and Twilio's
RETRY_AFTER = [timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4)]
NOT_PLACED_AFTER = [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2)]
MOST_ATTEMPTS = len(RETRY_AFTER) + 1  # that rang; those that were never placed are counted apart
MOST_NOT_PLACED = len(NOT_PLACED_AFTER) + 1

LEFT_MESSAGE, TALKED = "left_message", "talked"
OVER = {"completed", "busy", "no-answer", "failed", "canceled"}

Done = Literal["rung", "put_off", "given_up", "reconciled", "unclear"]


@dataclass(frozen=True, slots=True)
class Step:
    """What was done for one promise."""

    callback_id: int
    done: Done
    why: str = ""


def due_callbacks(*, now: datetime, most: int) -> list[int]:
    """The promises to see to, the oldest first: those that wait, and those whose call is in doubt."""
    return list(_due(now).order_by("due_at", "pk").values_list("pk", flat=True)[:most])


def ring(
    *, callback_id: int, telephone: Telephone, readiness: Readiness = READY, now: datetime, lease: timedelta = LEASE
) -> Step | None:
    """Dial for a promise, or settle the call of it that is in doubt; None when it is not due, or in other hands."""
    callback = _claim(callback_id, now=now, lease=lease)
    if callback is None:
        return None
    if callback.status == Callback.Status.DIALING:
        return _settle_doubt(callback, telephone=telephone, now=now, lease=lease)
    return _dial(callback, telephone=telephone, readiness=readiness, now=now, lease=lease)


def note_status(*, attempt_id: int, call_sid: str, call_status: str, now: datetime) -> None:
    """How a call of ours goes on, as Twilio tells it, in any order and more than once."""
    with transaction.atomic():
        attempt = _locked(attempt_id)
        if attempt is None:
            return
        _keep_sid(attempt, call_sid)
        if call_status in OVER:
            _finish(attempt, call_status, now)


@transaction.atomic
def pick_up(*, attempt_id: int, call_sid: str) -> bool:
    """The call of an attempt was answered; that it is known before its CallSid was stored is what the id is for."""
    attempt = _locked(attempt_id)
    if attempt is None:
        return False
    _keep_sid(attempt, call_sid)
    return True


@transaction.atomic
def note_machine(*, attempt_id: int, call_sid: str, answered_by: str) -> str | None:
    """Who has picked up, as Twilio hears it. The words to leave on a machine, blank to hang up on it, None for a
    person: a message is left once, since the promise is to ring, not to fill a tape."""
    attempt = _locked(attempt_id)
    if attempt is None:
        return None
    _keep_sid(attempt, call_sid)
    if attempt.answered_by:
        return None
    attempt.answered_by = answered_by
    attempt.save(update_fields=["answered_by"])
    if not _is_machine(answered_by):
        return None
    callback = attempt.callback
    earlier = callback.dialings.exclude(pk=attempt.pk).filter(answered_by__startswith="machine")
    if answered_by == "fax" or earlier.exists():
        return ""
    return message_of(callback=callback, shown=_shown(callback))


def _due(now: datetime) -> QuerySet[Callback]:
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    doubtful, waiting = Q(status=Callback.Status.DIALING), Q(status=Callback.Status.DUE, due_at__lte=now)
    return Callback.objects.filter(free & (doubtful | waiting))


def _claim(pk: int, *, now: datetime, lease: timedelta) -> Callback | None:
    callback = _due(now).filter(pk=pk).select_related("business", "call__line").first()
    if callback is None:
        return None
    same = _due(now).filter(pk=pk, status=callback.status, attempts=callback.attempts, due_at=callback.due_at)
    if same.update(claimed_until=now + lease) != 1:
        return None
    callback.claimed_until = now + lease
    return callback


def _dial(callback: Callback, *, telephone: Telephone, readiness: Readiness, now: datetime, lease: timedelta) -> Step:
    attempt = _begin(callback, readiness, now)
    if isinstance(attempt, Step):
        return attempt
    try:
        call_sid = telephone.ring_callback(attempt_id=attempt.pk, number=callback.number, shown=_shown(callback))
    except NotPlaced as refusal_of_twilio:
        return _not_placed(attempt, refusal_of_twilio, now)
    except Unclear as doubt:
        return Step(callback.pk, "unclear", str(doubt))  # the claim stays: it is looked up when the lease is over
    with transaction.atomic():
        _keep_sid(_locked(attempt.pk) or attempt, call_sid)
        Callback.objects.filter(pk=callback.pk, status=Callback.Status.DIALING).update(
            claimed_until=now + max(CHECK_AFTER, lease)
        )
    return Step(callback.pk, "rung")


@transaction.atomic
def _begin(callback: Callback, readiness: Readiness, now: datetime) -> CallbackAttempt | Step:
    """Write the attempt, which is committed before anything is dialed, unless something speaks against it.

    One at a time for a business, so that of two workers neither overlooks what the other is about to dial.
    """
    Business.objects.select_for_update(no_key=True).get(pk=callback.business_id)
    # Two businesses may owe the same number a call: its limits are counted by one worker at a time as well.
    list(
        Callback.objects.select_for_update(no_key=True).filter(number=callback.number).order_by("pk").values_list("pk")
    )
    mine = Callback.objects.filter(
        pk=callback.pk,
        status=Callback.Status.DUE,
        attempts=callback.attempts,
        claimed_until=callback.claimed_until,
    )
    if not mine.exists():
        return Step(callback.pk, "put_off", "changed meanwhile")
    if against := objection(callback=callback, line=_line(callback), readiness=readiness, now=now):
        if isinstance(against, Never):
            return _give_up(callback, against.why, now)
        return _put_off(callback, against.until, against.why)
    mine.update(status=Callback.Status.DIALING, attempts=F("attempts") + 1)
    return CallbackAttempt.objects.create(callback=callback, number=callback.attempts + 1, began_at=now)


def _settle_doubt(callback: Callback, *, telephone: Telephone, now: datetime, lease: timedelta) -> Step:
    """A call of which no end was reported, or of which nobody knows whether it was placed: look, never dial."""
    attempt = callback.dialings.order_by("-number").first()
    assert attempt is not None, "a callback is dialing only with an attempt"
    try:
        if not attempt.call_sid and not (found := _look_up(attempt, callback, telephone)):
            return _not_placed(attempt, NotPlaced("lost"), now)
        call_sid = attempt.call_sid or found
        status = telephone.status_of(call_sid=call_sid)
    except (NotPlaced, Unclear) as doubt:
        return Step(callback.pk, "unclear", str(doubt))  # the claim of this look is over later, then again
    with transaction.atomic():
        locked = _locked(attempt.pk) or attempt
        _keep_sid(locked, call_sid)
        if status in OVER:
            _finish(locked, status, now)
            lifecycle.change_status(
                call_sid=call_sid, call_status=status, sequence=None, seconds=None, findings=[], now=now
            )
        else:
            Callback.objects.filter(pk=callback.pk, status=Callback.Status.DIALING).update(
                claimed_until=now + max(CHECK_AFTER, lease)
            )
    return Step(callback.pk, "reconciled", status)


def _look_up(attempt: CallbackAttempt, callback: Callback, telephone: Telephone) -> str:
    """The CallSid of the call that this attempt has placed; blank when it has placed none."""
    earliest = attempt.began_at - SKEW
    for call in telephone.calls_to(number=callback.number, shown=_shown(callback)):
        is_recent = call.created_at is not None and call.created_at >= earliest
        if is_recent and not _is_somebody_elses(call.call_sid, attempt):
            return call.call_sid
    return ""


def _is_somebody_elses(call_sid: str, attempt: CallbackAttempt) -> bool:
    others = CallbackAttempt.objects.filter(call_sid=call_sid).exclude(pk=attempt.pk)
    return others.exists() or EmergencyAlert.objects.filter(call_sid=call_sid).exists()


def _finish(attempt: CallbackAttempt, call_status: str, now: datetime) -> None:
    """The call of an attempt is over. The promise is kept when a person was on the line."""
    if attempt.ended_at is not None:
        return
    talked = call_status == "completed" and _has_talked(attempt)
    is_machine = _is_machine(attempt.answered_by)
    attempt.result = TALKED if talked else LEFT_MESSAGE if call_status == "completed" and is_machine else call_status
    attempt.ended_at = now
    attempt.save(update_fields=["result", "ended_at"])
    if is_machine:
        _met_a_machine(attempt.call_sid, now)
    callback = Callback.objects.select_for_update(of=("self",), no_key=True).get(pk=attempt.callback_id)
    if callback.status != Callback.Status.DIALING:
        return
    if talked:
        _set(callback, status=Callback.Status.DONE)
        return
    rang = callback.dialings.exclude(result__startswith=NOT_PLACED).count()
    if rang >= MOST_ATTEMPTS:
        _give_up(callback, f"Rung {rang} times without reaching anybody.", now)
    else:
        _put_off(callback, now + RETRY_AFTER[rang - 1], call_status)


def _has_talked(attempt: CallbackAttempt) -> bool:
    """Whether a person heard the agent, or was connected to somebody: and no machine was heard."""
    served = Q(streaming_at__isnull=False) | Q(outcome=Call.Outcome.TRANSFERRED)
    return Call.objects.filter(served, call_sid=attempt.call_sid).exists() and not _is_machine(attempt.answered_by)


def _met_a_machine(call_sid: str, now: datetime) -> None:
    """The agent could not tell, and has written that its caller hung up."""
    call = Call.objects.select_for_update(no_key=True).filter(call_sid=call_sid).first()
    if call is not None and call.end_reason in {"", Call.EndReason.CALLER_HANGUP}:
        call.end_reason = Call.EndReason.MACHINE
        call.save(update_fields=["end_reason"])
        summaries.conclude_again(call_id=call.pk, now=now)


def _is_machine(answered_by: str) -> bool:
    return answered_by.startswith("machine") or answered_by == "fax"


def _not_placed(attempt: CallbackAttempt, refusal: NotPlaced, now: datetime) -> Step:
    """Nothing was dialed: the attempt is over, and does not count among those that rang."""
    with transaction.atomic():
        locked = _locked(attempt.pk)
        if locked is None or locked.ended_at is not None or locked.call_sid:
            return Step(attempt.callback_id, "reconciled", "answered meanwhile")
        locked.result, locked.ended_at = f"{NOT_PLACED}: {refusal.code}"[:40], now
        locked.save(update_fields=["result", "ended_at"])
        callback = Callback.objects.select_for_update(of=("self",), no_key=True).get(pk=locked.callback_id)
        failed = callback.dialings.filter(result__startswith=NOT_PLACED).count()
        if refusal.is_permanent or failed >= MOST_NOT_PLACED:
            return _give_up(callback, f"The call could not be placed: {refusal}", now)
        return _put_off(callback, now + NOT_PLACED_AFTER[failed - 1], f"not placed: {refusal.code}")


def _put_off(callback: Callback, until: datetime, why: str) -> Step:
    _set(callback, status=Callback.Status.DUE, due_at=until)
    return Step(callback.pk, "put_off", why)


def _give_up(callback: Callback, why: str, now: datetime) -> Step:
    """A person has to call: the admin says so, and a letter."""
    _set(callback, status=Callback.Status.FAILED)
    if callback.business.email:
        outbox.write_email(
            business_id=callback.business_id,
            call_id=callback.call_id,
            purpose="callback",
            key=f"callback-{callback.pk}-failed-{callback.attempts}",
            to=callback.business.email,
            subject="A caller is still waiting to be rung back",
            body=f"Please ring {callback.caller_name or 'the caller'} at {callback.number}.\n"
            f"It is about: {callback.reason}\n{why}\n",
            now=now,
        )
    return Step(callback.pk, "given_up", why)


def _set(callback: Callback, **values: object) -> None:
    Callback.objects.filter(pk=callback.pk).update(claimed_until=None, **values)


def _locked(attempt_id: int) -> CallbackAttempt | None:
    rows = CallbackAttempt.objects.select_for_update(of=("self",), no_key=True).select_related(
        "callback__business", "callback__call"
    )
    return rows.filter(pk=attempt_id).first()


def _keep_sid(attempt: CallbackAttempt, call_sid: str) -> None:
    """From now on the call stands in the list of calls, whoever tells of it first, and answered or not."""
    if attempt.call_sid or not call_sid:
        return
    attempt.call_sid = call_sid
    attempt.save(update_fields=["call_sid"])
    callback = attempt.callback
    line = _line(callback)
    Call.objects.get_or_create(
        call_sid=call_sid,
        defaults={
            "business": callback.business,
            "line": line,
            "agent_id": line.agent_id if line else None,
            "direction": Call.Direction.OUTBOUND,
            "from_number": line.number if line else "",
            "to_number": callback.number,
            "status": Call.Status.QUEUED,
            "rang_at": attempt.began_at,
        },
    )


def _shown(callback: Callback) -> str:
    """Our number on the callee's display."""
    line = _line(callback)
    return line.number if line else ""


def _line(callback: Callback) -> PhoneLine | None:
    """The line that they have rung, else any of the business."""
    line = callback.call.line if callback.call else None
    return line or PhoneLine.objects.filter(business=callback.business_id).order_by("pk").first()
