"""Run what may block (a name server, a database that does not answer) where it can be left behind.

A pool's threads are waited for when the process ends, and the calls' own pools must stay free for calls. A daemon
thread can be abandoned: the diagnosis goes on and the command ends on time.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


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


async def in_database(function: Callable[..., T], *args: object) -> T:
    """The same for what uses the ORM: over a connection of its own, which ends with it."""

    def use() -> T:
        try:
            return function(*args)
        finally:
            connections.close_all()  # of this thread, which ends now

    return await aside(use)
