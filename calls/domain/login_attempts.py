"""How often somebody may try to log in: buckets of attempts that empty with each try and fill again with time.

One for the name at its address, one for the address, one for the name from wherever it is tried. The last would let a
stranger keep the owner out; so it does not count at an address from which the name has logged in before.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from calls.models import LoginBucket

KNOWN_FOR = timedelta(days=90)
NO_WAIT = timedelta()


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many attempts, and one more after each pause."""

    attempts: int
    pause: timedelta

    def wait(self, full_at: datetime, now: datetime) -> timedelta:
        """How long until the next attempt; nothing when there is one left."""
        return max(NO_WAIT, full_at + self.pause - now - self.attempts * self.pause)


HERE = Bucket(10, timedelta(minutes=1))
ADDRESS = Bucket(20, timedelta(minutes=1))
NAME = Bucket(50, timedelta(minutes=1))


@transaction.atomic
def take_attempt(*, name: str, address: str, now: datetime) -> timedelta:
    """Take one attempt, before the password is looked at, so that many at once gain nothing.

    What is returned has to pass before there is one; then nothing was taken, and waiting is all it needs.
    """
    forget_old(now=now)
    rows = _rows(name, address, now)
    here = rows[HERE]
    if here.known_until and here.known_until > now:
        del rows[NAME]
    wait = max(bucket.wait(row.full_at, now) for bucket, row in rows.items())
    if wait == NO_WAIT:
        for bucket, row in rows.items():
            row.full_at = max(row.full_at, now) + bucket.pause
            row.save(update_fields=["full_at"])
    return wait


@transaction.atomic
def note_success(*, name: str, address: str, now: datetime) -> None:
    """The password was right: what the attempts have taken is given back, and the name is known at the address."""
    rows = _rows(name, address, now)
    rows[HERE].full_at, rows[HERE].known_until = now, now + KNOWN_FOR
    for bucket in (ADDRESS, NAME):
        rows[bucket].full_at = max(now, rows[bucket].full_at - bucket.pause)
    for row in rows.values():
        row.save(update_fields=["full_at", "known_until"])


def forget_old(*, now: datetime) -> None:
    """Buckets that are full again say nothing; a stranger who makes up names fills no table."""
    over = Q(known_until=None) | Q(known_until__lt=now)
    LoginBucket.objects.filter(over, full_at__lt=now).delete()


def _rows(name: str, address: str, now: datetime) -> dict[Bucket, LoginBucket]:
    """The three rows, locked; always in the same order."""
    name, place = name.strip().casefold(), network(address)
    keys = {HERE: f"here|{name}|{place}", ADDRESS: f"address|{place}", NAME: f"name|{name}"}
    return {bucket: _row(text, now) for bucket, text in keys.items()}


def _row(text: str, now: datetime) -> LoginBucket:
    key = hashlib.sha256(text.encode()).hexdigest()
    row, _ = LoginBucket.objects.select_for_update().get_or_create(key=key, defaults={"full_at": now})
    return row


def network(address: str) -> str:
    """The address, or the network of an IPv6 address: whoever has one of those has billions."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
