"""What a customer and a technician are told of a booking: through the outbox, in the transaction of what it tells."""

from datetime import datetime
from zoneinfo import ZoneInfo

from calls.domain import allowances, booked_prices, customers, letters, outbox
from calls.domain.allowances import Allowance
from calls.domain.calendar_file import Appointment, text_of
from calls.domain.money import written_range
from calls.domain.spoken import spoken_clock, spoken_date
from calls.models import Booking, Call, OutgoingEmail, Technician

PURPOSE = "booking"
CONFIRMATIONS = Allowance(a_call=2, a_day=5)
LETTERS = Allowance(a_call=6, a_day=10)  # those of moving and cancelling among them
FOR_TECHNICIANS = "technician"

BOOKED, MOVED, CANCELLED = "booked", "moved", "cancelled"
SENT, TAKEN_OFF, CONFIRMED = "sent", "taken-off", "confirmed"  # to a technician alone
_SUBJECTS = {
    BOOKED: "Your appointment with {business}: {when}",
    MOVED: "Your appointment with {business} has moved: {when}",
    CANCELLED: "Your appointment with {business} is cancelled: {when}",
}
_FIRST_LINES = {
    BOOKED: "Your appointment is booked.",
    MOVED: "Your appointment has moved. This is its new time.",
    CANCELLED: "Your appointment is cancelled. There is nothing that you need to do.",
}
_TO_TECHNICIANS = {
    SENT: "You are sent to booking {reference}",
    TAKEN_OFF: "You are no longer sent to booking {reference}",
    MOVED: "Booking {reference} has moved to a new time",
    CANCELLED: "Booking {reference} is cancelled",
    CONFIRMED: "Booking {reference} is confirmed",
}


def tell_customer(*, booking: Booking, what: str, call: Call | None, now: datetime) -> bool:
    """Confirm by e-mail, with the appointment for a calendar, if an address is known. Whether a letter was written.

    Nobody is told of what is over, and a caller has only so many letters written. The limits are exact for who holds
    the lock of `booking.one_at_a_time`.
    """
    to = address_of(booking=booking)
    if not to or _is_over(booking, now) or (call is not None and _is_used_up(call, what, now)):
        return False
    sequence = _sequence(booking, now)
    facts = {"business": booking.business.name, "when": _when(booking)}
    outbox.write_email(
        business_id=booking.business_id,
        call_id=call.pk if call else None,
        purpose=PURPOSE,
        key=_key(PURPOSE, booking, what, sequence),
        to=to,
        subject=_SUBJECTS[what].format(**facts),
        **letters.wording(name="booking", facts=_facts(booking, _FIRST_LINES[what]))._asdict(),
        calendar=_calendar(booking, sequence, is_cancelled=what == CANCELLED, now=now),
        now=now,
    )
    return True


def address_of(*, booking: Booking) -> str:
    """Where letters to the customer go; empty where no address is known.

    What was booked from another number than the customer's is told to the address that was given with it, and never to
    the one on file: who claims a number shall neither learn nor use what is known of its owner.
    """
    if booking.email:
        return booking.email
    return booking.customer.email if customers.is_theirs(call=booking.call, customer=booking.customer) else ""


def is_confirmed(*, booking: Booking) -> bool:
    """Whether a letter about the booking has been written."""
    return OutgoingEmail.objects.filter(purpose=PURPOSE, key__startswith=f"{PURPOSE}-{booking.reference}-").exists()


def tell_technician(
    *, booking: Booking, what: str, call: Call | None, now: datetime, was: Booking | None = None, is_both: bool = False
) -> bool:
    """Tell the technician of a booking what has become of it. Whether anything was written.

    By e-mail with the appointment for a calendar, else by text message; with `is_both` by each that is known. `was` is
    the booking before it moved. Nobody is told of what is over.
    """
    technician = booking.technician
    if _is_over(booking, now):
        return False
    headline = _TO_TECHNICIANS[what].format(reference=booking.reference)
    before = f" It was {_when(was)}." if was else ""
    sequence = _sequence(booking, now)
    standing = {
        "business_id": booking.business_id,
        "call_id": call.pk if call else None,
        "purpose": FOR_TECHNICIANS,
        "key": _key(FOR_TECHNICIANS, booking, f"{technician.pk}-{what}", sequence),
        "now": now,
    }
    if technician.number and (is_both or not technician.email):
        line = f"{headline}: {booking.service.name}, {_when(booking)}, {booking.address}.{before}"
        outbox.write_message(to=technician.number, body=line, **standing)
    if technician.email:
        facts = _facts(booking, f"{headline}.{before}", is_inside=True)
        outbox.write_email(
            to=technician.email,
            subject=f"{headline}: {_when(booking)}",
            **letters.wording(name="booking", facts=facts)._asdict(),
            calendar=_calendar(booking, sequence, is_cancelled=what in (TAKEN_OFF, CANCELLED), now=now),
            **standing,
        )
    return bool(technician.number or technician.email)


