"""The programs of a set-up, each run as `python -m tests.collection.programs.NAME`."""

import sys


def tell(port):
    """What the collection waits for."""
    sys.stdout.write(f"listening on port {port}\n")
    sys.stdout.flush()
