"""What a scripted model passes on of what a tool has answered."""

import json

import pytest

from calls.emulators.realtime_answers import NotAnswered, filled
from calls.emulators.realtime_record import ToolRecord
from calls.emulators.scenario import Agent, ToolUse
from tests.emulators.realtime_kit import session

FOUND = ToolRecord("find_slots", {}, {"slots": [{"slot": "a/1"}, {"slot": "b/1"}], "today": 20})
LATER = ToolRecord("find_slots", {}, {"slots": [{"slot": "c/1"}]})
RUNNING = ToolRecord("find_slots", {})
SPOKEN = ToolRecord("quote_price", {}, "no JSON")


@pytest.mark.parametrize(
    ("tools", "given", "meant"),
    [
        ([FOUND], "$find_slots.slots[1].slot", "b/1"),
        ([FOUND, LATER, RUNNING], "$find_slots.slots[0].slot", "c/1"),
        ([FOUND], "$find_slots.today", 20),
        ([FOUND], ["$find_slots.today", {"at": "$find_slots.slots[0].slot"}], [20, {"at": "a/1"}]),
        ([SPOKEN], "$quote_price", "no JSON"),
        ([], "$$5 and no more", "$5 and no more"),
        ([], "5 dollars", "5 dollars"),
        ([], True, True),
    ],
)
def test_a_place_stands_for_what_the_latest_answer_holds_there(tools, given, meant):
    assert filled({"value": given}, tools) == {"value": meant}


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("$list_services.services[0]", "$list_services.services[0]: list_services has not answered"),
        ("$find_slots.slots[7]", f"$find_slots.slots[7] is not in the answer {FOUND.result!r}"),
        ("$find_slots.today.hour", f"$find_slots.today.hour is not in the answer {FOUND.result!r}"),
        ("$find slots", "$find slots names no answer of a tool"),
    ],
)
def test_what_no_tool_has_answered_is_said(place, why):
    with pytest.raises(NotAnswered) as refused:
        filled({"value": place}, [FOUND])

    assert str(refused.value) == why


async def answered(client, output):
    """Let the model call its next tool and answer it with `output`; gives the arguments as they came."""
    await client.send("response.create")
    call = await client.until("response.function_call_arguments.done")
    await client.until("response.done")
    item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
    await client.send("conversation.item.create", item=item)
    return json.loads(call["arguments"])


@pytest.mark.asyncio
async def test_the_model_books_the_slot_that_it_was_told_of():
    steps = [
        Agent(tools=(ToolUse("take_message", {"body": "what is free?"}),)),
        Agent(tools=(ToolUse("take_message", {"body": "$take_message.slots[0]"}),)),
    ]
    async with session(*steps) as (client, server):
        await answered(client, '{"slots": ["a/1"]}')

        assert await answered(client, "{}") == {"body": "a/1"}
        assert [tool.arguments for tool in server.sessions[0].tools] == [{"body": "what is free?"}, {"body": "a/1"}]


@pytest.mark.asyncio
async def test_a_call_that_wants_what_was_never_answered_is_left_out_and_said():
    async with session(Agent(text="A.", tools=(ToolUse("take_message", {"body": "$dig.depth"}),))) as (client, server):
        await client.send("response.create")
        done = (await client.until("response.done"))["response"]

        assert [item["type"] for item in done["output"]] == ["message"]
        assert server.sessions[0].script_errors == ["$dig.depth: dig has not answered"]


@pytest.mark.asyncio
async def test_a_call_may_come_twice_under_one_id():
    async with session(Agent(tools=(ToolUse("take_message", {"body": "tap"}, twice=True),))) as (client, server):
        await client.send("response.create")
        done = (await client.until("response.done"))["response"]

        [first, second] = done["output"]
        assert first["id"] != second["id"]
        assert (first["call_id"], first["arguments"]) == (second["call_id"], second["arguments"])
        assert len(server.sessions[0].tools) == 1


@pytest.mark.asyncio
async def test_whoever_wants_to_meddle_is_told_before_the_call_goes_out():
    told = []

    def note(record, name):
        told.append((name, [frame.type for frame in record.frames if "function_call" in frame.raw]))

    call = Agent(tools=(ToolUse("take_message", {"body": "tap"}),))
    async with session(call, before_tool=note) as (client, server):
        await client.send("response.create")
        await client.until("response.done")

    assert told == [("take_message", [])]
