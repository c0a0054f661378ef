import json

import pytest

from calls import database
from calls.models import Callback
from calls.tools import registry
from calls.tools.registry import ToolContext
from tests import factories

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

WORDS = {"reason": "a quote", "consent": "Yes, please ring me."}


async def request(call, **arguments):
    return await registry.run(ToolContext(call.pk, factories.RANG_AT), "request_callback", json.dumps(arguments))


async def make(**fields):
    return await database.run(factories.make_call, **fields)


async def test_a_promise_is_told_in_words_that_can_be_spoken():
    answer = await request(await make(), **WORDS, day="tuesday", clock="14:30")

    assert (answer.status, answer.result["when"], answer.result["number"]) == (
        "ok",
        "Tuesday the 24th at two thirty",
        "5 5 5, 0 1 0, 0 0 0 1",
    )
    assert (await Callback.objects.aget()).consent == "Yes, please ring me."


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({}, "as soon as possible"),
        ({"in_minutes": 60}, "today, Friday the 20th at eleven oh four"),
        ({"day": "tuesday"}, "Tuesday the 24th at nine"),
        ({"day": "next tuesday"}, "Tuesday the 24th at nine"),
        ({"day": "Next  Friday"}, "Friday the 27th at nine"),
    ],
)
async def test_a_time_is_said_as_people_say_it(when, words):
    answer = await request(await make(), **WORDS, **when)

    assert answer.result["when"] == words


async def test_another_number_has_to_be_read_back_first():
    call = await make()

    first = await request(call, **WORDS, number="(518) 487-1234")
    second = await request(call, **WORDS, number="(518) 487-1234", number_confirmed=True)

    assert first.result["error"].startswith("Read the number back digit by digit")
    assert (second.status, second.result["number"]) == ("ok", "5 1 8, 4 8 7, 1 2 3 4")
    assert await Callback.objects.acount() == 1


async def test_a_promise_that_is_changed_is_told_as_changed():
    call = await make()

    first, second = [await request(call, **WORDS), await request(call, **WORDS, clock="14:30")]

    assert first.result["next"].startswith("Tell the caller when")
    assert second.result["next"].startswith("Say that the callback promised before is changed, and that they are rung")


async def test_a_callback_is_cancelled_by_who_waits_for_it():
    call = await make()
    context = ToolContext(call.pk, factories.RANG_AT)

    refused = await registry.run(context, "cancel_callback", "{}")
    await request(call, **WORDS)
    done = await registry.run(context, "cancel_callback", "{}")

    assert refused.result == {"error": "No callback is promised to this caller, so nothing is to be cancelled."}
    assert done.result == {"status": "ok", "next": "Say that they will not be rung back."}
    assert (await Callback.objects.aget()).status == "cancelled"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            WORDS | {"number": "911", "number_confirmed": True},
            "Emergency numbers are never dialed from here. The caller",
        ),
        (
            WORDS | {"number": "+882 16 1234567", "number_confirmed": True},
            "Satellite and international service numbers",
        ),
        (WORDS | {"day": "someday"}, "'someday' is no day."),
        (WORDS | {"clock": "09:00"}, "That time has passed"),
        ({"reason": " ", "consent": "  "}, "Ask what it is about, and whether an automated assistant may ring"),
        ({"reason": "a quote"}, "arguments: 'consent' is a required property"),
        (WORDS | {"in_minutes": 0}, "in_minutes: 0 is less than the minimum"),
        (WORDS | {"in_minutes": 10**9}, "in_minutes: 1000000000 is greater"),
        (WORDS | {"reason": "x" * 301}, "reason: "),
    ],
)
async def test_what_cannot_be_promised_is_refused_in_words(arguments, error):
    answer = await request(await make(), **arguments)

    assert answer.status == "refused"
    assert answer.result["error"].startswith(error)
    assert await Callback.objects.acount() == 0


async def test_a_hidden_number_is_asked_for():
    answer = await request(await make(from_number="anonymous"), **WORDS)

    assert answer.result == {"error": "The caller's number is hidden. Ask which number to ring, and read it back."}
