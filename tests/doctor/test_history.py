"""What the doctor found is kept: the newest runs, without secrets; a database that takes none harms nobody."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from calls import database
from calls.doctor import history, runner
from calls.doctor.findings import FAIL, OK, SKIPPED, WARN, Finding
from calls.doctor.runner import Check
from calls.doctor.site import Site
from calls.models import DoctorRun

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


def finding(id, level=OK, seen="seen"):
    return Finding(id, level, id.title(), seen, remedy="Do it." if level in {WARN, FAIL} else "")


async def keep(*findings, is_complete=True):
    about = {"source": DoctorRun.Source.COMMAND, "began_at": timezone.now(), "took_ms": 12}
    return await history.keep(findings, is_complete=is_complete, **about)


async def kept():
    return [run async for run in DoctorRun.objects.order_by("pk")]


async def test_a_run_is_kept_as_it_was_told():
    run_id = await keep(finding("one"), finding("two", FAIL, "gone"))

    (run,) = await kept()
    assert (run.pk, run.result, run.summary) == (run_id, 2, "1 well, 1 failed. Begin with two: Do it.")
    assert (run.source, run.is_complete, run.took_ms) == ("command", True, 12)
    assert history.findings_of(run) == [finding("one"), finding("two", FAIL, "gone")]


async def test_what_is_kept_holds_no_secret(monkeypatch):
    async def telling(visit):
        return [Finding("one", FAIL, "One", *visit.site.secrets[:3])]

    monkeypatch.setattr(runner, "CHECKS", (Check("one", "One", telling),))
    monkeypatch.setattr(runner.diagnose, "__kwdefaults__", {"checks": runner.CHECKS, "step_seconds": 10.0})
    site = Site(openai_key="canary-key", twilio_tokens=("canary-one", "canary-two"))

    findings, run_id = await history.examine(site, None, source=DoctorRun.Source.ADMIN)

    run = await DoctorRun.objects.aget(pk=run_id)
    assert (len(findings), run.source, run.is_complete) == (1, "admin", True)
    assert "canary" not in str(vars(run))


async def test_only_the_newest_are_kept_of_whole_runs_and_of_parts(monkeypatch):
    monkeypatch.setattr(history, "MOST_KEPT", 2)
    for is_complete in (True, True, True, False, False, False):
        await keep(finding("one"), is_complete=is_complete)

    whole = [run.is_complete for run in await kept()]
    newest = [run.pk for run in await kept()]
    assert whole == [True, True, False, False]
    assert newest == [newest[1] - 1, newest[1], newest[1] + 2, newest[1] + 3]


async def test_without_its_table_nothing_is_kept_and_nothing_is_raised(monkeypatch, caplog):
    def refuse(run):
        raise OperationalError("no such table")

    monkeypatch.setattr(history, "_keep", refuse)

    assert await keep(finding("one")) is None
    assert [(record.message, record.error) for record in caplog.records] == [
        ("what the doctor found was not kept", "OperationalError")
    ]


async def test_a_database_that_was_found_broken_is_not_asked_again(monkeypatch, caplog):
    monkeypatch.setattr(history, "_keep", None)

    assert await keep(finding("database", FAIL)) is None
    assert caplog.records == []


async def test_a_database_that_hangs_holds_nobody(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(history, "_keep", lambda run: released.wait(60))
    monkeypatch.setattr(history, "KEEPING_SECONDS", 0.05)

    assert await keep(finding("one")) is None
    released.set()


async def test_the_health_is_the_newest_whole_run_and_what_was_looked_at_since():
    await keep(finding("old", FAIL), is_complete=False)
    await keep(finding("one", FAIL), finding("two"), finding("three", SKIPPED))
    newest = await keep(finding("one", WARN), finding("four"), is_complete=False)

    found = await database.run(history.health)

    assert [(one.id, one.level.value) for one in found.findings] == [
        ("one", "WARN"),
        ("two", "OK"),
        ("three", "SKIPPED"),
        ("four", "OK"),
    ]
    assert (found.run.pk, found.result, found.summary) == (
        newest,
        DoctorRun.Result.WARNINGS,
        "2 well, 1 to look at, 1 skipped. Begin with one: Do it.",
    )


async def ids_now():
    return [one.id for one in (await database.run(history.health)).findings]


async def test_what_a_check_told_before_is_forgotten_when_it_breaks_off():
    """`no end within 10 s` stands under the id of the check alone."""
    await keep(finding("disk"), finding("openai", WARN), finding("openai.speaks", FAIL), finding("openai.hears"))
    await keep(finding("openai", FAIL), is_complete=False)

    assert await ids_now() == ["disk", "openai"]


async def test_so_it_is_when_another_check_stands_on_it():
    await keep(finding("database"), finding("line"), finding("line.prices", WARN))
    await keep(finding("line"), finding("webhook"), is_complete=False)
    before = await ids_now()
    await keep(finding("line", FAIL), finding("webhook", SKIPPED), is_complete=False)

    assert before == ["database", "line", "line.prices", "webhook"]
    assert await ids_now() == ["database", "line", "webhook"]


async def test_a_part_that_another_check_stands_on_says_nothing_of_the_rest():
    await keep(finding("settings.public-url", FAIL), finding("settings.openai-key"), finding("openai", FAIL))
    await keep(finding("settings.openai-key"), finding("settings.openai-url"), finding("openai"), is_complete=False)

    assert "settings.public-url" in await ids_now()


async def test_without_a_whole_run_the_health_is_what_parts_have_told():
    await keep(finding("one", FAIL), is_complete=False)
    await keep(finding("two"), is_complete=False)

    assert [one.id for one in (await database.run(history.health)).findings] == ["one", "two"]


async def test_nobody_has_looked_yet():
    assert await database.run(history.health) is None


async def test_a_run_of_another_version_of_this_program_can_be_read():
    run = DoctorRun(began_at=timezone.now() - timedelta(days=1), took_ms=1, source="page", is_complete=True, result=0)
    run.findings = [{"id": "one", "level": "OK", "title": "One", "seen": "seen", "colour": "green"}]

    assert history.findings_of(run) == [finding("one")]
