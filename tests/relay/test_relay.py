"""The relay between a caller's end and a real Realtime socket (the emulator's): admission, order, and every ending."""

import asyncio
import json
import logging
import threading
import time
import wave
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from django.db import OperationalError
from django.utils import timezone

from calls import database
from calls.conversation.machine import Conversation
from calls.domain import alarm, streams, summaries, tokens
from calls.emulators.realtime_server import RealtimeServer
from calls.emulators.scenario import parse
from calls.logs import CallLogger
from calls.models import Agent, Call, CallEvent, Emergency, Stream, Turn
from calls.realtime import client, wire
from calls.realtime.reasons import Reason
from calls.relay import alarms, breaker, carried, clips, lines, live, relay
from calls.relay.carried import RelaySettings
from calls.relay.journal import Journal
from calls.relay.relay import Relay
from calls.twilio import stream
from tests.conversation.kit import FRAME
from tests.factories import make_call

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

SECRET = "secret"
SCENARIO = {
    "name": "greeting",
    "caller": {"from": "+15550100001", "to": "+15550109999"},
    "steps": [{"agent": {"text": "Hello from Cedar."}}],
}


def row():
    return Call.objects.get()


class Caller:
    """Twilio's end of the socket, and what the row said at the moment it was closed."""

    def __init__(self, url: str, call: Call, **settings) -> None:
        standing = {
            "openai_url": url,
            "openai_key": "sk-test",
            "default_model": "gpt-realtime-2.1",
            "secret_key": SECRET,
            "is_token_required": True,
            "recordings": Path("unused"),
            "rate": 4.0,
        }
        self.call = call
        self.sent: list[dict] = []
        self.closed: list[tuple[int, str, str]] = []
        self.heard = asyncio.Event()
        log = CallLogger(logging.getLogger("calls.test"), {})
        self.relay = Relay(RelaySettings(**standing | settings), send=self._send, close=self._close, log=log)
        self.running = asyncio.create_task(self.relay.run())

    async def _send(self, text: str) -> None:
        self.sent.append(json.loads(text))
        self.heard.set()

    async def _close(self, code: int) -> None:
        now = await database.run(row)
        self.closed.append((code, now.status, now.end_reason))
        self.relay.stream_closed(code)

    def say(self, event: str, *, sid: str = "MZ1", **fields) -> None:
        self.relay.feed(json.dumps({"event": event, "streamSid": sid, **fields}))

    def start(self, token: str | None = None, sid: str = "MZ1") -> None:
        right = tokens.mint(secret_key=SECRET, call_sid=self.call.call_sid, nonce=self.call.token_nonce)
        start = {
            "streamSid": sid,
            "callSid": self.call.call_sid,
            "customParameters": {"token": right if token is None else token},
        }
        self.say("start", sid=sid, start=start)

    async def is_over(self) -> None:
        await asyncio.wait_for(self.running, 15)


@pytest_asyncio.fixture
async def openai():
    async with RealtimeServer([parse(SCENARIO)], rate=4.0, think_ms=100) as server:
        yield server


async def ringing() -> Call:
    now = timezone.now()
    fields = {
        "status": Call.Status.RINGING,
        "token_nonce": "n" * 22,
        "token_issued_at": now,
        "rang_at": now - timedelta(milliseconds=300),
        "streaming_at": None,
    }
    return await database.run(make_call, **fields)


async def talking(openai, **settings) -> Caller:
    """A caller who hears the agent's first sound."""
    caller = Caller(openai.url, await ringing(), **settings)
    caller.start()
    await asyncio.wait_for(caller.heard.wait(), 5)
    return caller


async def frames_to(openai, kind: str) -> list[dict]:
    """What OpenAI was sent of a kind, once there is any."""
    async with asyncio.timeout(2):
        while not (frames := openai.sessions[0].received(kind)):
            await asyncio.sleep(0.01)
    return frames


async def leftovers(before: set[asyncio.Task]) -> list[str]:
    await asyncio.sleep(0.05)
    return [task.get_name() for task in asyncio.all_tasks() - before]


