import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from calls.lab import simulation
from calls.lab.processes import ChildFailed


class Command(BaseCommand):
    help = "Place an emulated call and judge what was heard. Without --url it starts a server and a model of its own."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        here = f"http://127.0.0.1:{settings.PORT}"
        add = parser.add_argument
        add("--url", nargs="?", const=here, metavar="BASE", help=f"A running server; without BASE: {here}.")
        add("--public-url", metavar="URL", help="What that server calls itself; default: PUBLIC_BASE_URL.")
        add("--scenario", metavar="NAME|FILE", help="Default: demo; with the real model every bundled caller.")
        add("--audio", type=Path, metavar="FILE.wav", help="What the caller says first, instead of the script's sound.")
        add("--save", type=Path, metavar="DIR", help="Keep the call as a stereo WAV there.")
        add("--fast", action="store_true", help=f"{simulation.FAST_RATE:g} times as fast as real time.")
        add("--json", action="store_true", help="Print one JSON document and nothing else.")
        add("--realtime", choices=["emulator", "openai"], default="emulator", help="Who plays the model.")
        add("--repeat", type=int, default=1, metavar="N", help="Place N calls, one after the other.")

    def handle(self, **options: Any) -> None:
        names = simulation.Request.__dataclass_fields__
        request = simulation.Request(**{name: options[name] for name in names})
        if request.repeat < 1:
            raise CommandError("--repeat wants a number of calls, at least 1.")
        try:
            done = simulation.run(request, self._ignore if request.json else self._tell)
        except (simulation.Impossible, ChildFailed) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        if request.json:
            self.stdout.write(json.dumps(done.document, indent=2, ensure_ascii=False))
        if not done.passed:
            raise SystemExit(1)

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _ignore(self, line: str) -> None:
        """Only the document is printed."""
