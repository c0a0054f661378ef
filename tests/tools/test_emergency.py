import json

import pytest
from django.db import OperationalError

from calls import database
from calls.domain import emergencies, outside
from calls.models import Emergency
from calls.tools import registry
from calls.tools.registry import ToolContext
from tests import factories

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def report(call, **arguments):
    return await registry.run(ToolContext(call.pk, factories.RANG_AT), "report_emergency", json.dumps(arguments))


async def test_the_safety_sentence_comes_first_and_somebody_is_rung():
    rung = []
    outside.configure(escalate=rung.append)
    call = await database.run(factories.make_call)

    answer = await report(call, kind="gas", description="It smells of gas.")

    emergency = await Emergency.objects.aget()
    assert (answer.status, list(answer.result)) == ("ok", ["say_first", "status", "next"])
    assert answer.result["say_first"] == (
        "Please get everybody out now and stay out. Do not touch a switch and do not light anything. From outside, "
        "call 9 1 1."
    )
    assert answer.result["status"] == "open"
    assert rung == [emergency.pk]


async def test_a_report_that_cannot_be_written_down_still_keeps_people_safe(monkeypatch):
    def away(**fields):
        raise OperationalError("database is locked")

    monkeypatch.setattr(emergencies, "report", away)
    answer = await registry.run(
        ToolContext(1, factories.RANG_AT), "report_emergency", '{"kind": "gas", "description": "It smells of gas."}'
    )

    assert answer.status == "failed"
    assert "Say first: if anyone is in danger, leave now and call 9 1 1" in answer.text


async def test_a_second_report_is_the_same_emergency_and_says_who_has_it():
    call = await database.run(factories.make_call)
    await report(call, kind="water", description="A pipe.")
    await Emergency.objects.aupdate(status="accepted")

    answer = await report(call, kind="water", description="A pipe.", address="12 Elm St")

    assert answer.result["next"].startswith("Then say that the on-call person has taken it.")
    assert [e.address async for e in Emergency.objects.all()] == ["12 Elm St"]


@pytest.mark.parametrize(
    ("result", "is_told"),
    [
        ("not_placed: 20003", "could not be rung yet"),
        ("", "is being rung right now"),
        ("busy", "is being rung right now"),
    ],
)
async def test_a_ring_that_could_not_be_placed_is_told_as_it_is(result, is_told):
    call = await database.run(factories.make_call)
    await report(call, kind="gas", description="It smells of gas.")
    emergency = await Emergency.objects.aget()
    await emergency.alerts.acreate(number="+15550107001", position=1, rang_at=factories.RANG_AT, result=result)

    again = (await report(call, kind="gas", description="It smells of gas.", address="12 Elm St")).result["next"]
    asked = await registry.run(ToolContext(call.pk, factories.RANG_AT), "assign_technician", "{}")

    assert is_told in again
    assert ("somebody will call the caller back" in again) is ("not" in is_told)
    assert ("Somebody will call back" in asked.result["emergency"]) is ("not" in is_told)


@pytest.mark.parametrize("status", list(Emergency.Status))
async def test_no_answer_promises_an_arrival(status):
    call = await database.run(factories.make_call)
    await report(call, kind="other", description="Help.")
    await Emergency.objects.aupdate(status=status)

    text = (await report(call, kind="other", description="Help.")).result["next"]

    assert [word for word in ("minutes", "hour", "on the way", "on their way", "soon") if word in text] == []
    assert "transfer_to_person" in text


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "alien", "description": "x"},
        {"kind": "gas"},
        {"kind": "gas", "description": ""},
        {"kind": "gas", "description": "x" * 501},
        {"kind": "gas", "description": "x", "number": "call me"},
    ],
)
async def test_garbage_is_answered_so_that_the_model_can_mend_it(arguments):
    call = await database.run(factories.make_call)

    assert (await report(call, **arguments)).status == "refused"
    assert await Emergency.objects.acount() == 0


async def test_a_call_of_nobodys_line_is_told_to_get_help():
    call = await database.run(factories.make_call, business=None)

    answer = await report(call, kind="gas", description="x")

    assert (answer.status, answer.result["error"]) == (
        "refused",
        "Nobody can be rung from here. If anyone is in danger, tell the caller to hang up and get help.",
    )
