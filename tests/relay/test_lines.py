"""The lines of a call against a real socket (the emulator's): opened, tried again, prepared and taken."""

import asyncio
import logging

import pytest
import pytest_asyncio

from calls.conversation.messages import LineExpires, LineLost, LineNotPrepared, LineOpened, LinePrepared
from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_server import RealtimeServer
from calls.logs import CallLogger
from calls.realtime import client, wire
from calls.realtime.reasons import Reason
from calls.relay import breaker, lines
from calls.relay.breaker import Address
from calls.relay.lines import Lines

pytestmark = pytest.mark.asyncio


class Told:
    """What a conversation would be told, and the tasks that a call would run."""

    def __init__(self, url: str, *, key: str = "sk-test", jitter: float = 0.0) -> None:
        self.messages: list = []
        self.notes: list = []
        self.tasks: list[asyncio.Task] = []
        self.lines = Lines(
            Address(url, key, "gpt-realtime-2.1"),
            tell=self.messages.append,
            note=lambda kind, **detail: self.notes.append((kind, detail)),
            spawn=self._spawn,
            rate=10.0,
            log=CallLogger(logging.getLogger("calls.test"), {}),
            jitter=lambda: jitter,
        )

    def _spawn(self, work, name):
        self.tasks.append(asyncio.create_task(work, name=name))
        return self.tasks[-1]

    async def until(self, kind, count: int = 1):
        """The message of this kind that was told as the `count`th."""
        async with asyncio.timeout(5):
            while len(found := [m for m in self.messages if isinstance(m, kind)]) < count:
                await asyncio.sleep(0.005)
        return found[count - 1]

    async def close(self) -> None:
        self.lines.close()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest_asyncio.fixture
async def openai():
    async with RealtimeServer([], rate=10.0) as server:
        yield server


@pytest_asyncio.fixture
async def told(openai):
    told = Told(openai.url)
    yield told
    await told.close()


async def test_opened_line_tells_its_session_and_when_that_ends(told):
    told.lines.open()
    created = await told.until(wire.SessionCreated)

    assert [type(m) for m in told.messages] == [LineOpened, LineExpires, wire.SessionCreated]
    assert created.session_id.startswith("sess_")
    # The emulator's hour passes at its rate, as the conversation's does.
    assert told.messages[1].in_seconds == pytest.approx(3600, abs=15)


async def test_prepared_line_says_nothing_until_it_is_taken(told, openai):
    told.lines.open()
    first = await told.until(wire.SessionCreated)
    told.lines.prepare()
    await told.until(LinePrepared)
    told.lines.put(wire.CommitAudio())
    await asyncio.sleep(0.05)
    assert [len(session.received("input_audio_buffer.commit")) for session in openai.sessions] == [1, 0]

    told.lines.take()
    second = await told.until(wire.SessionCreated, 2)
    told.lines.put(wire.CommitAudio())
    await told.until(wire.ErrorEvent, 2)
    assert second.session_id != first.session_id
    assert [len(session.received("input_audio_buffer.commit")) for session in openai.sessions] == [1, 1]
    assert [(session.open, session.close_code) for session in openai.sessions] == [(False, 1000), (True, None)]
    assert [m for m in told.messages if isinstance(m, LineLost)] == []


async def test_what_waited_for_a_lost_line_does_not_go_to_its_successor(told, openai):
    told.lines.open()
    await told.until(wire.SessionCreated)
    openai.close(openai.sessions[0], 1011, "")
    lost = await told.until(LineLost)
    told.lines.put(wire.CommitAudio())
    told.lines.open()
    await told.until(wire.SessionCreated, 2)
    await asyncio.sleep(0.05)

    assert (lost.reason, lost.was_open) == (Reason.SERVER_ERROR, True)
    assert openai.sessions[1].received() == []


async def test_refused_second_session_leaves_the_first_one_alone(told, openai):
    told.lines.open()
    await told.until(wire.SessionCreated)
    openai._bad_keys = frozenset({"sk-test"})
    told.lines.prepare()

    assert (await told.until(LineNotPrepared)).reason is Reason.BAD_KEY
    assert openai.sessions[0].open
    assert breaker.refusal(openai.url, "sk-test", breaker.clock(10.0)) is Reason.BAD_KEY


async def test_second_line_that_cannot_be_opened_is_told(told, openai):
    told.lines.open()
    await told.until(wire.SessionCreated)
    openai.faults.most_sessions = 1
    told.lines.prepare()

    assert (await told.until(LineNotPrepared)).reason is Reason.SERVER_ERROR
    assert [kind for kind, _ in told.notes] == [
        *["line_connecting", "line_taken"],
        *["line_connecting", "line_taken", "line_retried"] * 2,
        *["line_connecting", "line_taken"],
    ]


