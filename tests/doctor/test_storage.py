import asyncio
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import OperationalError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls import database
from calls.doctor import aside, storage
from calls.doctor.runner import diagnose
from calls.doctor.site import Site
from calls.doctor.visit import Visit
from calls.logs import mask
from calls.models import OutgoingMessage, Price, WorkerPulse
from tests import factories

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def line(**fields):
    findings = [finding async for finding in diagnose(Site(**fields), ["database", "line"])]
    return {finding.id: finding for finding in findings}


async def test_a_database_with_every_migration_is_well():
    finding = (await line())["database"]

    assert (finding.level.value, finding.seen) == (
        "OK",
        f"{connection.vendor} answers, every migration is applied",
    )


async def test_another_database_is_not_looked_at_where_the_address_cannot_be_read():
    found = await line(malformed=(("DATABASE_URL", "postgres://user:password@host:5432/name"),))

    assert (found["database"].seen, found["line"].level.value) == ("DATABASE_URL cannot be read", "SKIPPED")


async def test_a_migration_that_is_missing_is_named():
    ((app, newest),) = [leaf for leaf in MigrationLoader(None).graph.leaf_nodes() if leaf[0] == "calls"]
    await database.run(MigrationRecorder(connection).record_unapplied, app, newest)
    try:
        found = await line()
    finally:
        await database.run(MigrationRecorder(connection).record_applied, app, newest)

    assert (found["database"].level.value, found["line"].level.value) == ("FAIL", "SKIPPED")
    assert found["database"].seen.endswith(f"answers; not applied: calls.{newest}")
    assert found["database"].remedy == "Type: python manage.py migrate, then restart the server."


async def test_a_database_that_does_not_answer_is_named(monkeypatch):
    def refuse():
        raise OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr(storage, "missing_migrations", refuse)

    finding = (await line())["database"]

    assert (finding.level.value, finding.seen.endswith(": connection refused")) == ("FAIL", True)


async def test_a_database_that_hangs_is_named_and_the_others_do_not_wait_for_it(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(storage, "missing_migrations", over.wait)
    monkeypatch.setattr(storage, "PATIENCE_SECONDS", 0.1)
    visit = Visit(Site())
    try:
        (finding,) = await storage.database(visit)
    finally:
        over.set()

    assert (finding.level.value, visit.has_silent_database) == ("FAIL", True)
    assert finding.seen.endswith(": the database does not answer (no answer within 0.1 s)")


async def test_no_line_is_a_failure():
    finding = (await line(public_base_url="https://h"))["line"]

    assert (finding.level.value, finding.seen) == ("FAIL", "no phone line")
    assert finding.remedy.endswith("https://h/admin/calls/phoneline/add/")


async def test_lines_without_any_agent_are_a_failure():
    await database.run(factories.make_line, without_agent=True)

    assert (await line())["line"].seen == "1 phone line(s), none with an agent"


async def test_one_line_without_an_agent_is_a_warning():
    await database.run(factories.make_line)
    silent = await database.run(factories.make_line, without_agent=True)

    found = await line()

    assert (found["line"].level.value, found["line"].seen) == ("WARN", f"{mask(silent.number)} without an agent")


async def test_a_line_with_an_agent_and_a_way_to_a_person_is_well():
    number = (await database.run(factories.make_line)).number

    found = await line()

    assert (found["line"].seen, found["line.handover"].seen) == (
        f"{mask(number)}, answered by Cortana",
        "every business has a hand-over number",
    )


async def test_several_lines_are_counted():
    await database.run(factories.make_line)
    await database.run(factories.make_line)

    assert (await line())["line"].seen == "2, answered by Cortana and others"


async def test_a_business_without_a_way_to_a_person_is_a_warning():
    business = await database.run(factories.make_business, handover_number="")
    await database.run(factories.make_line, business=business)

    without, common = await line(), await line(handover_number="+15550108000")

    assert (without["line.handover"].level.value, without["line.handover"].seen) == ("WARN", "none for Cedar Plumbing")
    assert common["line.handover"].level.value == "OK"


async def test_the_newest_line_with_an_agent_is_the_one_that_is_rung():
    await database.run(factories.make_line, number="+15550109999")
    await database.run(factories.make_line, number="+16505551234")
    await database.run(factories.make_line, number="+17705551234", without_agent=True)
    visit = Visit(Site())
    await storage.line(visit)

    assert visit.line_number == "+16505551234"


async def test_a_hand_over_to_one_of_our_own_lines_is_a_failure():
    own = await database.run(factories.make_line)
    business = await database.run(factories.make_business, handover_number=own.number)
    await database.run(factories.make_line, business=business)

    finding = (await line())["line.handover"]

    assert (finding.level.value, finding.seen) == (
        "FAIL",
        "the hand-over number of Cedar Plumbing is one of our own lines",
    )


async def test_a_line_that_no_real_caller_has_rung_has_nothing_odd():
    own = await database.run(factories.make_line)
    test_call = await database.run(factories.make_call, line=own, call_sid="CAd0c70f" + "0" * 26)
    await database.run(factories.make_event, call=test_call, kind="webhook_by_get")

    assert (await line())["line.console"].seen == "no real call yet"


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("webhook_by_get", "Twilio is told to use HTTP GET"),
        ("webhook_at_stream_address", "Twilio is told the address of the stream instead of the webhook's"),
    ],
)
async def test_a_slip_in_twilios_console_is_told_until_a_call_comes_right(kind, seen):
    own = await database.run(factories.make_line)
    slipped = await database.run(factories.make_call, line=own)
    await database.run(factories.make_event, call=slipped, kind=kind)

    before = (await line(public_base_url="https://h"))["line.console"]
    await database.run(factories.make_call, line=own, rang_at=factories.RANG_AT + timedelta(hours=1))
    after = (await line())["line.console"]

    assert (before.level.value, before.seen) == ("WARN", f"{mask(own.number)}: {seen}")
    assert before.remedy.endswith("A call comes in: Webhook, https://h/twilio/voice, HTTP POST.")
    assert (after.level.value, after.seen) == ("OK", "the newest call of each line came as it should")


