"""What can go wrong on demand, and that the emulator's own judge is strict."""

import asyncio
import json
import time
from dataclasses import replace

import pytest
from pydantic import ValidationError
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_server import RealtimeServer
from calls.emulators.scenario import Agent, Caller, Fault, ScenarioError
from tests.emulators.realtime_kit import GREETING, PHONE, conforming, connected, script, session


async def ended(client):
    """Read until the connection is over; its close code and reason."""
    with pytest.raises(ConnectionClosed):
        while True:
            await client.receive()
    return client.socket.close_code, client.socket.close_reason


async def response_types(client):
    since = len(client.seen)
    await client.send("response.create")
    await client.until("response.done")
    return [event["type"] for event in client.seen[since:]]


# The judge of the tests.


def test_the_judge_refuses_unknown_types_and_unknown_members():
    known = {"type": "conversation.item.deleted", "event_id": "event_1", "item_id": "item_1"}

    assert conforming(known) == known
    with pytest.raises(ValidationError):
        conforming({**known, "type": "conversation.item.forgotten"})
    with pytest.raises(AssertionError):
        conforming({**known, "heard": True})


# Steps of a scenario that fail.


@pytest.mark.asyncio
async def test_a_stalled_response_is_created_and_never_ends():
    async with session(Agent(fault=Fault("stall"))) as (client, _):
        await client.send("response.create")
        await client.until("response.created")

        assert await client.quiet(0.1) == []
        assert (await client.refusal_of("response.create"))[0] == "conversation_already_has_active_response"


@pytest.mark.asyncio
async def test_a_step_of_text_has_words_and_no_sound():
    async with session(Agent(text="Hello there.", fault=Fault("text"))) as (client, _):
        types = await response_types(client)

    assert "response.output_text.done" in types
    assert [kind for kind in types if "audio" in kind] == []


@pytest.mark.asyncio
async def test_a_silent_step_answers_nothing_and_the_next_one_speaks():
    async with session(Agent(fault=Fault("silent")), GREETING) as (client, _):
        await client.send("response.create")
        assert await client.quiet(0.1) == []

        await client.send("response.create")
        assert (await client.until("response.done"))["response"]["status"] == "completed"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "closed"), [(Fault("drop"), (1006, "")), (Fault("close", 1001), (1001, "on demand"))]
)
async def test_the_connection_can_end_in_the_middle_of_a_word(fault, closed):
    async with session(Agent(text="A long answer.", fault=fault)) as (client, server):
        await client.send("response.create")

        assert await ended(client) == closed
        assert await server.all_closed() is True
        assert "response.done" not in client.types()
        assert "response.output_audio.delta" in client.types()


@pytest.mark.asyncio
async def test_the_connection_can_end_instead_of_an_answer():
    async with session(Agent(fault=Fault("close", 1012))) as (client, _):
        await client.send("response.create")

        assert (await ended(client))[0] == 1012
        assert client.types()[-1] == "response.created"


@pytest.mark.asyncio
async def test_a_response_can_fail_for_want_of_quota():
    async with session(Agent(fault=Fault("error", "insufficient_quota"))) as (client, _):
        await client.send("response.create")
        done = (await client.until("response.done"))["response"]

        assert (done["status"], done["output"]) == ("failed", [])
        assert done["status_details"]["error"]["code"] == "insufficient_quota"


@pytest.mark.asyncio
async def test_a_response_can_run_out_of_tokens_in_mid_sentence():
    step = Agent(text="one two three four five six seven eight", fault=Fault("incomplete", "max_output_tokens"))
    async with session(step) as (client, _):
        await client.send("response.create")
        done = (await client.until("response.done"))["response"]

        assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        [item] = done["output"]
        assert item["status"] == "incomplete"
        assert step.text.startswith(item["content"][0]["transcript"])
        assert item["content"][0]["transcript"] != step.text


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["malformed", "unknown_event"])
async def test_a_step_can_come_with_nonsense_before_it(name):
    async with session(Agent(text="Hi.", fault=Fault(name)), judge=False) as (client, _):
        await client.send("response.create")
        first = await client.socket.recv()
        done = await client.until("response.done")

        if name == "malformed":
            with pytest.raises(ValueError, match="Unterminated"):
                json.loads(first)
        else:
            assert json.loads(first)["type"] == "response.telepathy.delta"
        assert done["response"]["status"] == "completed"


@pytest.mark.asyncio
async def test_a_step_may_think_longer():
    async with session(Agent(text="Hm.", think_ms=2000), rate=10) as (client, _):
        await client.send("response.create")
        began = time.monotonic()
        await client.until("response.output_audio.delta")

        assert time.monotonic() - began >= 0.19


