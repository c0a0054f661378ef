"""One test for each thing that the vendor refuses: code, param, echoed event_id, and that nothing changed."""

import asyncio
import base64
import json
import urllib.request

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from calls.emulators import sound
from calls.emulators.realtime_events import EVENTS
from calls.emulators.realtime_server import RealtimeServer
from calls.emulators.realtime_session import HANDLERS
from calls.emulators.scenario import Agent
from tests.emulators.realtime_kit import GREETING, MODEL, PHONE, connected, script, session

HEARING = "session.audio.input"


def changed(path, value):
    """A session.update body of the type and one member more."""
    body = {"type": "realtime"}
    target = body
    *folders, name = path.split(".")
    for folder in folders:
        target = target.setdefault(folder, {})
    target[name] = value
    return body


def vad(**members):
    return changed("audio.input.turn_detection", {"type": "server_vad", **members})


def transcription(**members):
    return changed("audio.input.transcription", members)


BAD_UPDATES = [
    ({}, "missing_required_parameter", "session.type"),
    ({"type": "transcription"}, "invalid_value", "session.type"),
    (changed("modalities", ["text", "audio"]), "unknown_parameter", "session.modalities"),
    (changed("voice", "alloy"), "unknown_parameter", "session.voice"),
    (changed("input_audio_format", "g711_ulaw"), "unknown_parameter", "session.input_audio_format"),
    (changed("output_audio_format", "g711_ulaw"), "unknown_parameter", "session.output_audio_format"),
    (changed("input_audio_transcription", {}), "unknown_parameter", "session.input_audio_transcription"),
    (changed("turn_detection", None), "unknown_parameter", "session.turn_detection"),
    (changed("temperature", 0.8), "unknown_parameter", "session.temperature"),
    (changed("max_response_output_tokens", 5), "unknown_parameter", "session.max_response_output_tokens"),
    (changed("output_modalities", ["audio", "text"]), "invalid_value", "session.output_modalities"),
    (changed("instructions", 5), "invalid_type", "session.instructions"),
    (changed("model", "gpt-realtime-1.5"), "invalid_value", "session.model"),
    (changed("audio.input.format", "g711_ulaw"), "invalid_type", f"{HEARING}.format"),
    (changed("audio.input.format", {"type": "audio/opus"}), "invalid_value", f"{HEARING}.format.type"),
    (changed("audio.input.format", {"type": "audio/pcm"}), "missing_required_parameter", f"{HEARING}.format.rate"),
    (
        changed("audio.input.format", {"type": "audio/pcm", "rate": 16000}),
        "integer_below_min_value",
        f"{HEARING}.format.rate",
    ),
    (
        changed("audio.input.format", {"type": "audio/pcm", "rate": 48000}),
        "integer_above_max_value",
        f"{HEARING}.format.rate",
    ),
    (
        changed("audio.input.format", {"type": "audio/pcmu", "rate": 8000}),
        "unknown_parameter",
        f"{HEARING}.format.rate",
    ),
    (changed("audio.input.gain", 1), "unknown_parameter", f"{HEARING}.gain"),
    (changed("audio.input.noise_reduction", {"type": "off"}), "invalid_value", f"{HEARING}.noise_reduction.type"),
    (vad(threshold=1.5), "decimal_above_max_value", f"{HEARING}.turn_detection.threshold"),
    (vad(threshold=-0.1), "decimal_below_min_value", f"{HEARING}.turn_detection.threshold"),
    (vad(silence_duration_ms="long"), "invalid_type", f"{HEARING}.turn_detection.silence_duration_ms"),
    (vad(create_response=1), "invalid_type", f"{HEARING}.turn_detection.create_response"),
    (vad(eagerness="low"), "unknown_parameter", f"{HEARING}.turn_detection.eagerness"),
    (vad(idle_timeout_ms=4999), "integer_below_min_value", f"{HEARING}.turn_detection.idle_timeout_ms"),
    (vad(idle_timeout_ms=30001), "integer_above_max_value", f"{HEARING}.turn_detection.idle_timeout_ms"),
    (
        changed("audio.input.turn_detection", {"type": "semantic_vad", "idle_timeout_ms": 6000}),
        "unknown_parameter",
        f"{HEARING}.turn_detection.idle_timeout_ms",
    ),
    (changed("audio.input.turn_detection", {}), "missing_required_parameter", f"{HEARING}.turn_detection.type"),
    (transcription(language="en"), "missing_required_parameter", f"{HEARING}.transcription.model"),
    (transcription(model="whisper-1", keywords=["tap"]), "unknown_parameter", f"{HEARING}.transcription.keywords"),
    (transcription(model="gpt-transcribe", delay="low"), "unknown_parameter", f"{HEARING}.transcription.delay"),
    (changed("audio.output.voice", "fable"), "invalid_value", "session.audio.output.voice"),
    (changed("audio.output.speed", 2), "decimal_above_max_value", "session.audio.output.speed"),
    (
        changed("tools", [{"type": "function", "function": {"name": "a"}}]),
        "unknown_parameter",
        "session.tools[0].function",
    ),
    (
        changed("tools", [{"type": "function", "name": "a", "strict": True}]),
        "unknown_parameter",
        "session.tools[0].strict",
    ),
    (changed("tools", {}), "invalid_type", "session.tools"),
    (changed("tool_choice", "maybe"), "invalid_value", "session.tool_choice"),
    (changed("tool_choice", {"type": "function"}), "missing_required_parameter", "session.tool_choice.name"),
    (changed("max_output_tokens", 0), "integer_below_min_value", "session.max_output_tokens"),
    (changed("max_output_tokens", 5000), "integer_above_max_value", "session.max_output_tokens"),
    (
        changed("truncation", {"type": "retention_ratio"}),
        "missing_required_parameter",
        "session.truncation.retention_ratio",
    ),
    (changed("reasoning", {"effort": "none"}), "invalid_value", "session.reasoning.effort"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("body", "code", "param"), BAD_UPDATES)
async def test_one_bad_member_refuses_the_whole_update(body, code, param):
    async with session(settings=None) as (client, server):
        # The good member beside the bad one must not come through.
        settings = {"tool_choice": "required", **body}

        assert await client.refusal_of("session.update", session=settings) == (code, param, "mine")
        assert server.sessions[0].settings["tool_choice"] == "auto"
        assert await client.quiet(0.02) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["reasoning", "parallel_tool_calls"])
