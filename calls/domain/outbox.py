"""Letters that leave the house: e-mails and text messages.

The row is the truth. It is written in the transaction of what it tells of, and sent later by whoever claims it: a
conditional update with a lease, so that of any number of workers one sends it, and a worker that dies gives it back
when its lease is over. `send` is passed in. What stops a letter is `NotSent`; it is tried again at growing intervals,
and in the end the row stands as given up, with the reason, for a person to see.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import F, Q, QuerySet

from calls.models import OutgoingEmail, OutgoingMessage

RETRY_AFTER = [
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
]
MOST_ATTEMPTS = len(RETRY_AFTER) + 1
# A letter has to be out, or given up, well within its lease: a mail server may use its time limit for each of about
# eight steps.
LEASE = timedelta(minutes=5)
STEP_SECONDS = 10
CUT_OFF = "The worker was stopped while it was sending this."

Letter = TypeVar("Letter", OutgoingEmail, OutgoingMessage)
Deliver = Callable[[Letter], dict[str, str]]


class NotSent(Exception):
    """The letter did not leave; `permanent` when trying again cannot help. `code` is the other side's, if any."""

    def __init__(self, reason: str, *, permanent: bool = False, code: str = "") -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.code = code


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one letter that was due."""

    letter: OutgoingEmail | OutgoingMessage
    is_sent: bool
    is_given_up: bool = False
    reason: str = ""


def write_email(
    *,
    business_id: int,
    call_id: int | None,
    purpose: str,
    key: str,
    to: str,
    subject: str,
    body: str,
    html: str = "",
    calendar: str = "",
    now: datetime,
) -> OutgoingEmail:
    """Put an e-mail in the outbox. The same `key` again is the same letter, which is neither changed nor sent again."""
    texts = {"subject": " ".join(subject.split())[:200], "body": body, "html": html, "calendar": calendar}
    about = {"business_id": business_id, "call_id": call_id, "purpose": purpose, "to": to}
    email, _ = OutgoingEmail.objects.get_or_create(
        key=key, defaults={**about, **texts, "written_at": now, "due_at": now}
    )
    return email


def write_message(
    *, business_id: int, call_id: int | None, purpose: str, key: str, to: str, body: str, now: datetime
) -> OutgoingMessage:
    """Put a text message in the outbox. The same `key` again is the same message."""
    about = {"business_id": business_id, "call_id": call_id, "purpose": purpose, "to": to, "body": body}
    message, _ = OutgoingMessage.objects.get_or_create(key=key, defaults={**about, "written_at": now, "due_at": now})
    return message


def due_emails(*, now: datetime, most: int) -> list[int]:
    """The e-mails that wait to be tried, the oldest first."""
    return _due(OutgoingEmail, now, most)


def due_messages(*, now: datetime, most: int) -> list[int]:
    """The text messages that wait to be tried, the oldest first."""
    return _due(OutgoingMessage, now, most)


def send_email(*, email_id: int, send: Callable[[OutgoingEmail], object], now: datetime) -> Attempt | None:
    """Try an e-mail; None when it is not due, or in other hands.

    A worker killed between the mail server's yes and the row has the letter sent again later, under the same
    Message-ID; nothing that both sides of SMTP know of can close that gap.
    """

    def deliver(email: OutgoingEmail) -> dict[str, str]:
        send(email)
        return {}

    return _send(OutgoingEmail, email_id, now, deliver, again=deliver)


def send_message(
    *,
    message_id: int,
    send: Callable[[OutgoingMessage], str],
    now: datetime,
    find: Callable[[OutgoingMessage], str | None] | None = None,
) -> Attempt | None:
    """Try a text message; `send` gives the MessageSid. None when it is not due, or in other hands.

    `find` looks up a message whose last sending was cut off, so that it is not sent twice: it gives the MessageSid, or
    None when the message never left.
    """

    def deliver(message: OutgoingMessage) -> dict[str, str]:
        return {"message_sid": send(message)}

    def look_up_or_deliver(message: OutgoingMessage) -> dict[str, str]:
        found = find(message) if find else None
        return {"message_sid": found} if found else deliver(message)

    return _send(OutgoingMessage, message_id, now, deliver, again=look_up_or_deliver)


def send_again(*, letter: Letter, now: datetime) -> None:
    """Give a letter that was given up a new round of attempts."""
    type(letter)._default_manager.filter(pk=letter.pk, status=letter.Status.FAILED).update(
        status=letter.Status.QUEUED, attempts=0, due_at=now, claimed_until=None, error=""
    )


def _waiting(model: type[Letter], now: datetime) -> QuerySet[Letter]:
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    return model._default_manager.filter(free, status=model.Status.QUEUED, due_at__lte=now)


def _due(model: type[Letter], now: datetime, most: int) -> list[int]:
    return list(_waiting(model, now).order_by("due_at", "pk").values_list("pk", flat=True)[:most])


def _send(
    model: type[Letter], pk: int, now: datetime, deliver: Deliver[Letter], *, again: Deliver[Letter]
) -> Attempt | None:
    """`again` delivers a letter whose last attempt was cut off."""
    letter = _waiting(model, now).filter(pk=pk).first()
    if letter is None:
        return None
    was_cut_off = letter.claimed_until is not None
    if letter.attempts >= MOST_ATTEMPTS:  # only a last attempt that was cut off leaves such a row in the queue
        _same_attempt(letter).update(status=model.Status.FAILED, claimed_until=None, error=CUT_OFF)
        return Attempt(letter, is_sent=False, is_given_up=True, reason=CUT_OFF)
    if not _claim(letter, now):
        return None
    return _try(letter, again if was_cut_off else deliver, now)


def _claim(letter: Letter, now: datetime) -> bool:
    """Take the letter for this worker alone until the lease is over; False when another was faster."""
    if _same_attempt(letter).update(attempts=F("attempts") + 1, claimed_until=now + LEASE) != 1:
        return False
    letter.refresh_from_db()
    return True


def _try(letter: Letter, deliver: Deliver[Letter], now: datetime) -> Attempt:
    try:
        found = deliver(letter)
    except NotSent as refusal:
        return _put_off(letter, refusal, now)
    _same_attempt(letter).update(status=letter.Status.SENT, sent_at=now, claimed_until=None, error="", **found)
    letter.refresh_from_db()
    return Attempt(letter, is_sent=True)


def _put_off(letter: Letter, refusal: NotSent, now: datetime) -> Attempt:
    is_over = refusal.permanent or letter.attempts >= MOST_ATTEMPTS
    values: dict[str, object] = {"claimed_until": None, "error": str(refusal)[:300]}
    if is_over:
        values["status"] = letter.Status.FAILED
    else:
        values["due_at"] = now + RETRY_AFTER[letter.attempts - 1]
    if isinstance(letter, OutgoingMessage):
        values["error_code"] = refusal.code[:10]
    _same_attempt(letter).update(**values)
    letter.refresh_from_db()
    return Attempt(letter, is_sent=False, is_given_up=is_over, reason=str(refusal))


def _same_attempt(letter: Letter):
    """The row as long as nobody else has taken it up since it was read."""
    return type(letter)._default_manager.filter(
        pk=letter.pk,
        status=letter.Status.QUEUED,
        attempts=letter.attempts,
        claimed_until=letter.claimed_until,
    )