def tell_of_another(*, booking: Booking, was: Booking, call: Call | None, now: datetime) -> list[Technician]:
    """Tell who is sent now and who was sent before, each by all means that are known: who has been told of it.

    `was` is the booking as the one who was sent before knows it.
    """
    told = []
    for row, what in ((booking, SENT), (was, TAKEN_OFF)):
        if tell_technician(booking=row, what=what, call=call, now=now, is_both=True):
            told.append(row.technician)
    return told


def tell_technicians_of_move(*, booking: Booking, was: Booking, call: Call | None, now: datetime) -> None:
    """Tell who is sent of the new time, and who no longer is, if another one goes then."""
    if booking.technician_id == was.technician_id:
        tell_technician(booking=booking, what=MOVED, was=was, call=call, now=now)
        return
    tell_technician(booking=booking, what=SENT, call=call, now=now)
    tell_technician(booking=was, what=TAKEN_OFF, call=call, now=now)


def _is_used_up(call: Call, what: str, now: datetime) -> bool:
    """Whether a caller has had all the letters written that one may have."""
    letters_of_all = OutgoingEmail.objects.filter(purpose=PURPOSE, business=call.business_id)
    counted = [(letters_of_all, LETTERS)]
    if what == BOOKED:
        counted.append((letters_of_all.filter(key__contains=f"-{BOOKED}-"), CONFIRMATIONS))
    return any(
        allowances.is_used_up_by_call(rows=rows, call=call, allowance=allowance)
        or allowances.is_used_up_by_number(rows=rows, at="written_at", call=call, allowance=allowance, now=now)
        for rows, allowance in counted
    )


def _facts(booking: Booking, first_line: str, *, is_inside: bool = False) -> dict[str, object]:
    """What the letter says of a booking; what the caller has worded, but for the address, stays inside the business."""
    return {
        "business": booking.business,
        "booking": booking,
        "first_line": first_line,
        "when": _when(booking),
        "place": _place(booking),
        "is_inside": is_inside,
        "price": "" if is_inside else _price(booking),
    }


def _price(booking: Booking) -> str:
    """What was named for it, at the time that it now has; empty where nothing was."""
    quote = booked_prices.of_booking(booking=booking)
    return written_range(quote.total, quote.total_to, quote.business.currency) if quote else ""


def _place(booking: Booking) -> str:
    return f"{booking.address} {booking.postal_code}".strip()


def _when(booking: Booking) -> str:
    local = booking.starts_at.astimezone(ZoneInfo(booking.business.time_zone))
    return f"{spoken_date(local.date())} at {spoken_clock(local.time())}"


def _calendar(booking: Booking, sequence: int, *, is_cancelled: bool, now: datetime) -> str:
    appointment = Appointment(
        uid=f"{booking.reference}@booking",
        sequence=sequence,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        summary=f"{booking.service.name}, {booking.business.name}",
        location=_place(booking),
        description=f"Reference: {booking.reference}",
        is_cancelled=is_cancelled,
    )
    return text_of(appointment, now=now)


def _sequence(booking: Booking, now: datetime) -> int:
    """A number that grows from letter to letter: the seconds since the booking was made."""
    return max(0, int((now - booking.booked_at).total_seconds()))


def _key(purpose: str, booking: Booking, what: str, sequence: int) -> str:
    return f"{purpose}-{booking.reference}-{what}-{booking.starts_at:%Y%m%dT%H%M}-{sequence}"


def _is_over(booking: Booking, now: datetime) -> bool:
    return booking.ends_at <= now
