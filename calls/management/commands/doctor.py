import asyncio
import json
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from calls.doctor import history, runner
from calls.doctor.checkout import as_served_here
from calls.doctor.findings import FAIL, OK, SKIPPED, WARN, Finding, exit_code, summary
from calls.doctor.site import Site
from calls.models import DoctorRun


class Command(BaseCommand):
    help = "Say why a line is silent, and how to mend it. Exit code 0: all well, 1: warnings, 2: failures."
    requires_system_checks: list[str] = []  # what they would stop at is what is looked for here

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON document instead of lines.")
        parser.add_argument("--only", default="", help="Checks separated by commas; what they stand on runs, too.")

    def handle(self, *args: Any, **options: Any) -> None:
        ids = [id.strip() for id in options["only"].split(",") if id.strip()] or None
        known = [check.id for check in runner.CHECKS]
        if foreign := sorted(set(ids or []) - set(known)):
            raise CommandError(f"No check {', '.join(foreign)}. There are: {', '.join(known)}.", returncode=2)
        findings = asyncio.run(self._walk(ids, quiet=options["json"]))
        if options["json"]:
            report = {"exit": exit_code(findings), "summary": summary(findings)}
            report["findings"] = [finding.as_dict() for finding in findings]
            self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False))
        else:
            self.stdout.write(f"\n{summary(findings)}")
        raise SystemExit(exit_code(findings))

    async def _walk(self, ids: list[str] | None, *, quiet: bool) -> list[Finding]:
        site = Site.from_settings(settings, serving=False)
        site = await as_served_here(site, secret_key=settings.SECRET_KEY, base=Path(settings.BASE_DIR))
        began_at, began = timezone.now(), time.monotonic()
        findings = []
        async for finding in runner.diagnose(site, ids):
            findings.append(finding)
            if not quiet:
                self._print(finding)
        took_ms = round((time.monotonic() - began) * 1000)
        source = DoctorRun.Source.COMMAND
        await history.keep(findings, source=source, is_complete=ids is None, began_at=began_at, took_ms=took_ms)
        return findings

    def _print(self, finding: Finding) -> None:
        paint = {OK: self.style.SUCCESS, WARN: self.style.WARNING, FAIL: self.style.ERROR, SKIPPED: str}[finding.level]
        took = f"  ({finding.ms} ms)" if finding.ms else ""
        self.stdout.write(f"{paint(f'{finding.level:<8}')} {finding.id:<26} {finding.seen}{took}")
        for name, text in (("means", finding.means), ("remedy", finding.remedy)):
            if text:
                self.stdout.write(f"{'':<8} {name + ':':<8} {text}")
        self.stdout.flush()
