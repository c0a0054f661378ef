"""The calls of this process: how many there are, who is on the way, and how all of them are told of the end."""

import asyncio
import threading

import pytest

from calls.conversation.messages import ClosingTime
from calls.relay import clips, expected, live


@pytest.fixture(autouse=True)
def nobody_yet(monkeypatch):
    monkeypatch.setattr(live, "_calls", {})
    monkeypatch.setattr(live, "_actions", {})
    monkeypatch.setattr(live, "_closing", None)
    monkeypatch.setattr(live, "is_draining", False)
    monkeypatch.setattr(expected, "_tokens", type(expected._tokens)())


@pytest.mark.asyncio
async def test_every_call_is_told_of_the_end_from_another_thread():
    told = []
    live.add("MZ1", lambda message: told.append(("MZ1", message, threading.current_thread())))
    live.add("MZ2", lambda message: told.append(("MZ2", message, threading.current_thread())))
    live.remove("MZ2")

    await asyncio.to_thread(live.end_all, "draining")
    await asyncio.sleep(0)

    assert told == [("MZ1", ClosingTime("draining"), threading.main_thread())]
    assert (live.count(), live.is_draining) == (1, True)


@pytest.mark.asyncio
async def test_a_call_that_begins_after_the_end_was_told_is_told_too():
    told = []
    live.end_all("draining")

    live.add("MZ1", told.append)
    await asyncio.sleep(0)

    assert told == [ClosingTime("draining")]


def test_an_action_is_awaited_until_it_comes():
    live.await_action("CA1")
    live.await_action("CA2")
    live.action_came("CA1")
    live.action_came("CA9")

    assert live.awaited() == 1


def test_an_action_that_never_comes_is_awaited_for_three_seconds(monkeypatch):
    live.await_action("CA1")
    at = live.time.monotonic()
    seen = []
    for seconds in (2.9, 3.1):
        monkeypatch.setattr(live.time, "monotonic", lambda seconds=seconds: at + seconds)
        seen.append(live.awaited())

    assert seen == [1, 0]


def test_a_stream_that_was_announced_is_awaited_until_it_comes_or_for_three_seconds(monkeypatch):
    for call_sid in ("CA1", "CA2"):
        expected.expect(call_sid, "token")
    expected.arrived("CA1")
    at = live.time.monotonic()
    seen = [live.awaited()]
    monkeypatch.setattr(live.time, "monotonic", lambda: at + 3.1)
    seen.append(live.awaited())

    assert seen == [1, 0]


def test_the_last_sentence_is_as_long_as_the_clip_that_ends_calls():
    assert live.last_sentence_seconds() == clips.longest_seconds("closing")
