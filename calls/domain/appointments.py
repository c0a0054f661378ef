"""Bookings that exist: whose they are, moving them, cancelling them, sending somebody else.

A caller reaches a booking from the number it was made for, or with two facts: its reference, and the postal code or
the name. What does not match and what does not exist are answered alike.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from calls.domain import area, booked_prices, booking_letters, customers, diary, dispatch, slots, technicians
from calls.domain.booking import OPEN, SlotTaken, in_order, note, one_at_a_time, take_first_free
from calls.domain.words import words_of
from calls.models import Booking, Call, CallEvent, Emergency

MOVED = "booking_moved"
CANCELLED = "booking_cancelled"
ASSIGNED = "technician_assigned"
MOVES_A_CALL = 3  # each is told to the customer and to who is sent; nobody shall fill their mailboxes


class NotYours(Exception):
    """No such booking, or not of this caller."""


class WhichOne(Exception):
    """The caller has several; `bookings` are those."""

    def __init__(self, *, bookings: Sequence[Booking]) -> None:
        super().__init__()
        self.bookings = bookings


class OtherService(Exception):
    """The slot is one of another service than the booking's."""


class TooManyMoves(Exception):
    """The caller moves appointments to and fro: a person should look at it."""


class NobodyElse(Exception):
    """No other technician could take the booking; it stays as it is."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the caller knows of a booking."""

    reference: str = ""
    name: str = ""
    postal_code: str = ""


@dataclass(frozen=True, slots=True)
class Assigned:
    """A booking with who is sent to it; `is_another` than before."""

    booking: Booking
    is_another: bool


def appointments(*, call_id: int, facts: Facts, now: datetime) -> list[Booking]:
    """The open bookings of the number that calls, or the one that the facts fit; soonest first.

    Raises NotYours only for facts that fit none.
    """
    call = _call(call_id)
    if _plain_reference(facts.reference):
        return [_own(call, facts, now)]
    return list(_of_caller(call, now))


def reschedule(*, call_id: int, facts: Facts, slot: str, now: datetime) -> Booking:
    """Move a booking to another slot of its service; the same slot again changes nothing.

    Raises NotYours, WhichOne, OtherService, TooManyMoves, SlotTaken, slots.{SlotUnknown, NotOffered, NobodyForIt}.
    """
    call = _call(call_id)
    service, starts_at = slots.read_slot_id(business=call.business, text=slot)
    booking = _own(call, facts, now)
    if booking.service_id != service.pk:
        raise OtherService
    if booking.starts_at != starts_at and _happened(call, MOVED).count() >= MOVES_A_CALL:
        raise TooManyMoves
    move(booking=booking, starts_at=starts_at, call=call, now=now)
    return booking


def cancel_own(*, call_id: int, facts: Facts, now: datetime) -> Booking:
    """Cancel a booking of the caller; one that is cancelled already stays so. Raises NotYours or WhichOne."""
    call = _call(call_id)
    booking = _own(call, facts, now, is_for_cancelling=True)
    cancel(booking=booking, call=call, now=now)
    return booking


def assign_technician(*, call_id: int, facts: Facts, now: datetime) -> Assigned:
    """Send the next suitable technician to a booking of the caller, where there is a reason: an emergency in this call,
    or that whoever is sent cannot go. Once a call, however often it is asked.

    Raises NotYours, WhichOne or NobodyElse.
    """
    call = _call(call_id)
    booking = _own(call, facts, now)
    if emergency_of(call_id=call_id) is None and dispatch.can_still_go(booking=booking):
        return Assigned(booking, is_another=False)
    before = booking.technician_id
    reassign(booking=booking, call=call, now=now)
    return Assigned(booking, is_another=booking.technician_id != before)


def emergency_of(*, call_id: int) -> Emergency | None:
    """The emergency of a call, whose on-call person is rung and told by itself."""
    return Emergency.objects.filter(call=call_id).select_related("accepted_by").first()


def move(*, booking: Booking, starts_at: datetime, call: Call | None = None, now: datetime) -> None:
    """Move a booking, to its own technician if possible. Raises SlotTaken, slots.NotOffered or slots.NobodyForIt."""
    if booking.starts_at == starts_at:
        return
    place = technicians.place_of(booking=booking)
    search = slots.search_for(service=booking.service, place=place, now=now)
    able = search.able(starts_at)
    try:
        with _changing(booking):
            was = copy(booking)
            people = in_order(search=search, people=able, starts_at=starts_at, but=booking)
            people.sort(
                key=lambda technician: technician.pk != was.technician_id
            )  # a stable sort: the rest keeps its order
            booking.starts_at, booking.ends_at = starts_at, starts_at + search.duration
            booking.status = Booking.Status.BOOKED
            take_first_free(booking=booking, people=people)
            note(call=call, kind=MOVED, booking=booking, now=now)
            booked_prices.keep(booking=booking, place=place, call=call, now=now)
            booking_letters.tell_customer(booking=booking, what=booking_letters.MOVED, call=call, now=now)
            booking_letters.tell_technicians_of_move(booking=booking, was=was, call=call, now=now)
    except diary.NotFree:
        booking.refresh_from_db()
        openings = search.next_openings(starts_at)
        raise SlotTaken(service=booking.service, openings=openings, place=place) from None