async def test_reasoning_is_for_models_that_reason_and_the_refusal_names_nothing(name):
    value = {"effort": "low"} if name == "reasoning" else True
    async with session(settings=None, model="gpt-realtime-1.5") as (client, _):
        body = changed(name, value)

        assert await client.refusal_of("session.update", session=body) == ("unsupported_parameter", None, None)
    async with session(settings=None, model="gpt-realtime-2.1-mini") as (client, _):
        assert (await client.answer_to("session.update", session=body))["type"] == "session.updated"


@pytest.mark.asyncio
async def test_the_voice_is_locked_once_the_agent_has_spoken():
    async with session(GREETING) as (client, server):
        await client.send("response.create")
        await client.until("rate_limits.updated")
        other = {"type": "realtime", "instructions": "lost", "audio": {"output": {"voice": "cedar"}}}
        same = {"type": "realtime", "instructions": "kept", "audio": {"output": {"voice": "marin"}}}

        assert await client.refusal_of("session.update", session=other) == ("cannot_update_voice", None, "mine")
        assert await client.refusal_of("response.create", response={"audio": other["audio"]}) == (
            "cannot_update_voice",
            None,
            "mine",
        )
        assert (await client.answer_to("session.update", session=same))["type"] == "session.updated"
        assert server.sessions[0].settings["instructions"] == "kept"


# The connection.


async def verdict(server, path, headers, **options):
    """What a client sees after the 101: the first frame's error code, the close code and its reason."""
    url = server.url.removesuffix("/v1/realtime") + path
    async with connect(url, additional_headers=headers, compression=None, proxy=None, **options) as socket:
        first = await socket.recv()
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        code = first.split('"code": ')[1].split(",")[0].strip('"')
        return code, socket.close_code, socket.close_reason


