"""Promises to ring a caller back: what is asked for, when it may be kept, and what our call then says first.

How the calls are placed stands in callback_dialing.py; which numbers may be dialed, and when, in dialing_rules.py.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet

from calls.domain import history
from calls.domain.customers import calling_number
from calls.domain.dialing_rules import next_daytime, number_to_dial, zones_of
from calls.domain.hours import from_clock
from calls.domain.spoken import spoken_number, spoken_time
from calls.models import Business, Call, Callback, CallbackAttempt

FARTHEST = timedelta(days=30)
MOST_OPEN_PER_CALL = 3
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DEFAULT_TIME = time(9)
MOVED, CANCELLED = "callback_moved", "callback_cancelled"
AT_ONCE = timedelta(minutes=2)


class NotPossible(Exception):
    """The callback cannot be promised; the text says why, fit to be spoken."""


class NonePromised(Exception):
    """This caller waits for no callback."""


@dataclass(frozen=True, slots=True)
class When:
    """When a caller wants to be rung, as the model passes it on; all blank: as soon as possible.

    `day` is today, tomorrow, a weekday (the coming one), next and a weekday (of next week) or a date as 2026-11-24;
    `clock` is 14:30.
    """

    in_minutes: int | None = None
    day: str = ""
    clock: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """What a caller was promised; `is_changed` when it was promised before, and is another time or reason now."""

    callback: Callback
    is_changed: bool


@transaction.atomic
def request_callback(
    *,
    call_id: int,
    number: str,
    reason: str,
    consent: str,
    caller_name: str,
    when: When,
    now: datetime,
) -> Promise:
    """Promise to ring somebody back. A caller who is promised it for that number already has the promise changed: it
    goes on as one of this call, in which they have agreed anew.

    Raises NotPossible, and Forbidden for a number that is not dialed.
    """
    call = _locked(call_id)
    if call.business is None:
        raise NotPossible("Nobody can be rung back from here. Offer to take a message.")
    asked_for = number or calling_number(call=call)
    if not asked_for:
        raise NotPossible("The caller's number is hidden. Ask which number to ring, and read it back.")
    e164 = number_to_dial(asked_for, business=call.business)
    due_at = due_time(when=when, business=call.business, number=e164, now=now)
    told = {"reason": reason, "consent": consent, "due_at": due_at, "call": call, "asked_at": now}
    told |= {"caller_name": caller_name} if caller_name else {}
    same = _open_for(call).filter(number=e164).first()
    if same is None and Callback.objects.filter(call=call, status=Callback.Status.DUE).count() >= MOST_OPEN_PER_CALL:
        raise NotPossible("Several callbacks are promised in this call already. Offer to take a message.")
    if call.outcome == Call.Outcome.NONE:
        call.outcome = Call.Outcome.CALLBACK
        call.save(update_fields=["outcome"])
    if same is None:
        made = Callback.objects.create(business=call.business, number=e164, **told)
        return Promise(made, is_changed=False)
    Callback.objects.filter(pk=same.pk).update(**told, claimed_until=None)  # whoever has claimed it dials no more
    same.refresh_from_db()
    _note(call, MOVED, now)
    return Promise(same, is_changed=True)


@transaction.atomic
def cancel_callbacks(*, call_id: int, now: datetime) -> None:
    """Cancel what the caller was promised, in this call or in one from their number; once more changes nothing.

    Raises NonePromised.
    """
    call = _locked(call_id)
    if _open_for(call).update(status=Callback.Status.CANCELLED, claimed_until=None):
        _note(call, CANCELLED, now)
    elif not call.events.filter(kind=CANCELLED).exists():
        raise NonePromised


def promised_to(*, business: Business, number: str) -> QuerySet[Callback]:
    """The callbacks that a number waits for, the soonest first; none for a blank number."""
    waiting = Callback.objects.filter(business=business, status=Callback.Status.DUE)
    return (waiting.filter(number=number) if number else waiting.none()).order_by("due_at", "pk")


def due_time(*, when: When, business: Business, number: str, now: datetime) -> datetime:
    """When the call is placed: as asked, or the next daytime of both sides after that. Raises NotPossible."""
    zone = ZoneInfo(business.time_zone)
    wanted = _wanted(when, zone=zone, now=now)
    if wanted < now - timedelta(minutes=1):
        raise NotPossible(f"That time has passed; it is {now.astimezone(zone):%A %H:%M} now. Ask for another time.")
    if wanted > now + FARTHEST:
        raise NotPossible(f"Callbacks are promised for the next {FARTHEST.days} days only. Ask for an earlier time.")
    due_at = next_daytime(max(wanted, now), allowed_zones(business=business, number=number))
    if due_at is None:
        raise NotPossible("There is no hour at which both sides are awake. Offer to take a message.")
    return due_at


def spoken_due_time(*, callback: Callback, now: datetime) -> str:
    """When somebody is rung, as they are told."""
    if callback.due_at <= now + AT_ONCE:
        return "as soon as possible"
    zone = ZoneInfo(callback.business.time_zone)
    return spoken_time(callback.due_at, zone, today=now.astimezone(zone).date())


def allowed_zones(*, business: Business, number: str) -> list[ZoneInfo]:
    """Whose daytime it has to be: the business's, and that of every zone to which the number may belong."""
    return [*dict.fromkeys([ZoneInfo(business.time_zone), *zones_of(number)])]