def cancel(*, booking: Booking, call: Call | None = None, now: datetime) -> None:
    """Cancel a booking and give its time back. Raises NotYours when it is done or over."""
    if booking.status == Booking.Status.CANCELLED:
        return
    with _changing(booking):
        booking.status = Booking.Status.CANCELLED
        booking.save(update_fields=["status"])
        diary.release(booking=booking)
        note(call=call, kind=CANCELLED, booking=booking, now=now)
        booking_letters.tell_customer(booking=booking, what=booking_letters.CANCELLED, call=call, now=now)
        booking_letters.tell_technician(booking=booking, what=booking_letters.CANCELLED, call=call, now=now)


def reassign(*, booking: Booking, call: Call | None = None, now: datetime) -> None:
    """Send the next suitable technician who is free, and tell both of them. In a call, once. Raises NobodyElse."""
    if call is not None and _happened(call, ASSIGNED).filter(detail__reference=booking.reference).exists():
        return
    try:
        search = slots.search_for(service=booking.service, place=technicians.place_of(booking=booking), now=now)
    except slots.NobodyForIt:
        raise NobodyElse from None
    others = [person for person in search.at_work(booking.starts_at) if person.pk != booking.technician_id]
    try:
        with _changing(booking):
            was = copy(booking)
            people = in_order(search=search, people=others, starts_at=booking.starts_at, but=booking)
            take_first_free(booking=booking, people=people)
            note(call=call, kind=ASSIGNED, booking=booking, now=now)
            booking_letters.tell_of_another(booking=booking, was=was, call=call, now=now)
    except diary.NotFree:
        booking.refresh_from_db()
        raise NobodyElse from None


@contextmanager
def _changing(booking: Booking) -> Iterator[None]:
    """All of the change or nothing, on the newest state of the row, one change of the business at a time."""
    with transaction.atomic():
        one_at_a_time(booking.business)
        booking.refresh_from_db()
        if booking.status not in OPEN:
            raise NotYours
        yield


def _call(call_id: int) -> Call:
    return Call.objects.select_related("business").get(pk=call_id)


def _bookings(call: Call) -> QuerySet[Booking]:
    related = ("business", "customer", "service", "technician")
    return Booking.objects.filter(business=call.business_id).select_related(*related).order_by("starts_at", "pk")


def _of_caller(call: Call, now: datetime) -> QuerySet[Booking]:
    """What is still to come for the number that calls; nothing for an anonymous caller."""
    number = customers.calling_number(call=call)
    open_ones = _bookings(call).filter(status__in=OPEN, starts_at__gt=now)
    return open_ones.filter(customer__number=number) if number else open_ones.none()


def _own(call: Call, facts: Facts, now: datetime, *, is_for_cancelling: bool = False) -> Booking:
    """The one booking that the caller means and may reach. Raises NotYours or WhichOne."""
    reference = _plain_reference(facts.reference)
    if reference:
        statuses = [*OPEN, Booking.Status.CANCELLED] if is_for_cancelling else OPEN
        named = _bookings(call).filter(reference=reference, status__in=statuses, starts_at__gt=now).first()
        if named is None or not _may_reach(call, named, facts):
            raise NotYours
        return named
    own = list(_of_caller(call, now))
    if len(own) > 1:
        raise WhichOne(bookings=own)
    if own:
        return own[0]
    before = _happened(call, CANCELLED).last() if is_for_cancelling else None
    if before is None:
        raise NotYours
    return _bookings(call).get(reference=before.detail["reference"])


def _may_reach(call: Call, booking: Booking, facts: Facts) -> bool:
    number = customers.calling_number(call=call)
    if number and number == booking.customer.number:
        return True
    if facts.postal_code.strip() and booking.postal_code:
        try:
            told = area.read_postal_code(facts.postal_code, country=call.business.country)
        except area.UnknownPlace:
            told = ""
        if told == booking.postal_code:
            return True
    name = set(words_of(booking.customer.name))
    return bool(name) and name == set(words_of(facts.name))


def _plain_reference(text: str) -> str:
    """A reference as it is kept, from "k 7 f, c m 4"."""
    return "".join(letter for letter in text if letter.isalnum()).upper()


def _happened(call: Call, kind: str) -> QuerySet[CallEvent]:
    return CallEvent.objects.filter(call=call, kind=kind)