KEY = {"Authorization": "Bearer sk-good"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        (
            "?model=gpt-realtime-2.1",
            {**KEY, "OpenAI-Beta": "realtime=v1"},
            ("beta_api_shape_disabled", 4000, "invalid_request_error.beta_api_shape_disabled"),
        ),
        # The order is the vendor's: the beta header is told of before the key, the key before the model.
        (
            "",
            {"OpenAI-Beta": "realtime=v1"},
            ("beta_api_shape_disabled", 4000, "invalid_request_error.beta_api_shape_disabled"),
        ),
        ("", {}, ("null", 3000, "invalid_request_error")),
        ("", {"Authorization": "Basic abc"}, ("null", 3000, "invalid_request_error")),
        (
            "?model=gpt-realtime-2.1",
            {"Authorization": "Bearer sk-unknown"},
            ("invalid_api_key", 3000, "invalid_request_error.invalid_api_key"),
        ),
        ("", KEY, ("missing_model", 4000, "invalid_request_error.missing_model")),
        ("?model=gpt-4o", KEY, ("invalid_model", 4000, "invalid_request_error.invalid_model")),
        ("?model=gpt-live-1", KEY, ("invalid_model", 4000, "invalid_request_error.invalid_model")),
        (
            "?model=gpt-4o-realtime-preview-2024-12-17",
            KEY,
            ("model_not_found", 4004, "invalid_request_error.model_not_found"),
        ),
    ],
)
async def test_the_connection_is_judged_after_the_upgrade(query, headers, expected):
    async with RealtimeServer([script()], keys=["sk-good"]) as server:
        assert await verdict(server, f"/v1/realtime{query}", headers) == expected
        assert [error["code"] or "null" for error in server.sessions[0].errors] == [expected[0]]
        assert await server.all_closed() is True


@pytest.mark.asyncio
async def test_single_keys_can_be_bad():
    async with RealtimeServer([script()], bad_keys=["sk-bad"]) as server:
        code, _, _ = await verdict(server, f"/v1/realtime?model={MODEL}", {"Authorization": "Bearer sk-bad"})

        assert code == "invalid_api_key"
        async with connected(server) as client:
            assert (await client.receive())["type"] == "session.created"


@pytest.mark.asyncio
async def test_a_browser_shows_its_key_as_a_subprotocol():
    async with RealtimeServer([script()], keys=["ek_1"]) as server:
        offered = ["realtime", "openai-insecure-api-key.ek_1"]
        async with connected(server, additional_headers={}, subprotocols=offered) as client:
            assert (await client.receive())["type"] == "session.created"
            assert client.socket.subprotocol == "realtime"


@pytest.mark.asyncio
async def test_another_path_is_not_found():
    async with RealtimeServer([script()]) as server:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(server.url + "/sessions", additional_headers=KEY, proxy=None):
                raise AssertionError("opened")

        assert refused.value.response.status_code == 404
        assert server.sessions == []


# Frames and events.


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("frame", "code", "param"),
    [
        (b"\x00\x01", "invalid_event", None),
        ("not json", "invalid_json", None),
        ("[1, 2]", "invalid_event", None),
        ("{}", "missing_required_parameter", "type"),
        ('{"type": "response.pause"}', "invalid_value", "type"),
        ('{"type": ["response.create"]}', "invalid_value", "type"),
        ('{"type": "output_audio_buffer.clear"}', "invalid_value", "type"),
        ('{"type": "response.cancel", "event_id": 5}', "invalid_type", "event_id"),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "!!"}', "invalid_value", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "AAAA", "rate": 8000}', "unknown_parameter", "rate"),
    ],
)
async def test_a_bad_frame_is_answered_and_ends_nothing(frame, code, param):
    async with session(settings=None) as (client, _):
        await client.socket.send(frame)
        error = (await client.receive())["error"]

        assert (error["code"], error["param"]) == (code, param)
        assert (await client.answer_to("session.update", session=PHONE))["type"] == "session.updated"


