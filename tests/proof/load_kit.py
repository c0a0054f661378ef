"""What proofs of load have in common: a server whose insides can be counted, and many callers at a time."""

import asyncio
import json
import re
import signal
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from django.conf import settings

from calls.emulators.phone import Callee, Phone, Voicemail
from calls.emulators.realtime_faults import Faults as RealtimeFaults
from calls.lab import emulation, scratch
from calls.lab.processes import ServerChild
from calls.lab.thin import Caller
from tests.journeys.conftest import LINE, QUICK_CALLEE

HELD = re.compile(r"^HELD (\{.*\})$", re.MULTILINE)
MIB = 2**20


@dataclass(frozen=True)
class Held:
    """What the server process holds: asyncio tasks that are not done, threads, open files and sockets, calls, bytes."""

    tasks: int
    threads: int
    files: int
    calls: int
    rss: int

    @property
    def counted(self):
        return {"tasks": self.tasks, "files": self.files, "calls": self.calls}


@dataclass
class Block:
    """A server with the telephone network and the model around it."""

    server: ServerChild
    model: object
    token: str
    rate: float

    def held(self, patience_seconds=10.0):
        """What the server holds now."""
        before = len(HELD.findall(self.server.written()))
        self.server.end(signal.SIGUSR2)
        deadline = time.monotonic() + patience_seconds
        while len(found := HELD.findall(self.server.written())) == before:
            assert time.monotonic() < deadline, self.server.last_lines()
            time.sleep(0.01)
        return Held(**json.loads(found[-1]))

    def held_at_rest(self, expected=None, patience_seconds=20.0):
        """What it holds once it holds no call and no more than `expected` counts, or when patience is over."""
        deadline = time.monotonic() + patience_seconds
        while True:
            held = self.held()
            is_at_rest = held.calls == 0 and not any(
                held.counted[name] > most for name, most in (expected or {}).items()
            )
            if is_at_rest or time.monotonic() > deadline:
                return held
            time.sleep(0.2)

    def phone(self, **options):
        standing = {
            "base_url": self.server.base_url,
            "public_url": scratch.PUBLIC_URL,
            "auth_token": self.token,
            "account_sid": scratch.ACCOUNT_SID,
            "rate": self.rate,
            "patience_ms": 20_000,
            "callee": Callee(**QUICK_CALLEE),
            "voicemail": Voicemail(speak_ms=500),
        }
        return Phone(**standing | options)

    async def ring(self):
        """A thin caller whose stream is open."""
        return await Caller(self.server.base_url, self.token).ring()

    def ring_many(self, calls, *, at_once, place):
        """Place `calls` calls, so many at a time; `place(number)` is a coroutine that places one."""

        async def ring():
            waiting = iter(range(calls))

            async def caller():
                return [await place(number) for number in waiting]

            return [result for part in await asyncio.gather(*(caller() for _ in range(at_once))) for result in part]

        return asyncio.run(ring())

    @property
    def open_sessions(self):
        return sum(session.open for session in self.model.sessions)


@contextmanager
def running_block(folder, *, rate, scenarios=(), faults=None, emulator=None, **environment):
    token = scratch.auth_token()
    with emulation.in_background(
        list(scenarios), rate=rate, faults=faults or RealtimeFaults(), **(emulator or {})
    ) as model:
        pinned = {
            "token": token,
            "database_url": f"sqlite:///{settings.DATABASES['default']['NAME']}",
            "realtime_url": model.url,
            "rate": rate,
            "DATA_DIR": str(folder / "data"),
        }
        child = ServerChild(
            environment=scratch.server_environment(**{**pinned, **environment}),
            log=folder / "server.log",
            program=("-m", "tests.proof.watched"),
        )
        with child as server:
            yield Block(server, model, token, rate)


@asynccontextmanager
async def running_server(folder, realtime_url, **environment):
    """A server for a model that the test itself plays; the loop of the test goes on while it starts and stops."""
    token = scratch.auth_token()
    pinned = {
        "token": token,
        "database_url": f"sqlite:///{settings.DATABASES['default']['NAME']}",
        "realtime_url": realtime_url,
        "DATA_DIR": str(folder / "data"),
    }
    child = ServerChild(
        environment=scratch.server_environment(**{**pinned, **environment}),
        log=folder / "server.log",
        program=("-m", "tests.proof.watched"),
    )
    await asyncio.to_thread(child.__enter__)
    try:
        yield Block(child, None, token, 1.0)
    finally:
        await asyncio.to_thread(child.stop)


def figure(text):
    """Print what was measured: `-s` shows it."""
    sys.stdout.write(f"\n{text}\n")


def caller_number(number):
    return f"+1555{1000000 + number}"


__all__ = ["LINE", "MIB", "Block", "Held", "caller_number", "figure", "running_block", "running_server"]
