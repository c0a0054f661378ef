import base64
from itertools import pairwise

import pytest

from calls.emulators import sound
from calls.emulators.phone import Faults, Gap
from tests.emulators.tiny_server import (
    a_stream,
    events,
    media,
    ring,
    silent,
)

HELLO = {"say": {"text": "hello"}}  # 300 ms of tone
HANG_UP = {"hang_up": True}


@pytest.mark.asyncio
async def test_a_thin_stream_has_no_optional_field():
    async with a_stream(silent) as server:
        result = await ring(server, HELLO, HANG_UP, faults=Faults(thin=True))

    [socket] = server.sockets
    sid = result.stream_sid
    assert set(socket.seen[1]["start"]) == {"accountSid", "callSid", "streamSid", "customParameters"}
    assert set(map(frozenset, media(socket))) == {frozenset({"payload"})}
    assert socket.seen[-1] == {
        "event": "stop",
        "stop": {"accountSid": "AC" + "0" * 32, "callSid": result.call_sid},
        "streamSid": sid,
    }


@pytest.mark.asyncio
async def test_marks_can_stay_unanswered():
    async def agent(socket):
        await socket.until("start")
        socket.media(sound.tone(100))
        socket.mark("end")
        await socket.rest()

    async with a_stream(agent) as server:
        result = await ring(server, faults=Faults(mark_echo=False, hang_up_after_ms=500))

    assert events(server.sockets[0]) == ["connected", "start", "stop"]
    assert [mark.name for mark in result.marks] == ["end"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "frames_missing", "jump", "spoken_ms"),
    [("lost", 10, 220, 400), ("stopped", 10, 220, 600), ("late", 0, 20, 600)],
)
async def test_a_gap_in_the_sound(kind, frames_missing, jump, spoken_ms):
    gap = Gap(100, 200, kind, since="speech")
    async with a_stream(silent) as server:
        await ring(server, {"say": {"text": "ten letters"[:10]}}, HANG_UP, faults=Faults(gaps=(gap,)))

    frames = media(server.sockets[0])
    stamps = [int(frame["timestamp"]) for frame in frames]
    audible = [frame for frame in frames if sound.is_audible(base64.b64decode(frame["payload"]))]
    assert max(later - earlier for earlier, later in pairwise(stamps)) == jump
    assert len(range(stamps[0], stamps[-1] + 20, 20)) - len(frames) == frames_missing
    assert len(audible) * 20 == spoken_ms
    assert [frame["chunk"] for frame in frames] == [str(n + 1) for n in range(len(frames))]


@pytest.mark.asyncio
async def test_held_frames_come_in_one_burst():
    async with a_stream(silent) as server:
        await ring(server, {"wait_ms": 900}, HANG_UP, rate=1.0, faults=Faults(gaps=(Gap(300, 300, "late"),)))

    socket = server.sockets[0]
    times = [at for at, message in zip(socket.times, socket.seen, strict=True) if message["event"] == "media"]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    longest = pauses.index(max(pauses))
    assert max(pauses) == pytest.approx(0.3, abs=0.1)
    assert times[longest + 16] - times[longest + 1] < 0.02


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "parameters"),
    [(Faults(token="forged"), {"token": "forged"}), (Faults(parameters=False), {})],
)
async def test_the_parameters_can_be_forged_or_missing(fault, parameters):
    async with a_stream(silent) as server:
        await ring(server, HANG_UP, faults=fault)

    assert server.sockets[0].seen[1]["start"]["customParameters"] == parameters


@pytest.mark.asyncio
async def test_another_format_and_an_unknown_message_can_be_sent():
    faults = Faults(media_format={"encoding": "audio/x-l16"}, unknown_event=True)
    async with a_stream(silent) as server:
        await ring(server, HANG_UP, faults=faults)

    [socket] = server.sockets
    assert socket.seen[1]["start"]["mediaFormat"] == {"encoding": "audio/x-l16"}
    assert events(socket) == ["connected", "start", "weather", "stop"]


@pytest.mark.asyncio
async def test_a_second_socket_brings_the_same_token():
    async def once(socket):
        await socket.until("start")
        if len(server.sockets) > 1:
            socket.close(1008, "used")

    async with a_stream(once) as server:
        result = await ring(server, {"wait_ms": 1500}, HANG_UP, faults=Faults(second_socket=True))

    first, second = (socket.seen[1]["start"] for socket in server.sockets)
    assert result.second_socket_close == 1008
    assert first["customParameters"] == second["customParameters"] == {"token": "secret"}
    assert (first["callSid"] == second["callSid"], first["streamSid"] == second["streamSid"]) == (True, False)


@pytest.mark.asyncio
async def test_a_host_that_is_gone_sends_nothing_more_and_says_no_goodbye():
    async with a_stream(silent) as server:
        result = await ring(server, faults=Faults(freezes_ms=300, hang_up_after_ms=1500, hang_up_how="reset"))

    [socket] = server.sockets
    sent = media(socket)
    assert events(socket) == ["connected", "start"]
    assert 0 < len(sent) <= 15
    assert result.status == "completed"


@pytest.mark.asyncio
async def test_a_call_is_led_away_from_its_first_stream_to_the_voice_webhook():
    async with a_stream(silent) as server:
        result = await ring(server, {"wait_ms": 900}, HANG_UP, faults=Faults(led_away_ms=300))

    assert [events(socket) for socket in server.sockets] == [["connected", "start", "stop"]] * 2
    asked = [(exchange.purpose, exchange.fields["CallStatus"]) for exchange in result.http if exchange.body]
    assert asked == [("voice", "ringing"), ("redirect", "in-progress")]
