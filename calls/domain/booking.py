"""Booking a slot: one transaction in which the technician is chosen, their time taken and the customer told.

Who gets a time is settled by the unique constraint on it. Looking first only spares those who come late the wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from calls.domain import booked_prices, booking_letters, customers, diary, history, letters, quotes, slots, technicians
from calls.domain.slots import Search
from calls.domain.technicians import Place
from calls.models import Booking, Business, Call, Customer, Service, Technician

BOOKINGS_A_CALL = 3
OPEN_BOOKINGS = 5
OPEN = (Booking.Status.BOOKED, Booking.Status.CONFIRMED)
_WEIGHTIER = (Call.Outcome.EMERGENCY, Call.Outcome.TRANSFERRED, Call.Outcome.BOOKED)


class SlotTaken(Exception):
    """Somebody else holds that time. `openings` are the next ones of the same service at the same place."""

    def __init__(self, *, service: Service, openings: Sequence[datetime], place: Place) -> None:
        super().__init__()
        self.service = service
        self.openings = openings
        self.place = place


class TooManyBookings(Exception):
    """More than one caller would need: a person should look at it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller said for a booking; a blank number means the one that calls."""

    name: str
    address: str
    postal_code: str = ""
    town: str = ""
    number: str = ""
    email: str = ""
    notes: str = ""


def book_appointment(*, call_id: int, slot: str, wanted: Wanted, now: datetime) -> Booking:
    """Book a slot by its name. The same customer, service and time again in a call is the same booking.

    Raises SlotTaken, slots.{SlotUnknown, NotOffered, NobodyForIt, OutsideArea}, area.UnknownPlace,
    customers.{NumberNeeded, NumberUnclear}, quotes.NoEmail, letters.NotPlain or TooManyBookings.
    """
    call = Call.objects.select_related("business").get(pk=call_id)
    service, starts_at = slots.read_slot_id(business=call.business, text=slot)
    number = customers.number_for(call=call, said=wanted.number)
    if first := _made_before(call, number, service, starts_at):
        return first
    place = slots.read_place(business=call.business, postal_code=wanted.postal_code, town=wanted.town)
    email = quotes.read_address(wanted.email) if wanted.email.strip() else ""
    letters.read_plain(wanted.name, wanted.address, wanted.town, wanted.notes)
    search = slots.search_for(service=service, place=place, now=now)
    able = search.able(starts_at)
    try:
        search.look(starts_at)
        with transaction.atomic():
            one_at_a_time(call.business)
            if first := _made_before(call, number, service, starts_at):
                return first
            return _book(call, search, able, starts_at, number, replace(wanted, email=email), now)
    except diary.NotFree:
        if first := _made_before(call, number, service, starts_at):  # by this call's twin, a moment ago
            return first
        raise SlotTaken(service=service, openings=search.next_openings(starts_at), place=place) from None


def book_by_hand(*, service: Service, starts_at: datetime, wanted: Wanted, now: datetime) -> Booking:
    """Book for the customer of `wanted.number`, in E.164, whom a person of the business names; by the rules of calls.

    The same customer, service and time again is the same booking. What is known of the customer is not changed.
    Raises SlotTaken, slots.{NotOffered, NobodyForIt, OutsideArea} or area.UnknownPlace.
    """
    business = service.business
    place = slots.read_place(business=business, postal_code=wanted.postal_code, town=wanted.town)
    search = slots.search_for(service=service, place=place, now=now)
    able = search.able(starts_at)
    try:
        with transaction.atomic():
            one_at_a_time(business)
            same = Booking.objects.filter(customer__number=wanted.number, service=service, starts_at=starts_at)
            if first := same.filter(business=business, status__in=OPEN).first():
                return first
            customer = customers.fill_in(business=business, number=wanted.number, **_of_customer(search, wanted))
            quotes.attach(customer=customer)
            return _make(None, search, able, starts_at, customer, wanted, now)
    except diary.NotFree:
        raise SlotTaken(service=service, openings=search.next_openings(starts_at), place=place) from None


def one_at_a_time(business: Business) -> None:
    """Let whoever changes bookings of this business wait until this transaction is over.

    The constraint alone keeps bookings apart; this keeps two of them from waiting for each other in a circle, and from
    both counting too few. SQLite's transactions are one at a time by themselves.
    """
    Business.objects.select_for_update(no_key=True).get(pk=business.pk)


def take_first_free(*, booking: Booking, people: Sequence[Technician]) -> None:
    """Give a saved booking to the first of these who is free at its time. Raises diary.NotFree if nobody is."""
    for technician in people:
        booking.technician = technician
        try:
            diary.take(booking=booking)
        except diary.NotFree:
            continue
        booking.save()
        return
    raise diary.NotFree


def in_order(
    *, search: Search, people: Sequence[Technician], starts_at: datetime, but: Booking | None = None
) -> list[Technician]:
    """The least travel first, then the least loaded."""
    rounds = technicians.rounds(people=people, calendar=search.calendar, on=search.calendar.today(starts_at), but=but)
    return sorted(people, key=lambda technician: rounds.order(technician, search.place))


def note(*, call: Call | None, kind: str, booking: Booking, now: datetime) -> None:
    """Write into the call's history what happened to a booking, and that the call led to one."""
    if call is None:
        return
    at_ms = int((now - call.rang_at).total_seconds() * 1000)
    history.record_event(call_id=call.pk, kind=kind, at_ms=at_ms, detail={"reference": booking.reference})
    if kind in ("booked", "booking_moved"):
        Call.objects.filter(pk=call.pk).exclude(outcome__in=_WEIGHTIER).update(outcome=Call.Outcome.BOOKED)


