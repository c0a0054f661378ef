"""Run what may block (a name server, a database that does not answer) where it can be left behind.

A pool's threads are waited for when the process ends, and the calls' own pools must stay free for calls. A daemon
thread can be abandoned: the diagnosis goes on and the command ends on time.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from django.db import OperationalError, connections

T = TypeVar("T")


class NoAnswer(OperationalError):
    """The database did not answer in time."""


async def aside(function: Callable[..., T], *args: object) -> T:
    """What `function` returns or raises, from a thread that nobody waits for once this is canceled."""
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # from here on a cancellation leaves the thread alone

    def work() -> None:
        try:
            outcome.set_result(function(*args))
        except Exception as error:  # not swallowed: it is raised where this is awaited
            outcome.set_exception(error)

    threading.Thread(target=work, name="doctor", daemon=True).start()
    return await asyncio.wrap_future(outcome)


async def in_database(function: Callable[..., T], *args: object, seconds: float | None = None) -> T:
    """The same for what uses the ORM: over a connection of its own, which ends with it.

    Raises what `function` raises, and NoAnswer when there is none within `seconds`.
    """

    def use() -> T:
        try:
            return function(*args)
        finally:
            connections.close_all()  # of this thread, which ends now

    try:
        async with asyncio.timeout(seconds):
            return await aside(use)
    except TimeoutError:
        raise NoAnswer(f"no answer within {seconds} s") from None
