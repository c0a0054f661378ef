import asyncio

import pytest

from calls.relay import outbox as outboxes
from calls.relay.outbox import Outbox, Stalled

pytestmark = pytest.mark.asyncio


async def drain(outbox: Outbox) -> list[str]:
    """What the outbox sends until it has nothing more."""
    sent: list[str] = []

    async def send(frame: str) -> None:
        sent.append(frame)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(outbox.write(send), 0.02)
    return sent


async def test_frames_leave_in_order():
    outbox = Outbox(10)
    for frame in "abc":
        outbox.put(frame)

    assert await drain(outbox) == ["a", "b", "c"]


async def test_oldest_sound_gives_way_and_nothing_else():
    outbox = Outbox(2)
    outbox.put("update")
    for frame in ("s1", "s2", "s3"):
        outbox.put(frame, is_sound=True)
    outbox.put("truncate")

    assert await drain(outbox) == ["update", "s2", "s3", "truncate"]
    assert outbox.dropped == 1


async def test_whoever_asks_is_told_when_all_before_is_sent():
    outbox, told = Outbox(1), []
    outbox.put("s1", is_sound=True)
    outbox.put("mark")
    outbox.when_sent(lambda: told.append("sent"))
    outbox.put("s2", is_sound=True)
    assert told == []

    assert await drain(outbox) == ["mark", "s2"]
    assert (told, outbox.dropped) == (["sent"], 1)


async def test_nobody_is_told_of_what_was_cleared():
    outbox, told = Outbox(1), []
    outbox.put("s1", is_sound=True)
    outbox.when_sent(lambda: told.append("sent"))
    outbox.clear()

    assert (await drain(outbox), told) == ([], [])


async def test_clear_forgets_what_was_not_sent():
    outbox = Outbox(2)
    outbox.put("media", is_sound=True)
    outbox.clear()
    outbox.put("clear")

    assert await drain(outbox) == ["clear"]


async def test_writer_waits_for_what_comes_later():
    outbox = Outbox(2)
    sent = asyncio.Event()

    async def send(frame: str) -> None:
        sent.set()

    writing = asyncio.create_task(outbox.write(send))
    await asyncio.sleep(0)
    outbox.put("late")
    await asyncio.wait_for(sent.wait(), 1)
    writing.cancel()


async def test_what_send_raises_ends_the_writer():
    outbox = Outbox(2)
    outbox.put("x")

    async def broken(frame: str) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await outbox.write(broken)


async def test_sound_is_bounded_in_letters_too_but_the_newest_stays():
    outbox = Outbox(100, most_letters=10)
    for frame in ("aaaa", "bbbb", "cccc"):
        outbox.put(frame, is_sound=True)
    outbox.put("d" * 50, is_sound=True)

    assert await drain(outbox) == ["d" * 50]
    assert outbox.dropped == 3


async def test_frames_of_other_kinds_have_an_end_too(monkeypatch):
    monkeypatch.setattr(outboxes, "MOST_FRAMES", 3)
    outbox = Outbox(1)
    for number in range(5):
        outbox.put(str(number))

    assert await drain(outbox) == ["0", "1", "2"]
    assert outbox.dropped == 2


async def test_peer_that_takes_nothing_ends_the_writer():
    outbox = Outbox(2)
    outbox.put("x")

    with pytest.raises(Stalled):
        await asyncio.wait_for(outbox.write(lambda frame: asyncio.Event().wait(), within=0.02), 1)


async def test_peer_that_is_slow_is_waited_for():
    outbox = Outbox(10)
    for frame in "abcd":
        outbox.put(frame)
    sent = []

    async def slow(frame: str) -> None:
        await asyncio.sleep(0.03)
        sent.append(frame)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(outbox.write(slow, within=0.1), 0.25)
    assert sent == ["a", "b", "c", "d"]


async def test_time_out_of_the_socket_itself_is_no_stall():
    outbox = Outbox(2)
    outbox.put("x")

    async def timed_out(frame: str) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await outbox.write(timed_out, within=5)
