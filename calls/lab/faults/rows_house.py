"""Rows D and P: the database, the disk, and what is asked of the process. Its end: rows_process.py."""

import resource
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from calls.lab import scratch
from calls.lab.faults.rows_openai import TALK, talked
from calls.lab.faults.stage import House, Rung, Stage, story
from calls.lab.faults.table import Row, Seen, judged
from calls.lab.processes import ChildFailed, status_of

HEARD = "ended, caller_hangup"
LONG_TALK = """
- agent: {text: "How can I help?"}
- say: {text: "Please take a message for the owner."}
- agent: {tool: take_message, arguments: {caller_name: Ann, text: "The tap drips."}}
- agent: {text: "I have noted it. Is there anything else?"}
- say: {text: "No, thank you."}
- agent: {text: "Goodbye, then."}
- hang_up: true
"""
NOTED = ["agent", "caller", "agent", "caller", "agent"]
SNAPSHOT_SECONDS = 20
IDLE_SOCKETS = 300
SLOW_HEADERS = 100


class When:
    """Does something beside the call once the telephone tells of `kind`; give `on_event` to the phone."""

    def __init__(self, kind: str, do: Callable[[], None]) -> None:
        self._kind, self._do, self._now = kind, do, threading.Event()

    def on_event(self, kind: str, detail: object) -> None:
        if kind == self._kind:
            self._now.set()

    def __call__(self) -> None:
        if self._now.wait(20):
            self._do()


def locked(folder: Path, seconds: float, held: threading.Event | None = None) -> None:
    """Another process holds the whole database for so long: that is the fault. `held` is set when it does."""
    other = sqlite3.connect(folder / scratch.FILE, isolation_level=None, timeout=10)
    try:
        other.execute("BEGIN EXCLUSIVE")
        if held is not None:
            held.set()
        time.sleep(seconds)
        other.execute("ROLLBACK")
    finally:
        other.close()


def database_locked_in_a_call(stage: Stage) -> Seen:
    with stage.house() as house:
        lock = When("say", lambda: locked(house.folder, 3 / house.rate))
        rung = house.ring(story(LONG_TALK), during=lock, on_event=lock.on_event)
        return judged(rung, house, reached="the agent", stored=HEARD, check=_nothing_lost)


def database_locked_at_the_ring(stage: Stage) -> Seen:
    with stage.house() as house:
        _await_snapshot(house)
        held = threading.Event()
        holding = threading.Thread(target=locked, args=(house.folder, 12, held))
        holding.start()
        held.wait()
        rung = house.ring(story("[]"))
        holding.join()
        return judged(rung, house, reached="a person", stored=rung.stored, check=_slow_answers)


def database_gone_at_the_ring(stage: Stage) -> Seen:
    with stage.house() as house:
        _await_snapshot(house)
        for file in house.folder.glob(f"{scratch.FILE}*"):
            file.rename(file.with_name(f"away-{file.name}"))
        rung = house.ring(story("[]"))
        for file in house.folder.glob(f"{scratch.FILE}*"):
            file.unlink()
        for file in house.folder.glob(f"away-{scratch.FILE}*"):
            file.rename(file.with_name(file.name.removeprefix("away-")))
        return judged(rung, house, reached="a person", stored="no call", check=_slow_answers)


def disk_full_in_a_call(stage: Stage) -> Seen:
    """No file of the server may grow for a while, as on a full disk; then there is room again."""
    found: list[str] = []
    with stage.house() as house:

        def written() -> list[tuple[str, int]]:
            files = sorted(house.folder.glob(f"{scratch.FILE}*"))
            return [(file.name, size) for file in files if (size := file.stat().st_size)]

        def fill() -> None:
            pid = house.server.pid
            before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
            before_that = written()
            time.sleep(3 / house.rate)  # so long the disk is full: that is the fault
            if (now := written()) != before_that:
                found.append(f"The disk was not full: {before_that} became {now}.")
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

        full = When("say", fill)
        rung = house.ring(story(TALK), during=full, on_event=full.on_event)
        seen = judged(rung, house, reached="the agent", stored=HEARD, check=talked)
        state = sqlite3.connect(house.folder / scratch.FILE).execute("PRAGMA integrity_check").fetchone()
    seen.shortcomings.extend(found if state == ("ok",) else [*found, f"The database is damaged: {state}."])
    return seen


