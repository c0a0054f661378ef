"""What a person of the business does by hand to what calls have left.

Each change is conditional on the state that the person saw: workers and callers may be at the same row.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Model, Q

from calls.domain import booking_letters, callbacks, emergencies, outbox
from calls.domain.dialing_rules import Forbidden, number_to_dial
from calls.domain.messages import VOICEMAIL
from calls.domain.quotes import PURPOSE
from calls.models import Booking, Business, Callback, Emergency, Message, OutgoingEmail, Quote

CONSENT_OF_A_MESSAGE = "The caller left this number with a message."

OPEN_BOOKING = (Booking.Status.BOOKED, Booking.Status.CONFIRMED)
OWED = (Callback.Status.DUE, Callback.Status.FAILED)
UNSETTLED = (Emergency.Status.OPEN, Emergency.Status.ACCEPTED, Emergency.Status.UNANSWERED)


class Changed(Exception):
    """The row is no longer as it was seen, or a worker has it in hand just now."""


class NotSent(Exception):
    """There is no letter that could leave once more; the text says why."""


def confirm_booking(*, booking: Booking, now: datetime) -> None:
    """Confirm a booking, and let the technician know that it stands. Raises Changed."""
    with transaction.atomic():
        _change(booking, Q(status=Booking.Status.BOOKED), status=Booking.Status.CONFIRMED)
        booking.refresh_from_db()
        booking_letters.tell_technician(booking=booking, what=booking_letters.CONFIRMED, call=None, now=now)


def finish_booking(*, booking: Booking) -> None:
    _change(booking, Q(status__in=OPEN_BOOKING), status=Booking.Status.DONE)


def ring_now(*, callback: Callback, now: datetime) -> None:
    """Let the worker dial next; whose daytime it has to be still holds, and so do the limits of a day."""
    _change(callback, _free(now), status=Callback.Status.DUE, due_at=now, claimed_until=None)


@transaction.atomic
def ring_back(*, message: Message, now: datetime) -> Callback:
    """Have the agent ring who left a message, at the next daytime of both sides; the message is done with that.

    Who waits for a callback on that number already is rung about both, once, at the earlier time.
    Raises NotSent where the number cannot be rung, or the message is done; the text says why.
    """
    business = message.business
    try:
        number = number_to_dial(message.number, business=business)
        due_at = callbacks.due_time(when=callbacks.When(), business=business, number=number, now=now)
    except (Forbidden, callbacks.NotPossible) as why:
        raise NotSent(f"{message}: {why}") from None
    if not Message.objects.filter(pk=message.pk, is_done=False).update(is_done=True):
        raise NotSent(f"{message} is done already.")
    reason = "the voicemail that they left" if message.text == VOICEMAIL else message.text
    Business.objects.select_for_update(no_key=True).get(pk=business.pk)  # no caller and no worker beside us
    if waiting := callbacks.promised_to(business=business, number=number).first():
        waiting.reason = f"{waiting.reason.rstrip('.')}; {reason}"[:300]
        waiting.due_at, waiting.claimed_until = min(waiting.due_at, due_at), None
        waiting.save(update_fields=["reason", "due_at", "claimed_until"])
        return waiting
    return Callback.objects.create(
        business=business,
        call=message.call,
        number=number,
        caller_name=message.caller_name,
        reason=reason[:300],
        consent=CONSENT_OF_A_MESSAGE,
        asked_at=message.taken_at,
        due_at=due_at,
    )


def close_callback(*, callback: Callback, is_reached: bool, now: datetime) -> None:
    status = Callback.Status.DONE if is_reached else Callback.Status.CANCELLED
    _change(callback, _free(now), status=status, claimed_until=None)


def take_emergency(*, emergency: Emergency, now: datetime) -> None:
    """A person who reads of it in the admin takes it, instead of whoever is being rung."""
    if not emergencies.accept(emergency_id=emergency.pk, technician=None, now=now):
        raise Changed


def close_emergency(*, emergency: Emergency, now: datetime) -> None:
    if not emergencies.close(emergency_id=emergency.pk, now=now):
        raise Changed


def letters_of(*, quote: Quote):
    """The e-mails that carried a quote, the newest first."""
    return OutgoingEmail.objects.filter(
        business=quote.business_id, purpose=PURPOSE, key__startswith=f"{PURPOSE}:{quote.reference}:"
    ).order_by("-written_at", "-pk")


def send_quote_again(*, quote: Quote, now: datetime) -> None:
    """The newest letter once more: one that was given up gets a new round, one that was sent leaves as a copy.

    Raises NotSent.
    """
    letter = letters_of(quote=quote).first()
    if letter is None:
        raise NotSent(f"{quote} has not been e-mailed: no address is known for it.")
    if letter.status == OutgoingEmail.Status.QUEUED:
        raise NotSent(f"{quote} is in the outbox already and leaves by itself.")
    if letter.status == OutgoingEmail.Status.FAILED:
        outbox.send_again(letter=letter, now=now)
        return
    outbox.write_email(
        business_id=quote.business_id,
        call_id=None,  # the limits of a call are the caller's, not those of the business
        purpose=PURPOSE,
        key=f"{PURPOSE}:{quote.reference}:again:{now:%Y%m%dT%H%M}",
        to=letter.to,
        subject=letter.subject,
        body=letter.body,
        html=letter.html,
        calendar=letter.calendar,
        now=now,
    )


def _free(now: datetime) -> Q:
    return Q(status__in=OWED) & (Q(claimed_until=None) | Q(claimed_until__lte=now))


def _change(row: Model, seen: Q, **values: object) -> None:
    if not type(row)._default_manager.filter(seen, pk=row.pk).update(**values):
        raise Changed
