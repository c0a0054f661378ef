import asyncio
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from calls.doctor import probe
from calls.doctor.site import Site


class Command(BaseCommand):
    help = (
        "Record one short session at OpenAI, event by event, for the questions of docs/doctor.md that only a real "
        "account can answer. It costs some cents. Without OPENAI_API_KEY nothing is done, and that is no error."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        default = "in DATA_DIR, named by the time"
        parser.add_argument("--file", type=Path, metavar="FILE.jsonl", help=f"Where it is recorded; {default}.")

    def handle(self, *, file: Path | None, **options: Any) -> None:
        site = Site.from_settings(settings, serving=False)
        if not site.openai_key:
            self.stdout.write("Not run: OPENAI_API_KEY is not set.")
            return
        path = file or Path(settings.DATA_DIR) / f"probe-openai-{timezone.now():%Y%m%d-%H%M%S}.jsonl"
        record = probe.Record(site.secrets)
        trouble = asyncio.run(probe.probe(site, record))
        try:
            record.save(path)
        except OSError as error:
            raise CommandError(f"The record could not be written: {error.strerror}: {path}") from None
        for line in probe.summary(record):
            self.stdout.write(line)
        self.stdout.write(f"Recorded: {path}")
        if trouble:
            raise CommandError(f"Not every question was put: {trouble}")