def migration_missing(stage: Stage) -> Seen:
    base = sqlite3.connect(stage.folder / scratch.FILE, isolation_level=None)
    base.execute("ALTER TABLE calls_call RENAME COLUMN summary TO from_an_older_release")
    newest = "SELECT max(id) FROM django_migrations WHERE app = 'calls'"
    base.execute(f"DELETE FROM django_migrations WHERE id = ({newest})")
    base.close()
    with stage.house() as house:
        _await_snapshot(house)
        rung = house.ring(story("[]"))
        ready = status_of(f"{house.server.base_url}/readyz")
    base = sqlite3.connect(stage.folder / scratch.FILE, isolation_level=None)
    base.execute("ALTER TABLE calls_call RENAME COLUMN from_an_older_release TO summary")
    base.close()
    seen = judged(rung, house, reached="a person", stored=rung.stored)
    if ready != 503:
        seen.shortcomings.append(f"/readyz answers {ready}, not 503.")
    return seen


def swarmed(stage: Stage) -> Seen:
    """Sockets that say nothing and requests whose headers never end; the call meanwhile notices nothing."""
    with stage.house() as house, ExitStack() as stack:
        address = ("127.0.0.1", int(house.server.base_url.rpartition(":")[2]))
        upgrade = (
            b"GET /twilio/realtime HTTP/1.1\r\nHost: receptionist.example.com\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        for number in range(IDLE_SOCKETS + SLOW_HEADERS):
            idle = stack.enter_context(socket.create_connection(address))
            idle.sendall(upgrade if number < IDLE_SOCKETS else b"GET / HTTP/1.1\r\nHost: receptionist.ex")
        rung = house.ring(story(TALK))
        return judged(rung, house, reached="the agent", stored=HEARD, check=talked)


def port_taken(stage: Stage) -> Seen:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        try:
            with stage.house(port=port):
                return Seen(["A second server started on a port that was taken."])
        except ChildFailed as error:
            said = str(error)
    found = [] if f"Port {port} is taken by pid" in said else [f"It said: {said}"]
    return Seen(found, logged="Port … is taken by pid … (…): which program, and two remedies")


def _await_snapshot(house: House) -> None:
    """The server has run for a while when the fault comes: it knows whom its lines hand over to."""
    deadline = time.monotonic() + SNAPSHOT_SECONDS
    while not (house.folder / "data" / "lines.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def _nothing_lost(rung: Rung, house: House) -> list[str]:
    roles = [role for role, _ in rung.turns]
    tools = [] if rung.row is None else [(tool.name, tool.status) for tool in rung.row.tool_calls.all()]
    found = [] if roles == NOTED else [f"The transcript is {rung.turns}."]
    return found + ([] if [name for name, _ in tools] == ["take_message"] else [f"The tools are {tools}."])


def _slow_answers(rung: Rung, house: House) -> list[str]:
    """Callbacks may take their time, so that what they tell is kept; nobody waits for them."""
    heard = [exchange for exchange in rung.heard.http if exchange.body]
    return [f"{e.purpose} was answered after {e.took_ms:.0f} ms." for e in heard if e.took_ms > 2000]


_ACTS: list[tuple[str, str, Callable[[Stage], Seen]]] = [
    ("D1", "the database is locked for 3 s in a call", database_locked_in_a_call),
    ("D1b", "the database is locked when the telephone rings, and for 12 s more", database_locked_at_the_ring),
    ("D3", "the database is gone when the telephone rings", database_gone_at_the_ring),
    ("D4", "the disk is full for 3 s in a call", disk_full_in_a_call),
    ("D6", "a migration is missing", migration_missing),
    ("P5", f"{IDLE_SOCKETS} idle sockets and {SLOW_HEADERS} requests that never end", swarmed),
    ("P11", "another program has the port", port_taken),
]
ROWS = tuple(Row(number=number, fault=fault, act=act) for number, fault, act in _ACTS)
