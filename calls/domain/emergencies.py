"""Emergencies: what a caller in danger is told, the one row per call, and who has taken it.

How people are rung one after the other stands in escalation.py; which words mean danger in emergency_words.py.
"""

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from calls.domain import emergency_patterns as kinds
from calls.domain import history, outbox, outside, summaries
from calls.domain.emergency_words import words_alarm as words_alarm
from calls.domain.handover import dialable, person_to_dial
from calls.models import Call, Emergency, OnCall, Technician

KINDS = {
    kinds.GAS: "a gas smell",
    kinds.FIRE: "fire or smoke",
    kinds.CARBON_MONOXIDE: "carbon monoxide",
    kinds.ELECTRICITY: "water near electricity",
    kinds.INJURY: "somebody hurt",
    kinds.WATER: "water that cannot be stopped",
    kinds.SEWAGE: "sewage coming up",
    kinds.NO_HEAT: "no heat in the cold",
    kinds.TRAPPED: "somebody trapped",
    "other": "an emergency",
}
_LEAVE = "Please get everybody out now and stay out. "
_SAFETY = {
    kinds.GAS: _LEAVE + "Do not touch a switch and do not light anything. From outside, call {number}.",
    kinds.FIRE: _LEAVE + "From outside, call {number}.",
    kinds.CARBON_MONOXIDE: _LEAVE + "From the fresh air outside, call {number}.",
    kinds.ELECTRICITY: "Please keep away from the water, touch nothing electrical and leave the area now. If anyone is "
    "in danger, call {number}.",
    kinds.INJURY: "Please call {number} now.",
}
_ANY = "If anyone is in danger, leave now and call {number}."

RAISED, UPDATED = "emergency", "emergency_updated"
MOST_UPDATES = 5  # letters cost money, and a call that goes on for ever must not fill anybody's telephone
_TELLING = {"kind", "address", "number"}  # what somebody has to know who goes there

UNTAKEN = (Emergency.Status.OPEN, Emergency.Status.UNANSWERED)


class NoBusiness(Exception):
    """Nobody can be rung for a call that belongs to no business."""


def safety_sentence(*, kind: str, emergency_number: str) -> str:
    """What the caller has to hear before anything else."""
    return _SAFETY.get(kind, _ANY).format(number=" ".join(emergency_number))


@transaction.atomic
def report(
    *,
    call_id: int,
    kind: str,
    description: str,
    address: str = "",
    number: str = "",
    raised_by: str = Emergency.RaisedBy.TOOL,
    now: datetime,
) -> Emergency:
    """Raise the call's emergency; a second report completes the first, so that there is one per call.

    Somebody is rung as soon as the row is committed, without waiting for the worker.
    """
    call = _locked(call_id)
    if call.business is None:
        raise NoBusiness
    told = {"kind": kind[:40], "description": description[:500], "address": address[:200], "number": number[:64]}
    standing = {"business": call.business, "raised_by": raised_by, "raised_at": now}
    calling = {"number": told["number"] or dialable(call.other_number)}
    emergency, is_new = Emergency.objects.get_or_create(call=call, defaults=standing | told | calling)
    if is_new:
        call.outcome = Call.Outcome.EMERGENCY
        call.save(update_fields=["outcome"])
        at_ms = round((now - call.rang_at).total_seconds() * 1000)
        history.record_event(call_id=call.pk, kind=RAISED, at_ms=at_ms, detail={"kind": kind, "by": raised_by})
        _write_to_the_business(emergency, now)
    elif raised_by == Emergency.RaisedBy.TOOL:
        _complete(emergency, told=told, now=now)
    if emergency.status == Emergency.Status.OPEN:
        transaction.on_commit(partial(outside.escalate_at_once, emergency.pk))
    return emergency


@transaction.atomic
def raise_by_words(*, call_id: int, kind: str, text: str, now: datetime) -> Emergency | None:
    """Raise an emergency from what the caller said, in case the model fails to; or add to the call's emergency that
    there is another danger, from which people have to be kept. None when that is known."""
    call = _locked(call_id)
    known = Emergency.objects.select_related("business", "call").filter(call=call).first()
    if known is None:
        return report(call_id=call_id, kind=kind, description=text, raised_by=Emergency.RaisedBy.WORDS, now=now)
    events = call.events.filter(kind__in=[RAISED, UPDATED])
    if kind not in _SAFETY or kind in {event.detail.get("kind") for event in events}:
        return None
    _complete(known, told={"kind": kind, "description": f"{known.description} {text}"[:500]}, now=now)
    return known


def people_to_ring(*, emergency: Emergency, now: datetime) -> list[tuple[Technician | None, str]]:
    """Who is rung, in order: the on-call rota of today, else the hand-over number, which is nobody's row."""
    business, call = emergency.business, emergency.call
    today = now.astimezone(ZoneInfo(business.time_zone)).date()
    begun, not_over = Q(starts_on=None) | Q(starts_on__lte=today), Q(ends_on=None) | Q(ends_on__gte=today)
    rota = OnCall.objects.filter(begun, not_over, business=business, technician__is_active=True)
    people: dict[str, Technician | None] = {}
    for place in rota.select_related("technician").order_by("rank", "pk"):
        number = dialable(place.technician.number)
        if number and number != emergency.number:
            people.setdefault(number, place.technician)
    if not people:
        called = call.to_number if call else ""
        number = person_to_dial(business=business, default_number=outside.default_number(), called=called)
        if number and number != emergency.number:
            people[number] = None
    return [(technician, number) for number, technician in people.items()]


