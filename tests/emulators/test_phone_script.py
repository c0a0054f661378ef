import asyncio
import base64

import pytest

from calls.emulators import sound
from tests.emulators.tiny_server import TinyServer, a_stream, ring, stream, twiml

FIRST = {"agent": {"text": "0123456789"}}  # 600 ms of tone in the other emulator
SECOND = {"agent": {"text": "01234567890123456789"}}  # 1200 ms
HELLO = {"say": {"text": "hello"}}  # 300 ms
STOP = {"say": {"text": "stop!", "barge_in_ms": 300}}


def speaking(*parts):
    """An agent that plays these (pause before, length) in ms of the call, five times as fast."""

    async def agent(socket):
        await socket.until("start")
        for pause, length in parts:
            await asyncio.sleep(pause / 1000 / 5)
            socket.media(sound.tone(length))
            socket.mark("end")
            async for message in socket.messages():
                if message["event"] == "mark":
                    break
        await socket.rest()

    return agent


def is_loud(message):
    return message["event"] == "media" and sound.is_audible(base64.b64decode(message["media"]["payload"]))


@pytest.mark.asyncio
async def test_the_caller_waits_until_the_agent_has_been_quiet_for_400_ms():
    async with a_stream(speaking((100, 600))) as server:
        result = await ring(server, FIRST, HELLO, {"hang_up": True})

    [speech] = result.speeches
    quiet_since = result.heard[-1][0] + 20 + result.start_ms
    assert 400 <= speech.start_ms - quiet_since <= 800
    assert (speech.over_agent, result.barge_in_ms, result.completed) == (False, [], True)


@pytest.mark.asyncio
async def test_the_caller_waits_for_all_that_the_script_announces():
    async with a_stream(speaking((100, 600), (800, 1200))) as server:
        result = await ring(server, FIRST, SECOND, HELLO, {"hang_up": True})

    assert [speech.over_agent for speech in result.speeches] == [False]
    assert len(result.heard_audio) == 1800 * 8


@pytest.mark.asyncio
async def test_an_answer_that_only_calls_tools_is_not_waited_for():
    silent = {"agent": {"tool": "wait_for_user"}}
    async with a_stream(speaking((100, 600))) as server:
        result = await ring(server, FIRST, HELLO, silent, {"wait_ms": 500}, {"hang_up": True})

    [speech] = result.speeches
    assert 500 <= result.ended_ms - speech.end_ms <= 1000
    assert result.completed


@pytest.mark.asyncio
async def test_what_was_not_said_before_the_stream_ended_is_said_after_the_tone():
    async def agent(socket):
        await socket.until("start")
        socket.media(sound.tone(600))
        await asyncio.sleep(0.2)
        socket.close()

    async with a_stream(agent).on("/twilio/after", twiml("<Record/>")) as server:
        result = await ring(server, FIRST, SECOND, HELLO)

    assert [sound.duration_ms(piece.payload) for piece in result.recordings] == [300]
    assert result.completed


@pytest.mark.asyncio
async def test_an_agent_that_says_less_than_announced_is_not_waited_for_for_ever():
    async with a_stream(speaking((100, 600))) as server:
        result = await ring(server, SECOND, HELLO, {"hang_up": True})

    [speech] = result.speeches
    quiet_since = result.heard[-1][0] + 20 + result.start_ms
    assert 3000 <= speech.start_ms - quiet_since <= 3500


@pytest.mark.asyncio
async def test_a_caller_of_a_real_model_listens_for_a_longer_pause_instead():
    async with a_stream(speaking((100, 600), (800, 600))) as server:
        result = await ring(server, {"agent": {"text": "x"}}, HELLO, {"hang_up": True}, scripted=False)

    [speech] = result.speeches
    quiet_since = result.heard[-1][0] + 20 + result.start_ms
    assert (len(result.heard_audio), speech.over_agent) == (1200 * 8, False)
    assert 1200 <= speech.start_ms - quiet_since <= 1700