def callback_of(*, call: Call) -> Callback | None:
    """The promise that this call of ours keeps; None for a call that came in."""
    if call.direction != Call.Direction.OUTBOUND:
        return None
    attempt = CallbackAttempt.objects.filter(call_sid=call.call_sid).select_related("callback").first()
    return attempt.callback if attempt else None


def greeting_of(*, call: Call, callback: Callback) -> str:
    """Our first sentence to whom we ring: who calls, that no person is speaking, and why. `call` has an agent."""
    business, name = call.business, callback.caller_name.strip()
    hello = f"Hello, {name}." if name else "Hello."
    return (
        f"{hello} This is {call.agent.name}, the automated assistant of {business.name}, calling back as you asked. "
        "Is this a good moment?"
    )


def message_of(*, callback: Callback, shown: str) -> str:
    """What is left on a machine: who has called, and how to reach us. Not why: anybody may hear it."""
    number = spoken_number(shown)
    return (
        f"Hello, this is the automated assistant of {callback.business.name}, calling back as you asked. "
        f"You can reach us at {number}. Again: {number}. Goodbye."
    )


def _locked(call_id: int) -> Call:
    """The call; its business is locked first, as for dialing: two calls, or a call and a worker, wait in turn."""
    business_id = Call.objects.values_list("business_id", flat=True).get(pk=call_id)
    list(Business.objects.select_for_update(no_key=True).filter(pk=business_id).values_list("pk"))
    return Call.objects.select_for_update(of=("self",), no_key=True).select_related("business").get(pk=call_id)


def _open_for(call: Call) -> QuerySet[Callback]:
    """What this caller may change: what was promised in this call, to their number, or in a call from their number.

    Nothing else, whatever number they say: it may be somebody else's.
    """
    theirs = Q(call=call)
    if number := calling_number(call=call):
        theirs |= Q(number=number)
        theirs |= Q(call__direction=Call.Direction.INBOUND, call__from_number=number)
        theirs |= Q(call__direction=Call.Direction.OUTBOUND, call__to_number=number)
    return Callback.objects.filter(theirs, business=call.business_id, status=Callback.Status.DUE)


def _note(call: Call, kind: str, now: datetime) -> None:
    at_ms = round((now - call.rang_at).total_seconds() * 1000)
    history.record_event(call_id=call.pk, kind=kind, at_ms=at_ms)


def _wanted(when: When, *, zone: ZoneInfo, now: datetime) -> datetime:
    if when.in_minutes is not None:
        return now + timedelta(minutes=when.in_minutes)
    if not when.day and not when.clock:
        return now
    today = now.astimezone(zone).date()
    on = _day(when.day, today)
    if not when.clock and on == today:
        return now
    at = _clock(when.clock) if when.clock else DEFAULT_TIME
    moment = from_clock(zone, on, at)
    if moment is None:  # the clock jumps over it: the moment after the jump
        moment = datetime.combine(on, at, tzinfo=zone).astimezone(UTC)
    return moment


def _day(text: str, today: date) -> date:
    word = text.strip().lower()
    if word in {"", "today"}:
        return today
    if word == "tomorrow":
        return today + timedelta(days=1)
    if word in _DAYS:
        return today + timedelta(days=(_DAYS.index(word) - today.weekday()) % 7)
    first, _, rest = word.partition(" ")
    if first == "next" and rest.strip() in _DAYS:
        return today + timedelta(days=7 - today.weekday() + _DAYS.index(rest.strip()))
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise NotPossible(
            f"{text[:20]!r} is no day. Use today, tomorrow, a weekday, next and a weekday, or a date as {today}."
        ) from None


def _clock(text: str) -> time:
    try:
        return datetime.strptime(text.strip(), "%H:%M").time()  # noqa: DTZ007 - a clock without its day has no zone
    except ValueError:
        raise NotPossible(f"{text[:20]!r} is no time of day. Use 24 hours, for example 14:30.") from None
