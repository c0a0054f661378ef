import json

import pytest

from calls import database
from calls.models import Call
from calls.tools import registry
from calls.tools.registry import ToolContext
from tests import factories

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def run(call, name, **arguments):
    return await registry.run(ToolContext(call.pk, factories.RANG_AT), name, json.dumps(arguments))


async def test_transfer_keeps_the_reason_and_lets_the_goodbye_be_heard_first():
    call = await database.run(factories.make_call)

    answer = await run(call, "transfer_to_person", reason="a burst pipe")

    assert (answer.status, answer.then) == ("ok", "transfer")
    assert (await Call.objects.aget()).transfer_reason == "a burst pipe"


async def test_transfer_without_anybody_to_dial_goes_on_talking():
    business = await database.run(factories.make_business, handover_number="")
    line = await database.run(factories.make_line, business=business)
    call = await database.run(factories.make_call, line=line)

    answer = await run(call, "transfer_to_person", reason="a burst pipe")

    assert (answer.status, answer.then) == ("refused", "")
    assert answer.result["error"] == (
        "There is nobody to connect to. Offer to take a message or to have someone call back."
    )


async def test_transfer_without_a_reason_is_mended_by_the_model():
    call = await database.run(factories.make_call)

    for reason in ("", "   ", "x" * 201):
        assert (await run(call, "transfer_to_person", reason=reason)).status == "refused"
    assert (await Call.objects.aget()).transfer_reason == ""


async def test_waiting_says_nothing():
    call = await database.run(factories.make_call)

    assert await run(call, "wait_for_user") == registry.Answer({"status": "ok"}, then="wait")
