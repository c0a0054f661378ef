"""The snapshot of lines that this process answers from when the database does not: in memory, and on disk.

It is taken anew each minute, in the pool of the database and never on the loop. On disk it outlives the process, so
that a restart with a dead database still knows whom to dial. It holds names and numbers of the business, and nothing
of a caller; only the owner of the process may read it.
"""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import Error

from calls import database
from calls.domain.snapshot import Snapshot, Unreadable, from_json, take_snapshot

EVERY_SECONDS = 60.0
AGAIN_SECONDS = 5.0  # as long as there is none of the database's own: the process may be older than the database
STOP_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Standby:
    """Keeps the snapshot. `start` needs to be called once, by whoever serves; until then what lies on disk counts."""

    def __init__(self, path: Callable[[], Path], *, every_seconds: float = EVERY_SECONDS) -> None:
        self._path = path
        self._every_seconds = every_seconds
        self._snapshot: Snapshot | None = None
        self._is_fresh = False
        self._kept: Snapshot | None = None
        self._is_failing = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="standby", daemon=True)

    @property
    def snapshot(self) -> Snapshot:
        """The newest there is; an empty one where nothing was ever kept. Waits for no database."""
        if self._snapshot is None:
            self._snapshot = self._read()
        return self._snapshot

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take no more; a look that waits for a dead database is left behind."""
        self._over.set()
        self._thread.join(STOP_SECONDS)

    def refresh(self) -> None:
        """Ask the database; what was known before stands when it does not answer, or when anything else breaks."""
        try:
            snapshot = async_to_sync(database.run)(take_snapshot)
            self._snapshot, self._is_fresh = snapshot, True
            if snapshot != self._kept:
                self._write(snapshot)
        except Exception as error:
            # Bulkhead: a thread that ended would leave the snapshot as old as that moment, without a word.
            if not self._is_failing:  # once for each time that it is away
                self._tell(error)
            self._is_failing = True
            return
        self._is_failing = False

    def _tell(self, error: Exception) -> None:
        if isinstance(error, Error):
            logger.warning("no new snapshot of the lines", extra={"error": type(error).__name__})
        else:
            logger.error("the snapshot of the lines broke", exc_info=error)

    def _run(self) -> None:
        while not self._over.is_set():
            self.refresh()
            self._over.wait(self._every_seconds if self._is_fresh else min(AGAIN_SECONDS, self._every_seconds))

    def _read(self) -> Snapshot:
        path = self._path()
        try:
            return from_json(path.read_text())
        except FileNotFoundError:
            return Snapshot()
        except (OSError, UnicodeDecodeError, Unreadable) as error:
            logger.warning("the snapshot on disk cannot be read", extra={"error": type(error).__name__})
            return Snapshot()

    def _write(self, snapshot: Snapshot) -> None:
        """Whole or not at all: a process that is killed here leaves the file that was there before."""
        path = self._path()
        new = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(snapshot.to_json())
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
            self._kept = snapshot
        except OSError as error:
            logger.warning("the snapshot cannot be kept on disk", extra={"error": type(error).__name__})


standby = Standby(lambda: settings.DATA_DIR / "lines.json")
