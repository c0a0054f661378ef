from typing import Any

from django.core.management.base import BaseCommand

from calls.lab import demonstration


class Command(BaseCommand):
    help = "Hear a whole call answered: caller, telephone network and model are emulators, everything else is real."
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        try:
            shortcomings = demonstration.run(self._tell)
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        if shortcomings:
            raise SystemExit(1)

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
