"""Who is rung for an emergency, one after the other, until somebody presses 1.

An emergency that nobody has taken is due whenever its claim is over. Claiming it is a conditional update that also
sets the clock: the next person is rung when ACCEPT_WITHIN has passed, or at once when Twilio says that the last one is
not there. So the process of the call, a webhook and any number of workers may all drive it: each person is rung once
a round, and whoever dies in the middle delays the next ring by no more than that.

Where Twilio cannot be reached, or refuses for now, nobody was rung, and that counts no round: the same person is tried
again after some seconds, after a minute the next, less and less often, and only after a day is it given up.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q

from calls.domain import emergencies, outbox, outside
from calls.domain.decisions import Announce, Connect, HangUp, Whisper
from calls.domain.outside import NotPlaced, Telephone, Unclear
from calls.domain.spoken import spoken_number
from calls.domain.transfer import ACCEPT
from calls.models import Emergency, EmergencyAlert, PhoneLine, Technician

ACCEPT_WITHIN = timedelta(seconds=60)
AGAIN_AFTER, AGAIN_AT_LATEST = timedelta(seconds=5), timedelta(minutes=5)  # where nothing could be placed
TRIED_FOR = timedelta(days=1)
ROUNDS = 2  # the rota of a small business is often one person, who may be on a ladder the first time
ACCEPTED, DECLINED, UNCLEAR = "accepted", "declined", "unclear"
NOT_NEEDED, TOO_LATE = "not_needed", "too_late"
NOT_PLACED = "not_placed: "
TAKEN = "Thank you. Somebody else has taken this emergency already. Goodbye."
Person = tuple[Technician | None, str]
# A ring that could not be placed stays so while Twilio is asked once more, until the person is rung.
_UNTOLD = Q(result="") | Q(result__startswith=NOT_PLACED)
_NO_RESULT = _UNTOLD | Q(result=UNCLEAR)
_NOT_ANSWERED = {"queued", "initiated", "ringing"}
OVER = {"completed", "busy", "no-answer", "failed", "canceled"}


def escalate(*, emergency_id: int, telephone: Telephone, now: datetime) -> EmergencyAlert | None:
    """Ring the next person, if one is due; who cannot be rung at all is passed over at once. The alert that rings; None
    too when nobody can be rung just now, and then it is due again soon."""
    while alert := _claim_next(emergency_id, now):
        shown = _shown(alert.emergency)
        try:
            call_sid = telephone.ring_alert(alert_id=alert.pk, number=alert.number, shown=shown)
        except NotPlaced as refusal:
            if refusal.is_permanent:
                EmergencyAlert.objects.filter(pk=alert.pk).update(result=refusal.code[:40])
                _free(alert.emergency_id, now)
                continue
            EmergencyAlert.objects.filter(pk=alert.pk).update(result=f"{NOT_PLACED}{refusal.code}"[:40])
            age = now - alert.emergency.raised_at
            _free(alert.emergency_id, now + min(max(AGAIN_AFTER, age / 20), AGAIN_AT_LATEST))
            return None
        except Unclear:
            EmergencyAlert.objects.filter(_UNTOLD, pk=alert.pk).update(result=UNCLEAR)
            return alert
        EmergencyAlert.objects.filter(pk=alert.pk, call_sid="").update(call_sid=call_sid, rang_at=now)
        EmergencyAlert.objects.filter(pk=alert.pk, result__startswith=NOT_PLACED).update(result="")
        stop_ringing(emergency_id=emergency_id, telephone=telephone)  # it may have been taken in between
        return alert
    return None


def is_held_up(*, emergency: Emergency) -> bool:
    """Whether the last ring could not be placed, and nobody has heard of the emergency by telephone since."""
    newest = emergency.alerts.order_by("position").last()
    return emergency.status == Emergency.Status.OPEN and newest is not None and _is_not_placed(newest)


def _has_no_result(alert: EmergencyAlert) -> bool:
    return alert.result in ("", UNCLEAR) or alert.result.startswith(NOT_PLACED)


def _is_not_placed(alert: EmergencyAlert) -> bool:
    return alert.result.startswith(NOT_PLACED) and not alert.call_sid


def stop_ringing(*, emergency_id: int, telephone: Telephone) -> int:
    """End the rings of an emergency that somebody has taken or closed; how many were ended.

    What fails here rings on until it is answered, and then hears that it is taken.
    """
    ringing = EmergencyAlert.objects.filter(_NO_RESULT, emergency=emergency_id).exclude(call_sid="")
    ended = 0
    for alert in ringing.exclude(emergency__status__in=emergencies.UNTAKEN):
        if telephone.end_ring(call_sid=alert.call_sid, words=TAKEN):
            ended += EmergencyAlert.objects.filter(_NO_RESULT, pk=alert.pk).update(result=NOT_NEEDED)
    return ended


def due_emergencies(*, now: datetime, most: int) -> list[int]:
    """Those whose next person is to be rung, the oldest first."""
    due = Emergency.objects.filter(_free_at(now), status=Emergency.Status.OPEN)
    return list(due.order_by("raised_at", "pk").values_list("pk", flat=True)[:most])


@transaction.atomic
def note_alert_status(*, alert_id: int, call_sid: str, call_status: str, now: datetime) -> int | None:
    """How the ring ended, as Twilio tells it. The emergency whose next person is due now, if that is one."""
    alert = _locked(alert_id)
    if alert is None:
        return None
    alert.call_sid = alert.call_sid or call_sid
    if call_status in OVER and _has_no_result(alert):
        alert.result = call_status
    alert.save(update_fields=["call_sid", "result"])
    if call_status in _NOT_ANSWERED and _has_no_result(alert) and alert.emergency.status not in emergencies.UNTAKEN:
        transaction.on_commit(partial(outside.stop_ringing_at_once, alert.emergency_id))
    is_newest = not EmergencyAlert.objects.filter(emergency=alert.emergency_id, position__gt=alert.position).exists()
    if call_status not in OVER or alert.result == ACCEPTED or not is_newest:
        return None
    return alert.emergency_id if _free(alert.emergency_id, now) else None


@transaction.atomic
def answer_alert(*, alert_id: int, call_sid: str, digits: str, now: datetime) -> Whisper:
    """What the person hears who was rung, first and after a key."""
    alert = _locked(alert_id)
    if alert is None:
        return HangUp()
    EmergencyAlert.objects.filter(pk=alert_id, call_sid="").update(call_sid=call_sid)
    emergency = alert.emergency
    if alert.result != ACCEPTED and emergency.status not in emergencies.UNTAKEN:
        return _too_late(alert)
    if not digits:
        return Announce(
            words=f"Emergency for {emergency.business.name}: {emergencies.in_words(emergency)} Press 1 to accept."
        )
    if digits != ACCEPT:
        EmergencyAlert.objects.filter(_UNTOLD, pk=alert_id).update(result=DECLINED)
        return HangUp()
    if alert.result != ACCEPTED:  # else whoever has it already is told the number once more
        if not emergencies.accept(emergency_id=emergency.pk, technician=alert.technician, now=now):
            return _too_late(alert)
        EmergencyAlert.objects.filter(pk=alert_id).update(result=ACCEPTED)
    number = spoken_number(emergency.number) or "unknown"
    address = emergency.address.strip().rstrip(".")
    again = f"{address}. {number}" if address else number
    return Connect(
        words=f"Thank you. It is yours now. The address is {address or 'not known yet'}. "
        f"The caller's number is {number}. Again: {again}. Goodbye."
    )


def _too_late(alert: EmergencyAlert) -> Connect:
    EmergencyAlert.objects.filter(_NO_RESULT, pk=alert.pk).update(result=TOO_LATE)
    return Connect(words=TAKEN)


def _locked(alert_id: int) -> EmergencyAlert | None:
    rows = EmergencyAlert.objects.select_for_update(of=("self",), no_key=True).select_related(
        "emergency__business", "technician"
    )
    return rows.filter(pk=alert_id).first()


@transaction.atomic
def _claim_next(emergency_id: int, now: datetime) -> EmergencyAlert | None:
    """Take the emergency for ACCEPT_WITHIN and write whom to ring, before Twilio is asked; None if nobody is due."""
    due = Emergency.objects.filter(_free_at(now), pk=emergency_id, status=Emergency.Status.OPEN)
    if due.update(claimed_until=now + ACCEPT_WITHIN) != 1:
        return None
    emergency = Emergency.objects.select_related("business", "call").get(pk=emergency_id)
    people = emergencies.people_to_ring(emergency=emergency, now=now)
    alerts = list(emergency.alerts.all())
    waiting = alerts.pop() if alerts and _is_not_placed(alerts[-1]) else None
    is_hopeless = waiting is not None and now - emergency.raised_at > TRIED_FOR
    if len(alerts) >= len(people) * ROUNDS or is_hopeless:
        _give_up(emergency, now)
        return None
    if waiting:
        return _again(waiting, people, now)
    technician, number = _after(alerts[-1] if alerts else None, people)
    alert = EmergencyAlert.objects.create(
        emergency=emergency, technician=technician, number=number, position=len(alerts) + 1, rang_at=now
    )
    _write_to_the_person(alert, now)
    return alert


def _again(alert: EmergencyAlert, people: Sequence[Person], now: datetime) -> EmergencyAlert:
    """Try once more what could not be placed: the same person for a minute, then the next."""
    if now - alert.rang_at >= ACCEPT_WITHIN or alert.number not in [number for _, number in people]:
        alert.technician, alert.number = _after(alert, people)
        alert.rang_at = now
        _say_that_nobody_can_be_rung(alert.emergency, now)
    alert.save(update_fields=["technician", "number", "rang_at"])
    _write_to_the_person(alert, now)
    return alert


def _after(alert: EmergencyAlert | None, people: Sequence[Person]) -> Person:
    """Who comes after the one that was rung last; the first, where that one is no longer in the rota."""
    numbers = [number for _, number in people]
    before = numbers.index(alert.number) if alert and alert.number in numbers else -1
    return people[(before + 1) % len(people)]


def _free_at(now: datetime) -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lte=now)


def _free(emergency_id: int, moment: datetime) -> bool:
    """Let the next person be rung from `moment` on; False when nobody has to be rung any more."""
    still_open = Emergency.objects.filter(pk=emergency_id, status=Emergency.Status.OPEN)
    return still_open.update(claimed_until=moment) == 1


def _give_up(emergency: Emergency, now: datetime) -> None:
    """Nobody has taken it: red in the admin, and a letter. Who presses 1 later still takes it."""
    emergency.status, emergency.claimed_until = Emergency.Status.UNANSWERED, None
    emergency.save(update_fields=["status", "claimed_until"])
    is_rung = emergency.alerts.filter(Q(result=UNCLEAR) | ~Q(call_sid="")).exists()
    _write_to_the_business(
        emergency,
        key="unanswered",
        subject="Nobody has accepted an emergency",
        why="Everybody in the on-call rota was rung, and nobody has accepted."
        if is_rung
        else "Nobody in the on-call rota could be rung.",
        now=now,
    )


def _say_that_nobody_can_be_rung(emergency: Emergency, now: datetime) -> None:
    _write_to_the_business(
        emergency,
        key="not-placed",
        subject="Nobody can be rung for an emergency",
        why="For a minute no call to the on-call rota could be placed. It is tried again and again.",
        now=now,
    )


def _write_to_the_business(emergency: Emergency, *, key: str, subject: str, why: str, now: datetime) -> None:
    if emergency.business.email:
        outbox.write_email(
            business_id=emergency.business_id,
            call_id=emergency.call_id,
            purpose="emergency",
            key=f"emergency-{emergency.pk}-{key}",
            to=emergency.business.email,
            subject=subject,
            body=f"{emergencies.in_words(emergency)}\nThe caller's number: {emergency.number or 'unknown'}\n"
            f"{why} Please call back now.\n",
            now=now,
        )


def _write_to_the_person(alert: EmergencyAlert, now: datetime) -> None:
    """A text message and an e-mail beside the ring; once, however often the person is rung."""
    emergency, technician = alert.emergency, alert.technician
    about = f"{emergencies.in_words(emergency)} Caller: {emergency.number or 'number unknown'}."
    common = {"business_id": emergency.business_id, "call_id": emergency.call_id, "purpose": "emergency", "now": now}
    outbox.write_message(
        key=f"emergency-{emergency.pk}-{alert.number}",
        to=alert.number,
        body=f"EMERGENCY, {emergency.business.name}: {about} You are being rung: press 1 to accept.",
        **common,
    )
    if technician and technician.email:
        outbox.write_email(
            key=f"emergency-{emergency.pk}-technician-{technician.pk}",
            to=technician.email,
            subject=f"Emergency: {emergencies.KINDS.get(emergency.kind, emergency.kind)}",
            body=f"{about}\nYou are being rung: press 1 to accept.\n",
            **common,
        )


def _shown(emergency: Emergency) -> str:
    """Our number on the display of whoever is rung: the line that the caller has rung, else any of the business."""
    line = emergency.call.line if emergency.call else None
    line = line or PhoneLine.objects.filter(business=emergency.business_id).order_by("pk").first()
    return line.number if line else ""
