"""E-mail: a row of the outbox becomes a message and is handed to Django's mail, whichever backend EMAIL_URL names.

The Message-ID is made from the row, so that a letter that had to be handed over twice is the same letter to whoever
receives it, and one file in a folder.
"""

import hashlib
import os
import re
import smtplib
from collections.abc import Sequence
from email.utils import formataddr, make_msgid, parseaddr
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse

from calls.domain.outbox import NotSent
from calls.models import OutgoingEmail

_UNSAFE = re.compile(r"[^\w.-]")


def send(email: OutgoingEmail) -> None:
    """Hand a letter over. Raises NotSent; for good when the address or the letter itself was refused."""
    try:
        message_of(email).send()
    except smtplib.SMTPRecipientsRefused as refusal:
        codes = [code for code, _ in refusal.recipients.values()]
        raise NotSent(f"The address was refused ({codes[0]}).", permanent=min(codes) >= 500) from None
    except smtplib.SMTPDataError as refusal:
        raise NotSent(f"The letter was refused: {_said(refusal)}", permanent=refusal.smtp_code >= 500) from None
    except smtplib.SMTPResponseException as refusal:
        raise NotSent(f"The mail server refused: {_said(refusal)}") from None
    except OSError as error:
        raise NotSent(f"The mail server was not reached: {error.__class__.__name__}: {error}") from None
    except ValueError as error:
        raise NotSent(f"The letter cannot be written: {error}", permanent=True) from None


def page_of_call(call_id: int) -> str:
    """The address of a call in the admin, for letters; blank without PUBLIC_BASE_URL."""
    if not settings.PUBLIC_BASE_URL:
        return ""
    return settings.PUBLIC_BASE_URL.rstrip("/") + reverse("admin:calls_call_change", args=[call_id])


def message_of(email: OutgoingEmail) -> EmailMultiAlternatives:
    business = email.business
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    message = EmailMultiAlternatives(
        subject=email.subject,
        body=email.body,
        from_email=formataddr((" ".join(business.name.split()), sender)),
        to=[email.to],
        reply_to=[business.email] if business.email else None,
        headers={"Message-ID": f"<{name_of(email)}@{sender.rpartition('@')[2] or 'localhost'}>"},
    )
    if email.html:
        message.attach_alternative(email.html, "text/html")
    if email.calendar:
        message.attach("appointment.ics", email.calendar, "text/calendar")
    return message


def name_of(email: OutgoingEmail) -> str:
    """The same for the same letter, however often it is tried."""
    return f"{_UNSAFE.sub('_', email.purpose)}-{email.pk}-{hashlib.sha256(email.key.encode()).hexdigest()[:12]}"


def path_of(email: OutgoingEmail) -> Path | None:
    """The file that a letter became; None when letters go to a mail server or the console."""
    connection = get_connection()
    return connection.folder / f"{name_of(email)}.eml" if isinstance(connection, FolderBackend) else None


class FolderBackend(BaseEmailBackend):
    """Writes each message to a file of its own, which any mail program opens: for development and demonstrations."""

    @property
    def folder(self) -> Path:
        return Path(settings.EMAIL_FILE_PATH)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            self._write(message)
        return len(email_messages)

    def _write(self, message: EmailMessage) -> None:
        document = message.message()
        name = _UNSAFE.sub("_", str(document["Message-ID"] or make_msgid()).strip("<>").rpartition("@")[0])
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f".{name}.{os.getpid()}"
        unfinished.write_bytes(document.as_bytes(linesep="\r\n"))
        unfinished.replace(self.folder / f"{name}.eml")


def _said(refusal: smtplib.SMTPResponseException) -> str:
    text = refusal.smtp_error
    return f"{refusal.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
