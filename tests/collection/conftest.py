"""The two collections, each played once, several at a time, when the first of its tests asks."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import django
import pytest

from calls.lab import scratch
from tests.collection import calls, setups
from tests.collection.town import Town, examined, furnish

LANES = 4


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


@pytest.fixture(scope="session")
def explanations(request, tmp_path_factory):
    """Call → a future of what is said of the calls of its act, by name."""
    acts = {call: call for call in calls.FAULTY} | calls.act_of_each()
    chosen = wanted(request, "call")
    template = tmp_path_factory.mktemp("calls")
    furnish(template / scratch.FILE)
    with ProcessPoolExecutor(LANES, mp_context=get_context("spawn"), initializer=django.setup) as pool:
        played = {act: pool.submit(calls.play, act, template) for act in dict.fromkeys(acts[call] for call in chosen)}
        yield {call: played[acts[call]] for call in chosen}
        pool.shutdown(cancel_futures=True)
