"""Items: added in order, cut and removed by the vendor's rules, so that truncated text is gone for the model."""

import base64
import json

import pytest

from calls.emulators.scenario import Agent, Fault, ToolUse
from tests.emulators.realtime_kit import GREETING, PHONE, session, spoken

CALL = Agent(tools=(ToolUse("take_message", {"body": "tap"}),))


def said(text, **members):
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **members}


async def added(client, item, **members):
    event = await client.answer_to("conversation.item.create", item=item, **members)
    assert event["type"] == "conversation.item.added"
    assert (await client.receive())["type"] == "conversation.item.done"
    return event


@pytest.mark.asyncio
async def test_items_stand_where_the_client_puts_them():
    async with session() as (client, server):
        first = await added(client, said("one", id="item_1"))
        third = await added(client, said("three", id="item_3"))
        second = await added(client, said("two", id="item_2"), previous_item_id="item_1")
        front = await added(client, said("zero", id="item_0"), previous_item_id="root")

        told = [event["previous_item_id"] for event in (first, third, second, front)]
        assert told == [None, "item_1", "item_1", None]
        kept = server.conversation_of(server.sessions[0])
        assert [item["id"] for item in kept] == ["item_0", "item_1", "item_2", "item_3"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"item": said("x", id="item_1")}, ("invalid_value", "item.id", "mine")),
        ({"item": said("x", id="i" * 33)}, ("invalid_value", "item.id", "mine")),
        ({"item": said("x"), "previous_item_id": "item_9"}, ("item_not_found", "previous_item_id", "mine")),
        (
            {"item": {"type": "function_call_output", "call_id": "call_9", "output": "{}"}},
            ("invalid_tool_call_id", None, "mine"),
        ),
        (
            {"item": {"type": "function_call_output", "call_id": "call_9"}},
            ("missing_required_parameter", "item.output", "mine"),
        ),
        (
            {"item": {"type": "function_call_output", "call_id": "call_9", "output": {}}},
            ("invalid_type", "item.output", "mine"),
        ),
        ({"item": said("x", name="caller")}, ("unknown_parameter", "item.name", "mine")),
        (
            {"item": {"type": "message", "role": "user", "content": [{"type": "text", "text": "x"}]}},
            ("invalid_value", "item.content[0].type", "mine"),
        ),
        (
            {"item": {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "audio": ""}]}},
            ("invalid_value", "item.content[0].type", "mine"),
        ),
        ({"item": {"type": "message", "role": "tool", "content": []}}, ("invalid_value", "item.role", "mine")),
    ],
)
async def test_a_bad_item_is_refused(members, expected):
    async with session() as (client, server):
        await added(client, said("one", id="item_1"))

        assert await client.refusal_of("conversation.item.create", **members) == expected
        assert [item["id"] for item in server.conversation_of(server.sessions[0])] == ["item_1"]


@pytest.mark.asyncio
async def test_history_can_be_restored_as_text():
    assistant = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]}
    system = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Do not greet."}]}
    call = {"type": "function_call", "call_id": "call_1", "name": "a", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "done"}
    async with session() as (client, server):
        for item in (assistant, said("Hi."), system, call, output):
            await added(client, item)

        turns = [(turn.role, turn.text) for turn in server.sessions[0].turns]
        assert turns == [("assistant", "Hello."), ("user", "Hi.")]


@pytest.mark.asyncio
@pytest.mark.parametrize("told", ["How can I help you today?", "How can I"])
async def test_what_the_client_says_was_said_already_is_not_said_again(told):
    assistant = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": told}]}
    async with session(Agent(text="How can I help you today?"), Agent(text="Certainly.")) as (client, server):
        await added(client, said("Hi."))
        await client.send("conversation.item.create", item=assistant, previous_item_id="root")
        item = await spoken(client)

        assert item["content"][0]["transcript"] == "Certainly."
        turns = [(turn.role, turn.text) for turn in server.sessions[0].turns]
        assert turns == [("assistant", told), ("user", "Hi."), ("assistant", "Certainly.")]


