"""A server that tells what it holds: `python -m tests.proof.watched serve …` prints a line on SIGUSR2.

The product knows nothing of this.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import threading
from pathlib import Path

import django
from django.core.management import execute_from_command_line


def tell(*_: object) -> None:
    from calls.relay import live  # noqa: PLC0415 - Django is set up by then

    gc.collect()
    # isinstance would ask each object for its class, and a module that is loaded when it is first asked would come in.
    tasks = [thing for thing in gc.get_objects() if issubclass(type(thing), asyncio.Task) and not thing.done()]
    held = {
        "tasks": len(tasks),
        "threads": threading.active_count(),
        "files": len(os.listdir("/proc/self/fd")),
        "calls": live.count(),
        "rss": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
    }
    os.write(1, f"HELD {json.dumps(held)}\n".encode())


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voiceagent.settings")
    django.setup()
    signal.signal(signal.SIGUSR2, tell)
    execute_from_command_line(["manage.py", *sys.argv[1:]])
