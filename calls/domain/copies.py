"""Letters that leave once more because a person of the business wants them to: the limits of callers do not hold."""

from datetime import datetime

from calls.domain import booking_letters, by_hand, outbox
from calls.models import Booking, OutgoingEmail, OutgoingMessage, Quote

_AGAIN = ":again:"
_LONGEST_KEY = 80


class NothingToSend(Exception):
    """There is no letter that could leave once more; the text says why."""


def send_copy(*, letter: OutgoingEmail | OutgoingMessage, now: datetime) -> None:
    """Put a letter that was sent into the outbox once more, as it was; twice in a minute is once."""
    key = f"{letter.key.partition(_AGAIN)[0][:_LONGEST_KEY]}{_AGAIN}{now:%Y%m%dT%H%M}"
    standing = {"business_id": letter.business_id, "call_id": None, "purpose": letter.purpose, "key": key, "now": now}
    if isinstance(letter, OutgoingMessage):
        outbox.write_message(to=letter.to, body=letter.body, **standing)
        return
    words = {"subject": letter.subject, "body": letter.body, "html": letter.html, "calendar": letter.calendar}
    outbox.write_email(to=letter.to, **words, **standing)


def is_quote_sendable(*, quote: Quote) -> bool:
    """Whether the quote was e-mailed, so that its letter could leave again, and does not wait to leave just now."""
    letter = by_hand.letters_of(quote=quote).first()
    return letter is not None and letter.status != OutgoingEmail.Status.QUEUED


def send_confirmation(*, booking: Booking, now: datetime) -> None:
    """Confirm a booking to the customer as it stands now, once more. Raises NothingToSend."""
    if not booking_letters.tell_customer(booking=booking, what=booking_letters.BOOKED, call=None, now=now):
        raise NothingToSend(f"{booking} is over, or no e-mail address is known for it.")
