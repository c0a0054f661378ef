"""A database for one run, gone afterwards, and the settings of a server that uses it."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import environ
from django.core.management import call_command
from django.db import connections

from calls.domain import demo
from calls.emulators.scenario import Scenario
from calls.lab.processes import environment
from calls.models import PhoneLine

FILE = "scratch.sqlite3"
PUBLIC_URL = "https://receptionist.example.com"
ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
EMULATED_KEY = "sk-emulated"
NOBODY = "http://127.0.0.1:9"  # where nobody listens: without an emulator of its REST interface, Twilio is not reached


@contextmanager
def database(copy_of: Path | None = None) -> Iterator[Path]:
    """A migrated SQLite database with the demonstration's business; this process's ORM uses it meanwhile.

    `copy_of`: the folder of another such database, which is quicker than making one.
    """
    with tempfile.TemporaryDirectory(prefix="voiceagent-") as name:
        folder = Path(name)
        before = dict(connections.settings["default"])
        if copy_of is not None:
            shutil.copy(copy_of / FILE, folder / FILE)
        _use({**before, **environ.Env.db_url_config(url(folder)), "OPTIONS": _options(before)})
        try:
            if copy_of is None:
                call_command("migrate", verbosity=0)
                demo.load_demo()
            yield folder
        finally:
            _use(before)


@contextmanager
def database_at(address: str) -> Iterator[None]:
    """This process's ORM uses the database at `address` meanwhile, whatever is in there."""
    before = dict(connections.settings["default"])
    _use({**before, **environ.Env.db_url_config(address), "OPTIONS": {}})
    try:
        yield
    finally:
        _use(before)


def url(folder: Path) -> str:
    return f"sqlite:///{folder / FILE}"


def ensure_line(scenario: Scenario) -> None:
    """Have the number that the scenario's caller rings answered by the demonstration's agent."""
    known = demo.load_demo()
    line = {"business": known.business, "agent": known.agent, "label": "Demonstration"}
    PhoneLine.objects.get_or_create(number=scenario.caller.to, defaults=line)


def auth_token() -> str:
    return secrets.token_hex(16)


def server_environment(
    *, token: str, database_url: str, realtime_url: str, rate: float = 1.0, **more: str
) -> dict[str, str]:
    """Settings of a server that emulators surround: nothing of a developer's .env or shell reaches it."""
    pinned = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DEBUG": "off" if rate == 1 else "on",
        "CLOCK_RATE": f"{rate:g}",
        "PUBLIC_BASE_URL": PUBLIC_URL,
        "DATABASE_URL": database_url,
        "DATA_DIR": str(Path(tempfile.gettempdir()) / f"voiceagent-data-{os.getpid()}"),
        "OPENAI_API_KEY": EMULATED_KEY,
        "OPENAI_REALTIME_URL": realtime_url,
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": token,
        "TWILIO_API_BASE_URL": NOBODY,
        "CALLS_AT_ONCE": "0",  # many calls of one caller are what a lab is for
        "CALLS_PER_CALLER": "0",
        "CALLER_MINUTES_A_DAY": "0",
    }
    return environment(**{**pinned, **more})


def _options(before: dict[str, object]) -> object:
    return before["OPTIONS"] if "sqlite" in str(before["ENGINE"]) else {}


def _use(config: dict[str, object]) -> None:
    connections["default"].close()
    connections.settings["default"] = config
    del connections["default"]
