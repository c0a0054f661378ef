from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from calls import serving
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
        serving.run(listener, live=live, started=started)
        standby.stop()
        if inside:
            inside.stop()
            inside.wait()
        self.stdout.write("Stopped.")
