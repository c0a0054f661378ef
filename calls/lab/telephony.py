"""Twilio's REST interface, played by an emulator on a loop and in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from calls.emulators.twilio_api import TwilioApi

ANSWER_SECONDS = 30

T = TypeVar("T")


@contextmanager
def in_background(**options: Any) -> Iterator[TwilioApi]:
    """An emulator that answers while whoever asks it blocks; `options` are those of TwilioApi."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="twilio-emulator", daemon=True)
    thread.start()

    def do(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(ANSWER_SECONDS)

    async def started() -> TwilioApi:
        api = TwilioApi(**options)
        await api.start()
        return api

    try:
        api = do(started())
        try:
            yield api
        finally:
            do(api.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