async def test_call_that_a_clock_ahead_of_ours_has_written_down_is_heard_all_the_same(openai):
    caller = Caller(openai.url, await ringing())
    await Call.objects.aupdate(rang_at=timezone.now() + timedelta(hours=1))
    caller.start()
    await asyncio.wait_for(caller.heard.wait(), 5)
    caller.say("stop")
    await caller.is_over()

    assert await CallEvent.objects.filter(kind="sound_dropped").acount() == 0
    assert (await CallEvent.objects.aget(kind="first_audio")).at_ms >= 0


async def test_call_from_start_to_hang_up_leaves_rows_and_nothing_else(openai):
    before = asyncio.all_tasks()
    caller = await talking(openai)
    assert live.count() == 1
    caller.say("stop")
    await caller.is_over()
    await asyncio.wait_for(openai.all_closed(), 2)

    call = await Call.objects.aget()
    assert caller.closed == [(1000, "ended", "caller_hangup")]
    assert (call.status, call.end_reason, call.model) == ("ended", "caller_hangup", "gpt-realtime-2.1")
    assert call.first_audio_ms is not None
    assert [s.ended_at is not None async for s in Stream.objects.all()] == [True]
    assert [kind async for kind in CallEvent.objects.order_by("at_ms", "pk").values_list("kind", flat=True)] == [
        "upgraded",
        "stream_started",
        "line_connecting",
        "line_taken",
        "line_opened",
        "session_created",
        "session_ready",
        "first_audio",
        "sound_out",
        "ended",
    ]
    assert live.count() == 0
    assert await leftovers(before) == []


async def test_stream_that_closes_before_its_start_is_no_warning(openai, caplog):
    caplog.set_level(logging.INFO, "calls.test")
    caller = Caller(openai.url, await ringing())
    caller.relay.stream_closed(1006)
    await caller.is_over()

    assert [(r.levelname, r.message) for r in caplog.records] == [("INFO", "stream closed before its start")]
    assert (caller.closed, openai.sessions) == ([], [])


async def test_stream_without_a_start_is_a_warning(openai, caplog, monkeypatch):
    monkeypatch.setattr(relay, "START_TIMEOUT", 0.1)
    caller = Caller(openai.url, await ringing())
    await caller.is_over()

    [record] = caplog.records
    assert (record.levelname, record.message, record.why) == ("WARNING", "stream refused", "no start within 5 s")
    assert caller.closed == [(1008, "ringing", "")]


async def test_end_of_a_call_tells_what_was_lost_or_not_understood(openai, caplog, monkeypatch):
    """The last line of a call: 19 of 20 frames that came at once found no room, and each peer said odd things."""
    passed_over, pass_over = [], Conversation._pass_over

    def noting(conversation, message, now):
        passed_over.append(message)
        return pass_over(conversation, message, now)

    monkeypatch.setattr(Conversation, "_pass_over", noting)
    caplog.set_level(logging.INFO, "calls.test")
    monkeypatch.setattr(lines, "CALLER_SOUND_WAITING", 1)
    openai.faults.malformed_json = openai.faults.unknown_events = True
    caller = await talking(openai)
    caller.say("weather", weather="fine")
    for _ in range(20):
        caller.say("media", media={"payload": FRAME})
    caller.relay._call._to_twilio.dropped, caller.relay._call._journal.dropped = 300, 5000
    await asyncio.sleep(0.05)
    caller.say("stop")
    await caller.is_over()

    assert stream.Unknown("weather") in passed_over
    [ended] = [record for record in caplog.records if record.message == "call ended"]
    assert (ended.levelname, ended.reason, ended.call_sid) == ("INFO", "caller_hangup", caller.call.call_sid)
    assert (ended.bad_events, ended.passed_over, ended.dropped) == (1, len(passed_over), 5319)
    assert 0 < ended.ms < 15_000 * 4


@pytest.mark.parametrize("token", ["", "forged"])
async def test_stream_that_is_not_authentic_costs_nothing_at_openai(openai, token):
    caller = Caller(openai.url, await ringing())
    caller.start(token)
    await caller.is_over()

    assert caller.closed == [(1008, "ringing", "")]
    assert openai.sessions == []


LONG = "x" * (stream.MAX_FRAME + 1)


