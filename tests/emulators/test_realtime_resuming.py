"""Sessions that are lost, and those that follow them: what can be broken on demand, and how a script goes on."""

import base64
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from calls.audio import is_linear
from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_server import RealtimeServer
from calls.emulators.scenario import Agent, Fault, ToolUse
from tests.emulators.realtime_kit import GREETING, LEAK, connected, script, session

pytestmark = pytest.mark.asyncio
TAKE = Agent(tools=(ToolUse("take_message", {"about": "a leak"}),))


async def ended(client):
    with pytest.raises(ConnectionClosed):
        while True:
            await client.receive()
    return client.socket.close_code


async def tell(client, **item):
    await client.send("conversation.item.create", item=item)
    await client.until("conversation.item.done")


async def say_again(client, role, text):
    part = {"type": "output_text" if role == "assistant" else "input_text", "text": text}
    await tell(client, type="message", role=role, content=[part])


async def next_words(client):
    await client.send("response.create")
    return (await client.until("response.output_audio_transcript.done"))["transcript"]


async def test_hour_can_be_over_in_the_middle_of_a_word():
    async with session(Agent(text="A long answer.", fault=Fault("expire"))) as (client, server):
        await client.send("response.create")

        assert await ended(client) == 1001
        assert server.sessions[0].errors[0]["code"] == "session_expired"
        assert "response.output_audio.delta" in client.types()


async def test_connection_can_be_cut_while_a_tool_is_called():
    step = Agent(tools=TAKE.tools, fault=Fault("drop_in_tool"))
    async with session(step) as (client, _):
        await client.send("response.create")

        assert await ended(client) == 1006
        assert client.types()[-1] == "response.output_item.done"


async def test_sessions_after_so_many_are_refused():
    async with RealtimeServer([script()], faults=Faults(most_sessions=1)) as server:
        async with connected(server) as client:
            await client.until("session.created")
        with pytest.raises(InvalidStatus) as refused:
            async with connected(server):
                raise AssertionError("opened")

    assert refused.value.response.status_code == 503


async def test_sound_can_be_linear_although_the_session_says_otherwise():
    async with session(GREETING, faults=Faults(linear_deltas=True)) as (client, _):
        await client.send("response.create")
        delta = await client.until("response.output_audio.delta")

        assert is_linear(base64.b64decode(delta["delta"]))


async def test_session_tells_when_it_will_end():
    async with session(settings=None, faults=Faults(session_ms=40_000), rate=4) as (client, _):
        expires_at = client.seen[0]["session"]["expires_at"]

        assert expires_at - time.time() == pytest.approx(10, abs=1.5)


async def test_script_goes_on_behind_what_the_session_is_told():
    async with session(GREETING, LEAK, TAKE, Agent(text="I have noted it.")) as (client, server):
        await say_again(client, "assistant", "Thanks for")  # cut off there
        await say_again(client, "user", LEAK.text)
        call = {"call_id": "call_1", "name": "take_message", "arguments": '{"about": "a leak"}'}
        await tell(client, type="function_call", **call)
        await tell(client, type="function_call_output", call_id="call_1", output='{"status": "ok"}')

        assert await next_words(client) == "I have noted it."
        record = server.sessions[0]
        assert [(tool.name, tool.arguments, tool.result) for tool in record.tools] == [
            ("take_message", {"about": "a leak"}, {"status": "ok"})
        ]
        await client.speak()
        said = await client.until("conversation.item.input_audio_transcription.completed")
        assert said["transcript"] == "(inaudible)"  # the scenario's words were told already


async def test_words_that_are_not_the_scripts_leave_it_alone():
    async with session(GREETING) as (client, _):
        await say_again(client, "assistant", "Good morning.")
        await say_again(client, "user", "Good morning.")

        assert await next_words(client) == GREETING.text