@pytest.mark.asyncio
async def test_truncated_text_is_gone():
    async with session(GREETING) as (client, server):
        item = await spoken(client)
        event = await client.answer_to(
            "conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=720
        )

        assert (event["type"], event["audio_end_ms"]) == ("conversation.item.truncated", 720)
        [kept] = server.conversation_of(server.sessions[0])
        assert kept["content"] == [{"type": "output_audio"}]
        retrieved = await client.answer_to("conversation.item.retrieve", item_id=item["id"])
        assert len(base64.b64decode(retrieved["item"]["content"][0]["audio"])) == 720 * 8
        assert server.sessions[0].digest()["turns"] == [
            {"role": "assistant", "text": "Thanks for c", "interrupted": True}
        ]


@pytest.mark.asyncio
async def test_nothing_can_be_cut_beyond_its_sound():
    async with session(GREETING) as (client, server):
        item = await spoken(client)
        cut = {"item_id": item["id"], "content_index": 0}

        refusal = await client.refusal_of("conversation.item.truncate", audio_end_ms=1441, **cut)
        assert refusal == ("invalid_value", "audio_end_ms", "mine")
        message = client.seen[-1]["error"]["message"]
        assert message == "Audio content of 1440ms is already shorter than 1441ms"
        assert (await client.answer_to("conversation.item.truncate", audio_end_ms=1440, **cut))["audio_end_ms"] == 1440
        cut["content_index"] = 1
        refusal = await client.refusal_of("conversation.item.truncate", audio_end_ms=10, **cut)
        assert refusal == ("invalid_value", "content_index", "mine")


@pytest.mark.asyncio
async def test_only_the_sound_of_the_agent_can_be_cut():
    only_audio = "Only model output audio messages can be truncated"
    async with session() as (client, _):
        await added(client, said("one", id="item_1"))
        cut = {"content_index": 0, "audio_end_ms": 0}

        refusal = await client.refusal_of("conversation.item.truncate", item_id="item_1", **cut)
        assert (*refusal, client.seen[-1]["error"]["message"]) == (None, None, "mine", only_audio)
        refusal = await client.refusal_of("conversation.item.truncate", item_id="item_9", **cut)
        assert refusal == ("item_truncate_invalid_item_id", "item_id", "mine")


@pytest.mark.asyncio
async def test_a_deleted_item_is_gone_and_the_chain_closes():
    async with session(GREETING) as (client, server):
        await added(client, said("one", id="item_1"))
        item = await spoken(client)
        event = await client.answer_to("conversation.item.delete", item_id=item["id"])

        assert (event["type"], event["item_id"]) == ("conversation.item.deleted", item["id"])
        assert (await added(client, said("two")))["previous_item_id"] == "item_1"
        assert [turn["interrupted"] for turn in server.sessions[0].digest()["turns"]] == [False, True, False]
        for kind in ("delete", "retrieve"):
            refusal = await client.refusal_of(f"conversation.item.{kind}", item_id=item["id"])
            assert refusal == (f"item_{kind}_invalid_item_id", "item_id", "mine")


@pytest.mark.asyncio
async def test_the_output_of_a_deleted_call_is_refused():
    async with session(CALL) as (client, _):
        call = await spoken(client)
        await client.answer_to("conversation.item.delete", item_id=call["id"])
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "{}"}

        refusal = await client.refusal_of("conversation.item.create", item=output)

        assert refusal == ("invalid_tool_call_id", None, "mine")


@pytest.mark.asyncio
async def test_a_model_calls_only_what_is_declared_and_allowed():
    steps = [Agent(text="A.", tools=(ToolUse("dig", {}),)), CALL]
    async with session(*steps) as (client, server):
        assert (await spoken(client))["content"][0]["transcript"] == "A."
        await client.send("response.create", response={"tool_choice": "none"})
        done = await client.until("response.done")

        assert done["response"]["output"] == []
        assert server.sessions[0].tools == []
        assert server.sessions[0].script_errors == [
            "the script calls dig, which is not declared",
            "the script calls take_message, but tool_choice is none",
        ]


@pytest.mark.asyncio
async def test_several_calls_come_in_one_response():
    calls = Agent(tools=(ToolUse("take_message", {"n": 1}), ToolUse("take_message", {"n": 2})))
    async with session(calls) as (client, server):
        await client.send("response.create")
        output = (await client.until("response.done"))["response"]["output"]
        await client.until("rate_limits.updated")
        for call in reversed(output):
            item = {"type": "function_call_output", "call_id": call["call_id"], "output": call["arguments"]}
            await added(client, item)

        assert [json.loads(call["arguments"]) for call in output] == [{"n": 1}, {"n": 2}]
        assert [tool.result for tool in server.sessions[0].tools] == [{"n": 1}, {"n": 2}]


