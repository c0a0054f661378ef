import asyncio
import base64
import re
import time
from itertools import pairwise

import pytest

from calls.emulators import sound
from calls.emulators.phone import Faults
from tests.emulators.tiny_server import (
    PUBLIC,
    TinyServer,
    a_stream,
    events,
    media,
    ring,
    silent,
    stream,
    twiml,
)

HELLO = {"say": {"text": "hello"}}  # 300 ms of tone
HANG_UP = {"hang_up": True}


# What Twilio sends.


@pytest.mark.asyncio
async def test_a_stream_is_told_from_connected_to_stop():
    async with a_stream(silent) as server:
        result = await ring(server, {"dtmf": "5w#"}, HELLO, HANG_UP)

    [socket] = server.sockets
    assert events(socket) == ["connected", "start", "dtmf", "dtmf", "stop"]
    numbers = [int(message["sequenceNumber"]) for message in socket.seen[1:]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert {message["streamSid"] for message in socket.seen[1:]} == {result.stream_sid}
    start = socket.seen[1]["start"]
    assert start == {
        "accountSid": "AC" + "0" * 32,
        "streamSid": result.stream_sid,
        "callSid": result.call_sid,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "secret"},
    }
    assert re.fullmatch(r"CA[0-9a-f]{32} MZ[0-9a-f]{32}", f"{result.call_sid} {result.stream_sid}")
    assert (result.ended_by, result.completed, result.streams[0].close_code) == ("caller", True, 1000)
    assert [digit for _, digit in result.keys] == ["5", "#"]


@pytest.mark.asyncio
async def test_frames_are_160_bytes_numbered_and_20_ms_apart_from_a_first_timestamp_that_is_not_0():
    async with a_stream(silent) as server:
        await ring(server, HELLO, HANG_UP)

    frames = media(server.sockets[0])
    stamps = [int(frame["timestamp"]) for frame in frames]
    assert 50 <= stamps[0] <= 200
    assert stamps == list(range(stamps[0], stamps[0] + 20 * len(frames), 20))
    assert [frame["chunk"] for frame in frames] == [str(n + 1) for n in range(len(frames))]
    assert {len(base64.b64decode(frame["payload"])) for frame in frames} == {160}
    assert {frame["track"] for frame in frames} == {"inbound"}


@pytest.mark.asyncio
async def test_speech_arrives_whole_and_the_rest_is_digital_silence():
    async with a_stream(silent) as server:
        result = await ring(server, {"wait_ms": 300}, HELLO, {"wait_ms": 200}, HANG_UP)

    sent = b"".join(base64.b64decode(frame["payload"]) for frame in media(server.sockets[0]))
    spoken = sound.tone(300, hz=300)
    assert sent.strip(b"\xff") == spoken.strip(b"\xff")
    assert b"".join(payload for _, payload in result.spoken) == spoken
    [speech] = result.speeches
    assert (speech.text, speech.end_ms - speech.start_ms, speech.over_agent) == ("hello", 300, False)


@pytest.mark.asyncio
async def test_frames_keep_to_the_clock_and_a_late_one_is_made_up_for():
    async with a_stream(silent) as server:
        # Nothing else moves for a quarter of a second, as on a busy machine.
        asyncio.get_running_loop().call_later(0.4, time.sleep, 0.25)
        result = await ring(server, {"wait_ms": 1500}, HANG_UP, rate=1.0)

    [socket] = server.sockets
    times = [at for at, message in zip(socket.times, socket.seen, strict=True) if message["event"] == "media"]
    lasted_ms = (times[-1] - times[0]) * 1000
    stamps = [int(frame["timestamp"]) for frame in media(socket)]
    assert lasted_ms == pytest.approx(stamps[-1] - stamps[0], abs=150)
    assert max(later - earlier for earlier, later in pairwise(times)) >= 0.2
    assert result.streams[0].sent["media"] == len(times)
    assert 200 <= result.streams[0].latest_ms <= 500


@pytest.mark.asyncio
async def test_the_rate_makes_time_pass_faster():
    async with a_stream(silent) as server:
        began = time.monotonic()
        result = await ring(server, {"wait_ms": 4000}, HANG_UP, rate=10.0)

    assert time.monotonic() - began < 2.0
    assert result.streams[0].sent["media"] == pytest.approx(195, abs=6)


# What Twilio plays.