@pytest.mark.asyncio
async def test_a_barge_in_starts_so_long_after_the_first_sound_of_the_last_step():
    async with a_stream(speaking((100, 600), (500, 1200))) as server:
        result = await ring(server, FIRST, SECOND, STOP, {"wait_ms": 1500}, {"hang_up": True})

    [speech] = result.speeches
    first_sound = next(
        later + result.start_ms
        for (earlier, _), (later, _) in zip(result.heard, result.heard[1:], strict=False)
        if later - earlier > 20
    )
    assert 300 <= speech.start_ms - first_sound <= 700
    assert speech.over_agent is True
    assert 500 <= result.barge_in_ms[0] <= 1000


@pytest.mark.asyncio
async def test_a_barge_in_does_not_wait_for_an_answer_that_is_left_out():
    async with a_stream(speaking((100, 600))) as server:
        result = await ring(server, FIRST, SECOND, STOP, {"hang_up": True})

    [speech] = result.speeches
    quiet_since = result.heard[-1][0] + 20 + result.start_ms
    assert 3300 <= speech.start_ms - quiet_since <= 4000
    assert result.barge_in_ms == []


@pytest.mark.asyncio
async def test_an_answer_that_came_while_the_script_waited_is_not_waited_for_again():
    async with a_stream(speaking((100, 600))) as server:
        result = await ring(server, {"wait_ms": 1500}, FIRST, HELLO, {"hang_up": True})

    [speech] = result.speeches
    assert 1500 <= speech.start_ms - result.start_ms <= 2000


@pytest.mark.asyncio
async def test_a_barge_in_that_is_obeyed_is_measured():
    async def agent(socket):
        await socket.until("start")
        socket.media(sound.tone(3000))
        async for message in socket.messages():
            if is_loud(message):
                break
        await asyncio.sleep(0.2 / 5)
        socket.clear()
        await socket.rest()

    async with a_stream(agent) as server:
        result = await ring(server, {"agent": {"text": "0" * 50}}, STOP, {"hang_up": True})

    [barge_in] = result.barge_ins
    assert 200 <= barge_in.clear_ms <= 1000
    assert abs(barge_in.quiet_ms - barge_in.clear_ms) <= 40 + result.streams[0].latest_ms


WORD, PAUSE = sound.tone(280), sound.silence(380)  # who speaks over it after 300 ms begins in the pause


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "clears_after_ms", "least_ms", "most_ms"),
    [
        pytest.param(sound.tone(3000), 0, 5, 150, id="in a word, cleared at once"),
        pytest.param(sound.tone(3000), 500, 500, 800, id="in a word, cleared late"),
        pytest.param(WORD + PAUSE + sound.tone(3000), 0, 1, 150, id="in a pause, cleared at once"),
        pytest.param(WORD + PAUSE + sound.tone(3000), 100, 100, 250, id="in a pause, cleared in it"),
        pytest.param(WORD + PAUSE + sound.tone(3000), 600, 600, 900, id="in a pause, cleared after it"),
    ],
)
async def test_reaction_to_a_barge_in_is_when_the_agent_was_silent_for_good(answer, clears_after_ms, least_ms, most_ms):
    async def agent(socket):
        await socket.until("start")
        socket.media(answer)
        async for message in socket.messages():
            if is_loud(message):
                break
        await asyncio.sleep(clears_after_ms / 1000 / 5)
        socket.clear()
        await socket.rest()

    async with a_stream(agent) as server:
        result = await ring(server, {"agent": {"text": "0" * 50}}, STOP, {"wait_ms": 1000}, {"hang_up": True})

    assert [least_ms <= ms <= most_ms + result.streams[0].latest_ms for ms in result.barge_in_ms] == [True]


