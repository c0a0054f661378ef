"""What the doctor found is kept, the newest runs of it: for the admin, and for whoever asks since when."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import Error
from django.utils import timezone

from calls.doctor import runner
from calls.doctor.aside import in_database
from calls.doctor.findings import FAIL, SKIPPED, Finding, exit_code, summary
from calls.doctor.site import Site
from calls.models import DoctorRun

MOST_KEPT = 200
"""Of whole runs, and as many of those that looked at a part: a script that asks for a part pushes no whole run out."""
MOST_LOOKED_AT = 20  # runs of a part, for what is known now
KEEPING_SECONDS = 3.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of the line now: the newest whole run, and over it what was looked at since."""

    run: DoctorRun
    findings: list[Finding]

    @property
    def result(self) -> DoctorRun.Result:
        return DoctorRun.Result(exit_code(self.findings))

    @property
    def summary(self) -> str:
        return summary(self.findings)


async def examine(
    site: Site, ids: Collection[str] | None, *, source: DoctorRun.Source
) -> tuple[list[Finding], int | None]:
    """The findings of a run, and the id under which it is kept; None when the database did not take it."""
    began_at, began = timezone.now(), time.monotonic()
    findings = [finding async for finding in runner.diagnose(site, ids)]
    took_ms = round((time.monotonic() - began) * 1000)
    return findings, await keep(findings, source=source, is_complete=ids is None, began_at=began_at, took_ms=took_ms)


async def keep(
    findings: Sequence[Finding], *, source: DoctorRun.Source, is_complete: bool, began_at: datetime, took_ms: int
) -> int | None:
    """Keep a run and let the oldest go; its id, None when the database does not take it. Raises nothing."""
    if any(finding.id == "database" and finding.level is FAIL for finding in findings):
        return None
    run = DoctorRun(
        began_at=began_at,
        took_ms=took_ms,
        source=source,
        is_complete=is_complete,
        result=exit_code(findings),
        summary=summary(findings),
        findings=[finding.as_dict() for finding in findings],
    )
    try:
        async with asyncio.timeout(KEEPING_SECONDS):
            return await in_database(_keep, run)
    except (Error, TimeoutError) as error:
        logger.warning("what the doctor found was not kept", extra={"error": type(error).__name__})
        return None


def _keep(run: DoctorRun) -> int:
    run.save()
    alike = DoctorRun.objects.filter(is_complete=run.is_complete)
    kept = alike.order_by("-pk").values_list("pk", flat=True)[MOST_KEPT - 1 : MOST_KEPT]
    alike.filter(pk__lt=max(kept, default=0)).delete()
    return run.pk


def health() -> Health | None:
    """None when nobody has ever looked."""
    whole = DoctorRun.objects.filter(is_complete=True).order_by("-pk").first()
    since = DoctorRun.objects.filter(pk__gt=whole.pk if whole else 0, is_complete=False).order_by("-pk")[
        :MOST_LOOKED_AT
    ]
    runs = [*([whole] if whole else []), *reversed(since)]
    if not runs:
        return None
    newest: dict[str, Finding] = {}
    for run in runs:
        told = {finding.id: finding for finding in findings_of(run)}
        for id in _looked_at(told.values()) - told.keys():
            newest.pop(id, None)
        newest |= told
    return Health(runs[-1], list(newest.values()))


def _looked_at(findings: Iterable[Finding]) -> set[str]:
    """The ids of all that the checks behind `findings` can tell: what they no longer tell is no longer known.

    Of a check that ran only because another one stands on it, what the other one needs is told and nothing else: that
    says nothing of the rest, unless it broke off or was skipped.
    """
    of = {id: check for check in runner.CHECKS for id in check.ids}
    needed = {need for check in runner.CHECKS for need in check.needs}
    looked = {of[one.id] for one in findings if one.id in of and (one.id not in needed or _is_end(one, of[one.id]))}
    return {id for check in looked for id in check.ids}


def _is_end(finding: Finding, check: runner.Check) -> bool:
    return finding.id == check.id and finding.level in {FAIL, SKIPPED}


def findings_of(run: DoctorRun) -> list[Finding]:
    return [Finding.from_dict(fields) for fields in run.findings]
