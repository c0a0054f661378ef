import gc

import pytest

from calls.domain import outside

gc.disable()  # collecting the tests makes no garbage to speak of, and looking for it takes a third of the time


def pytest_collection_finish(session):
    """What collecting the tests left behind stays for good, and looking through it takes the garbage collector a third
    of a second: a pause in the middle of a timed call."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def nobody_is_rung():
    """A reported emergency rings nobody from a thread that outlives its test; who tests just that configures it."""
    outside.configure()
