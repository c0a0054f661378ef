"""What proofs of load have in common: a server on the test database whose insides can be counted."""

import sys
from contextlib import asynccontextmanager

from django.conf import settings

from calls.lab import load
from calls.lab.faults import stage


def running_house(folder, **options):
    """A server with the telephone network and the model around it; `options` as of `stage.running_house`."""
    address = f"sqlite:///{settings.DATABASES['default']['NAME']}"
    return stage.running_house(folder, database_url=address, program=stage.meddled(), **options)


@asynccontextmanager
async def running_server(folder, realtime_url):
    """A server for a model that the test itself plays; the loop of the test goes on while it starts and stops."""
    async with load.beside_the_loop(running_house(folder, rate=1.0, OPENAI_REALTIME_URL=realtime_url)) as house:
        yield house


def figure(text):
    """Print what was measured: `-s` shows it."""
    sys.stdout.write(f"\n{text}\n")


def caller_number(number):
    return f"+1555{1000000 + number}"
