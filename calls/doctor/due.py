"""What has to be done beside the calls: does a worker do it, and does an emergency wait for a telephone to ring?"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max, OuterRef, Subquery
from django.utils import timezone

from calls import pulse, tasks, telephone
from calls.doctor.aside import in_database
from calls.doctor.findings import FAIL, OK, WARN, Finding, saying
from calls.doctor.storage import known_zones
from calls.doctor.visit import Visit
from calls.domain import outside
from calls.domain.escalation import NOT_PLACED
from calls.domain.handover import dialable
from calls.models import (
    Business,
    Emergency,
    EmergencyAlert,
    OnCall,
    OutgoingEmail,
    OutgoingMessage,
    PhoneLine,
    WorkerPulse,
)

RECENT = timedelta(days=7)
LATE = timedelta(minutes=2)
EMERGENCY_IDS = ("emergencies", "emergencies.waiting", "emergencies.rota")
MOST = 100
_START = "Start the server with: python manage.py serve --worker; or beside it type: python manage.py worker"
_CREDENTIALS = (
    "Copy Account SID and Auth Token from https://console.twilio.com into TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN in "
    ".env, then restart the server."
)
_THINGS = {
    "escalate_emergencies": "emergency",
    "ring_callbacks": "callback",
    "send_emails": "e-mail",
    "send_messages": "text message",
}


@dataclass(frozen=True, slots=True)
class Work:
    """`overdue`: how many of each kind are due since LATE; `hopeless`: those that cannot be done with these settings.

    `served`: the queues that living workers see to.
    """

    overdue: dict[str, int]
    hopeless: dict[str, int]
    served: set[str]
    last_beat_at: datetime | None
    workers: int


async def worker(visit: Visit) -> list[Finding]:
    """A worker lives, sees to every kind of work, and keeps up with it."""
    now = timezone.now()
    work = await in_database(_work, now)
    return [_judged(work, now)]


def _work(now: datetime) -> Work:
    living = list(WorkerPulse.objects.filter(beat_at__gt=now - pulse.STOPPED_AFTER))
    overdue = {duty: len(_overdue(duty, now)) for duty in tasks.DUTIES}
    return Work(
        overdue={duty.queue: count for duty, count in overdue.items() if count and duty.is_possible()},
        hopeless={duty.queue: count for duty, count in overdue.items() if count and not duty.is_possible()},
        served={queue for row in living for queue in row.queues},
        last_beat_at=WorkerPulse.objects.aggregate(last=Max("beat_at"))["last"],
        workers=len(living),
    )


def _overdue(duty: tasks.Duty, now: datetime) -> list[int]:
    found = duty.due(now=now - LATE, most=MOST)
    if duty.queue != tasks.escalate_emergency.queue_name:
        return found
    return list(Emergency.objects.filter(pk__in=found, raised_at__lte=now - LATE).values_list("pk", flat=True))


def _judged(work: Work, now: datetime) -> Finding:
    said = saying("worker", "The worker")
    waiting, hopeless = _listed(work.overdue), _listed(work.hopeless)
    means = "Letters, text messages, callbacks and the ringing for emergencies stay undone."
    if hopeless:
        seen = f"waiting, while no call can be placed without TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN: {hopeless}"
        return said(FAIL, seen, "Who was promised a call waits for it.", _CREDENTIALS)
    if not work.workers:
        last = f"; one was seen last at {work.last_beat_at:%Y-%m-%d %H:%M} UTC" if work.last_beat_at else ""
        if waiting:
            return said(FAIL, f"no worker lives{last}; waiting longer than 2 minutes: {waiting}", means, _START)
        return said(WARN, f"no worker lives{last}; nothing waits yet", means, _START)
    if lost := [_THINGS.get(duty.queue, duty.queue) for duty in tasks.DUTIES if duty.queue not in work.served]:
        remedy = "Start another one for them, or one without --task: python manage.py worker"
        return said(WARN, f"no living worker sees to: {', '.join(lost)}", means, remedy)
    if waiting:
        seen = f"a worker lives; waiting longer than 2 minutes all the same: {waiting}"
        return said(WARN, seen, "What was promised comes late.", "Read the log of the worker: what does it wait for?")
    return said(OK, "a worker lives, nothing waits" if work.workers == 1 else f"{work.workers} live, nothing waits")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(_counted(queue, count) for queue, count in counts.items())


def _counted(queue: str, count: int) -> str:
    thing = _THINGS.get(queue, queue)
    number = f"{MOST} or more" if count >= MOST else str(count)
    return (
        f"{number} {thing}" if count == 1 else f"{number} {thing[:-1]}ies" if thing[-1] == "y" else f"{number} {thing}s"
    )


async def emergencies(visit: Visit) -> list[Finding]:
    """Emergencies that reached nobody, letters about one that did not arrive, and those that wait for a ring now."""
    now = timezone.now()
    return [
        _reached(visit, *await in_database(_lost_alerts, now - RECENT)),
        _ringing(visit, *await in_database(_waiting, now)),
        _rota(visit, await in_database(_without_people, now)),
    ]


def _reached(visit: Visit, unanswered: int, undelivered: int) -> Finding:
    said = saying("emergencies", "Emergencies")
    if not unanswered and not undelivered:
        return said(OK, "every alert of the last week arrived")
    return said(
        WARN,
        f"{unanswered} that nobody accepted, {undelivered} alerts not delivered, in the last week",
        "Somebody in danger was told that the business is alarmed, and nobody knew.",
        f"Check the numbers of the on-call rota: {visit.site.public_base_url}/admin/calls/emergency/",
    )


def _lost_alerts(since: datetime) -> tuple[int, int]:
    unanswered = Emergency.objects.filter(status=Emergency.Status.UNANSWERED, raised_at__gte=since).count()
    lost = {"purpose__startswith": "emergency", "status": "failed", "written_at__gte": since}
    return unanswered, OutgoingEmail.objects.filter(**lost).count() + OutgoingMessage.objects.filter(**lost).count()


def _waiting(now: datetime) -> tuple[int, list[str], int]:
    """How many are open, why the newest ring of those that could not be placed was not, and how many nobody rings."""
    open_ones = Emergency.objects.filter(status=Emergency.Status.OPEN)
    newest = EmergencyAlert.objects.filter(emergency=OuterRef("pk")).order_by("-position")
    told = open_ones.annotate(result=Subquery(newest.values("result")[:1])).order_by("raised_at", "pk")
    codes, unrung = [], 0
    for raised_at, result in told.values_list("raised_at", "result")[:MOST]:
        if result is None:
            unrung += raised_at <= now - LATE
        elif result.startswith(NOT_PLACED):
            codes.append(result.removeprefix(NOT_PLACED))
    return open_ones.count(), codes, unrung


def _ringing(visit: Visit, count: int, codes: list[str], unrung: int) -> Finding:
    said = saying("emergencies.waiting", "Emergencies that wait now")
    means = "Somebody in danger waits, and no telephone rings. Call back yourself."
    page = f"{visit.site.public_base_url}/admin/calls/emergency/"
    if codes:
        seen = f"{len(codes)} of {count} open: no call can be placed ({_why(codes[-1])})"
        return said(FAIL, seen, means, f"{_REMEDIES.get(codes[-1], _ASK_TWILIO)} The caller's number: {page}")
    if unrung:
        seen = f"{unrung} of {count} open: nobody was rung within 2 minutes"
        return said(FAIL, seen, means, f"{_START}. The caller's number: {page}")
    return said(OK, f"{count} open, somebody is being rung" if count else "none waits")


def _why(code: str) -> str:
    words = {"not_sent": "Twilio is not reached", "too_many": "Twilio says: too many requests"}
    return words.get(code, f"Twilio's error {code}" if code.isdigit() else code or "no reason given")


_ASK_TWILIO = "Look the error up at https://www.twilio.com/docs/api/errors and type: python manage.py doctor."
_REMEDIES = {
    "not_sent": "Let this machine reach https://api.twilio.com on port 443.",
    "20003": _CREDENTIALS,
    "20429": "Wait; it is tried again by itself.",
    "too_many": "Wait; it is tried again by itself.",
    "21210": "Choose a number of this account as the phone line of the business.",
    "21219": "Verify the numbers of the on-call rota at Twilio, or upgrade the trial account.",
}


def _without_people(now: datetime) -> list[str]:
    """Businesses for whose emergencies nobody would be rung; those of an unknown time zone `line.time-zone` names.

    The same as `people_to_ring` says of each, with as many questions for a hundred businesses as for one.
    """
    zones, own = known_zones(), set(PhoneLine.objects.values_list("number", flat=True))
    rota = OnCall.objects.filter(technician__is_active=True).select_related("technician", "business")
    reached = {place.business_id for place in rota if _is_rung(place, now, zones)}
    alone = []
    for one in Business.objects.filter(lines__isnull=False).distinct():
        persons = {dialable(one.handover_number), dialable(outside.default_number())} - {""} - own
        if one.time_zone in zones and one.pk not in reached and not persons:
            alone.append(one.name)
    return alone


def _is_rung(place: OnCall, now: datetime, zones: Collection[str]) -> bool:
    if place.business.time_zone not in zones or not dialable(place.technician.number):
        return False
    today = now.astimezone(ZoneInfo(place.business.time_zone)).date()
    return (place.starts_on or today) <= today <= (place.ends_on or today)


def _rota(visit: Visit, alone: list[str]) -> Finding:
    said = saying("emergencies.rota", "Who is rung for an emergency")
    if not telephone.is_equipped():
        means = "Somebody in danger is told that the business is alarmed, and no telephone rings."
        return said(WARN, "nobody: no call can be placed without Twilio's credentials", means, _CREDENTIALS)
    if not alone:
        return said(OK, "somebody, for every business with a line")
    means = "Somebody in danger is told to call for help themselves, and nobody of the business learns of it at once."
    remedy = f"Enter technicians with their telephones and who is on call: {visit.site.public_base_url}/admin/calls/"
    return said(WARN, f"nobody today for {alone[0]}", means, remedy)