# Faults of the server.


@pytest.mark.asyncio
async def test_updates_can_be_refused_a_number_of_times():
    faults = Faults(reject_updates=2)
    async with session(settings=None, faults=faults) as (client, _):
        assert await client.refusal_of("session.update", session=PHONE) == ("invalid_value", None, "mine")
        faults.reject_names_event = False
        assert await client.refusal_of("session.update", session=PHONE) == ("invalid_value", None, None)
        assert (await client.answer_to("session.update", session=PHONE))["type"] == "session.updated"


@pytest.mark.asyncio
async def test_an_update_can_stay_unanswered():
    async with session(settings=None, faults=Faults(never_updated=True)) as (client, _):
        await client.send("session.update", session=PHONE)

        assert await client.quiet() == []


@pytest.mark.asyncio
async def test_the_echo_can_be_wrong():
    async with session(settings=None, faults=Faults(wrong_echo=True)) as (client, _):
        updated = await client.answer_to("session.update", session=PHONE)

        assert updated["session"]["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}
        assert updated["session"]["audio"]["output"]["voice"] == "marin"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "waited_for"),
    [
        ("upgrade_ms", "session.created"),
        ("created_ms", "session.created"),
        ("updated_ms", "session.updated"),
        ("response_created_ms", "response.created"),
        ("first_delta_ms", "response.output_audio.delta"),
    ],
)
async def test_each_answer_can_come_late_and_rate_scales_it(fault, waited_for):
    faults = Faults(**{fault: 2000})
    async with RealtimeServer([script(GREETING)], rate=4, think_ms=0, faults=faults) as server:
        began = time.monotonic()
        async with connected(server) as client:
            moments = {}
            await client.until("session.created")
            moments["session.created"] = time.monotonic() - began
            for kind, answer, members in (
                ("session.update", "session.updated", {"session": PHONE}),
                ("response.create", "response.created", {}),
            ):
                began = time.monotonic()
                await client.send(kind, **members)
                await client.until(answer)
                moments[answer] = time.monotonic() - began
            began = time.monotonic()
            await client.until("response.output_audio.delta")
            moments["response.output_audio.delta"] = time.monotonic() - began

    assert [name for name, seconds in moments.items() if seconds >= 0.48] == [waited_for]


@pytest.mark.asyncio
async def test_it_can_open_and_stay_mute():
    async with RealtimeServer([script()], faults=Faults(never_created=True)) as server, connected(server) as client:
        assert await client.quiet() == []


@pytest.mark.asyncio
async def test_it_can_begin_with_an_error_and_take_nothing_any_more():
    faults = Faults(error_on_open="server_error")
    async with RealtimeServer([script()], faults=faults) as server, connected(server) as client:
        assert (await client.until("error"))["error"]["code"] == "server_error"
        await client.send("session.update", session=PHONE)

        assert await client.quiet() == []


@pytest.mark.asyncio
async def test_it_can_take_everything_and_never_speak():
    async with session(GREETING, faults=Faults(never_respond=True)) as (client, _):
        await client.send("response.create")

        assert await client.quiet() == []


@pytest.mark.asyncio
async def test_it_can_refuse_the_upgrade():
    async with RealtimeServer([script()], faults=Faults(upgrade_status=503)) as server:
        with pytest.raises(InvalidStatus) as refused:
            async with connected(server):
                raise AssertionError("opened")

        assert refused.value.response.status_code == 503


@pytest.mark.asyncio
async def test_it_can_close_right_after_opening():
    faults = Faults(close_on_open=1013)
    async with RealtimeServer([script()], faults=faults) as server, connected(server) as client:
        assert await ended(client) == (1013, "on demand")
        assert client.types() == ["session.created"]


@pytest.mark.asyncio
async def test_a_session_expires_with_an_error_and_1001():
    async with session(settings=None, faults=Faults(session_ms=1000), rate=10) as (client, server):
        closed = await ended(client)

        assert closed == (1001, "Your session hit the maximum duration of 60 minutes.")
        assert server.sessions[0].errors[0]["code"] == "session_expired"


