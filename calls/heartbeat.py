"""This process among the servers: it says that it lives, and looks after the calls of those that do not.

Both happen in threads of their own, in the pool of the database and never on the loop. A beat every few seconds; a look
at the neighbors at the start and every minute. One that surely died (its process is gone) is buried at once. Of one on
another machine only silence tells: it has to be old by the clock, and to last while somebody watches, so that neither a
clock that is wrong nor a database that was away for everybody makes a living server dead.
"""

import hashlib
import logging
import os
import socket
import threading
import time
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import Error, connections
from django.utils import timezone

from calls import database, telephone
from calls.domain import cut_off, servers
from calls.domain.servers import Process
from calls.models import Server
from calls.relay import live

BEAT_SECONDS = 5.0
LOOK_SECONDS = 60.0
WATCH_SECONDS = 20.0
STOP_SECONDS = 1.0
FIRST_BEAT_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Heartbeat:
    """`start` needs to be called once, by whoever serves, and `stop` when its calls have ended."""

    def __init__(
        self,
        process: Callable[[], Process],
        *,
        beat_seconds: float = BEAT_SECONDS,
        look_seconds: float = LOOK_SECONDS,
        watch_seconds: float = WATCH_SECONDS,
    ) -> None:
        self._process = process
        self._beat_seconds = beat_seconds
        self._look_seconds = look_seconds
        self._watch_seconds = watch_seconds
        self._watched: dict[str, tuple[object, float]] = {}  # by instance: its last beat, and since when it is that
        self._failing: set[str] = set()
        self._begun = threading.Event()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for work, name in ((self._beat_on, "heartbeat"), (self._look_on, "neighbors"))
        ]

    def start(self, *, wait: bool = False) -> None:
        """`wait`: until the servers know of this one, or the database takes too long for that."""
        self._started_at = timezone.now()
        for thread in self._threads:
            thread.start()
        if wait:
            self._begun.wait(FIRST_BEAT_SECONDS)

    def stop(self) -> None:
        """Say that this server ends by its own will, if the database takes it at once."""
        self._over.set()
        for thread in self._threads:
            thread.join(STOP_SECONDS)
        ending = threading.Thread(target=self._end, name="last heartbeat", daemon=True)
        ending.start()
        ending.join(STOP_SECONDS)

    def beat(self) -> None:
        self._ask(servers.beat, process=self._process(), started_at=self._started_at, now=timezone.now())
        self._begun.set()

    def look(self) -> float:
        """Bury who is dead, and close their calls; gives the seconds until the next look."""
        me, suspects = self._process(), 0
        neighbors: list[Server] = self._ask(servers.neighbors, me=me)
        known = {server.instance for server in neighbors}
        self._watched = {instance: seen for instance, seen in self._watched.items() if instance in known}
        for server in neighbors:
            is_alive = servers.is_running(server, me=me, runs=is_running)
            if is_alive is False:
                self._bury(server, Server.Ending.GONE)
            elif is_alive is None and self._is_silent(server):
                self._bury(server, Server.Ending.SILENT)
            elif is_alive is None:
                suspects += servers.is_silent(server, now=timezone.now())
        has_closed = self._close_calls()
        self._ask(servers.forget_old, now=timezone.now())
        return self._watch_seconds if suspects or has_closed else self._look_seconds

    def _is_silent(self, server: Server) -> bool:
        last, since = self._watched.get(server.instance, (None, 0.0))
        if last != server.heartbeat_at:
            last, since = self._watched[server.instance] = server.heartbeat_at, time.monotonic()
        is_old = servers.is_silent(server, now=timezone.now())
        return is_old and time.monotonic() - since >= self._watch_seconds

    def _bury(self, server: Server, ending: str) -> None:
        if self._ask(servers.bury, server, ending=ending):
            about = {"instance": server.instance, "host": server.host, "pid": server.pid, "ending": ending}
            logger.warning("a server is dead", extra=about)

    def _close_calls(self) -> bool:
        """Whether there were any whose streams were open."""
        is_asked = telephone.is_equipped()
        me = self._process().instance
        for call_sid in self._ask(cut_off.close_strays, instance=me, carried=live.stream_sids(), now=timezone.now()):
            logger.warning("a call was over long ago", extra={"call_sid": call_sid})
        closed = self._ask(cut_off.close_streams, is_asked=is_asked, now=timezone.now())
        for call_sid in closed:
            logger.warning("a call was cut off with its server", extra={"call_sid": call_sid})
        self._ask(cut_off.conclude_left, now=timezone.now())
        if not is_asked:
            self._ask(cut_off.settle_untold, now=timezone.now())
        for call_sid in self._ask(cut_off.unsettled) if is_asked else ():
            if not self._over.is_set():
                self._settle(call_sid)
        return bool(closed)

    @staticmethod
    def _settle(call_sid: str) -> None:
        """In this thread: asking Twilio takes its time, and the pool is for calls."""
        try:
            look_up = telephone.telephone().look_up
            if cut_off.settle(call_sid=call_sid, look_up=look_up, now=timezone.now()):
                logger.info("the end of a call was looked up", extra={"call_sid": call_sid})
        finally:
            connections.close_all()

    def _beat_on(self) -> None:
        while not self._over.is_set():
            self._try("beat", self.beat)
            self._over.wait(self._beat_seconds)

    def _look_on(self) -> None:
        self._begun.wait(FIRST_BEAT_SECONDS)
        while not self._over.is_set():
            self._over.wait(self._try("look", self.look) or self._beat_seconds)

    def _end(self) -> None:
        self._try("end", lambda: self._ask(servers.stop, instance=self._process().instance, now=timezone.now()))

    def _try(self, name: str, work: Callable[[], Any]) -> Any:
        """None when it failed; said once for each time."""
        try:
            answer = work()
        except Exception as error:
            # Bulkhead: without a heartbeat others take this server for dead, and nobody looks after those that are.
            if name not in self._failing:
                is_away = isinstance(error, Error | ObjectDoesNotExist)
                about = {"work": name, "error": type(error).__name__}
                logger.warning("no heartbeat in the database", extra=about, exc_info=None if is_away else error)
            self._failing.add(name)
            return None
        self._failing.discard(name)
        return answer

    @staticmethod
    def _ask(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return async_to_sync(database.run)(function, *args, **kwargs)


def is_running(pid: int, began: int) -> bool:
    """Whether the process of that id and beginning (0: not known) runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's
    state, since = _stat(pid)
    return state not in {"Z", "X"} and (not began or not since or since == began)


def _stat(pid: int) -> tuple[str, int]:
    """State and beginning of a process, in ticks since its system began; blank and 0 where that cannot be seen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, ValueError, IndexError):
        return "", 0


def _machine() -> str:
    """Names the table of processes that a pid stands in: two containers of one host have two."""
    parts = [socket.gethostname()]
    for read in (lambda: Path("/proc/sys/kernel/random/boot_id").read_text(), lambda: os.readlink("/proc/self/ns/pid")):
        try:
            parts.append(read().strip())
        except OSError:
            parts.append("")
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]


@cache
def this_process() -> Process:
    return Process(
        instance=settings.INSTANCE_ID,
        host=socket.gethostname(),
        machine=_machine(),
        pid=os.getpid(),
        began=_stat(os.getpid())[1],
        version=_version(),
    )


def _version() -> str:
    try:
        return str(tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"])
    except (OSError, ValueError, KeyError):
        return ""


heartbeat = Heartbeat(this_process)
