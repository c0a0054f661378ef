import pytest

from calls import database
from calls.views import unrecorded
from tests import factories
from tests.twilio.kit import Twilio

PERSON, DEFAULT = "+15550108000", "+15550107000"


@pytest.fixture(autouse=True)
def static_files(settings, tmp_path):
    """WhiteNoise warns when there is no folder of collected files, and a warning is an error here."""
    settings.STATIC_ROOT = tmp_path


@pytest.fixture(autouse=True)
def nothing_missed(monkeypatch):
    """What one test's database has missed is not written into the next one's."""
    monkeypatch.setattr(unrecorded, "FIRST_PAUSE", 60.0)
    yield
    unrecorded.forget()


@pytest.fixture
def twilio(transactional_db):
    return Twilio()


@pytest.fixture
def line(transactional_db):
    return factories.make_line(number="+15550109999")


@pytest.fixture
def stored(transactional_db):
    """Ask the database from an async test: `await stored(function, …)`."""
    return database.run