@pytest.mark.asyncio
async def test_some_audio_may_follow_the_start_of_speech():
    options = {"speech": [(100, 300)], "faults": Faults(late_deltas=2), "rate": 1, "think_ms": 0, "pace": 1}
    async with session(Agent(text="A long answer. " * 5), **options) as (client, _):
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.say(b"\xff" * 8 * 120)
        await client.until("input_audio_buffer.speech_started")
        since = len(client.seen)
        await client.until("response.done")

        assert [event["type"] for event in client.seen[since:]].count("response.output_audio.delta") == 2


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("faults", "kind", "count"),
    [
        (Faults(duplicate_done=True), "response.done", 2),
        (Faults(done_without_created=True), "response.created", 0),
    ],
)
async def test_the_frame_of_a_response_can_be_wrong(faults, kind, count):
    async with session(GREETING, faults=faults) as (client, _):
        types = await response_types(client)
        types += [event["type"] for event in await client.quiet()]

        assert types.count(kind) == count


@pytest.mark.asyncio
async def test_rate_limits_can_come_first():
    async with session(GREETING, faults=Faults(rate_limits_first=True)) as (client, _):
        assert (await response_types(client))[:2] == ["response.created", "rate_limits.updated"]


@pytest.mark.asyncio
async def test_every_response_can_fail():
    async with session(GREETING, faults=Faults(response_error="rate_limit_exceeded")) as (client, _):
        assert await response_types(client) == ["response.created", "response.done"]


@pytest.mark.asyncio
async def test_transcriptions_can_fail():
    async with session(faults=Faults(transcription_fails=True)) as (client, _):
        await client.speak()
        failed = await client.until("conversation.item.input_audio_transcription.failed")

        assert failed["error"]["code"] == "audio_unintelligible"


@pytest.mark.asyncio
async def test_frames_can_be_odd_and_large():
    faults = Faults(malformed_json=True, unknown_events=True, extra_keys=True, padding=100_000)
    async with session(GREETING, faults=faults, judge=False) as (client, server):
        await client.send("response.create")
        assert await client.socket.recv() == '{"type": "response.output_audio.delta", "delta": "AAA'
        delta = await client.until("response.output_audio.delta")

        assert len(delta["obfuscation"]) == 100_000
        assert client.seen[2]["type"] == "response.telepathy.delta"
        assert all("undocumented" in event for event in client.seen)
        assert [frame.event for frame in server.sessions[0].frames].count(None) == 1


@pytest.mark.asyncio
async def test_a_deaf_server_reads_nothing():
    faults = Faults(deaf=True)
    async with RealtimeServer([script()], faults=faults) as server:
        async with connected(server) as client:
            await client.until("session.created")
            await client.send("session.update", session=PHONE)

            assert await client.quiet() == []
            assert server.sessions[0].client_event_types == {}
            client.socket.transport.abort()
        assert await server.all_closed() is True


# Meddling from a test.


@pytest.mark.asyncio
async def test_a_test_can_send_close_and_cut():
    async with RealtimeServer([script()]) as server:
        async with connected(server) as client:
            await client.until("session.created")
            server.send(server.sessions[0], "conversation.item.deleted", item_id="item_1")
            assert (await client.receive())["item_id"] == "item_1"
            server.close(server.sessions[0], 1011, "enough")
            assert await ended(client) == (1011, "enough")
        async with connected(server) as client:
            await client.until("session.created")
            server.cut(server.sessions[1])
            with pytest.raises(ConnectionClosedError):
                await client.receive()
        assert await server.all_closed() is True
        assert [record.close_code for record in server.sessions] == [1011, 1006]


@pytest.mark.asyncio
async def test_an_open_session_shows():
    async with RealtimeServer([script()]) as server, connected(server) as client:
        await client.until("session.created")

        assert await server.all_closed(within=0.05) is False


@pytest.mark.asyncio
async def test_a_missing_sound_is_told_before_anybody_calls(tmp_path):
    missing = script(Agent(text="Hi.", audio="nowhere.ulaw"), folder=tmp_path)

    with pytest.raises(ScenarioError):
        await RealtimeServer([missing]).start()


@pytest.mark.asyncio
async def test_two_sessions_follow_two_scripts_and_do_not_touch():
    first = script(Agent(text="For one."))
    second = replace(script(Agent(text="For two.")), caller=Caller("+15550100002"))
    async with (
        RealtimeServer([first, second], rate=20) as server,
        connected(server) as one,
        connected(server) as two,
    ):
        for client, number in ((one, 1), (two, 2)):
            await client.until("session.created")
            settings = {**PHONE, "instructions": f"Caller: +1555010000{number}"}
            await client.send("session.update", session=settings)
            await client.until("session.updated")
        await asyncio.gather(*(client.send("response.create") for client in (one, two)))
        said = [await client.until("response.output_audio_transcript.done") for client in (one, two)]

        assert [event["transcript"] for event in said] == ["For one.", "For two."]
        assert [record.caller for record in server.sessions] == ["+15550100001", "+15550100002"]