@pytest.mark.asyncio
async def test_beside_the_conversation_a_response_runs_in_parallel_and_leaves_nothing():
    async with session(Agent(text="A long answer. " * 5), rate=2) as (client, server):
        spoken_id = (await client.answer_to("response.create"))["response"]["id"]
        wanted = {"conversation": "none", "output_modalities": ["text"], "metadata": {"kind": "summary"}}
        await client.send("response.create", response=wanted)
        beside = (await client.until("response.created"))["response"]
        finished = {}
        while set(finished) != {spoken_id, beside["id"]}:
            done = (await client.until("response.done"))["response"]
            finished[done["id"]] = done

        assert (beside["conversation_id"], beside["metadata"]) == (None, {"kind": "summary"})
        assert [part["type"] for part in finished[beside["id"]]["output"][0]["content"]] == ["output_text"]
        mine = [event for event in client.seen if event.get("response_id") == beside["id"]]
        assert list(dict.fromkeys(event["type"] for event in mine)) == [
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
        ]
        assert len(server.conversation_of(server.sessions[0])) == 1
        assert len(server.sessions[0].turns) == 1


@pytest.mark.asyncio
async def test_cancel_without_an_id_leaves_what_runs_beside_alone():
    async with session(Agent(fault=Fault("stall")), think_ms=2000) as (client, _):
        main = (await client.answer_to("response.create"))["response"]["id"]
        beside = (await client.answer_to("response.create", response={"conversation": "none"}))["response"]["id"]
        await client.send("response.cancel")
        first = (await client.until("response.done"))["response"]
        await client.send("response.cancel", response_id=beside)
        second = (await client.until("response.done"))["response"]

        assert [first["id"], second["id"]] == [main, beside]
        assert first["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        assert first["output"] == []


@pytest.mark.asyncio
async def test_usage_grows_with_the_conversation_and_is_cached():
    settings = {**PHONE, "instructions": "Be brief. " * 60}
    async with session(GREETING, Agent(text="Again."), settings=settings) as (client, _):
        await spoken(client)
        await spoken(client)
        first, second = (event["response"]["usage"] for event in client.seen if event["type"] == "response.done")

        # 600 characters of instructions, 24 of speech; 1440 ms of the agent's sound at 50 ms a token.
        assert first["input_tokens"] == 150
        assert first["output_token_details"] == {"text_tokens": 6, "audio_tokens": 28}
        assert second["input_token_details"] == {
            "text_tokens": 156,
            "audio_tokens": 28,
            "image_tokens": 0,
            "cached_tokens": 128,
            "cached_tokens_details": {"text_tokens": 128, "audio_tokens": 0, "image_tokens": 0},
        }


@pytest.mark.asyncio
async def test_the_next_sentence_after_the_script_is_a_default_one():
    async with session() as (client, server):
        item = await spoken(client)

        assert item["content"][0]["transcript"] == "Is there anything else I can help you with?"
        assert server.sessions[0].steps_left == 0


@pytest.mark.asyncio
async def test_an_item_deleted_while_it_is_spoken_does_not_come_back():
    async with session(Agent(text="A long answer. " * 4), rate=2, think_ms=0) as (client, server):
        await client.send("response.create")
        item_id = (await client.until("response.output_audio.delta"))["item_id"]
        await client.send("conversation.item.delete", item_id=item_id)
        await client.until("conversation.item.deleted")
        since = len(client.seen)
        await client.until("response.done")

        assert "conversation.item.done" not in [event["type"] for event in client.seen[since:]]
        assert server.conversation_of(server.sessions[0]) == []


@pytest.mark.asyncio
async def test_a_call_can_be_broken_off_in_its_arguments():
    long_call = Agent(tools=(ToolUse("take_message", {"body": "tap " * 20_000}),))
    async with session(long_call) as (client, server):
        await client.send("response.create")
        await client.until("response.function_call_arguments.delta")
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]

        assert (done["status"], done["output"][0]["status"]) == ("cancelled", "incomplete")
        assert 0 < len(done["output"][0]["arguments"]) < 80_000
        assert server.sessions[0].tools == []