def _book(
    call: Call,
    search: Search,
    able: Sequence[Technician],
    starts_at: datetime,
    number: str,
    wanted: Wanted,
    now: datetime,
) -> Booking:
    is_calling = number == customers.calling_number(call=call)
    told = _of_customer(search, wanted)
    if not is_calling:  # anybody could have letters of that customer sent to themselves
        del told["email"]
    customer = customers.keep(business=call.business, number=number, is_calling=is_calling, **told)
    quotes.attach(customer=customer)
    upcoming = customer.bookings.filter(status__in=OPEN, ends_at__gt=now).count()
    if upcoming >= OPEN_BOOKINGS or call.bookings.count() >= BOOKINGS_A_CALL:
        raise TooManyBookings
    return _make(call, search, able, starts_at, customer, wanted, now)


def _make(
    call: Call | None,
    search: Search,
    able: Sequence[Technician],
    starts_at: datetime,
    customer: Customer,
    wanted: Wanted,
    now: datetime,
) -> Booking:
    people = in_order(search=search, people=able, starts_at=starts_at)
    booking = Booking.objects.create(
        business=search.business,
        customer=customer,
        service=search.service,
        technician=people[0],
        call=call,
        starts_at=starts_at,
        ends_at=starts_at + search.duration,
        address=_address(search, wanted),
        postal_code=search.place.postal_code,
        notes=wanted.notes.strip(),
        email=""
        if customers.is_theirs(call=call, customer=customer) and wanted.email == customer.email
        else wanted.email,
        booked_at=now,
    )
    take_first_free(booking=booking, people=people)
    note(call=call, kind="booked", booking=booking, now=now)
    booked_prices.keep(booking=booking, place=search.place, call=call, now=now)
    booking_letters.tell_customer(booking=booking, what=booking_letters.BOOKED, call=call, now=now)
    booking_letters.tell_technician(booking=booking, what=booking_letters.SENT, call=call, now=now)
    return booking


def _of_customer(search: Search, wanted: Wanted) -> dict[str, str]:
    return {
        "name": wanted.name.strip(),
        "address": _address(search, wanted),
        "postal_code": search.place.postal_code,
        "email": wanted.email,
    }


def _address(search: Search, wanted: Wanted) -> str:
    """With the town, where that decided who goes there."""
    address, town = wanted.address.strip(), search.place.town
    return f"{address}, {town}" if town and town.casefold() not in address.casefold() else address


def _made_before(call: Call, number: str, service: Service, starts_at: datetime) -> Booking | None:
    made = Booking.objects.filter(call=call, customer__number=number, service=service, starts_at=starts_at)
    return made.filter(status__in=OPEN).select_related("technician", "service", "customer", "business").first()
