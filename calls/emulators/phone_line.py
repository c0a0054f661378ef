"""The telephone line of one call: its time, its receiver, and the record that is kept of it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Literal

from calls.emulators.phone_result import CallResult, Piece, Source

Event = Callable[[str, Any], None]
MOST_VIOLATIONS = 100


class HungUp(Exception):
    """The caller has put the receiver down."""


class Line:
    """Time runs `rate` times as fast as on the wall; everything else here counts in milliseconds of the call."""

    def __init__(self, result: CallResult, *, rate: float, on_event: Event | None = None) -> None:
        self.result = result
        self.rate = rate
        self.on_event = on_event
        self.receiver_down = False
        self._sleepers: set[asyncio.Future[None]] = set()
        self._zero = time.monotonic()

    @property
    def now_ms(self) -> float:
        return (time.monotonic() - self._zero) * 1000 * self.rate

    def tell(self, kind: str, detail: Any = "") -> None:
        if self.on_event is not None:
            self.on_event(kind, detail)

    def blame(self, violation: str) -> None:
        """Note something that Twilio would put into the account's list of errors and warnings."""
        violations = self.result.protocol_violations
        if violation not in violations and len(violations) < MOST_VIOLATIONS:
            violations.append(violation)
            self.tell("violation", violation)

    def hear(self, at_ms: float, payload: bytes, source: Source) -> None:
        self.result.ear.append(Piece(round(at_ms), payload, source))

    def speak(self, at_ms: float, payload: bytes) -> None:
        self.result.mouth.append(Piece(round(at_ms), payload, "caller"))

    def hang_up(self, by: Literal["caller", "limit"] = "caller") -> None:
        if self.receiver_down:
            return
        self.result.ended_by = by
        self.receiver_down = True
        for sleeper in self._sleepers:
            _wake(sleeper)
        self.tell("hang-up", by)

    def check(self) -> None:
        """Raise HungUp when nobody is there any more."""
        if self.receiver_down:
            raise HungUp

    async def pause(self, ms: float) -> None:
        """Let time pass; raises HungUp as soon as the receiver is down."""
        await self.until(self.now_ms + ms)

    async def until(self, at_ms: float) -> None:
        self.check()
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[None] = loop.create_future()
        alarm = loop.call_later(self._seconds_until(at_ms), _wake, sleeper)
        self._sleepers.add(sleeper)
        try:
            await sleeper
        finally:
            alarm.cancel()
            self._sleepers.discard(sleeper)
        self.check()

    async def tick_at(self, at_ms: float) -> None:
        """Sleep to a moment whatever happens; always lets others run, also when it is late."""
        await asyncio.sleep(self._seconds_until(at_ms))

    def _seconds_until(self, at_ms: float) -> float:
        return max(0.0, (at_ms - self.now_ms) / 1000 / self.rate)


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