async def test_third_try_may_still_succeed(told, openai):
    openai.faults.upgrade_status = 503
    told.lines.open()
    async with asyncio.timeout(5):
        while len(told.notes) < 6:
            await asyncio.sleep(0.005)
    openai.faults.upgrade_status = None

    await told.until(LineOpened)
    retried = ("line_retried", {"cause": Reason.SERVER_ERROR, "detail": "HTTP 503"})
    tried = [("line_connecting", {}), ("line_taken", {})]
    assert told.notes == [*tried, retried] * 2 + tried


async def test_server_that_wants_to_be_left_alone_is_not_tried_again(told, openai):
    openai.faults.upgrade_status = 429
    told.lines.open()

    assert (await told.until(LineLost)).reason is Reason.RATE_LIMIT
    assert [kind for kind, _ in told.notes] == [
        *["line_connecting", "line_taken", "line_retried"],
        *["line_connecting", "line_taken"],
    ]


async def test_nobody_connects_while_the_breaker_is_open(openai):
    one, other = Told(openai.url), Told(openai.url)
    openai.faults.upgrade_status = 401
    one.lines.open()
    assert (await one.until(LineLost)).reason is Reason.BAD_KEY
    openai.faults.upgrade_status = None
    other.lines.open()

    lost = await other.until(LineLost)
    assert (lost.reason, lost.detail, openai.sessions) == (Reason.BAD_KEY, "not tried", [])
    await one.close()
    await other.close()


async def test_session_that_is_agreed_on_closes_the_breaker(told, openai):
    address = Address(openai.url, "sk-test", "gpt-realtime-2.1")
    breaker.failed(address, Reason.BAD_KEY, breaker.clock(10.0) - breaker.FATAL_SECONDS)
    told.lines.open()
    await told.until(wire.SessionCreated)
    assert breaker.refusal(openai.url, "sk-test", breaker.clock(10.0)) is Reason.BAD_KEY  # one call tries

    told.lines.put(wire.UpdateSession("session-0", {"type": "realtime"}))
    await told.until(wire.SessionUpdated)
    assert breaker.refusal(openai.url, "sk-test", breaker.clock(10.0)) is None


@pytest.mark.parametrize(("is_agreed_on", "reason"), [(False, Reason.RESTARTING), (True, None)])
async def test_sessions_that_are_lost_keep_others_away_only_when_none_is_agreed_on(openai, is_agreed_on, reason):
    for number in range(breaker.FAILURES):
        told = Told(openai.url)
        told.lines.open()
        await told.until(wire.SessionCreated)
        if is_agreed_on:
            told.lines.put(wire.UpdateSession("session-0", {"type": "realtime"}))
            await told.until(wire.SessionUpdated)
        openai.close(openai.sessions[number], 1013, "")
        await told.until(LineLost)
        await told.close()

    assert breaker.refusal(openai.url, "sk-test", breaker.clock(10.0)) is reason


async def test_openai_that_does_not_read_any_more_is_lost_soon(told, openai, monkeypatch, caplog):
    monkeypatch.setattr(lines, "STALLED", 1.0)  # of the call: a tenth here
    openai.faults.deaf = True
    told.lines.open()
    await told.until(wire.SessionCreated)
    for number in range(250):
        told.lines.put(wire.AddText(f"item_{number}", "user", "A" * 60_000))

    lost = await told.until(LineLost)
    assert (lost.reason, lost.was_open) == (Reason.CUT, True)
    assert ("line_stalled", {}) in told.notes
    assert "OpenAI does not read any more" in [record.message for record in caplog.records]
    openai.cut(openai.sessions[0])


async def test_call_that_is_over_does_not_wait_for_an_openai_that_does_not_read(told, openai, monkeypatch):
    monkeypatch.setattr(client, "CLOSE_TIMEOUT", 0.1)
    openai.faults.deaf = True
    told.lines.open()
    await told.until(wire.SessionCreated)
    for number in range(250):
        told.lines.put(wire.AddText(f"item_{number}", "user", "A" * 60_000))
    await asyncio.sleep(0.02)

    await asyncio.wait_for(told.close(), 1)
    openai.cut(openai.sessions[0])


async def test_closed_lines_stay_closed(told, openai):
    told.lines.close()
    told.lines.open()
    told.lines.prepare()
    await asyncio.sleep(0.05)

    assert openai.sessions == []


async def test_nonsense_is_counted_and_passed_over():
    async with RealtimeServer([], rate=10.0, faults=Faults()) as server:
        told = Told(server.url)
        told.lines.open()
        await told.until(wire.SessionCreated)
        server._lines[0].emit_raw("nonsense")
        server.send(server.sessions[0], "conversation.item.deleted", item_id="x")
        await told.until(wire.Unknown)

        assert told.lines.bad_events == 1
        await told.close()
