"""The login of the admin, with a limit to guessing."""

import ipaddress
import logging
import math
from collections.abc import Mapping
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.utils import timezone

from calls.domain import login_attempts

logger = logging.getLogger(__name__)


class LimitedLoginForm(AdminAuthenticationForm):
    def clean(self) -> dict[str, Any]:
        name, password = (self.cleaned_data.get(field) for field in ("username", "password"))
        if not name or not password:
            return super().clean()
        whose = {"name": name, "address": address_of(self.request.META)}
        if wait := login_attempts.take_attempt(**whose, now=timezone.now()):
            logger.warning("too many failed logins")
            minutes = math.ceil(wait.total_seconds() / 60)
            raise ValidationError(
                "Too many attempts. Try again in %(minutes)s min.", code="too_many", params={"minutes": minutes}
            )
        cleaned = super().clean()
        login_attempts.note_success(**whose, now=timezone.now())
        return cleaned


def address_of(meta: Mapping[str, str]) -> str:
    """Who asks. A proxy on this machine or network adds the address that it saw at the end of X-Forwarded-For; from
    anybody else that header is only a claim."""
    peer = meta.get("REMOTE_ADDR", "")
    seen = meta.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    return seen if _is_inside(peer) and _is_address(seen) else peer


def _is_inside(text: str) -> bool:
    return _is_address(text) and not ipaddress.ip_address(text).is_global


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
