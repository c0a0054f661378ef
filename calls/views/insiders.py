"""Who is told what is wrong with this server: staff, whoever holds the token, and the doctor beside it.

Without a database the token still opens: what is wrong may be the database.
"""

import math
import secrets
import time
from collections import defaultdict
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest

from calls.admin.login import address_of
from calls.doctor import introduction
from calls.domain.login_attempts import network

MOST_ADDRESSES = 1000


class Guesses:
    """So many wrong tokens of one address in a time: after that none of its tokens is looked at, the right one neither,
    else guessing would go on."""

    def __init__(self, most: int = 10, *, seconds: float = 60, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._wrong: defaultdict[str, list[float]] = defaultdict(list)

    def wait(self, address: str) -> int:
        """0 when one more token is looked at, else the seconds to wait."""
        now = self._clock()
        recent = [at for at in self._wrong.pop(address, []) if now - at < self._seconds]
        if recent:
            self._wrong[address] = recent
        return math.ceil(recent[0] + self._seconds - now) if len(recent) >= self._most else 0

    def was_wrong(self, address: str) -> None:
        self._wrong[address].append(self._clock())
        if len(self._wrong) > MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]


guesses = Guesses()


def bearer(request: HttpRequest) -> str | None:
    """The token that a request brings, in a header alone: an address ends up in logs. None when it brings none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def wait_for(request: HttpRequest) -> int:
    """0 when a token of whoever asks is looked at, else the seconds until it is."""
    return guesses.wait(network(address_of(request.META)))


def is_token(request: HttpRequest, token: str) -> bool:
    """Whether it is DIAGNOSTIC_TOKEN; to be asked only when there is nothing to `wait_for`."""
    wanted = settings.DIAGNOSTIC_TOKEN
    if wanted and secrets.compare_digest(token.encode(), wanted.encode()):
        return True
    guesses.was_wrong(network(address_of(request.META)))
    return False


async def is_staff(request: HttpRequest) -> bool:
    user = await request.auser()
    return user.is_active and user.is_staff


async def is_insider(request: HttpRequest) -> bool:
    """Whether who asks may know why this server is not ready: False where that cannot be found out."""
    token = bearer(request)
    if token is not None:
        if introduction.is_one(token):  # no guess, also from a doctor with another SECRET_KEY
            return introduction.is_good(token, settings.SECRET_KEY)
        return not wait_for(request) and is_token(request, token)
    try:
        return await is_staff(request)
    except DatabaseError:
        return False
