"""The caller's turns: heard, committed, transcribed, answered or not."""

import base64

import pytest

from calls.emulators import sound
from calls.emulators.scenario import Agent, Say
from tests.emulators.realtime_kit import GREETING, LEAK, PHONE, session, spoken


@pytest.mark.asyncio
async def test_without_turn_detection_the_client_commits_and_asks():
    settings = {**PHONE, "audio": {**PHONE["audio"], "input": {**PHONE["audio"]["input"], "turn_detection": None}}}
    async with session(LEAK, Agent(text="I see."), settings=settings) as (client, _):
        since = len(client.seen)
        await client.say(sound.tone(400) + sound.silence(1000))
        await client.send("input_audio_buffer.commit")
        committed = await client.until("input_audio_buffer.committed")
        await client.quiet()
        retrieved = await client.answer_to("conversation.item.retrieve", item_id=committed["item_id"])

        types = [event["type"] for event in client.seen[since:]]
        assert types[:3] == ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
        assert "response.created" not in types
        assert retrieved["item"]["content"][0]["transcript"] == "My tap is dripping."
        assert len(base64.b64decode(retrieved["item"]["content"][0]["audio"])) == 1400 * 8


@pytest.mark.asyncio
async def test_a_cleared_buffer_holds_nothing():
    async with session() as (client, _):
        await client.say(sound.silence(500))
        event = await client.answer_to("input_audio_buffer.clear")

        assert event["type"] == "input_audio_buffer.cleared"
        assert (await client.refusal_of("input_audio_buffer.commit"))[0] == "input_audio_buffer_commit_empty"


@pytest.mark.asyncio
async def test_a_transcription_may_come_after_the_answer():
    async with session(LEAK, Agent(text="I see."), transcription_ms=8000) as (client, _):
        await client.speak()
        await client.until("response.done")
        assert [event for event in client.seen if "transcription" in event["type"]] == []

        completed = await client.until("conversation.item.input_audio_transcription.completed")
        words = [event["delta"] for event in client.seen if event["type"].endswith("transcription.delta")]
        assert "".join(words) == completed["transcript"] == "My tap is dripping."


@pytest.mark.asyncio
async def test_there_is_no_transcription_unless_asked_for():
    settings = {**PHONE, "audio": {**PHONE["audio"], "input": {**PHONE["audio"]["input"], "transcription": None}}}
    async with session(LEAK, Agent(text="I see."), settings=settings) as (client, server):
        await client.speak()
        await client.until("rate_limits.updated")
        await client.quiet()

        assert [event for event in client.seen if "transcription" in event["type"]] == []
        assert server.sessions[0].turns[0].text == "My tap is dripping."


@pytest.mark.asyncio
async def test_a_model_that_is_not_there_fails_to_transcribe():
    hearing = {**PHONE["audio"]["input"], "transcription": {"model": "gpt-nonsense"}}
    settings = {**PHONE, "audio": {**PHONE["audio"], "input": hearing}}
    async with session(LEAK, settings=settings) as (client, _):
        await client.speak()
        failed = await client.until("conversation.item.input_audio_transcription.failed")

        assert failed["error"]["code"] == "model_not_found"


@pytest.mark.asyncio
async def test_the_nth_turn_returns_the_nth_text():
    async with session(Say(text="One."), Say(text="Two.")) as (client, server):
        for _ in range(3):
            await client.speak()
            await client.until("rate_limits.updated")

        texts = [turn.text for turn in server.sessions[0].turns if turn.role == "user"]
        assert texts == ["One.", "Two.", "(inaudible)"]


