"""Appointments: finding a time, booking it, and changing what was booked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from calls.domain import appointments, area, booked_prices, booking, customers, letters, quotes, services, slots
from calls.domain.booking_letters import is_confirmed
from calls.domain.money import spoken_range
from calls.domain.spoken import spoken_date, spoken_day, spoken_time
from calls.domain.technicians import Place
from calls.models import Booking, Service
from calls.tools.area import POSTAL_CODE, TOWN
from calls.tools.registry import Refused, ToolContext, tool

CLOCK = {"type": "string", "maxLength": 5, "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
NO_CONTROLS = r"^[^\u0000-\u001f\ud800-\udfff<>]*$"
# The confirmation repeats the address, and must not carry a link to anybody.
NO_LINKS = r"^[^\u0000-\u001f\ud800-\udfff<>@:]*$"
SLOT = {
    "type": "string",
    "maxLength": 40,
    "description": "The slot exactly as find_slots named it.",
}
REFERENCE = {
    "type": "string",
    "maxLength": 20,
    "description": "Which booking, by its reference; leave it out if the caller has only one.",
}
FACTS = {
    "reference": REFERENCE,
    "name": {
        "type": "string",
        "maxLength": 100,
        "pattern": NO_CONTROLS,
        "description": "The name of the booking; only for a caller who rings from another number.",
    },
    "postal_code": POSTAL_CODE | {"description": "Its postal code; only for a caller who rings from another number."},
}
ANOTHER_DAY = "Offer another day, or to take a message."
WHY_NONE = {
    "closed": "The business is closed that day.",
    "full": "That day is fully booked.",
    "too_soon": "It is too late for that day.",
    "too_far": "That day is further ahead than bookings are made.",
}


@tool(
    description=(
        "Find times that can be booked for a service. Ask for the postal code first. Offer only what it answers; a "
        "time that it does not name is not free."
    ),
    properties={
        "service": {"type": "string", "minLength": 1, "maxLength": 80, "description": "Its name in list_services."},
        "day": {
            "type": "string",
            "maxLength": 20,
            "description": "soonest, today, tomorrow, a weekday such as friday (the coming one), next friday (of next "
            "week), or a date as 2026-11-24.",
        },
        "part_of_day": {"type": "string", "enum": ["morning", "afternoon", "evening"]},
        "after": CLOCK | {"description": "Not before this time, as 17:00."},
        "before": CLOCK | {"description": "Begins before this time, as 12:00."},
        "postal_code": POSTAL_CODE,
        "town": TOWN,
    },
    required=("service", "day"),
)
def find_slots(
    context: ToolContext,
    *,
    service: str,
    day: str,
    part_of_day: str = "",
    after: str = "",
    before: str = "",
    **place: str,
) -> dict[str, Any]:
    wish = slots.Wish(day=day, part_of_day=part_of_day, after=_clock(after), before=_clock(before))
    with spoken_refusals(now=context.now):
        wanted, found = slots.find_for_caller(
            call_id=context.call_id, service_name=service, wish=wish, now=context.now, **place
        )
    answer: dict[str, Any] = {
        "today": spoken_date(found.today),
        "service": wanted.name,
        "slots": _offered(wanted, found.openings, context.now, found.place),
    }
    if found.why and found.asked_on:
        answer["asked"] = f"{spoken_day(found.asked_on, today=found.today)}: {WHY_NONE[found.why]}"
    if not found.openings:
        return answer | {"next": f"Nothing is free. {ANOTHER_DAY}"}
    instead = "Say why not that day, then offer these instead" if found.why else "Offer these"
    dearer = " Say of each that costs more what it costs then." if any("price" in s for s in answer["slots"]) else ""
    return answer | {
        "next": f"{instead}, with weekday and date.{dearer} Call book_appointment with the slot that is chosen."
    }


@tool(
    description=(
        "Book a slot of find_slots. First read the address back and get a yes. The caller is not booked before this "
        "has answered with a reference."
    ),
    properties={
        "slot": SLOT,
        "name": {
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
            "pattern": NO_LINKS,
            "description": "The caller's first and last name.",
        },
        "address": {
            "type": "string",
            "minLength": 1,
            "maxLength": 130,
            "pattern": NO_LINKS,
            "description": "Street and number where the work is, without the postal code.",
        },
        "address_confirmed": {
            "type": "boolean",
            "description": "True only after you have read the address back and the caller said yes.",
        },
        "postal_code": POSTAL_CODE,
        "town": TOWN | {"pattern": NO_LINKS},
        "number": {
            "type": "string",
            "maxLength": 30,
            "pattern": r"^[0-9+().\- ]*$",
            "description": "The caller's telephone; leave it out for the number that is calling.",
        },
        "email": {
            "type": "string",
            "maxLength": 254,
            "description": "For a confirmation, if the caller wants one.",
        },
        "email_confirmed": {
            "type": "boolean",
            "description": "True only after you have read the e-mail address back letter by letter and heard a yes.",
        },
        "notes": {"type": "string", "maxLength": 500, "pattern": NO_CONTROLS, "description": "What has to be done."},
    },
    required=("slot", "name", "address", "address_confirmed"),
)
def book_appointment(
    context: ToolContext, *, slot: str, address_confirmed: bool, email_confirmed: bool = False, **wanted: str
) -> dict[str, Any]:
    if not address_confirmed:
        raise Refused("Read the address back. After a yes call this again with address_confirmed true.")
    if wanted.get("email", "").strip() and not email_confirmed:
        raise Refused("Read the e-mail address back letter by letter. After a yes call this with email_confirmed true.")
    if not wanted["name"].strip() or not wanted["address"].strip():
        raise Refused("Ask for the caller's name and the address.")
    try:
        with spoken_refusals(now=context.now):
            made = booking.book_appointment(
                call_id=context.call_id, slot=slot, wanted=booking.Wanted(**wanted), now=context.now
            )
    except booking.SlotTaken as taken:
        return {"booked": False} | _taken(taken, context.now)
    sent = "A confirmation is on its way by e-mail." if is_confirmed(booking=made) else "No e-mail is sent."
    price = _price_of(made)
    return {
        "booked": True,
        **told(made, context.now),
        **price,
        "next": f"Say that it is booked, with weekday, date and time{' and the price' if price else ''}, and spell the "
        f"reference. {sent}",
    }


@tool(
    description=(
        "The open appointments of the number that calls. For a caller who rings from another number: the reference, "
        "and the postal code or the name."
    ),
    properties=FACTS,
)
def my_appointments(context: ToolContext, **facts: str) -> dict[str, Any]:
    with spoken_refusals(now=context.now):
        found = appointments.appointments(call_id=context.call_id, facts=appointments.Facts(**facts), now=context.now)
    if not found:
        return {
            "appointments": [],
            "next": "Say that this number has no open appointment. If there should be one, ask for its reference, and "
            "for the postal code or the name.",
        }
    return {"appointments": [told(row, context.now) for row in found], "next": "Say what was asked for, no more."}


@tool(
    description="Move an appointment of the caller to a slot of find_slots for the same service.",
    properties={"slot": SLOT, **FACTS},
    required=("slot",),
)
def reschedule_appointment(context: ToolContext, *, slot: str, **facts: str) -> dict[str, Any]:
    try:
        with spoken_refusals(now=context.now):
            moved = appointments.reschedule(
                call_id=context.call_id, facts=appointments.Facts(**facts), slot=slot, now=context.now
            )
    except booking.SlotTaken as taken:
        return {"moved": False} | _taken(taken, context.now)
    price = _price_of(moved)
    return {
        "moved": True,
        **told(moved, context.now),
        **price,
        "next": f"Say the new weekday, date and time{' and what it costs then' if price else ''}.",
    }


@tool(
    description=("Cancel an appointment of the caller. First say which one, with weekday and time, and get a yes."),
    properties={
        "confirmed": {"type": "boolean", "description": "True only after the caller has said yes to cancelling it."},
        **FACTS,
    },
    required=("confirmed",),
)
def cancel_appointment(context: ToolContext, *, confirmed: bool, **facts: str) -> dict[str, Any]:
    if not confirmed:
        raise Refused("Say which appointment it is, ask whether to cancel it, and after a yes call this again.")
    with spoken_refusals(now=context.now):
        gone = appointments.cancel_own(call_id=context.call_id, facts=appointments.Facts(**facts), now=context.now)
    return {
        "cancelled": True,
        **told(gone, context.now),
        "next": "Say that it is cancelled, and offer to find another time.",
    }


REFUSALS: dict[type[Exception], str] = {
    slots.SlotUnknown: "That is no slot. Call find_slots and use a slot exactly as it names it.",
    slots.NobodyForIt: "Nobody can do that there. Say so, and offer to take a message.",
    customers.NumberNeeded: "The caller's number is withheld. Ask for a telephone number and read it back.",
    customers.NumberUnclear: "That is not a telephone number that can be called. Ask for it again, digit by digit.",
    booking.TooManyBookings: "No more appointments can be made for this caller. Offer to take a message.",
    appointments.NotYours: (
        "No open appointment was found for this caller. From another number than the one it was booked with, its "
        "reference is needed, and its postal code or name."
    ),
    appointments.OtherService: "That slot is for another service. Call find_slots for the service of the appointment.",
    appointments.TooManyMoves: "No more appointments can be moved in this call. Offer to take a message.",
    appointments.NobodyElse: "No other technician is free then. The appointment stays with the one who is sent.",
}
EXPLAINED = (
    services.UnknownService,
    area.UnknownPlace,
    slots.WishUnclear,
    slots.OutsideArea,
    quotes.NoEmail,
    letters.NotPlain,
)


@contextmanager
def spoken_refusals(*, now: datetime) -> Iterator[None]:
    """What the domain refuses, as a sentence for the model."""
    try:
        yield
    except EXPLAINED as refusal:
        raise Refused(str(refusal)) from None
    except slots.NotOffered as refusal:
        raise Refused(f"{refusal} Call find_slots for times that can be booked.") from None
    except appointments.WhichOne as question:
        choice = "; ".join(f"{b.reference}, {b.service.name}, {_when(b, now)}" for b in question.bookings)
        raise Refused(f"Ask which one is meant, then call this with its reference: {choice}.") from None
    except tuple(REFUSALS) as refusal:
        raise Refused(REFUSALS[type(refusal)]) from None


def _clock(text: str) -> time | None:
    return time.fromisoformat(text) if text else None


def _offered(service: Service, openings: Sequence[datetime], now: datetime, place: Place) -> list[dict[str, str]]:
    zone = ZoneInfo(service.business.time_zone)
    today = now.astimezone(zone).date()
    return [
        {
            "slot": slots.slot_id(service=service, starts_at=moment),
            "when": spoken_time(moment, zone, today=today),
            **_dearer(service, place, moment),
        }
        for moment in openings
    ]


def _dearer(service: Service, place: Place, moment: datetime) -> dict[str, str]:
    """What a time costs that has a surcharge; nothing for any other."""
    price = booked_prices.dearer_price(service=service, place=place, starts_at=moment)
    if price is None:
        return {}
    spoken = spoken_range(price.total, price.total_to, service.business.currency)
    return {"surcharge": "; ".join(line.text for line in price.surcharges), "price": spoken}


def _price_of(row: Booking) -> dict[str, str]:
    """The price of a booking at its time, where one was named or the time has a surcharge."""
    quote = booked_prices.of_booking(booking=row)
    return {"price": spoken_range(quote.total, quote.total_to, row.business.currency)} if quote else {}


def _taken(taken: booking.SlotTaken, now: datetime) -> dict[str, Any]:
    offered = _offered(taken.service, taken.openings, now, taken.place)
    return {
        "reason": "That time has just been taken.",
        "slots": offered,
        "next": "Say so, and offer these instead." if offered else f"Say so. Nothing else is free. {ANOTHER_DAY}",
    }


def told(row: Booking, now: datetime) -> dict[str, str]:
    """What a caller who may hear of a booking hears of it."""
    return {
        "reference": row.reference,
        "spelled": ", ".join(row.reference),
        "service": row.service.name,
        "when": _when(row, now),
        "address": row.address,
        "technician": row.technician.name,
    }


def _when(row: Booking, now: datetime) -> str:
    zone = ZoneInfo(row.business.time_zone)
    today: date = now.astimezone(zone).date()
    return spoken_time(row.starts_at, zone, today=today)
