"""Listens to the caller's own words for danger, beside the model, which may fail to hear it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from django.utils import timezone

from calls.domain import alarm
from calls.domain.emergency_words import words_alarm
from calls.domain.streams import AdmittedStream

ALARM_WITHIN = 1.0
"""Seconds that a caller in danger waits for the database before hearing how to be safe."""


async def heed(
    text: str,
    admitted: AdmittedStream,
    *,
    persist: Callable[[Callable[[], Any]], Awaitable[Any]],
    advise: Callable[[str], None],
) -> None:
    """Raise an emergency if these words mean one, and tell the model. `persist` writes what must not be lost."""
    kind = await asyncio.to_thread(words_alarm, text)
    if kind is None:
        return
    write = partial(alarm.raise_alarm, call_id=admitted.call_id, kind=kind, text=text, now=timezone.now())
    raising = asyncio.ensure_future(persist(write))
    done, _ = await asyncio.wait({raising}, timeout=ALARM_WITHIN)
    if not done:
        advise(alarm.warning(kind=kind, emergency_number=admitted.emergency_number))
    if (advice := await raising) and done:
        advise(advice)
