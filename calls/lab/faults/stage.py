"""Where a row of the laboratory is played: a server process of its own, both emulators, a database for this row."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from django.db import connections

from calls.emulators import scenario as scenarios
from calls.emulators.phone import Callee, CallResult, Phone, Voicemail
from calls.emulators.phone_options import Faults as PhoneFaults
from calls.emulators.realtime_faults import Faults as ModelFaults
from calls.emulators.realtime_record import SessionRecord
from calls.emulators.realtime_server import RealtimeServer
from calls.emulators.scenario import Scenario
from calls.lab import calling, emulation, scratch
from calls.lab.faults.server import NONE
from calls.lab.processes import ServerChild
from calls.lab.thin import Caller
from calls.lab.watched import Watch
from calls.models import Call

CALLER = "+15550100001"
LINE = "+15550109999"
WORSE = re.compile(r" (WARNING|ERROR|CRITICAL) (\S+) ([^=\n]*?)(?: \w+=|$)", re.MULTILINE)
CLOSE_SECONDS = 5
# Nobody hangs up because the agent is slow: how long it may take is what is measured here.
PATIENCE_MS = 20_000
SURELY_FINISHED_MS = 15_000


def story(steps: str, *, caller: str = CALLER) -> Scenario:
    """A scenario from the YAML of its steps."""
    return scenarios.parse(
        {"name": "fault", "caller": {"from": caller, "to": LINE}, "steps": yaml.safe_load(steps) or []}
    )


@dataclass(frozen=True, slots=True)
class Rung:
    """One call from all sides."""

    heard: CallResult
    row: Call | None
    sessions: list[SessionRecord]

    @property
    def turns(self) -> list[tuple[str, str]]:
        return [] if self.row is None else [(turn.role, turn.text) for turn in self.row.turns.all()]

    @property
    def events(self) -> list[str]:
        return [] if self.row is None else [event.kind for event in self.row.events.all()]

    @property
    def stored(self) -> str:
        return "no call" if self.row is None else f"{self.row.status}, {self.row.end_reason or 'no reason'}"


@dataclass
class House:
    """A running server with the model and the telephone network around it."""

    server: ServerChild
    model: RealtimeServer
    token: str
    rate: float
    folder: Path

    def phone(self, **options: Any) -> Phone:
        standing: dict[str, Any] = {
            "base_url": self.server.base_url,
            "auth_token": self.token,
            "rate": self.rate,
            "patience_ms": PATIENCE_MS,
            "surely_finished_ms": SURELY_FINISHED_MS,
            "callee": Callee(ring_ms=500, talk_ms=1000),
            "voicemail": Voicemail(speak_ms=1000),
        }
        return calling.phone(**standing | options)

    def caller(self) -> Caller:
        """One that does next to nothing, for many frames."""
        return Caller(self.server.base_url, self.token)

    def ring(self, scenario: Scenario, *, during: Callable[[], None] | None = None, **options: Any) -> Rung:
        """Place one call; `during` runs in a thread beside it."""
        [rung] = self.ring_all([scenario], during=during, **options)
        return rung

    def ring_all(
        self, stories: Sequence[Scenario], *, during: Callable[[], None] | None = None, **options: Any
    ) -> list[Rung]:
        """Place calls at the same time, and wait until everything about them is written down."""
        before = len(self.model.sessions)
        self.model.scenarios[:] = stories

        async def place() -> list[CallResult]:
            beside = None if during is None else asyncio.create_task(asyncio.to_thread(during))
            results = await asyncio.gather(*(self.phone(**options).call(each) for each in stories))
            if beside is not None:
                await beside
            return list(results)

        results = asyncio.run(place())
        self._await_closed(before)
        sessions = self.model.sessions[before:]
        return [
            Rung(
                result,
                calling.settled_row(result.call_sid, look_seconds=0.05),
                [session for session in sessions if session.caller in {None, told.caller.number}],
            )
            for result, told in zip(results, stories, strict=True)
        ]

    @property
    def watch(self) -> Watch:
        """For a house that is `watched`."""
        return Watch(self.server)

    @property
    def open_sessions(self) -> int:
        return sum(session.open for session in self.model.sessions)

    def logged(self) -> list[str]:
        """What the server has logged as a warning or worse, each message once, without its fields."""
        lines = [f"{level}: {message}" for level, _, message in WORSE.findall(self.server.written())]
        return list(dict.fromkeys(lines))

    def _await_closed(self, before: int) -> None:
        deadline = time.monotonic() + CLOSE_SECONDS
        while any(session.open for session in self.model.sessions[before:]) and time.monotonic() < deadline:
            time.sleep(0.02)


@contextmanager
def running_house(
    folder: Path,
    *,
    database_url: str,
    rate: float,
    log: str = "server.log",
    model: ModelFaults | None = None,
    emulator: dict[str, Any] | None = None,
    port: int = 0,
    program: Sequence[str] = ("manage.py",),
    **environment: str,
) -> Iterator[House]:
    """A server and its surroundings, gone afterwards; `environment` pins settings of the server, `emulator` options of
    the model."""
    token = scratch.auth_token()
    with emulation.in_background([], rate=rate, faults=model or ModelFaults(), **(emulator or {})) as realtime:
        settings = scratch.server_environment(
            **{
                "token": token,
                "database_url": database_url,
                "realtime_url": realtime.url,
                "rate": rate,
                "DATA_DIR": str(folder / "data"),
                **environment,
            }  # type: ignore[arg-type]
        )
        with ServerChild(environment=settings, log=folder / log, program=program, port=port) as server:
            yield House(server, realtime, token, rate, folder)


@dataclass
class Stage:
    """Opens houses for one row. `without` names the guard that their servers are to do without."""

    folder: Path
    rate: float
    without: str = ""
    _houses: int = field(default=0, init=False)

    @contextmanager
    def house(
        self,
        model: ModelFaults | None = None,
        *,
        broken: str = "",
        watched: bool = False,
        python: Sequence[str] = (),
        **options: Any,
    ) -> Iterator[House]:
        """A house on the row's database; `options` as of `running_house`.

        `broken` names what goes wrong in it (broken.BREAKAGES), `watched` one that tells what it holds, `python` are
        options of its interpreter.
        """
        self._houses += 1
        is_plain = not (self.without or broken or watched)
        program = ("manage.py",) if is_plain else meddled(self.without, broken)
        with running_house(
            self.folder,
            database_url=scratch.url(self.folder),
            rate=self.rate,
            log=f"server-{self._houses}.log",
            model=model,
            program=(*python, *program),
            **options,
        ) as house:
            yield house
        connections.close_all()


def meddled(without: str = "", broken: str = "") -> tuple[str, ...]:
    """The program of a server that tells what it holds, without that guard, with that broken."""
    return ("-m", "calls.lab.faults.server", without or NONE, broken or NONE)


__all__ = ["CALLER", "LINE", "House", "ModelFaults", "PhoneFaults", "Rung", "Stage", "running_house", "story"]