def test_every_event_has_its_handler():
    assert list(HANDLERS) == list(EVENTS)


@pytest.mark.asyncio
async def test_a_commit_needs_a_tenth_of_a_second():
    async with session() as (client, _):
        await client.say(sound.silence(80))

        refusal = await client.refusal_of("input_audio_buffer.commit")

        assert refusal == ("input_audio_buffer_commit_empty", None, "mine")


# Responses.


@pytest.mark.asyncio
async def test_a_second_response_is_refused_and_nothing_else_happens():
    async with session(Agent(text="A long answer. " * 10), rate=1) as (client, _):
        created = await client.answer_to("response.create")
        error = (await client.answer_to("response.create", event_id="second"))["error"]

        assert created["type"] == "response.created"
        assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "second")
        assert created["response"]["id"] in error["message"]
        await client.quiet(0.2)
        assert [event["type"] for event in client.seen].count("response.created") == 1


@pytest.mark.asyncio
async def test_there_must_be_something_to_cancel():
    async with session() as (client, _):
        assert await client.refusal_of("response.cancel") == ("response_cancel_not_active", None, "mine")
        assert await client.refusal_of("response.cancel", response_id="resp_x") == (
            "response_cancel_not_active",
            None,
            "mine",
        )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"modalities": ["audio"]}, "unknown_parameter", "response.modalities"),
        ({"temperature": 1}, "unknown_parameter", "response.temperature"),
        ({"voice": "marin"}, "unknown_parameter", "response.voice"),
        ({"conversation": "other"}, "invalid_value", "response.conversation"),
        ({"output_modalities": ["text", "audio"]}, "invalid_value", "response.output_modalities"),
        ({"metadata": {"kind": 5}}, "invalid_type", "response.metadata.kind"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "invalid_value", "response.metadata"),
        ({"input": [{"type": "message", "role": "user"}]}, "missing_required_parameter", "response.input[0].content"),
        ({"input": [{"type": "item_reference", "id": "item_x"}]}, "item_not_found", "response.input[0].id"),
    ],
)
async def test_a_bad_response_create_is_refused(body, code, param):
    async with session() as (client, _):
        assert await client.refusal_of("response.create", response=body) == (code, param, "mine")
        assert await client.quiet(0.02) == []


# The digest over HTTP.


@pytest.mark.asyncio
async def test_the_sessions_can_be_looked_up_on_the_same_port():
    async with session(GREETING) as (client, server):
        await client.send("response.create")
        await client.until("response.done")
        response = await fetch(f"{server.http_url}/_emulator/sessions")

        [digest] = response
        assert digest == {
            "index": 0,
            "model": MODEL,
            "caller": "+15550100001",
            "scenario": "test",
            "open": True,
            "close_code": None,
            "turns": [{"role": "assistant", "text": "Thanks for calling Acme.", "interrupted": False}],
            "tools": [],
            "errors": [],
            "script_errors": [],
            "steps_left": 0,
            "audio_in_bytes": 0,
            "client_event_types": {"session.update": 1, "response.create": 1},
        }


async def fetch(url):
    def read():
        with urllib.request.urlopen(url) as response:
            return json.load(response)

    return await asyncio.to_thread(read)


@pytest.mark.asyncio
async def test_frames_of_old_sessions_are_forgotten_and_their_digest_stays():
    async with RealtimeServer([script()], keep_frames_of=1) as server:
        for _ in range(2):
            async with connected(server) as client:
                await client.until("session.created")
                audio = base64.b64encode(sound.silence(20)).decode()
                await client.send("input_audio_buffer.append", audio=audio)
                await client.refusal_of("response.cancel")

    assert [bool(record.frames) for record in server.sessions] == [False, True]
    assert [record.digest()["audio_in_bytes"] for record in server.sessions] == [160, 160]
    assert [record.open for record in server.sessions] == [False, False]
