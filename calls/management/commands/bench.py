import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from calls.lab import bench, scratch
from calls.lab.processes import ChildFailed, leaving_none_behind


class Command(BaseCommand):
    help = "Find how many calls at once this machine carries: the delay that the relay adds, against a plain pipe."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--calls", default="1,10,25,50,75,100", help="Steps. Default: %(default)s.")
        parser.add_argument("--seconds", type=float, default=6.0, help="Of each step. Default: %(default)s.")

    def handle(self, *, calls: str, seconds: float, **options: Any) -> None:
        try:
            steps = [int(step) for step in calls.split(",")]
        except ValueError:
            raise CommandError(f"--calls wants numbers such as 1,10,50, not {calls}") from None
        try:
            with leaving_none_behind(), scratch.database() as folder:
                found = asyncio.run(bench.run(steps, seconds, self._tell, folder))
        except ChildFailed as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        self._tell(bench.by_processor_time(found[-1]))
        most = bench.most_calls(found)
        self._tell(f"Up to {most} calls at once with at most {bench.MOST_EXTRA_MS:g} ms of extra delay (p99).")

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