async def test_third_frame_beyond_all_measure_ends_the_call_in_a_hand_over(openai, caplog):
    caplog.set_level(logging.INFO, "calls.test")
    caller = await talking(openai)
    for _ in range(2):
        caller.relay.feed(LONG)
    caller.relay.feed("no JSON")
    caller.say("media", media={"payload": FRAME})
    await frames_to(openai, "input_audio_buffer.append")
    assert caller.closed == []

    caller.relay.feed(LONG)
    await caller.is_over()
    assert caller.closed == [(1009, "handed_over", "stream_lost")]
    [ended] = [record for record in caplog.records if record.message == "call ended"]
    assert ended.bad_frames == 4


@pytest.mark.parametrize("is_started", [False, True])
async def test_frames_beyond_all_measure_end_a_stream_that_is_no_call_yet(openai, is_started):
    caller = Caller(openai.url, await ringing())
    if is_started:
        caller.start()
    for _ in range(3):
        caller.relay.feed(LONG)
    await caller.is_over()

    assert caller.closed == [(1009, *(("handed_over", "stream_lost") if is_started else ("ringing", "")))]


async def test_stranger_cannot_make_the_door_keep_more_than_a_little():
    early = relay.Early()
    for _ in range(100):
        early.append(stream.Media("A" * 60_000))
    assert len(early.take()) == 1

    for _ in range(150):
        early.append(stream.Media(FRAME))
    assert len(early.take()) == 100


async def test_caller_whose_socket_takes_nothing_is_handed_over(openai, monkeypatch, caplog):
    monkeypatch.setattr(carried, "STALLED", 0.4)  # of the call: a tenth of a second here
    monkeypatch.setattr(carried, "FINISH_TIMEOUT", 0.5)
    before = asyncio.all_tasks()
    caller = Caller(openai.url, await ringing())
    caller.relay._send = lambda frame: asyncio.Event().wait()

    async def never(code):
        await Caller._close(caller, code)
        await asyncio.Event().wait()

    caller.relay._close = never
    caller.start()
    await caller.is_over()

    assert caller.closed == [(1000, "handed_over", "stream_lost")]
    assert "stream_stalled" in await kinds_of_events()
    assert "Twilio does not read any more" in [record.message for record in caplog.records]
    assert await leftovers(before) == []


async def test_second_start_and_foreign_streams_are_passed_over(openai):
    caller = await talking(openai)
    caller.start(sid="MZ2")
    caller.say("stop", sid="MZ2")
    await asyncio.sleep(0.05)
    assert caller.closed == []

    caller.say("stop")
    await caller.is_over()
    assert [s.stream_sid async for s in Stream.objects.all()] == ["MZ1"]


async def test_sound_that_comes_before_the_start_is_admitted_is_not_lost(openai):
    caller = Caller(openai.url, await ringing())
    caller.start()
    for _ in range(20):
        caller.say("media", media={"payload": FRAME})
    await asyncio.wait_for(caller.heard.wait(), 5)
    caller.say("stop")
    await caller.is_over()

    assert openai.sessions[0].audio_in == bytes([0xFF]) * 160 * 20


async def test_error_of_our_own_ends_in_a_hand_over(openai, monkeypatch, caplog):
    caller = await talking(openai)

    def broken(*args):
        raise RuntimeError("a mistake")

    monkeypatch.setattr(Conversation, "receive", broken)
    caller.say("media", media={"payload": FRAME})
    await caller.is_over()

    assert caller.closed == [(1000, "handed_over", "internal_error")]
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == ["the call broke"]
    await asyncio.wait_for(openai.all_closed(), 2)


async def test_error_at_the_deadline_ends_in_a_hand_over(openai, monkeypatch):
    caller = await talking(openai)

    def broken(*args):
        raise RuntimeError("a mistake")

    monkeypatch.setattr(Conversation, "wake", broken)
    monkeypatch.setattr(Conversation, "deadline", 0.0)
    caller.say("media", media={"payload": FRAME})
    await caller.is_over()

    assert caller.closed == [(1000, "handed_over", "internal_error")]


