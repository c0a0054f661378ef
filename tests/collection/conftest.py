"""The two collections, each played once, several at a time, when the first of its tests asks."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from multiprocessing import get_context

import django
import pytest

from calls.lab import scratch
from tests.collection import calls, setups
from tests.collection.town import Town, examined, furnish

LANES = 4
# Of real time; in a call at calls.RATE three times as much. With 120 ms every call was still told as labelled.
TOO_LATE_MS = 150


def wanted(request, argument):
    """The values of `argument` in the tests that were chosen, in their order."""
    items = (item for item in request.session.items if argument in getattr(item, "fixturenames", ()))
    return list(dict.fromkeys(item.callspec.params[argument] for item in items if hasattr(item, "callspec")))


@pytest.fixture(scope="session")
def town(tmp_path_factory):
    with Town(tmp_path_factory.mktemp("town")) as running:
        yield running


@pytest.fixture(scope="session")
def diagnoses(request, town):
    """Set-up → a future of its diagnosis."""
    known = setups.BROKEN | setups.HEALTHY
    with ThreadPoolExecutor(LANES) as lanes:
        found = {name: lanes.submit(examined, town, name, known[name]) for name in wanted(request, "setup")}
        yield found
        lanes.shutdown(cancel_futures=True)


class Explanations:
    """What is said of each call: acts are played side by side, and the first play is judged.

    Only an act in which the machine itself was late by TOO_LATE_MS is played again, alone and more slowly, if what was
    said was not what was wanted: the call was then delayed, and the explanation says so. `tell` is told of it.
    """

    def __init__(self, pool, template, chosen, tell):
        self._pool, self._template, self._tell = pool, template, tell
        self._acts = {call: call for call in calls.FAULTY} | calls.act_of_each()
        acts = dict.fromkeys(self._acts[call] for call in chosen)
        self._played = {act: pool.submit(calls.play, act, template) for act in acts}
        self._again = {}

    def of(self, call, wanted):
        told = self._played[self._acts[call]].result()[call]
        if told.named == wanted or told.strain_ms < TOO_LATE_MS:
            return told
        self._tell(f"{call}: {told.named} where the machine was {told.strain_ms} ms late; played again")
        return self._alone(self._acts[call])[call]

    def _alone(self, act):
        if act not in self._again:
            wait(self._played.values())
            self._again[act] = self._pool.submit(calls.play, act, self._template, rate=calls.CALM_RATE).result()
        return self._again[act]


@pytest.fixture(scope="session")
def explanations(request, tmp_path_factory):
    template = tmp_path_factory.mktemp("calls")
    furnish(template / scratch.FILE)
    with ProcessPoolExecutor(LANES, mp_context=get_context("spawn"), initializer=django.setup) as pool:
        tell = request.config.pluginmanager.get_plugin("terminalreporter").write_line
        yield Explanations(pool, template, wanted(request, "call"), tell)
        pool.shutdown(cancel_futures=True)