@pytest.mark.asyncio
async def test_an_answer_that_begins_softly_after_a_long_question_is_waited_for():
    async def agent(socket):
        await socket.until("start")
        socket.media(sound.tone(600))
        asked = False
        async for message in socket.messages():
            if asked and not is_loud(message):
                break
            asked = asked or is_loud(message)
        socket.media(sound.silence(400) + sound.tone(1200))
        await socket.rest()

    long_question = {"say": {"text": "0" * 60}}
    async with a_stream(agent) as server:
        result = await ring(server, FIRST, long_question, SECOND, HELLO, {"hang_up": True})

    _, speech = result.speeches
    quiet_since = result.heard[-1][0] + 20 + result.start_ms
    assert 400 <= speech.start_ms - quiet_since <= 800
    assert speech.over_agent is False


@pytest.mark.asyncio
async def test_a_caller_whose_agent_never_speaks_goes_on_when_his_patience_ends():
    async with a_stream(speaking()) as server:
        result = await ring(server, FIRST, HELLO, {"hang_up": True}, patience_ms=1000)

    [speech] = result.speeches
    assert 1000 <= speech.start_ms - result.start_ms <= 1500
    assert (result.first_audio_ms, result.completed) == (None, True)


@pytest.mark.asyncio
async def test_a_caller_with_nothing_left_to_do_hangs_up_after_a_long_silence():
    async with a_stream(speaking((0, 600))) as server:
        result = await ring(server, FIRST, patience_ms=1500)

    quiet_since = result.heard[-1][0] + 20 + result.start_ms
    assert 1500 <= result.ended_ms - quiet_since <= 2500
    assert (result.ended_by, result.completed) == ("caller", True)


@pytest.mark.asyncio
async def test_a_fault_of_the_agent_announces_no_sound():
    fault = {"agent": {"fault": "stall", "text": "0" * 100}}
    async with a_stream(speaking((100, 200))) as server:
        result = await ring(server, fault, HELLO, {"hang_up": True})

    quiet_since = result.heard[-1][0] + 20 + result.start_ms
    assert 400 <= result.speeches[0].start_ms - quiet_since <= 800


@pytest.mark.asyncio
async def test_the_lengths_of_recorded_sounds_count():
    hours = {"agent": {"text": "x", "audio": "agent_greeting.ulaw"}}
    async with a_stream(speaking((100, 1000), (600, 300))) as server:
        result = await ring(server, hours, {"say": {"audio": "caller_hours.ulaw"}}, {"hang_up": True})

    [speech] = result.speeches
    quiet_since = result.heard[-1][0] + 20 + result.start_ms
    assert speech.start_ms - quiet_since >= 3000
    assert b"".join(payload for _, payload in result.spoken).startswith(result.mouth[0].payload)
    assert sound.duration_ms(b"".join(payload for _, payload in result.spoken)) > 500


@pytest.mark.asyncio
async def test_a_script_goes_on_in_the_next_stream():
    async def close_after_speech(socket):
        heard = False
        async for message in socket.messages():
            if heard and not is_loud(message):
                socket.close()
                return
            heard = heard or is_loud(message)

    server = TinyServer(on_stream=close_after_speech)
    server.on("/twilio/voice", twiml(stream(action="/again"))).on("/again", twiml(stream(action="/end")))
    async with server.on("/end", twiml("<Hangup/>")):
        result = await ring(server, HELLO, {"wait_ms": 100_000}, HELLO)

    # The waiting was cut short by the end of the first stream; it counts as begun, and the caller goes on.
    assert [speech.text for speech in result.speeches] == ["hello", "hello"]
    assert len({record.stream_sid for record in result.streams}) == 2
    assert (result.completed, result.ended_by) == (False, "server")


@pytest.mark.asyncio
async def test_what_was_not_performed_leaves_the_call_incomplete():
    async def rude(socket):
        await socket.until("media")
        socket.close()

    async with a_stream(rude) as server:
        result = await ring(server, FIRST, HELLO)

    assert (result.completed, result.speeches) == (False, [])
