"""The trade stories of calls/emulators/scenarios/stories: rung on the demonstration's line and judged as `demo` is."""

import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from django.conf import settings

from calls.domain import demo
from calls.emulators import scenario as scenarios
from calls.lab.calling import Outcome, settled_row
from calls.lab.judging import Limits, shortcomings
from calls.lab.processes import free_port
from calls.models import Business
from tests.journeys.conftest import Town, running_station

FOLDER = scenarios.BUNDLED / "stories"
RATE = 4.5  # many calls at once rather than fast ones: a pause of this machine is that much longer in a call
LIMITS = Limits().times(RATE)
# Nobody in a story ends the call, or speaks, because this machine pauses.
PATIENT = {"patience_ms": 60_000, "surely_finished_ms": 15_000}


@pytest.fixture
def line(transactional_db):
    """The line that is rung: the demonstration's, with everything that its business has."""
    return demo.load_demo().line


@pytest.fixture(scope="session")
def fast_station(django_db_setup, tmp_path_factory):
    """A server of its own, which looks for Twilio's REST interface where a story may play it."""
    port = free_port()
    folder = tmp_path_factory.mktemp("stories")
    with running_station(folder, RATE, TWILIO_API_BASE_URL=f"http://127.0.0.1:{port}") as station:
        yield replace(station, rest_port=port)


@pytest.fixture
def business(line) -> Business:
    return line.business


@dataclass
class Stage:
    """Plays stories by name; whatever one of them fell short of fails the test, with the name of the story."""

    town: Town

    def play(self, name, **options):
        [journey] = self.play_all([name], **options)
        return journey

    def play_all(self, names, *, network=None, **options):
        """Play several stories at the same time, and wait for whoever is rung because of them."""
        stories = [self.story(name) for name in names]
        journeys = self.ring_all(stories, **options)
        if network is not None:
            network.settle()
        found = {
            story.name: lacking
            for story, journey in zip(stories, journeys, strict=True)
            if (lacking := _lacking(story, journey.heard, journey.sessions))
        }
        assert found == {}
        return journeys

    def ring_all(self, stories, **options):
        return self.town.ring_all(stories, **PATIENT | options)

    def lacking(self, story, heard):
        """What a call fell short of that the server has placed; its session is the newest one."""
        return _lacking(story, heard, self.town.emulator.sessions[-1:])

    def story(self, name):
        return scenarios.find(name, folder=FOLDER)


def _lacking(story, heard, sessions):
    row = settled_row(heard.call_sid, look_seconds=0.05)
    return shortcomings(Outcome(heard, [session.digest() for session in sessions], row), story, LIMITS)


@pytest.fixture
def make_stage(make_town):
    """A stage whose model is watched: make_stage(before_tool=…)."""
    return lambda **options: Stage(make_town(**options))


@pytest.fixture
def stage(make_stage):
    return make_stage()


@contextmanager
def writing_held_up(for_seconds):
    """Keep the database from being written, so that whatever books takes a while; gives what starts it."""
    name = settings.DATABASES["default"]["NAME"]
    timers = []

    def hold():
        connection = sqlite3.connect(name, timeout=5, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        timers.append(threading.Timer(for_seconds, connection.close))
        timers[-1].start()

    yield hold
    for timer in timers:
        timer.join()