async def test_database_that_fails_at_the_door_closes_the_stream(openai, monkeypatch, caplog):
    def away(**fields):
        raise OperationalError("database is locked")

    monkeypatch.setattr(streams, "admit_stream", away)
    caller = Caller(openai.url, await ringing())
    caller.start()
    await caller.is_over()

    assert [code for code, _, _ in caller.closed] == [1011]
    said = [(r.message, r.call_sid) for r in caplog.records]
    assert said == [("stream could not be admitted", caller.call.call_sid)]
    event = await CallEvent.objects.aget()
    assert (event.kind, event.detail) == ("stream_not_admitted", {"because": "OperationalError"})


async def test_steps_of_a_call_stand_in_their_order_with_their_milliseconds(openai):
    caller = await talking(openai)
    caller.say("stop")
    await caller.is_over()

    at = {event.kind: event.at_ms async for event in CallEvent.objects.all()}
    steps = ["upgraded", "stream_started", "line_connecting", "line_taken", "line_opened", "session_created"]
    steps += ["session_ready", "first_audio", "sound_out", "ended"]
    assert [at[step] for step in steps] == sorted(at[step] for step in steps)
    assert at["upgraded"] >= 300 * 4  # it rang 300 ms ago, on a clock that is four times as fast
    share = await CallEvent.objects.aget(kind="sound_out")
    assert share.detail == {"of": "first_audio", "our_ms": at["sound_out"] - at["first_audio"]}


async def test_every_line_about_a_call_names_it(openai, caplog):
    caplog.set_level(logging.INFO, "calls")
    openai.faults.upgrade_status = 401
    caller = Caller(openai.url, await ringing())
    caller.start()
    caller.say("media", media={})
    caller.relay.feed("no JSON")
    await caller.is_over()

    lines_said = {r.message: getattr(r, "call_sid", "") for r in caplog.records}
    assert set(lines_said) >= {"call started", "OpenAI could not be reached", "call ended", "bad frame from Twilio"}
    assert set(lines_said.values()) == {caller.call.call_sid}


async def test_clips_that_break_keep_nobody_from_the_agent(openai, tmp_path, monkeypatch, caplog):
    def broken(path):
        raise MemoryError

    monkeypatch.setattr(clips, "_read", broken)
    (tmp_path / "one_moment.wav").write_bytes(b"RIFF")
    first = await talking(openai, clips=tmp_path)
    first.say("stop")
    await first.is_over()

    assert first.closed == [(1000, "ended", "caller_hangup")]
    assert [r.message for r in caplog.records if r.levelname == "ERROR"] == ["the owner's clips could not be read"]


async def test_openai_that_cannot_be_reached_hands_over_at_once(openai):
    caller = Caller("ws://127.0.0.1:1/v1/realtime", await ringing())
    caller.start()
    await caller.is_over()

    assert caller.closed == [(1000, "handed_over", "upstream_unavailable")]


async def closed_session(openai, code: int) -> None:
    """Close the session that is open now, once it is told of by the emulator."""
    session = openai.sessions[-1]
    openai.close(session, code, "internal")
    async with asyncio.timeout(2):
        while session.open:
            await asyncio.sleep(0.01)


async def kinds_of_events() -> list[str]:
    return [kind async for kind in CallEvent.objects.values_list("kind", flat=True)]


async def session_number(openai, count: int) -> list[dict]:
    """The client's frames of the latest session once there are so many sessions and the latest is configured."""
    async with asyncio.timeout(5):
        while len(openai.sessions) < count or not openai.sessions[-1].sent("session.updated"):
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    return openai.sessions[-1].received()


async def test_line_lost_in_mid_call_is_resumed_with_what_was_said(openai):
    caller = await talking(openai)
    async with asyncio.timeout(5):
        while not openai.sessions[0].sent("response.done"):
            await asyncio.sleep(0.01)
    await closed_session(openai, 1011)
    frames = await session_number(openai, 2)
    caller.say("stop")
    await caller.is_over()

    assert [f["type"] for f in frames if f["type"] != "input_audio_buffer.append"][0] == "session.update"
    told = [(f["item"]["role"], f["item"]["content"]) for f in frames if f["type"] == "conversation.item.create"]
    assert told[0] == ("assistant", [{"type": "output_text", "text": "Hello from Cedar."}])
    assert [role for role, _ in told] == ["assistant", "system"]
    assert "response.create" not in {f["type"] for f in frames}
    assert caller.closed == [(1000, "ended", "caller_hangup")]


