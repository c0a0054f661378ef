"""The thread pools of the process through which calls and webhooks use the ORM.

Channels' default is one thread shared by everything that is "thread sensitive": a slow query of one call would then
stand before the audio of all others. `run` is for webhooks, admission and tools, `run_journal` for the journal, whose
one thread keeps the records of each call in order, and `run_at_the_door` for streams that nobody here has announced.

A connection is closed after each use, or kept as long as `?conn_max_age=` in DATABASE_URL says: then at most one for
each thread here, tried before it is used again, so that a database that was restarted costs no call.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async

P = ParamSpec("P")
T = TypeVar("T")

_pool = ThreadPoolExecutor(8, thread_name_prefix="database")
_journal = ThreadPoolExecutor(1, thread_name_prefix="journal")
_door = ThreadPoolExecutor(1, thread_name_prefix="door")


def configure(*, threads: int) -> None:
    """Size the pool of `run`; called once, when the app is ready."""
    global _pool
    _pool = ThreadPoolExecutor(threads, thread_name_prefix="database")


async def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in the pool of webhooks, admission and tools; what it raises is raised here."""
    return await database_sync_to_async(function, thread_sensitive=False, executor=_pool)(*args, **kwargs)


async def run_journal(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in the journal's single thread."""
    return await database_sync_to_async(function, thread_sensitive=False, executor=_journal)(*args, **kwargs)


async def run_at_the_door(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in a single thread, behind which strangers wait for one another and for nobody else."""
    return await database_sync_to_async(function, thread_sensitive=False, executor=_door)(*args, **kwargs)