@pytest.mark.asyncio
async def test_every_byte_is_played_in_order_and_marks_tell_when():
    said = bytes(range(256)) * 5  # 1280 bytes, 160 ms

    async def agent(socket):
        await socket.until("start")
        for at in range(0, len(said), 100):
            socket.media(said[at : at + 100])
        socket.mark("middle")
        socket.media(b"\x00" * 801)
        socket.mark("end")
        for _ in range(2):
            await socket.until("mark")
        socket.mark("nothing queued")
        await socket.until("mark")
        socket.close()

    async with a_stream(agent) as server:
        result = await ring(server, {"agent": {"text": "some words"}}, rate=1.0)

    assert result.heard_audio == said + b"\x00" * 801
    assert [(mark.name, mark.how) for mark in result.marks] == [
        ("middle", "played"),
        ("end", "played"),
        ("nothing queued", "empty"),
    ]
    middle, end, last = result.marks
    heard_ms = result.start_ms + result.heard[0][0]
    assert middle.echoed_ms - heard_ms == pytest.approx(160, abs=100)
    assert end.echoed_ms - heard_ms == pytest.approx(280, abs=100)
    assert middle.echoed_ms - heard_ms >= 159
    assert end.echoed_ms - heard_ms >= 279
    assert last.echoed_ms - last.received_ms < 5
    assert [at - result.heard[0][0] for at, _ in result.heard] == list(range(0, 280, 20))
    assert (result.streams[0].unplayed_bytes, result.protocol_violations) == (0, [])


@pytest.mark.asyncio
async def test_clear_silences_at_once_and_gives_every_mark_back():
    async def agent(socket):
        await socket.until("start")
        socket.media(sound.tone(5000))
        socket.mark("one")
        socket.mark("two")
        await asyncio.sleep(0.1)
        socket.clear()
        socket.mark("three")
        for _ in range(3):
            await socket.until("mark")
        socket.close()

    async with a_stream(agent) as server:
        result = await ring(server, {"agent": {"text": "some words"}}, rate=1.0)

    [clear] = result.clears
    last_heard = result.heard[-1][0] + result.start_ms
    assert [(mark.name, mark.how) for mark in result.marks] == [
        ("one", "cleared"),
        ("two", "cleared"),
        ("three", "empty"),
    ]
    assert clear.dropped_bytes == 40_000 - len(result.heard_audio)
    assert -1 <= clear.at_ms - last_heard <= 21  # a frame, and what is rounded
    names = [m["mark"]["name"] for m in server.sockets[0].seen if m["event"] == "mark"]
    assert names == ["one", "two", "three"]


@pytest.mark.asyncio
async def test_clear_is_told_where_the_sound_was_and_not_how_late_the_machine_is():
    async def agent(socket):
        await socket.until("start")
        socket.media(sound.tone(5000))
        await asyncio.sleep(0.1)
        time.sleep(0.3)  # noqa: ASYNC251 - the machine stands still for 1.5 s of the call, and then catches up
        socket.clear()
        await socket.rest()

    async with a_stream(agent) as server:
        result = await ring(server, {"wait_ms": 3000}, HANG_UP, rate=5.0)

    [clear] = result.clears
    last_heard = result.heard[-1][0] + result.start_ms
    assert -1 <= clear.at_ms - last_heard <= 21  # a frame, and what is rounded


@pytest.mark.asyncio
async def test_more_than_ten_minutes_of_sound_are_dropped_once_blamed():
    async def agent(socket):
        await socket.until("start")
        for _ in range(12):
            socket.media(b"\xff" * 480_000)
        socket.mark("end")
        await asyncio.sleep(0.1)
        socket.close()

    async with a_stream(agent) as server:
        result = await ring(server, {"agent": {"text": "some words"}})

    assert result.protocol_violations == ["31931 media discarded: more than 10 minutes are waiting"]
    assert result.streams[0].unplayed_bytes <= 10 * 480_000
    assert result.marks == []


@pytest.mark.asyncio
async def test_nonsense_is_blamed_ignored_and_the_call_goes_on():
    async def agent(socket):
        await socket.until("start")
        socket.send(b"\x00\x01")
        socket.send({"event": "media", "streamSid": "MZ0", "media": {"payload": "AAAA"}})
        socket.send({"event": "hangup", "streamSid": socket.stream_sid})
        socket.send({"event": "hangup", "streamSid": socket.stream_sid})
        socket.media(b"\x00" * 160)
        socket.mark("end")
        await socket.until("mark")
        socket.close()

    async with a_stream(agent) as server:
        result = await ring(server, {"agent": {"text": "some words"}})

    assert result.protocol_violations == [
        "31950 malformed message: a binary frame of 2 bytes",
        "31951 invalid message: media with streamSid 'MZ0'",
        "31951 invalid message: unknown event 'hangup'",
    ]
    assert (result.heard_audio, result.ended_by) == (b"\x00" * 160, "server")


# The end.