async def test_line_that_is_lost_again_and_again_is_given_up(openai):
    caller = await talking(openai)
    for number in (1, 2, 3):
        await session_number(openai, number)
        await closed_session(openai, 1011)
    await caller.is_over()

    assert len(openai.sessions) == 3
    assert caller.closed == [(1000, "handed_over", "upstream_lost")]
    assert "gave_up_resuming" in await kinds_of_events()


async def test_account_without_credit_hands_over_and_keeps_the_next_callers_away(openai):
    openai.faults.response_error = "insufficient_quota"
    for _ in range(2):
        caller = Caller(openai.url, await ringing())
        caller.start()
        await caller.is_over()
        assert caller.closed == [(1000, "handed_over", "upstream_unavailable")]
        await Call.objects.all().adelete()

    assert len(openai.sessions) == 1
    assert breaker.refusal(openai.url, "sk-test", breaker.clock(4.0)) is Reason.QUOTA


async def test_passing_failures_of_several_calls_keep_the_next_ones_away(openai):
    openai.faults.upgrade_status = 503
    tried = []
    for _ in range(breaker.FAILURES + 1):
        caller = Caller(openai.url, await ringing())
        caller.start()
        await caller.is_over()
        tried.append("line_retried" in await kinds_of_events())
        await Call.objects.all().adelete()

    assert tried == [True] * breaker.FAILURES + [False]


async def test_what_the_old_line_still_says_is_never_heard(openai):
    caller = await talking(openai)
    lines = caller.relay._call._lines
    delta = {"response_id": "r", "item_id": "late", "content_index": 0, "delta": FRAME}
    frame = json.dumps({"type": "response.output_audio.delta", **delta}).encode()
    old = lines._current
    lines.open()
    lines._hear(old, frame)
    assert [f for f in caller.sent if "late" in str(f)] == []

    lines._hear(lines._current, frame)
    await asyncio.sleep(0.05)
    assert [f["mark"]["name"] for f in caller.sent if "late" in str(f)] == ["0:late:0:160"]
    caller.say("stop")
    await caller.is_over()


async def test_slow_database_holds_up_the_end_for_a_second_at_most(openai, monkeypatch):
    monkeypatch.setattr(carried, "FINISH_TIMEOUT", 0.05)
    finish = streams.finish_stream
    release = asyncio.Event()

    async def late(function, *args, **kwargs):
        if getattr(function, "func", function) is finish:
            await release.wait()
        return await original(function, *args, **kwargs)

    original = database.run
    caller = await talking(openai)
    monkeypatch.setattr(database, "run", late)
    caller.say("stop")
    async with asyncio.timeout(2):
        while not caller.closed:
            await asyncio.sleep(0.01)
    release.set()
    await caller.is_over()

    assert caller.closed == [(1000, "streaming", "")]
    assert (await Call.objects.aget()).end_reason == "caller_hangup"


async def test_transcript_is_in_the_database_while_the_call_goes_on(openai):
    caller = await talking(openai)
    async with asyncio.timeout(5):
        while not await Turn.objects.acount():
            await asyncio.sleep(0.02)

    assert (await Turn.objects.aget()).text == "Hello from Cedar."
    caller.say("stop")
    await caller.is_over()


async def test_call_is_recorded_where_the_agent_says_so(openai, tmp_path):
    call = await ringing()
    await Agent.objects.aupdate(records_calls=True)
    caller = Caller(openai.url, call, recordings=tmp_path)
    caller.start()
    await asyncio.wait_for(caller.heard.wait(), 5)
    await asyncio.sleep(0.1)
    caller.say("stop")
    await caller.is_over()

    call = await Call.objects.aget()
    assert call.audio_file == f"{call.call_sid}.wav"
    with wave.open(str(tmp_path / call.audio_file)) as file:
        samples = memoryview(file.readframes(file.getnframes())).cast("h").tolist()
    assert max(samples[0::2]) == 0  # the caller said nothing
    assert max(samples[1::2]) > 1000


async def test_call_is_not_recorded_otherwise(openai, tmp_path):
    caller = await talking(openai, recordings=tmp_path)
    caller.say("stop")
    await caller.is_over()

    assert (list(tmp_path.iterdir()), (await Call.objects.aget()).audio_file) == ([], "")


