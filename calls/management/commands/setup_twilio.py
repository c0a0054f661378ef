import json
import re
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from calls.doctor import setting_up
from calls.doctor.account import entered_fallback
from calls.doctor.setting_up import Impossible, Outcome
from calls.doctor.site import Site

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")


class Command(BaseCommand):
    help = (
        "Set the voice fields of a number at Twilio for this server. "
        "Exit code 0: as it should be, 1: --dry-run found a difference, 2: nothing could be done."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", help="The number at Twilio, as +15551234567.")
        parser.add_argument("--dry-run", action="store_true", help="Show what would change, and change nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document instead of lines.")

    def handle(self, *, number: str, dry_run: bool, **options: Any) -> None:
        try:
            if not _NUMBER.fullmatch(number):
                raise Impossible("The number begins with + and the country code: +15551234567.")
            site = Site.from_settings(settings, serving=False)
            outcome = setting_up.set_up(site, number, fallback=self._fallback(number), dry_run=dry_run)
        except Impossible as error:
            report: dict[str, Any] = {"number": number, "error": str(error), "exit": setting_up.IMPOSSIBLE}
            lines = [f"{error.heading}: {error}"]
        else:
            report, lines = outcome.as_dict(), _lines(outcome)
        self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False) if options["json"] else "\n".join(lines))
        raise SystemExit(report["exit"])

    def _fallback(self, number: str) -> str:
        try:
            entered = entered_fallback(number)
        except DatabaseError:
            self.stderr.write("The database does not answer: an address that is entered for the line is not looked at.")
            return ""
        if entered is None:
            self.stderr.write("No phone line here has this number yet: add it in the admin, or nobody answers.")
        return entered or ""


def _lines(outcome: Outcome) -> list[str]:
    fields = [f"{one['field']:<16} {one['current']}  →  {one['wanted']}" for one in outcome.as_dict()["changes"]]
    if outcome.kept_fallback:
        fields.append(f"fallback_url     {outcome.kept_fallback}  stays: it is on another host")
    if outcome.remaining:
        return [*fields, "Twilio has taken it, but not all of it: " + ", ".join(one.field for one in outcome.remaining)]
    if not outcome.changes:
        return [*fields, f"{outcome.number} is set up for this server already."]
    if outcome.is_done:
        return [*fields, "Done. Now type: python manage.py doctor"]
    return [*fields, "Nothing was changed. To do it, leave --dry-run out."]
