"""Whoever keeps the doctor waiting is named in time: no step is cut off by its ten seconds without a cause."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from calls.doctor import runner
from calls.doctor.findings import FAIL, WARN
from calls.doctor.runner import diagnose
from calls.doctor.site import Site
from tests import factories
from tests.doctor.house import TOKEN, House

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True), pytest.mark.proof]
SITE = {"openai_key": "sk-0123456789abcdefghij", "twilio_tokens": (TOKEN,), "twilio_account": "AC" + "0" * 32}


@contextlib.asynccontextmanager
async def tarpit():
    """Takes every connection, reads, and never says a word."""
    released = asyncio.Event()

    async def hold(reader, writer):
        await released.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        released.set()
        server.close()


@pytest.fixture
def line(transactional_db):
    return factories.make_line()


async def walk(site, *ids):
    checks = [replace(check, needs=()) for check in runner.CHECKS if check.id in ids]
    return [finding async for finding in diagnose(site, checks=checks)]


def first_bad(findings):
    return next(finding for finding in findings if finding.level in {FAIL, WARN})


@pytest.mark.parametrize("step", ["port", "webhook", "openai", "twilio"])
async def test_a_step_that_meets_silence_names_it_before_it_is_cut_off(step, line):
    async with tarpit() as port:
        site = Site(
            public_base_url=f"http://127.0.0.1:{port}",
            port=port,
            openai_url=f"ws://127.0.0.1:{port}/v1/realtime",
            twilio_api_url=f"http://127.0.0.1:{port}",
            **SITE,
        )
        bad = first_bad(await walk(site, step))

    assert bad.ms < 10_000
    assert "no end within" not in bad.seen
    assert bad.remedy != ""


@pytest.mark.parametrize(("first", "step"), [("port", "asgi"), ("webhook", "upgrade")])
async def test_an_upgrade_that_is_never_answered_is_named_in_time(first, step):
    async def never(scope, receive, send):
        await asyncio.sleep(60)

    async with House() as house:
        house.door = never
        site = Site(public_base_url=house.base, port=house.port, **SITE)
        bad = first_bad(await walk(site, first, step))

    assert (bad.id, bad.ms < 10_000, "no answer within 3 s" in bad.seen) == (step, True, True)


async def test_an_offer_that_is_never_answered_is_named_in_time():
    async def only_without_an_offer(scope, receive, send):
        if scope["subprotocols"]:
            await asyncio.sleep(60)
        await house.welcome(scope, receive, send)

    async with House() as house:
        house.door = only_without_an_offer
        site = Site(public_base_url=house.base, port=house.port, **SITE)
        bad = first_bad(await walk(site, "webhook", "upgrade"))

    assert (bad.id, bad.level, bad.ms < 8_000) == ("upgrade", WARN, True)


async def test_a_stream_that_opens_late_and_stays_silent_is_named_in_time():
    async def late_and_mute(scope, receive, send):
        await asyncio.sleep(2)
        await house.welcome(scope, receive, send)

    async def nothing(socket):
        pass

    async with House(talk=nothing) as house:
        house.door = late_and_mute
        site = Site(public_base_url=house.base, port=house.port, **SITE)
        bad = first_bad(await walk(site, "webhook", "upgrade", "first-audio"))

    assert (bad.id, bad.ms < 10_000, bad.seen) == ("first-audio", True, "nothing came within 8 s")
