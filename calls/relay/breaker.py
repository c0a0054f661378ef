"""Whether OpenAI is worth a try: one breaker for all calls of the process with the same key, address and model.

It opens at once for what no second try mends, and after several calls in a short while for what may pass. While it is
open nobody connects: a key that is wrong costs one failed call, and every other caller reaches a person at once. Later
one call tries, and its success or failure decides for all. All moments are seconds of one clock of the process.
"""

import time
from dataclasses import dataclass, field

from calls.realtime.reasons import RULES, Course, Reason, Scope

FATAL_SECONDS = 30.0
PASSING_SECONDS = 10.0
LONGEST_SECONDS = 120.0  # however long the other side wants to be left alone
FAILURES = 4
WITHIN_SECONDS = 30.0
TRIAL_SECONDS = 20.0  # a trial that has neither failed nor succeeded by then is forgotten


class Breaker:
    """Closed: everybody connects. Open until a moment: nobody. From then on one call at a time tries."""

    def __init__(self) -> None:
        self._reason: Reason | None = None
        self._until = 0.0
        self._trial_until = 0.0
        self._failures: list[float] = []

    def failed(self, reason: Reason, now: float, *, retry_after: float = 0.0) -> None:
        """A call could not connect, or lost its session for a reason that concerns others."""
        is_fatal = RULES[reason].course is Course.FATAL
        self._failures = [at for at in self._failures if now - at < WITHIN_SECONDS] + [now]
        if self._reason is None and not (is_fatal or retry_after or len(self._failures) >= FAILURES):
            return
        self._reason = reason
        seconds = min(max(FATAL_SECONDS if is_fatal else PASSING_SECONDS, retry_after), LONGEST_SECONDS)
        self._until, self._trial_until = now + seconds, 0.0

    def succeeded(self, *, speaks: bool) -> None:
        """A session is ready, or even speaks: without credit OpenAI configures a session and then never speaks."""
        if speaks or self._reason is not Reason.QUOTA:
            self._reason, self._trial_until = None, 0.0
            self._failures.clear()

    def refusal(self, now: float) -> Reason | None:
        """Why a new call need not try just now; None when it may."""
        return self._reason if self._reason and now < max(self._until, self._trial_until) else None

    def enter(self, now: float) -> Reason | None:
        """As `refusal`, for a call that connects if it may: where the breaker was open, it is the trial."""
        if refusal := self.refusal(now):
            return refusal
        if self._reason is not None:
            self._trial_until = now + TRIAL_SECONDS
        return None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a session is opened, with which key, for which model."""

    url: str
    key: str = field(repr=False)
    model: str


_accounts: dict[tuple[str, str], Breaker] = {}
_models: dict[Address, Breaker] = {}


def _both(address: Address) -> tuple[Breaker, Breaker]:
    account = _accounts.setdefault((address.url, address.key), Breaker())
    return account, _models.setdefault(address, Breaker())


def clock(rate: float) -> float:
    """The moment now, on the clock that all calls of the process share; it runs at their rate."""
    return time.monotonic() * rate


def failed(address: Address, reason: Reason, now: float, *, retry_after: float = 0.0) -> None:
    scope = RULES[reason].scope
    account, model = _both(address)
    if scope is not None:
        (model if scope is Scope.MODEL else account).failed(reason, now, retry_after=retry_after)


def succeeded(address: Address, *, speaks: bool) -> None:
    for one in _both(address):
        one.succeeded(speaks=speaks)


def enter(address: Address, now: float) -> Reason | None:
    """Why this call shall not connect; None when it shall, and then it tells `failed` or `succeeded`."""
    account, model = _both(address)
    return model.refusal(now) or account.enter(now) or model.enter(now)


def refusal(url: str, key: str, now: float) -> Reason | None:
    """Why no call at all need be let in, whatever its model."""
    breaker = _accounts.get((url, key))
    return breaker.refusal(now) if breaker else None


def refused_models(url: str, key: str, now: float) -> frozenset[str]:
    """The models for which a call need not be let in."""
    refused = (a.model for a, breaker in _models.items() if (a.url, a.key) == (url, key) and breaker.refusal(now))
    return frozenset(refused)


def forget() -> None:
    """As if nobody had ever connected; for tests."""
    _accounts.clear()
    _models.clear()