@pytest.mark.asyncio
async def test_a_server_that_closes_is_sent_nothing_more_and_its_action_is_asked():
    async def agent(socket):
        await socket.until("media")
        socket.close(1000, "done")

    async with a_stream(agent) as server:
        result = await ring(server, {"agent": {"text": "some words"}})

    assert events(server.sockets[0]) == ["connected", "start"]
    after = server.form("/twilio/after")
    assert (after["CallSid"], after["CallStatus"]) == (result.call_sid, "in-progress")
    assert (result.streams[0].close_code, result.streams[0].close_reason, result.streams[0].error) == (
        1000,
        "done",
        "",
    )
    assert (result.ended_by, result.status, result.verbs) == ("server", "completed", ["Connect", "Hangup"])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("end", "code"), [(lambda socket: socket.close(1011, "broken"), 1011), (lambda socket: socket.abort(), 1006)]
)
async def test_an_abnormal_close_is_reported_and_falls_through_all_the_same(end, code):
    async def agent(socket):
        await socket.until("media")
        end(socket)

    async with a_stream(agent) as server:
        result = await ring(server, {"agent": {"text": "some words"}})

    error = "31921 close error: 1011 broken" if code == 1011 else "31921 close error: 1006"
    forms = [request.form for request in server.posted if request.path == "/twilio/stream-status"]
    told = {form["StreamEvent"]: form.get("StreamError") for form in forms}
    assert told == {"stream-started": None, "stream-error": error, "stream-stopped": None}
    assert (result.streams[0].error, result.verbs) == (error, ["Connect", "Hangup"])


@pytest.mark.asyncio
async def test_the_stream_reports_its_start_and_stop_with_nanoseconds():
    async with a_stream(silent) as server:
        result = await ring(server, HANG_UP)

    forms = [request.form for request in server.posted if request.path == "/twilio/stream-status"]
    stamps = [form.pop("Timestamp") for form in forms]
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
    assert [bool(re.fullmatch(pattern, stamp)) for stamp in stamps] == [True, True]
    wanted = ("AccountSid", "CallSid", "StreamSid", "StreamName")
    assert sorted(form["StreamEvent"] for form in forms) == ["stream-started", "stream-stopped"]
    assert [[form[name] for name in wanted] for form in forms] == [
        ["AC" + "0" * 32, result.call_sid, result.stream_sid, result.stream_sid]
    ] * 2


@pytest.mark.asyncio
@pytest.mark.parametrize(("how", "told"), [("stop", ["connected", "start", "stop"]), ("close", ["connected", "start"])])
async def test_a_caller_hangs_up_with_or_without_a_stop(how, told):
    async with a_stream(silent) as server:
        result = await ring(server, faults=Faults(hang_up_after_ms=300, hang_up_how=how))

    assert events(server.sockets[0]) == told
    assert (result.ended_by, result.streams[0].error) == ("caller", "")
    assert 300 <= result.ended_ms - result.start_ms <= 1000
    assert "/twilio/after" not in server.paths()


@pytest.mark.asyncio
async def test_a_cut_wire_ends_the_call_without_a_goodbye():
    async with a_stream(silent) as server:
        result = await ring(server, faults=Faults(hang_up_after_ms=300, hang_up_how="reset"))

    assert (events(server.sockets[0]), result.ended_by, result.streams[0].close_code) == (
        ["connected", "start"],
        "caller",
        1006,
    )


@pytest.mark.asyncio
async def test_a_caller_can_hang_up_at_the_first_sound():
    async def agent(socket):
        await socket.until("media")
        socket.media(sound.tone(5000))
        await socket.rest()

    async with a_stream(agent) as server:
        result = await ring(server, faults=Faults(hang_up_on_first_audio=True, hang_up_after_audio_ms=200))

    assert (result.ended_by, result.completed) == ("caller", True)
    assert sound.duration_ms(result.heard_audio) == pytest.approx(200, abs=60)


@pytest.mark.asyncio
async def test_a_server_that_does_not_read_cannot_hold_the_caller():
    async def deaf(socket):
        socket.writer.transport.pause_reading()
        await asyncio.sleep(3600)

    async with a_stream(deaf) as server:
        began = time.monotonic()
        result = await ring(server, {"wait_ms": 200}, HANG_UP)

    assert (result.ended_by, result.completed) == ("caller", True)
    assert time.monotonic() - began < 6.0


@pytest.mark.asyncio
async def test_the_status_callback_may_be_missing():
    server = TinyServer(on_stream=silent).on("/twilio/voice", twiml(stream()))
    async with server:
        result = await ring(server, HANG_UP)

    assert (server.paths(), result.protocol_violations) == (["/twilio/voice", "/twilio/status"], [])
    assert server.posted[0].headers["Host"] == PUBLIC.removeprefix("https://")