async def test_recording_that_cannot_be_written_disturbs_nothing(openai, tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    call = await ringing()
    await Agent.objects.aupdate(records_calls=True)
    caller = Caller(openai.url, call, recordings=blocked)
    caller.start()
    await asyncio.wait_for(caller.heard.wait(), 5)
    caller.say("stop")
    await caller.is_over()

    assert caller.closed == [(1000, "ended", "caller_hangup")]
    assert (await Call.objects.aget()).audio_file == ""
    assert "the recording cannot be written" in [record.message for record in caplog.records]


async def words(caller: Caller, text: str) -> None:
    """The caller is understood to have said something; returns when it was heeded."""
    caller.relay._call.tell(wire.TranscriptCompleted("item_U1", text))
    await asyncio.gather(*caller.relay._call._aside)


async def test_danger_in_the_callers_words_is_raised_although_the_model_does_not(openai):
    caller = await talking(openai)
    await words(caller, "Please help, I smell gas in the basement.")

    emergency = await Emergency.objects.aget()
    assert (emergency.kind, emergency.raised_by, emergency.call_id) == ("gas", "words", caller.call.pk)
    [advice] = [f for f in await frames_to(openai, "conversation.item.create") if f["item"]["role"] == "system"]
    assert "call 9 1 1" in advice["item"]["content"][0]["text"]

    caller.say("stop")
    await caller.is_over()
    assert (await Call.objects.aget()).outcome == Call.Outcome.EMERGENCY


async def test_words_of_danger_outlive_a_database_that_is_away_and_keep_people_safe_meanwhile(openai, monkeypatch):
    raise_alarm, back = alarm.raise_alarm, threading.Event()

    def away(**fields):
        if not back.is_set():
            raise OperationalError("database is locked")
        return raise_alarm(**fields)

    monkeypatch.setattr(alarm, "raise_alarm", away)
    monkeypatch.setattr(alarms, "ALARM_WITHIN", 0.05)
    caller = await talking(openai)
    heeding = asyncio.create_task(words(caller, "Please help, I smell gas in the basement."))
    [advice] = [f for f in await frames_to(openai, "conversation.item.create") if f["item"]["role"] == "system"]
    before = await Emergency.objects.acount()
    back.set()
    await asyncio.wait_for(heeding, 5)
    caller.say("stop")
    await caller.is_over()

    assert "get everybody out now" in advice["item"]["content"][0]["text"]
    assert (before, await Emergency.objects.acount()) == (0, 1)


async def test_words_without_danger_raise_nothing(openai):
    caller = await talking(openai)
    await words(caller, "My kitchen tap is dripping.")

    assert await Emergency.objects.acount() == 0
    caller.say("stop")
    await caller.is_over()


async def test_failure_beside_the_call_does_not_touch_it(openai, monkeypatch, caplog):
    def broken(**fields):
        raise RuntimeError("broken")

    monkeypatch.setattr(alarm, "raise_alarm", broken)
    caller = await talking(openai)
    caller.relay._call.tell(wire.TranscriptCompleted("item_U1", "I smell gas."))
    caller.say("stop")
    await caller.is_over()

    assert caller.closed == [(1000, "ended", "caller_hangup")]
    assert "work beside the call failed" in [record.message for record in caplog.records]


async def test_refused_stream_leaves_its_reason_on_the_call(openai):
    caller = Caller(openai.url, await ringing())
    caller.start("forged")
    await caller.is_over()

    event = await CallEvent.objects.aget()
    assert (event.kind, event.detail) == ("stream_refused", {"why": "wrong token"})
    assert (await Call.objects.aget()).end_reason == ""


async def test_end_that_the_database_refuses_once_is_written_all_the_same(openai, monkeypatch):
    finish, failures = streams.finish_stream, [OperationalError("database is locked")]

    def failing(**fields):
        if failures:
            raise failures.pop()
        finish(**fields)

    before = asyncio.all_tasks()
    monkeypatch.setattr(streams, "finish_stream", failing)
    caller = await talking(openai)
    caller.say("stop")
    await caller.is_over()

    call = await Call.objects.aget()
    assert (call.status, call.end_reason, call.model) == ("ended", "caller_hangup", "gpt-realtime-2.1")
    assert await leftovers(before) == []


async def test_database_that_is_too_slow_at_the_door_is_answered_by_a_hand_over(openai, monkeypatch):
    monkeypatch.setattr(relay, "ADMISSION_TIMEOUT", 0.05)
    monkeypatch.setattr(streams, "admit_stream", lambda **fields: time.sleep(0.3))
    caller = Caller(openai.url, await ringing())
    caller.start()
    await caller.is_over()

    assert [code for code, _, _ in caller.closed] == [1011]
    await asyncio.gather(*relay._late, return_exceptions=True)


async def test_stream_that_is_let_in_after_its_time_is_taken_back(openai, monkeypatch):
    admit, go = streams.admit_stream, threading.Event()

    def slow(**fields):
        go.wait(5)
        return admit(**fields)

    monkeypatch.setattr(relay, "ADMISSION_TIMEOUT", 0.05)
    monkeypatch.setattr(streams, "admit_stream", slow)
    caller = Caller(openai.url, await ringing())
    caller.start()
    await caller.is_over()
    go.set()
    await asyncio.gather(*relay._late)

    call = await Call.objects.aget()
    assert (call.status, call.end_reason) == ("handed_over", "internal_error")
    assert not await Stream.objects.filter(ended_at=None).aexists()


async def test_patience_counts_from_the_start_and_not_from_its_admission(openai, monkeypatch):
    admit = streams.admit_stream

    def slow(**fields):
        time.sleep(0.4)
        return admit(**fields)

    monkeypatch.setattr(streams, "admit_stream", slow)
    caller = await talking(openai, rate=1.0)
    caller.say("stop")
    await caller.is_over()

    assert (await Call.objects.aget()).first_audio_ms >= 400


async def test_passing_failure_to_connect_is_tried_once_more(openai, monkeypatch):
    open_line, problems = client.open_line, [client.LineUnavailable(Reason.TIMEOUT)]

    async def flaky(**address):
        if problems:
            raise problems.pop()
        return await open_line(**address)

    monkeypatch.setattr(client, "open_line", flaky)
    caller = await talking(openai)
    caller.say("stop")
    await caller.is_over()

    assert "line_retried" in [kind async for kind in CallEvent.objects.values_list("kind", flat=True)]


async def test_wrong_key_is_not_tried_again(openai, monkeypatch):
    tries = []

    async def refused(**address):
        tries.append(address)
        raise client.LineUnavailable(Reason.BAD_KEY, "HTTP 401", 401)

    monkeypatch.setattr(client, "open_line", refused)
    caller = Caller(openai.url, await ringing())
    caller.start()
    await caller.is_over()

    assert (len(tries), caller.closed) == (1, [(1000, "handed_over", "upstream_unavailable")])


async def test_journal_that_breaks_is_told_and_the_call_goes_on(openai, monkeypatch, caplog):
    async def broken(self):
        raise RuntimeError("on demand")

    monkeypatch.setattr(Journal, "run", broken)
    caller = await talking(openai)
    caller.say("stop")
    await caller.is_over()

    assert caller.closed == [(1000, "ended", "caller_hangup")]
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == ["the journal broke"]


async def test_what_of_a_call_is_worth_a_look_stands_in_the_log(openai, caplog):
    openai.faults.response_error = "server_error"
    caller = Caller(openai.url, await ringing())
    caller.start()
    async with asyncio.timeout(5):
        while "a response of OpenAI failed" not in caplog.messages:
            await asyncio.sleep(0.01)
    caller.say("stop")
    await caller.is_over()

    [first, *_] = [r for r in caplog.records if r.message == "a response of OpenAI failed"]
    assert first.levelname == "WARNING"


async def test_stream_that_came_back_has_the_last_word(openai, monkeypatch):
    """The stream before it ends while the next one is open already: it must not sum up half of a call."""
    summed_up = []
    monkeypatch.setattr(summaries, "conclude_call", lambda **asked: summed_up.append(asked["call_id"]))
    caller = await talking(openai)
    await Stream.objects.acreate(call=caller.call, stream_sid="MZ2", started_at=timezone.now())
    caller.say("stop")
    await caller.is_over()

    assert summed_up == []
