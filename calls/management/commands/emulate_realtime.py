import asyncio
import errno
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from calls import serving
from calls.emulators.scenario import ScenarioError
from calls.lab import emulation


class Command(BaseCommand):
    help = "Play OpenAI's part: a Realtime server that answers by scenario files. Point OPENAI_REALTIME_URL at it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        plan = emulation.Plan()
        parser.add_argument("--port", type=int, default=plan.port, help="Default: %(default)s. 0 takes a free one.")
        parser.add_argument("--scenarios", type=Path, default=plan.scenarios, help="A folder of *.yaml.")
        parser.add_argument("--rate", type=float, default=plan.rate, help="How many times as fast as real time.")
        parser.add_argument("--think-ms", type=int, default=plan.think_ms, help="Before each answer; %(default)s.")

    def handle(self, *, port: int, scenarios: Path, rate: float, think_ms: int, **options: Any) -> None:
        plan = emulation.Plan(scenarios=scenarios, port=port, rate=rate, think_ms=think_ms)
        try:
            asyncio.run(emulation.serve(plan, self._tell))
        except ScenarioError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(serving.taken(port) if error.errno == errno.EADDRINUSE else str(error)) from None

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
