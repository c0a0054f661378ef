"""Calls that were answered while the database was away: remembered, and written down as soon as it is back.

Without this nobody would ever learn of them: by then Twilio has nothing more to tell.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import DatabaseError, InterfaceError

from calls import database
from calls.domain import progress
from calls.domain.decisions import Leg

MOST = 1000
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0

logger = logging.getLogger(__name__)

_missed: OrderedDict[str, Callable[[], None]] = OrderedDict()
_writing: asyncio.Task[None] | None = None


def remember(*, leg: Leg, webhook: str, answer: str, because: str, at: datetime) -> None:
    """Have it written down that `webhook` came `at` and got its `answer` without records; `because` is the kind of the
    error, never its message. Of a call the first counts."""
    write = partial(progress.note_missed, leg=leg, webhook=webhook, answer=answer, because=because, at=at)
    _missed.setdefault(leg.call_sid, write)
    while len(_missed) > MOST:
        _missed.popitem(last=False)
    global _writing
    if _writing is None or _writing.done():
        _writing = asyncio.create_task(_write_down(), name="missed calls")


def forget() -> None:
    """For tests: nothing was missed."""
    _missed.clear()


async def _write_down() -> None:
    pause = FIRST_PAUSE
    while _missed:
        await asyncio.sleep(pause)
        call_sid, write = next(iter(_missed.items()))
        try:
            await database.run(write)
        except (DatabaseError, InterfaceError):
            pause = min(2 * pause, LONGEST_PAUSE)
            continue
        _missed.pop(call_sid, None)
        pause = 0.0
        logger.info("a call that the database had missed is written down", extra={"call_sid": call_sid})
