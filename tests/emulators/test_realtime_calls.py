import base64
import json

import pytest
from openai import AsyncOpenAI

from calls.emulators import sound
from calls.emulators.realtime_server import RealtimeServer
from calls.emulators.scenario import Agent, ToolUse
from tests.emulators.realtime_kit import GREETING, LEAK, MODEL, PHONE, script, session

SPOKEN = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]


def ladder(client, since):
    """The types of all after `since`, deltas told once."""
    types = [event["type"] for event in client.seen[since:]]
    return list(dict.fromkeys(types))


@pytest.mark.asyncio
async def test_the_greeting_comes_in_the_order_of_the_vendor():
    async with session(GREETING) as (client, _):
        since = len(client.seen)
        await client.send("response.create", response={"instructions": "Greet.", "tool_choice": "none", "input": []})
        await client.until("rate_limits.updated")

        assert ladder(client, since) == SPOKEN
        deltas = [event for event in client.seen if event["type"] == "response.output_audio.delta"]
        audio = b"".join(base64.b64decode(event["delta"]) for event in deltas)
        assert audio == sound.tone(len(GREETING.text) * 60, hz=220.0)
        done = client.seen[-2]["response"]
        assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": "Thanks for calling Acme."}]
        assert done["status"] == "completed"


@pytest.mark.asyncio
async def test_a_turn_of_the_caller_is_heard_committed_and_answered():
    async with session(LEAK, Agent(text="I see.")) as (client, server):
        since = len(client.seen)
        await client.speak(ms=600, quiet_ms=400)
        await client.until("response.done")
        await client.quiet()

        assert ladder(client, since)[:6] == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
        ]
        started, stopped, committed, added = client.seen[since : since + 4]
        assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (0, 900)
        assert started["item_id"] == stopped["item_id"] == committed["item_id"] == added["item"]["id"]
        completed = [event for event in client.seen if event["type"].endswith("transcription.completed")]
        assert [event["transcript"] for event in completed] == ["My tap is dripping."]
        assert [(turn.role, turn.text) for turn in server.sessions[0].turns] == [
            ("user", "My tap is dripping."),
            ("assistant", "I see."),
        ]


@pytest.mark.asyncio
async def test_speech_and_a_tool_call_come_in_one_response_and_its_output_is_kept():
    steps = [Agent(text="One moment.", tools=(ToolUse("take_message", {"body": "tap"}),)), Agent(text="Noted.")]
    async with session(*steps) as (client, server):
        await client.send("response.create")
        call = await client.until("response.function_call_arguments.done")
        done = await client.until("response.done")
        await client.send(
            "conversation.item.create",
            item={"type": "function_call_output", "call_id": call["call_id"], "output": '{"noted": true}'},
        )
        await client.send("response.create")
        await client.until("response.done")

        assert [item["type"] for item in done["response"]["output"]] == ["message", "function_call"]
        assert done["response"]["output"][0]["phase"] == "commentary"
        assert json.loads(call["arguments"]) == {"body": "tap"}
        digest = server.sessions[0].digest()
        assert digest["tools"] == [{"name": "take_message", "arguments": {"body": "tap"}, "result": {"noted": True}}]
        assert digest["steps_left"] == 0


@pytest.mark.asyncio
async def test_the_caller_breaks_into_the_response():
    async with session(Agent(text="We are open from " * 20), rate=1, think_ms=0, pace=3) as (client, server):
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.say(sound.tone(200))
        started = await client.until("input_audio_buffer.speech_started")
        since = len(client.seen)
        done = await client.until("response.done")

        assert started["item_id"] != done["response"]["output"][0]["id"]
        assert [event["type"] for event in client.seen[since:]] == SPOKEN[6:12]
        assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert done["response"]["output"][0]["status"] == "incomplete"
        assert "response.output_audio.delta" not in [event["type"] for event in await client.quiet(0.3)]
        assert [turn.interrupted for turn in server.sessions[0].turns] == [True]


@pytest.mark.asyncio
async def test_the_stock_client_completes_a_session():
    steps = [GREETING, LEAK, Agent(text="One moment.", tools=(ToolUse("take_message", {"body": "tap"}),))]
    async with RealtimeServer([script(*steps)], rate=20) as server:
        openai = AsyncOpenAI(api_key="sk-test", base_url=f"{server.http_url}/v1")
        seen = []
        async with openai, openai.realtime.connect(model=MODEL) as connection:
            await connection.session.update(session=PHONE)
            await connection.response.create()
            async for event in connection:
                seen.append(event.type)
                if event.type == "response.done" and seen.count("response.done") == 1:
                    frame = base64.b64encode(sound.tone(500) + sound.silence(400)).decode()
                    await connection.input_audio_buffer.append(audio=frame)
                if event.type == "response.function_call_arguments.done":
                    assert event.name == "take_message"
                    break

        assert seen[:2] == ["session.created", "session.updated"]
        assert seen.count("input_audio_buffer.committed") == 1
        assert server.sessions[0].errors == []


EVERY_TYPE = {
    "session.created",
    "session.updated",
    "error",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "input_audio_buffer.cleared",
    "input_audio_buffer.timeout_triggered",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.retrieved",
    "conversation.item.truncated",
    "conversation.item.deleted",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.done",
    "rate_limits.updated",
}


@pytest.mark.asyncio
async def test_every_event_of_a_broad_session_is_known_to_the_openai_package():
    steps = [GREETING, LEAK, Agent(text="One moment.", tools=(ToolUse("take_message", {"body": "tap"}),))]
    hearing = {**PHONE["audio"]["input"], "turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}
    settings = {**PHONE, "audio": {**PHONE["audio"], "input": hearing}}
    # The client of the kit judges each event on arrival.
    async with session(*steps, settings=settings, rate=40) as (client, _):
        await client.send("response.create", response={"metadata": {"kind": "greeting"}})
        item = (await client.until("response.done"))["response"]["output"][0]
        await client.send("conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=500)
        await client.send("conversation.item.retrieve", item_id=item["id"])
        await client.speak()
        call = await client.until("response.function_call_arguments.done")
        await client.until("response.done")
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "{}"}
        await client.send("conversation.item.create", item=output)
        await client.send("conversation.item.delete", item_id=item["id"])
        await client.send("input_audio_buffer.clear")
        wanted = {"conversation": "none", "output_modalities": ["text"], "input": [], "instructions": "Sum up."}
        await client.send("response.create", response=wanted)
        await client.send("response.cancel", response_id="resp_unknown")
        await client.until("response.done")
        await client.until("input_audio_buffer.timeout_triggered")
        await client.until("response.done")

        assert {event["type"] for event in client.seen} == EVERY_TYPE
        assert len({event["event_id"] for event in client.seen}) == len(client.seen)