@transaction.atomic
def accept(*, emergency_id: int, technician: Technician | None, now: datetime) -> bool:
    """Somebody takes it, and whoever is still being rung is left alone; False when it was taken or closed before."""
    call_id = _lock_call(emergency_id)
    waiting = Emergency.objects.filter(pk=emergency_id, status__in=UNTAKEN)
    values = {"status": Emergency.Status.ACCEPTED, "accepted_by": technician, "accepted_at": now}
    if waiting.update(**values, claimed_until=None) != 1:
        return False
    _need_nobody(emergency_id, call_id, now)
    return True


@transaction.atomic
def close(*, emergency_id: int, now: datetime) -> bool:
    """It is seen to, and nobody is rung for it any more; False when it was closed before."""
    call_id = _lock_call(emergency_id)
    unsettled = Emergency.objects.filter(pk=emergency_id).exclude(status=Emergency.Status.CLOSED)
    if unsettled.update(status=Emergency.Status.CLOSED, claimed_until=None) != 1:
        return False
    _need_nobody(emergency_id, call_id, now)
    return True


def in_words(emergency: Emergency) -> str:
    """The emergency in one line, for a person who has to go there."""
    parts = [KINDS.get(emergency.kind, emergency.kind), emergency.description, emergency.address]
    return ". ".join(part.strip().rstrip(".") for part in parts if part.strip()) + "."


def _locked(call_id: int) -> Call:
    return Call.objects.select_for_update(of=("self",), no_key=True).select_related("business").get(pk=call_id)


def _lock_call(emergency_id: int) -> int | None:
    """The call of an emergency, locked before it as `report` does: else the two could wait for each other."""
    calls = Call.objects.select_for_update(no_key=True).filter(emergency=emergency_id)
    return calls.values_list("pk", flat=True).first()


def _need_nobody(emergency_id: int, call_id: int | None, now: datetime) -> None:
    """Telephones that still ring for it are a nuisance once this is committed; nor has the owner to ring any more."""
    transaction.on_commit(partial(outside.stop_ringing_at_once, emergency_id))
    if call_id is not None:
        summaries.conclude_again(call_id=call_id, now=now)


def _complete(emergency: Emergency, *, told: dict[str, str], now: datetime) -> None:
    """Take over what the agent has learned meanwhile; what it leaves out stays."""
    learned = {field: value for field, value in told.items() if value and value != getattr(emergency, field)}
    if not learned:
        return
    for field, value in learned.items():
        setattr(emergency, field, value)
    emergency.save(update_fields=list(learned))
    if learned.keys() & _TELLING and emergency.status != Emergency.Status.CLOSED:
        _write_update(emergency, now)


def _write_update(emergency: Emergency, now: datetime) -> None:
    """Tell everybody who was rung, and the business, what has been learned since; so many times and no more.

    After the row is saved: whoever is claimed to be rung in between has an alert by now, or reads the new state.
    """
    call = emergency.call
    assert call is not None, "only a report of a call completes an emergency"
    count = call.events.filter(kind=UPDATED).count() + 1
    if count > MOST_UPDATES:
        return
    at_ms = round((now - call.rang_at).total_seconds() * 1000)
    history.record_event(call_id=call.pk, kind=UPDATED, at_ms=at_ms, detail={"kind": emergency.kind})
    about = f"{in_words(emergency)} Caller: {emergency.number or 'number unknown'}."
    key = f"emergency-{emergency.pk}-update-{count}"
    common = {"business_id": emergency.business_id, "call_id": call.pk, "purpose": "emergency", "now": now}
    rung = {alert.number: alert.technician for alert in emergency.alerts.select_related("technician")}
    for telephone in rung:
        body = f"EMERGENCY, {emergency.business.name}, more is known: {about}"
        outbox.write_message(key=f"{key}-{telephone}", to=telephone, body=body, **common)
    readers = {f"technician-{person.pk}": person.email for person in rung.values() if person}
    subject = f"More is known of the emergency: {KINDS.get(emergency.kind, emergency.kind)}"
    for reader, address in (readers | {"business": emergency.business.email}).items():
        if address:
            outbox.write_email(key=f"{key}-{reader}", to=address, subject=subject, body=f"{about}\n", **common)


def _write_to_the_business(emergency: Emergency, now: datetime) -> None:
    if emergency.business.email:
        outbox.write_email(
            business_id=emergency.business_id,
            call_id=emergency.call_id,
            purpose="emergency",
            key=f"emergency-{emergency.pk}-business",
            to=emergency.business.email,
            subject=f"Emergency: {KINDS.get(emergency.kind, emergency.kind)}",
            body=f"{in_words(emergency)}\nThe caller's number: {emergency.number or 'unknown'}\n"
            "The on-call telephone is being rung. The admin shows who has accepted.\n",
            now=now,
        )
