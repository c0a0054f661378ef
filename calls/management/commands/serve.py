import logging
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from calls import serving
from calls.heartbeat import heartbeat
from calls.relay import live
from calls.standby import standby
from calls.worker import Worker


class Command(BaseCommand):
    help = "Serve calls, webhooks and the admin in production. On SIGTERM running calls finish first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, help="Default: PORT. 0 takes a free one.")
        parser.add_argument("--host", default=serving.HOST, help="Default: %(default)s, every network of this machine.")
        parser.add_argument(
            "--worker", action="store_true", help="Run a worker inside, where one process is all there is."
        )

    def handle(self, *, port: int | None, host: str, worker: bool, **options: Any) -> None:
        try:
            listener = serving.listen(settings.PORT if port is None else port, host)
        except serving.PortTaken as error:
            raise CommandError(str(error)) from None
        bound = listener.getsockname()[1]

        def started() -> None:
            self.stdout.write(f"Serving on http://{host}:{bound} (instance {settings.INSTANCE_ID})")
            self.stdout.flush()

        inside = Worker(tell=self.stdout.write) if worker else None
        if inside:
            inside.start()
        standby.start()
        heartbeat.start(wait=True)
        is_drained = serving.run(listener, live=live, drain_seconds=settings.DRAIN_SECONDS, started=started)
        if inside:
            inside.stop()
        heartbeat.stop()
        standby.stop()
        if inside and is_drained:
            inside.wait()
        self.stdout.write("Stopped." if is_drained else "Stopped; calls were ended.")
        if not is_drained:
            self._leave()

    def _leave(self) -> None:
        """Somebody wants an end now: threads that are still at work would hold it up."""
        self.stdout.flush()
        logging.shutdown()
        os._exit(0)