async def test_what_blocks_is_left_behind():
    released = asyncio.Event()

    def block():
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result()

    loop = asyncio.get_running_loop()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await aside.aside(block)
    released.set()


async def test_text_messages_that_carriers_block_are_a_warning_with_the_way_to_register():
    call = await database.run(factories.make_call)
    fields = {"business": call.business, "call": call, "purpose": "booking", "body": "x", "to": "+15550100001"}
    now = timezone.now()
    for key, age in (("new", timedelta(days=1)), ("old", timedelta(days=30))):
        times = {"written_at": now - age, "due_at": now - age}
        await database.run(
            OutgoingMessage.objects.create, **fields, **times, key=key, status="failed", error_code="30034"
        )

    [finding] = [f async for f in diagnose(Site(), ["text-messages"]) if f.id == "text-messages"]

    assert (finding.level.value, finding.seen) == ("WARN", "1 blocked by carriers in the last week (error 30034)")
    assert "A2P 10DLC" in finding.remedy


@pytest.mark.parametrize(
    ("fallback_url", "level"),
    [
        ("", "WARN"),
        ("https://calls.cedar.org/twilio/fallback", "WARN"),
        ("https://handler.twilio.com/twiml/EH0", "OK"),
    ],
    ids=["nothing entered", "the same host", "a Bin"],
)
async def test_a_fallback_on_the_host_of_the_voice_address_is_a_warning(fallback_url, level):
    own = await database.run(factories.make_line, fallback_url=fallback_url)

    finding = (await line(public_base_url="https://calls.cedar.org"))["line.fallback"]

    assert finding.level.value == level
    if level == "WARN":
        assert finding.seen == f"{mask(own.number)}: voice and fallback are on the same host"
        assert f"https://calls.cedar.org/admin/calls/phoneline/{own.pk}/bin/" in finding.remedy


async def test_a_budget_that_cannot_be_counted_is_a_warning():
    business = await database.run(factories.make_business, budget_a_day="5")
    agent = await database.run(factories.make_agent, business=business, model="gpt-realtime-9")
    await database.run(factories.make_line, agent=agent)
    without = (await line(public_base_url="https://h"))["line.prices"]
    for item in Price.TOKENS:
        await database.run(Price.objects.create, item=item, model="gpt-realtime-9", dollars=1)

    assert (without.level.value, without.seen) == ("WARN", "no price of gpt-realtime-9")
    assert without.remedy == "Enter the six prices of gpt-realtime-9: https://h/admin/calls/price/add/"
    assert (await line())["line.prices"].level.value == "OK"


@pytest.mark.parametrize(
    ("zone", "level", "seen"),
    [
        ("Europe/Berlin", "OK", "Europe/Berlin"),
        ("UTC", "WARN", "Cedar Plumbing has UTC"),
        ("Mars/Olympus", "FAIL", "that of Cedar Plumbing is not known here: Mars/Olympus"),
        ("../../etc/passwd", "FAIL", "that of Cedar Plumbing is not known here: ../../etc/passwd"),
    ],
)
async def test_the_time_zone_of_a_business_has_to_be_known_and_chosen(zone, level, seen):
    business = await database.run(factories.make_business, time_zone=zone)
    await database.run(factories.make_line, business=business)

    found = await line()

    assert (found["line.time-zone"].level.value, found["line.time-zone"].seen) == (level, seen)
    assert found["line"].level.value == "OK"


async def test_a_database_that_only_reads_is_a_failure(monkeypatch):
    """Of SQLite a file without the right to write, of PostgreSQL a copy of another server."""
    query = "PRAGMA query_only = on" if connection.vendor == "sqlite" else "SET default_transaction_read_only = on"
    write = storage._write_and_undo

    def write_where_only_reading_is_allowed():
        with connection.cursor() as cursor:
            cursor.execute(query)
        write()

    monkeypatch.setattr(storage, "_write_and_undo", write_where_only_reading_is_allowed)

    finding = (await line())["database"]

    assert (finding.level.value, "read" in finding.seen) == ("FAIL", True)


async def test_writing_is_tried_by_writing():
    """A copy of another server takes every transaction, and refuses what is written in it."""

    def written():
        with CaptureQueriesContext(connection) as captured:
            storage._write_and_undo()
        return [query["sql"].split()[0] for query in captured.captured_queries]

    assert "INSERT" in await database.run(written)


async def test_looking_leaves_nothing_in_the_database():
    await line()

    assert await database.run(WorkerPulse.objects.count) == 0
