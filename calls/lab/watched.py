"""What a server process holds: it tells by a line on SIGUSR2 (`tell_on_signal`), and `Watch` asks it from outside.

The product knows nothing of this; `calls.lab.faults.server` switches it on.
"""

import asyncio
import gc
import json
import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from calls.lab.processes import ServerChild
from calls.relay import live

HELD = re.compile(r"^HELD (\{.*\})$", re.MULTILINE)
LOOK_SECONDS = 0.01
AGAIN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Held:
    """Asyncio tasks that are not done, threads, open files and sockets, calls, resident bytes."""

    tasks: int
    threads: int
    files: int
    calls: int
    rss: int

    @property
    def counted(self) -> dict[str, int]:
        return {"tasks": self.tasks, "files": self.files, "calls": self.calls}


@dataclass(frozen=True, slots=True)
class Watch:
    server: ServerChild

    def held(self, patience_seconds: float = 10.0) -> Held:
        """What the server holds now. Raises TimeoutError."""
        before = len(HELD.findall(self.server.written()))
        self.server.end(signal.SIGUSR2)
        deadline = time.monotonic() + patience_seconds
        while len(found := HELD.findall(self.server.written())) == before:
            if time.monotonic() > deadline:
                raise TimeoutError(f"The server does not tell what it holds.\n{self.server.last_lines()}")
            time.sleep(LOOK_SECONDS)
        return Held(**json.loads(found[-1]))

    def held_at_rest(self, expected: Mapping[str, int] | None = None, patience_seconds: float = 20.0) -> Held:
        """What it holds once it holds no call and no more than `expected` counts, or when patience is over."""
        deadline = time.monotonic() + patience_seconds
        while True:
            held = self.held()
            is_at_rest = held.calls == 0 and not any(
                held.counted[name] > most for name, most in (expected or {}).items()
            )
            if is_at_rest or time.monotonic() > deadline:
                return held
            time.sleep(AGAIN_SECONDS)


def tell_on_signal() -> None:
    """In the process that is to be watched, before it serves."""
    signal.signal(signal.SIGUSR2, _tell)


def _tell(*_: object) -> None:
    gc.collect()
    # isinstance would ask each object for its class, and a module that is loaded when it is first asked would come in.
    tasks = [thing for thing in gc.get_objects() if issubclass(type(thing), asyncio.Task) and not thing.done()]
    held = {
        "tasks": len(tasks),
        "threads": threading.active_count(),
        "files": len(os.listdir("/proc/self/fd")),
        "calls": live.count(),
        "rss": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
    }
    os.write(1, f"HELD {json.dumps(held)}\n".encode())
