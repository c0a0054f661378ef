import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from calls.tasks import DUTIES
from calls.worker import Worker, run_once


class Command(BaseCommand):
    help = "Send what waits in the outbox and do whatever else falls due. On SIGTERM what is in hand is finished first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Do what is due now, then end.")
        parser.add_argument(
            "--task", action="append", choices=[duty.queue for duty in DUTIES], help="This one only; may be repeated."
        )

    def handle(self, *, once: bool, task: list[str] | None, **options: Any) -> None:
        self._lock = threading.Lock()
        duties = [duty for duty in DUTIES if task is None or duty.queue in task]
        if once:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # what a task raises, this too, would only end the task
            if not run_once(tell=self._tell, duties=duties):
                raise SystemExit(1)
            return
        worker = Worker(tell=self._tell, duties=duties)

        def stop(number: int, frame: FrameType | None) -> None:
            if worker.is_stopping:
                raise SystemExit(128 + number)
            worker.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        worker.start()
        self._tell("worker started")
        worker.wait()
        self._tell("worker stopped")

    def _tell(self, line: str) -> None:
        with self._lock:
            self.stdout.write(f"{timezone.now():%Y-%m-%d %H:%M:%S} {line}")
            self.stdout.flush()
