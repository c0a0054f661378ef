"""What a customer and a technician are told of a booking: through the outbox, in the transaction of what it tells."""

from datetime import datetime
from zoneinfo import ZoneInfo

from calls.domain import letters, outbox
from calls.domain.calendar_file import Appointment, text_of
from calls.domain.spoken import spoken_clock, spoken_date
from calls.models import Booking, Call, OutgoingEmail, Technician

PURPOSE = "booking"
LETTERS_A_CALL = 5  # a caller who books and moves all day long is no reason to fill a mailbox

BOOKED, MOVED, CANCELLED = "booked", "moved", "cancelled"
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


def tell_customer(*, booking: Booking, what: str, to: str = "", call: Call | None, now: datetime) -> bool:
    """Confirm by e-mail, with the appointment for a calendar, if an address is known. Whether a letter was written."""
    to = to or booking.customer.email
    if not to or (call is not None and _is_too_much(call)):
        return False
    sequence = _sequence(booking, now)
    facts = {"business": booking.business.name, "when": _when(booking)}
    outbox.write_email(
        business_id=booking.business_id,
        call_id=call.pk if call else None,
        purpose=PURPOSE,
        key=f"{PURPOSE}-{booking.reference}-{what}-{booking.starts_at:%Y%m%dT%H%M}-{sequence}",
        to=to,
        subject=_SUBJECTS[what].format(**facts),
        **letters.wording(name="booking", facts=_facts(booking, _FIRST_LINES[what]))._asdict(),
        calendar=_calendar(booking, sequence, is_cancelled=what == CANCELLED, now=now),
        now=now,
    )
    return True


def is_confirmed(*, booking: Booking) -> bool:
    """Whether a letter about the booking has been written."""
    return OutgoingEmail.objects.filter(purpose=PURPOSE, key__startswith=f"{PURPOSE}-{booking.reference}-").exists()


def tell_technician(
    *, booking: Booking, technician: Technician, is_sent: bool, call: Call | None, now: datetime
) -> None:
    """Tell a technician, by text message and e-mail, that they are sent to a booking or no longer are."""
    verb = "You are sent to" if is_sent else "You are no longer sent to"
    line = f"{verb} booking {booking.reference}: {booking.service.name}, {_when(booking)}, {booking.address}."
    sequence = _sequence(booking, now)
    standing = {
        "business_id": booking.business_id,
        "call_id": call.pk if call else None,
        "purpose": "technician",
        "key": f"technician-{booking.reference}-{technician.pk}-{'sent' if is_sent else 'taken-off'}-{sequence}",
        "now": now,
    }
    if technician.number:
        outbox.write_message(to=technician.number, body=line, **standing)
    if technician.email:
        outbox.write_email(
            to=technician.email,
            subject=f"Booking {booking.reference}",
            **letters.wording(name="booking", facts=_facts(booking, f"{verb} this booking.", is_inside=True))._asdict(),
            calendar=_calendar(booking, sequence, is_cancelled=not is_sent, now=now),
            **standing,
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
    }


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


def _is_too_much(call: Call) -> bool:
    return OutgoingEmail.objects.filter(call=call, purpose=PURPOSE).count() >= LETTERS_A_CALL
