"""The pulse of a worker: a row that says that it lives, for the doctor, and while nothing is due as well."""

import logging
import os
import platform
import threading
from collections.abc import Sequence
from datetime import timedelta

from django.db import Error, connections
from django.utils import timezone
from django.utils.crypto import get_random_string

from calls.models import WorkerPulse

BEAT_SECONDS = 20.0
STOPPED_AFTER = timedelta(seconds=90)  # four beats may be missed, as while the database is locked
KEPT_FOR = timedelta(days=1)  # of a worker that was killed: when was it seen last?
_FAREWELL_SECONDS = 5.0

log = logging.getLogger(__name__)


class Pulse:
    """Beats in a thread of its own from `start` until `stop`: a duty that takes long does not stop it."""

    def __init__(self, queues: Sequence[str]) -> None:
        self._id = get_random_string(32)
        self._queues = list(queues)
        self._started_at = timezone.now()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end; may be called from a signal's handler."""
        self._stopping.set()

    def wait(self) -> None:
        """Until the row is gone, or the database has not let it go for some seconds."""
        self._thread.join(_FAREWELL_SECONDS)

    def _repeat(self) -> None:
        try:
            self._beat()
            while not self._stopping.wait(BEAT_SECONDS):
                self._beat()
            WorkerPulse.objects.filter(pk=self._id).delete()
        except Error as error:
            log.warning("the row of a worker that ended stays", extra={"error": type(error).__name__})
        finally:
            connections.close_all()

    def _beat(self) -> None:
        now = timezone.now()
        fields = {"host": platform.node()[:100], "pid": os.getpid(), "queues": self._queues}
        fields |= {"started_at": self._started_at, "beat_at": now}
        try:
            WorkerPulse.objects.update_or_create(worker_id=self._id, defaults=fields)
            WorkerPulse.objects.filter(beat_at__lt=now - KEPT_FOR).delete()
        except Error as error:
            log.warning("a worker could not say that it lives", extra={"error": type(error).__name__})
        finally:
            connections.close_all()
