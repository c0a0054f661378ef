"""How late the loop is that all calls share: what holds it up, holds up the sound of every caller."""

import logging
import time
from collections.abc import Callable

WORTH_TELLING_MS = 100
"""Five frames of sound; what a busy machine adds by itself is less. A loop held up for 200 ms is at least so late at
the next of ticks that are 100 ms apart."""
TELL_SECONDS = 10.0

logger = logging.getLogger(__name__)


class LoopLag:
    """`tick` is called by the loop itself, every `every` seconds when nothing holds it up."""

    def __init__(self, *, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._last: float | None = None
        self._told: float | None = None
        self._worst_ms = 0

    def tick(self) -> None:
        """Measure; what was worst since the last line is told, at most every TELL_SECONDS."""
        now = self._clock()
        last, self._last = self._last, now
        if last is None:
            return
        late_ms = round((now - last - self._every) * 1000)
        if late_ms >= WORTH_TELLING_MS:
            self._worst_ms = max(self._worst_ms, late_ms)
        if self._worst_ms and (self._told is None or now - self._told >= TELL_SECONDS):
            logger.warning("the loop was held up", extra={"ms": self._worst_ms})
            self._worst_ms, self._told = 0, now
