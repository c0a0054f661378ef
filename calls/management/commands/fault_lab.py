import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from calls.lab.faults import laboratory, report, weakened
from calls.lab.processes import ChildFailed, leaving_none_behind


class Command(BaseCommand):
    help = "Play the faults of the fault table against a real server, judged by what the caller's ear received."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--only", default="", metavar="ROW[,ROW]", help="Rows such as T4 or O7, or T, O, D or P. Default: all.")
        add("--without", default="", metavar="GUARD", help=f"Take one away: {', '.join(weakened.GUARDS)}.")
        add("--lanes", type=int, default=laboratory.LANES, help="Rows at the same time. Default: %(default)s.")
        add("--write", type=Path, metavar="FILE", help="Write the table there, as docs/reliability.md is.")
        add("--json", action="store_true", help="Print one JSON document and nothing else.")

    def handle(self, *, only: str, without: str, lanes: int, write: Path | None, json: bool, **options: Any) -> None:
        try:
            numbers = laboratory.chosen([name for name in only.split(",") if name])
            if without:
                numbers = laboratory.guarded_by(without, numbers if only else ())
        except (laboratory.UnknownRow, weakened.UnknownGuard) as error:
            raise CommandError(str(error)) from None
        tell = self._ignore if json else self._tell
        tell(report.HEAD)
        began = time.monotonic()
        try:
            with leaving_none_behind():
                verdicts = laboratory.play_all(numbers, without=without, lanes=lanes, tell=tell)
        except ChildFailed as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        self._conclude(verdicts, round(time.monotonic() - began), write, json)

    def _conclude(self, verdicts: list[laboratory.Verdict], seconds: int, write: Path | None, as_json: bool) -> None:
        failed = [verdict.number for verdict in verdicts if not verdict.passed]
        if as_json:
            self.stdout.write(json.dumps(report.document(verdicts, seconds), indent=2, ensure_ascii=False))
        else:
            self._tell(report.summary(verdicts, seconds))
        if write is not None:
            write.write_text(report.page(verdicts), encoding="utf-8")
        if failed:
            raise SystemExit(1)

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _ignore(self, line: str) -> None:
        """Only the document is printed."""
