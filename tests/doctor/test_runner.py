import asyncio
import json
import logging
import re
import time
from dataclasses import replace

import pytest

from calls.doctor import runner
from calls.doctor.findings import FAIL, OK, WARN, Finding
from calls.doctor.runner import Check, diagnose, with_needs
from calls.doctor.site import Site


def well(id, level=OK):
    async def check(visit):
        return [Finding(id, level, id.title(), "seen")]

    return check


async def walk(checks, site=None, **options):
    return [finding async for finding in diagnose(site or Site(), checks=checks, **options)]


def levels(findings):
    return [(finding.id, finding.level.value, finding.seen) for finding in findings]


def test_checks_stand_in_the_order_of_a_call():
    assert [check.id for check in runner.CHECKS] == [
        "settings",
        "database",
        "line",
        "text-messages",
        "emergencies",
        "worker",
        "email",
        "disk",
        "clock",
        "channel-layer",
        "routes",
        "port",
        "asgi",
        "openai",
        "webhook",
        "upgrade",
        "first-audio",
        "twilio",
    ]


def test_a_check_brings_what_it_stands_on():
    assert [check.id for check in with_needs(["upgrade"])] == ["settings", "database", "line", "webhook", "upgrade"]
    assert [check.id for check in with_needs(["openai", "routes"])] == ["settings", "routes", "openai"]


def test_a_check_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError):
        with_needs(["weather"])


@pytest.mark.asyncio
async def test_what_stands_on_a_failure_is_skipped_with_the_reason():
    checks = [
        Check("one", "One", well("one", FAIL)),
        Check("two", "Two", well("two"), needs=("one",)),
        Check("three", "Three", well("three"), needs=("two",)),
        Check("four", "Four", well("four")),
    ]

    assert levels(await walk(checks)) == [
        ("one", "FAIL", "seen"),
        ("two", "SKIPPED", "needs one, which did not succeed"),
        ("three", "SKIPPED", "needs two, which did not succeed"),
        ("four", "OK", "seen"),
    ]


@pytest.mark.asyncio
async def test_a_warning_holds_nothing_up():
    checks = [Check("one", "One", well("one", WARN)), Check("two", "Two", well("two"), needs=("one",))]

    assert [level for _, level, _ in levels(await walk(checks))] == ["WARN", "OK"]


@pytest.mark.asyncio
async def test_a_check_that_breaks_is_a_finding_and_leaks_nothing(caplog):
    async def broken(visit):
        raise RuntimeError("postgres://user:canary-password@host")

    findings = await walk([Check("one", "One", broken), Check("two", "Two", well("two"))])

    assert levels(findings) == [
        ("one", "FAIL", "the check itself failed: RuntimeError at broken"),
        ("two", "OK", "seen"),
    ]
    assert [(record.levelname, record.check) for record in caplog.records] == [("ERROR", "one")]
    assert "canary" not in json.dumps([vars(record) for record in caplog.records], default=str)


@pytest.mark.asyncio
async def test_a_finding_that_the_list_does_not_know_is_an_error_of_its_check(caplog):
    """So that no finding is left out of docs/doctor.md, which is held to the list."""
    findings = await walk([Check("one", "One", well("one.secret"), gives=("one.a",))])

    assert levels(findings) == [("one", "FAIL", "the check itself failed: Undeclared at _run")]


@pytest.mark.asyncio
async def test_a_check_that_hangs_ends_on_time():
    async def hanging(visit):
        await asyncio.sleep(60)

    began = time.monotonic()
    findings = await walk([Check("one", "One", hanging)], step_seconds=0.1)

    assert levels(findings) == [("one", "FAIL", "no end within 0.1 s")]
    assert (findings[0].ms >= 100, time.monotonic() - began < 5) == (True, True)


@pytest.mark.asyncio
async def test_findings_come_as_soon_as_they_are_known():
    first = asyncio.Event()

    async def waiting(visit):
        await first.wait()
        return []

    findings = diagnose(Site(), checks=[Check("one", "One", well("one")), Check("two", "Two", waiting)])

    assert (await anext(findings)).id == "one"
    first.set()
    assert [finding async for finding in findings] == []


@pytest.mark.asyncio
async def test_of_a_check_that_was_not_asked_for_only_what_is_stood_on_is_told():
    async def several(visit):
        return [Finding(f"one.{part}", OK, "One", "seen") for part in ("a", "b", "c")]

    checks = [
        Check("one", "One", several, gives=("one.a", "one.b", "one.c")),
        Check("two", "Two", well("two"), needs=("one.b",)),
    ]

    assert [id for id, *_ in levels(await walk(checks))] == ["one.a", "one.b", "one.c", "two"]
    assert [id for id, *_ in levels([one async for one in diagnose(Site(), ["two"], checks=checks)])] == [
        "one.b",
        "two",
    ]


CANARIES = {
    "openai_key": "canary openai-key",
    "twilio_tokens": ("canary-token-one", "canary-token-two"),
    "twilio_shared_keys": (("key-id", "canary-shared"),),
    "checkout_token": "canary-checkout",
    "diagnostic_token": "canary-diagnostic",
    "secret_key": "canary-secret-key",
    "other_secrets": ("canary-database-password",),
}
WORDS = re.findall(r"canary[ \w-]*", str(CANARIES))


@pytest.mark.asyncio
@pytest.mark.parametrize("address", ["http://user:canary-password@127.0.0.1:1", "https://[canary-broken"])
async def test_no_secret_is_ever_said(address, caplog, transactional_db):
    caplog.set_level(logging.DEBUG, logger="calls")
    urls = {"public_base_url": address, "openai_url": "ws://u:canary-realtime@127.0.0.1:1/v1?key=canary-query"}
    site = Site(port=1, **urls, **CANARIES)
    needless = [replace(check, needs=()) for check in runner.CHECKS]

    findings = await walk(needless, site)

    said = json.dumps([finding.as_dict() for finding in findings]) + caplog.text + repr(site)
    assert len(findings) >= 35
    assert re.findall(r"canary[ \w-]*", said) == []


@pytest.mark.asyncio
async def test_a_check_that_tells_every_secret_is_silenced():
    site = Site(public_base_url="http://u:canary-password@h", openai_url="ws://h?key=canary-query", **CANARIES)

    async def telling(visit):
        text = " ".join([*WORDS, visit.site.public_base_url, visit.site.openai_url])
        return [Finding("one", FAIL, "One", text, text, text)]

    (finding,) = await walk([Check("one", "One", telling)], site)

    assert "canary" not in finding.seen + finding.means + finding.remedy


@pytest.mark.asyncio
async def test_the_log_of_the_doctor_is_quiet_when_all_is_well(caplog):
    await walk([Check("one", "One", well("one"))])

    assert caplog.records == []
