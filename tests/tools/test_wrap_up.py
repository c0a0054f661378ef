import json

import pytest

from calls import database
from calls.models import Call, Message
from calls.tools import registry
from calls.tools.registry import ToolContext
from tests.factories import RANG_AT, make_call

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

WORDS = {"text": "The tap drips.", "caller_name": "Robert Miller"}


async def take(call, **arguments):
    return await registry.run(ToolContext(call.pk, RANG_AT), "take_message", json.dumps(WORDS | arguments))


async def make():
    return await database.run(make_call)


async def rows():
    # In the pool: a connection of the event loop's own thread would stay open behind the test.
    return await database.run(lambda: list(Message.objects.values_list("text", "caller_name", "number", "business_id")))


async def test_message_is_kept_for_the_business_with_the_number_that_calls():
    call = await make()

    answer = await take(call)

    assert answer.status == "ok"
    assert await rows() == [("The tap drips.", "Robert Miller", call.from_number, call.business_id)]
    assert (await database.run(Call.objects.get)).outcome == Call.Outcome.MESSAGE


async def test_more_messages_than_a_call_needs_are_refused_in_words():
    call = await make()

    answers = [await take(call, text=f"Message {number}") for number in range(6)]

    assert [answer.status for answer in answers] == ["ok"] * 5 + ["refused"]
    assert answers[-1].result["error"].endswith("Say that somebody will read them and ring back.")
    assert len(await rows()) == 5


async def test_same_words_twice_are_one_message():
    call = await make()

    assert [(await take(call)).status for _ in range(2)] == ["ok", "ok"]
    assert len(await rows()) == 1


async def test_number_that_the_caller_gave_is_kept():
    call = await make()
    await take(call, number="+1 (555) 010-2222")

    assert (await rows())[0][2] == "+1 (555) 010-2222"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"text": ""}, "text"), ({"number": "call me maybe"}, "number"), ({"text": "x" * 1001}, "text")],
)
async def test_what_cannot_be_a_message_is_refused(arguments, field):
    answer = await take(await make(), **arguments)

    assert answer.status == "refused"
    assert answer.result["error"].startswith(f"{field}: ")
    assert await rows() == []


async def test_blank_message_is_asked_for_again():
    answer = await take(await make(), text="   ")

    assert answer.result == {"error": "The message is empty: ask what it is about."}
