"""The servers that carry calls: who lives, and who is dead. What becomes of the calls of the dead: cut_off.py."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from calls.models import Server

Ending = Server.Ending

SILENT_AFTER = timedelta(seconds=60)
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Process:
    """A server as its system knows it. Two `machine`s are equal where a `pid` of one can be looked up by the other;
    `began` tells it from a later process with the same pid, 0 where that is not known."""

    instance: str
    host: str
    machine: str
    pid: int
    began: int
    version: str


def id_of(instance: str) -> int | None:
    """The row of a server; None while it has none."""
    return Server.objects.filter(instance=instance).values_list("pk", flat=True).first() if instance else None


def beat(*, process: Process, started_at: datetime, now: datetime) -> None:
    """The server lives; whoever took it for dead was wrong."""
    if Server.objects.filter(instance=process.instance).update(heartbeat_at=now, ended_at=None, ending=""):
        return
    told = {"host": process.host, "machine": process.machine, "pid": process.pid, "pid_began": process.began}
    moments = {"started_at": started_at, "heartbeat_at": now}
    Server.objects.get_or_create(instance=process.instance, defaults=told | moments | {"version": process.version})


def stop(*, instance: str, now: datetime) -> None:
    """The server ends by its own will, and its calls have ended before."""
    Server.objects.filter(instance=instance).update(heartbeat_at=now, ended_at=now, ending=Ending.STOPPED)


def neighbors(*, me: Process) -> list[Server]:
    """The other servers that have not ended."""
    return list(Server.objects.filter(ended_at=None).exclude(instance=me.instance).order_by("pk"))


def is_running(server: Server, *, me: Process, runs: Callable[[int, int], bool]) -> bool | None:
    """Whether its process runs; None where that cannot be seen, so that only its silence may tell."""
    if server.machine != me.machine:
        return None
    if (server.pid, server.pid_began) == (me.pid, me.began) or not runs(server.pid, server.pid_began):
        return False
    return True if server.pid_began else None


def is_silent(server: Server, *, now: datetime) -> bool:
    return now - server.heartbeat_at > SILENT_AFTER


def bury(server: Server, *, ending: str) -> bool:
    """Write down that a server is dead. False when it has spoken since, or somebody else was faster."""
    unchanged = Server.objects.filter(pk=server.pk, ended_at=None, heartbeat_at=server.heartbeat_at)
    return unchanged.update(ended_at=server.heartbeat_at, ending=ending) == 1


def forget_old(*, now: datetime) -> None:
    Server.objects.filter(ended_at__lt=now - KEPT).delete()
