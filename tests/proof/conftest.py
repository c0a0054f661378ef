"""What proofs need from outside: a PostgreSQL server of their own. A missing program is an error, never a skip."""

import pytest

from calls.lab import postgres as servers


@pytest.fixture(scope="session")
def postgres_url():
    """The address of an empty PostgreSQL server on a free port, gone with its data after the session."""
    with servers.running() as server:
        yield server.url


@pytest.fixture
def postgres():
    """A PostgreSQL server of one test, which may stop it."""
    with servers.running() as server:
        yield server