@pytest.mark.asyncio
async def test_a_turn_over_a_response_that_may_not_be_interrupted_gets_no_answer():
    turns = {"type": "server_vad", "silence_duration_ms": 300, "interrupt_response": False}
    hearing = {**PHONE["audio"]["input"], "turn_detection": turns}
    settings = {**PHONE, "audio": {**PHONE["audio"], "input": hearing}}
    async with session(Agent(text="A long answer. " * 5), settings=settings, rate=1) as (client, _):
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.speak()
        done = await client.until("response.done")
        await client.quiet()

        types = [event["type"] for event in client.seen]
        assert done["response"]["status"] == "completed"
        assert types.count("input_audio_buffer.committed") == 1
        assert types.count("response.created") == 1


@pytest.mark.asyncio
async def test_events_only_detection_creates_no_response():
    turns = {"type": "server_vad", "silence_duration_ms": 300, "create_response": False}
    settings = {**PHONE, "audio": {**PHONE["audio"], "input": {**PHONE["audio"]["input"], "turn_detection": turns}}}
    async with session(GREETING, settings=settings) as (client, _):
        await client.speak()
        await client.until("conversation.item.done")

        assert "response.created" not in [event["type"] for event in await client.quiet()]


@pytest.mark.asyncio
async def test_a_silent_caller_is_noticed():
    turns = {"type": "server_vad", "idle_timeout_ms": 5000}
    settings = {**PHONE, "audio": {**PHONE["audio"], "input": {**PHONE["audio"]["input"], "turn_detection": turns}}}
    async with session(GREETING, Agent(text="Are you there?"), settings=settings, rate=50) as (client, _):
        await spoken(client)
        since = len(client.seen)
        await client.until("response.done")

        assert list(dict.fromkeys(event["type"] for event in client.seen[since:]))[:5] == [
            "input_audio_buffer.timeout_triggered",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
        ]


@pytest.mark.asyncio
async def test_mulaw_in_a_pcm_session_is_misread_as_noise():
    """The classic fault: audio before the update reaches a detector that takes it for PCM."""
    async with session(settings=None) as (client, _):
        # 480 ms of mu-law are 80 ms of PCM.
        await client.say(sound.tone(480))

        started = await client.until("input_audio_buffer.speech_started")

        assert started["audio_start_ms"] == 0
        assert (await client.refusal_of("input_audio_buffer.commit"))[0] == "input_audio_buffer_commit_empty"
        assert client.seen[-1]["error"]["message"].endswith("buffer only has 80.00ms of audio.")


@pytest.mark.asyncio
@pytest.mark.parametrize(("kind", "size"), [("audio/pcma", 8), ("audio/pcm", 48)])
async def test_the_agent_speaks_in_the_format_of_the_session(kind, size):
    form = {"type": kind, "rate": 24000} if kind == "audio/pcm" else {"type": kind}
    settings = {"type": "realtime", "audio": {"input": {"format": form}, "output": {"format": form}}}
    async with session(GREETING, settings=settings) as (client, _):
        await spoken(client)
        deltas = [event["delta"] for event in client.seen if event["type"] == "response.output_audio.delta"]

        assert sum(len(base64.b64decode(delta)) for delta in deltas) == 1440 * size


@pytest.mark.asyncio
async def test_speech_can_be_where_a_test_says():
    async with session(Agent(text="Yes?"), speech=[(1200, 2400)]) as (client, _):
        await client.say(sound.silence(3000))
        started = await client.until("input_audio_buffer.speech_started")
        stopped = await client.until("input_audio_buffer.speech_stopped")

        assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (1200, 2400)


@pytest.mark.asyncio
async def test_a_commit_in_the_middle_of_speech_ends_the_turn_without_an_answer():
    async with session(LEAK) as (client, _):
        await client.say(sound.tone(400))
        started = await client.until("input_audio_buffer.speech_started")
        await client.send("input_audio_buffer.commit")
        committed = await client.until("input_audio_buffer.committed")
        await client.say(sound.silence(1000))

        types = [event["type"] for event in await client.quiet()]
        assert committed["item_id"] == started["item_id"]
        assert "input_audio_buffer.speech_stopped" not in types
        assert "response.created" not in types
