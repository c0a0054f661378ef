import pytest

from calls.relay import breaker


@pytest.fixture(autouse=True)
def nobody_has_failed_to_connect():
    """The breaker belongs to the process, and every test is one."""
    breaker.forget()
    yield
    breaker.forget()
