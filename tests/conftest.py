import pytest

from calls.domain import outside


@pytest.fixture(autouse=True)
def nobody_is_rung():
    """A reported emergency rings nobody from a thread that outlives its test; who tests just that configures it."""
    outside.configure()
