"""Whole calls: a real server in a process of its own, the phone emulator, the Realtime emulator.

The server serves the test database and lives as long as the session; time in its calls runs RATE times as fast. The
Realtime emulator lives in a thread of the test, on a port that stays the same, so that a test can see every frame.
All milliseconds are those of the call unless a name says `real`.
"""

import asyncio
import gc
import re
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest
import yaml
from django.conf import settings

from calls.emulators import scenario as scenarios
from calls.emulators.phone import Callee, Voicemail
from calls.emulators.realtime_faults import Faults as RealtimeFaults
from calls.lab import calling, emulation, scratch
from calls.lab.processes import ServerChild, free_port
from tests import factories

RATE = 4.0  # several calls at once rather than fast ones: a pause of this machine is that much longer in a call
LINE = "+15550109999"
CALLER = "+15550100001"
PERSON = "+15550108000"
CLOSE_SECONDS = 5
QUICK_CALLEE = {"ring_ms": 300, "talk_ms": 300}
TROUBLE = re.compile(r"Traceback|never retrieved|never awaited| ERROR ")


@pytest.fixture(autouse=True)
def no_pause_to_collect_garbage():
    """The caller's frames leave from this process, and collecting what a call left takes a tenth of a second."""
    gc.disable()
    yield
    gc.enable()
    gc.collect()


def plain(text):
    """Without spaces: an interrupted line is cut where it was heard, and its halves do not say what stood between."""
    return "".join(text.split())


def story(steps, *, caller=CALLER, name="story"):
    """A scenario from the YAML of its steps."""
    return scenarios.parse({"name": name, "caller": {"from": caller, "to": LINE}, "steps": yaml.safe_load(steps)})


@dataclass
class Journey:
    """One call from all sides: the caller's ear, the row in the database, the sessions at the model."""

    heard: object
    row: object
    sessions: list
    clock: list = field(default_factory=list)  # (real seconds, kind, detail) of what happened at the telephone

    @property
    def session(self):
        [session] = self.sessions
        return session

    @property
    def turns(self):
        return [(turn.role, turn.text) for turn in self.row.turns.all()]

    @property
    def tools(self):
        return [(tool.name, tool.status) for tool in self.row.tool_calls.all()]

    @property
    def kinds(self):
        return [event.kind for event in self.row.events.all()]

    def event(self, kind):
        return self.row.events.get(kind=kind)

    @property
    def said(self):
        """What Twilio's own voice said."""
        return [detail for _, kind, detail in self.clock if kind == "said"]

    @property
    def requests(self):
        """Which webhooks were sent, without the status callbacks, which come at any time."""
        return [e.purpose for e in self.heard.http if e.purpose not in {"status", "stream-started", "stream-stopped"}]


@dataclass
class Town:
    """The telephone network with one line of ours in it."""

    server: ServerChild
    token: str
    emulator: object
    rate: float

    def phone(self, **options):
        standing = {
            "base_url": self.server.base_url,
            "auth_token": self.token,
            "rate": self.rate,
            "patience_ms": 15_000,
            "callee": Callee(**QUICK_CALLEE),
            "voicemail": Voicemail(speak_ms=500),
        }
        return calling.phone(**standing | options)

    def ring(self, scenario, **options):
        [journey] = self.ring_all([scenario], **options)
        return journey

    def ring_all(self, stories, *, on_event=None, troubled=False, patience_seconds=6, **options):
        """Place calls at the same time and wait until everything about them is written; unless it may be `troubled`,
        nobody had anything to complain of."""
        before, log_before = len(self.emulator.sessions), len(self.server.written())
        self.emulator.scenarios[:] = stories
        clocks = [[] for _ in stories]

        async def place():
            phones = [self.phone(on_event=_noting(clock, on_event), **options) for clock in clocks]
            return await asyncio.gather(*(phone.call(s) for phone, s in zip(phones, stories, strict=True)))

        results = asyncio.run(place())
        sessions = self._closed_sessions(before)
        journeys = [
            Journey(
                heard,
                calling.settled_row(heard.call_sid, look_seconds=0.05, patience_seconds=patience_seconds),
                [s for s in sessions if s.caller in {None, told.caller.number}],
                clock,
            )
            for heard, told, clock in zip(results, stories, clocks, strict=True)
        ]
        if not troubled:
            assert [violation for result in results for violation in result.protocol_violations] == []
            assert [error for session in sessions for error in session.errors + session.script_errors] == []
            assert TROUBLE.findall(self.server.written()[log_before:]) == []
        return journeys

    def _closed_sessions(self, before):
        deadline = time.monotonic() + CLOSE_SECONDS
        while any(session.open for session in self.emulator.sessions[before:]) and time.monotonic() < deadline:
            time.sleep(0.02)
        sessions = self.emulator.sessions[before:]
        assert [session.index for session in sessions if session.open] == []
        return sessions


def _noting(clock, on_event):
    def note(kind, detail):
        clock.append((time.monotonic(), kind, detail))
        if on_event is not None:
            on_event(kind, detail)

    return note


@dataclass(frozen=True)
class Station:
    """A server that lives for the whole session, and the port where it looks for OpenAI."""

    server: ServerChild
    token: str
    realtime_port: int
    rate: float
    rest_port: int = 0


@contextmanager
def running_station(folder, rate, **more):
    token, port = scratch.auth_token(), free_port()
    environment = scratch.server_environment(
        token=token,
        database_url=f"sqlite:///{settings.DATABASES['default']['NAME']}",
        realtime_url=f"ws://127.0.0.1:{port}/v1/realtime",
        rate=rate,
        **more,
    )
    with ServerChild(environment=environment, log=folder / "server.log") as server:
        yield Station(server, token, port, rate)


@pytest.fixture(scope="session")
def fast_station(django_db_setup, tmp_path_factory):
    with running_station(tmp_path_factory.mktemp("station"), RATE) as station:
        yield station


@pytest.fixture
def line(transactional_db):
    """The line that is rung, with a business, an agent and a person to hand over to."""
    return factories.make_line(number=LINE)


@contextmanager
def town_of(station, *, faults=None, **options):
    with emulation.in_background(
        [], rate=station.rate, port=station.realtime_port, faults=faults or RealtimeFaults(), **options
    ) as emulator:
        yield Town(station.server, station.token, emulator, station.rate)


@pytest.fixture
def make_town(fast_station, line):
    """A town whose model is slow, faulty or refuses: make_town(faults=Faults(never_respond=True))."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(town_of(fast_station, **options))


@pytest.fixture
def town(make_town):
    return make_town()
