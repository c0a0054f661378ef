"""Would a letter leave? The mail server is asked, up to the login; no letter is sent."""

import smtplib
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import get_connection

from calls.doctor.aside import aside
from calls.doctor.findings import FAIL, OK, WARN, Finding, saying
from calls.doctor.machine import room_mb
from calls.doctor.visit import Visit

STEP_SECONDS = 3
_MEANS = "Quotes, confirmations and alerts wait and are given up after some hours: callers get none."
_ENTER = "EMAIL_URL=smtp+tls://user:password@host:587 in .env, then restart the server."
_HOST = f"Correct the host and the port in {_ENTER}"
_LOGIN = f"Correct user and password (@ is written %40; some providers want a password of its own) in {_ENTER}"


async def email(visit: Visit) -> list[Finding]:
    """The mail server takes us in, or the folder of letters can be written to."""
    said = saying("email", "E-mail")
    if folder := visit.site.letters_folder:
        return [await _folder(folder)]
    if not visit.site.mail_server:
        return [said(OK, f"{settings.EMAIL_BACKEND.rpartition('.')[0].rpartition('.')[2]}: no mail server is asked")]
    where = f"{visit.site.mail_server}:{settings.EMAIL_PORT}"
    try:
        await aside(_say_hello)
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        seen, remedy = _why(error)
        return [said(FAIL, f"{where}: {seen}", _MEANS, remedy)]
    if not settings.EMAIL_USE_TLS and not settings.EMAIL_USE_SSL and settings.EMAIL_HOST_USER:
        means = "User, password and letters cross the network in the clear."
        return [said(WARN, f"{where} takes letters, without TLS", means, f"Ask for TLS: {_ENTER}")]
    return [said(OK, f"{where} takes letters{', the login is accepted' if settings.EMAIL_HOST_USER else ''}")]


async def _folder(folder: str) -> Finding:
    said = saying("email", "E-mail")
    try:
        await aside(room_mb, Path(folder))
    except OSError as error:
        seen = f"{folder} cannot be written to: {error.strerror or type(error).__name__}"
        return said(FAIL, seen, _MEANS, f"Let the user of the server write there: chown or chmod {folder}.")
    return said(OK, f"letters become files in {folder}")


def _say_hello() -> None:
    """Connect, ask for TLS and log in as a worker does for each letter. Raises OSError or SMTPException."""
    mail: Any = get_connection(timeout=STEP_SECONDS)
    try:
        mail.open()
    finally:
        mail.close()


def _why(error: Exception) -> tuple[str, str]:
    for kind, cause in _CAUSES.items():
        if isinstance(error, kind):
            return cause
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answers {error.smtp_code}", _HOST
    return f"it was not reached ({type(error).__name__})", _HOST


_NO_NAME = ("the name is not known to the name server", _HOST)
_CAUSES: Mapping[type[Exception], tuple[str, str]] = {
    smtplib.SMTPAuthenticationError: ("user or password is not accepted", _LOGIN),
    smtplib.SMTPNotSupportedError: ("it offers no TLS, or no login", f"Look at the port: 587 or 465, in {_ENTER}"),
    smtplib.SMTPServerDisconnected: ("it says nothing, or hangs up", f"On port 465 write smtps:// instead. {_HOST}"),
    ssl.SSLCertVerificationError: ("its certificate is not valid", "Name it as its certificate does: " + _HOST),
    ssl.SSLError: ("it speaks no TLS there", f"On port 587 write smtp+tls://, on 465 smtps://. {_HOST}"),
    socket.gaierror: _NO_NAME,
    UnicodeError: _NO_NAME,
    ConnectionRefusedError: ("it refuses the connection: no mail server listens there", _HOST),
    TimeoutError: (f"no answer within {STEP_SECONDS} s", f"Many hosts block port 25: use 587 or 465. {_HOST}"),
}
