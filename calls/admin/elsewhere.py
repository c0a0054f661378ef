"""The hand-over that works while this server does not: a text for Twilio to keep, since a fallback address on the same
host is off when the host is."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string

from calls.domain.handover import person_to_dial
from calls.models import PhoneLine


def bin_text(line: PhoneLine) -> str:
    """The TwiML to paste into a TwiML Bin: a sentence, a person, a voicemail.

    The person's telephone shows our line: a hidden caller could not be shown, and a Bin cannot tell one from another.
    """
    number = person_to_dial(business=line.business, default_number=settings.HANDOVER_NUMBER, called=line.number)
    business = re.sub(r"[{}]", "", line.business.name)  # a Bin is a Mustache template
    text = render_to_string("calls/bin.xml", {"business": business, "number": number, "caller_id": line.number})
    return "\n".join(row for row in text.splitlines() if row.strip())


def check_address(url: str) -> None:
    """Raises ValidationError for an address that is off when this server is, or that Twilio would not ask."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise ValidationError("Enter the address as Twilio shows it; it begins with https://.", code="not_https")
    if parts.hostname == urlsplit(settings.PUBLIC_BASE_URL).hostname:
        raise ValidationError(
            "%(host)s is this server: while it is off, nobody answers there. Enter the address of a TwiML Bin.",
            code="same_host",
            params={"host": parts.hostname},
        )
