"""The production server: it drains, and it says who has its port. See also tests/journeys/test_draining.py."""

import asyncio
import gc
import os
import signal
import socket
import time
from contextlib import suppress

import pytest

from calls import serving
from calls.relay import clips


class Calls:
    """Stands for calls.relay.live."""

    def __init__(self, number):
        self.number = number
        self.on_their_way = 0
        self.last_sentence = clips.longest_seconds("closing")
        self.is_draining = False
        self.ended = []

    def count(self):
        return self.number

    def awaited(self):
        return self.on_their_way

    def last_sentence_seconds(self):
        return self.last_sentence

    def end_all(self, reason):
        self.ended.append(reason)


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def started_server(live, **options):
    listener = serving.listen(0, "127.0.0.1")
    started = asyncio.Event()
    server = serving.DrainingServer(serving.configuration(hello), live=live, started=started.set, **options)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await asyncio.wait_for(started.wait(), 5)
    return running, listener.getsockname()[1]


async def answer_of(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.split(b"\r\n\r\n")[1]


@pytest.mark.asyncio
async def test_server_without_calls_ends_within_a_second_of_the_signal():
    running, _ = await started_server(Calls(0))

    began = time.monotonic()
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(running, 5)

    assert time.monotonic() - began < 1.5


@pytest.mark.asyncio
async def test_server_answers_while_its_last_call_goes_on_and_ends_after_it():
    live = Calls(1)
    running, port = await started_server(live)

    signal.raise_signal(signal.SIGTERM)
    await asyncio.sleep(serving.LINGER_SECONDS + 0.4)
    during = (running.done(), live.is_draining, await answer_of(port))
    live.number = 0
    after = await answer_of(port)
    began = time.monotonic()
    await asyncio.wait_for(running, 5)

    assert during == (False, True, b"hello")
    assert after == b"hello"
    assert serving.LINGER_SECONDS - 0.2 < time.monotonic() - began < serving.LINGER_SECONDS + 1


@pytest.mark.asyncio
async def test_what_is_loaded_before_the_first_call_is_never_looked_through_for_garbage_again():
    before = gc.get_freeze_count()
    loaded = [[] for _ in range(10_000)]
    running, _ = await started_server(Calls(0))
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(running, 5)

    assert gc.get_freeze_count() - before > len(loaded)


@pytest.mark.asyncio
async def test_second_signal_has_the_calls_say_goodbye_and_a_third_cuts_them_off():
    live = Calls(1)
    running, port = await started_server(live)

    signal.raise_signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    before = [*live.ended]
    signal.raise_signal(signal.SIGTERM)
    during = (before, live.ended, running.done(), await answer_of(port))
    began = time.monotonic()
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(running, 5)

    assert during == ([], ["draining"], False, b"hello")
    assert (live.number, time.monotonic() - began < 1) == (1, True)


@pytest.mark.asyncio
async def test_callers_who_are_on_their_way_are_waited_for():
    live = Calls(0)
    live.on_their_way = 1
    running, port = await started_server(live)

    signal.raise_signal(signal.SIGTERM)
    await asyncio.sleep(serving.LINGER_SECONDS + 0.4)
    during = (running.done(), await answer_of(port))
    live.on_their_way = 0
    await asyncio.wait_for(running, 5)

    assert during == (False, b"hello")


class Draining:
    """A server with one call that never ends, on a clock of the test's own."""

    def __init__(self, **options):
        self.now = 0.0
        self.live = Calls(1)
        configuration = serving.configuration(hello)
        self.server = serving.DrainingServer(configuration, live=self.live, clock=lambda: self.now, **options)
        self.server.handle_exit(signal.SIGTERM, None)

    def is_over_at(self, seconds):
        self.now = seconds
        return asyncio.run(self.server.on_tick(1))


async def deaf_upgrade(port):
    """A WebSocket whose peer reads its handshake and nothing more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()
    return writer


WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: local",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nToken",
    ],
    ids=["nothing", "half a head", "half a body"],
)
async def test_request_that_does_not_come_whole_is_cut_off_in_time(monkeypatch, sent):
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.1)
    running, port = await started_server(Calls(0))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    with suppress(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 5)
    writer.close()
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(running, 5)


@pytest.mark.asyncio
async def test_connection_between_two_requests_is_kept_and_half_a_third_one_is_cut_off(monkeypatch):
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.1)
    running, port = await started_server(Calls(0))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for _ in range(2):
        writer.write(WHOLE)
        answers.append(await asyncio.wait_for(reader.readuntil(b"hello"), 5))
        await asyncio.sleep(0.2)  # longer than a request may take
    writer.write(b"GET / HT")
    with suppress(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 5)  # and now something is owed again
    writer.close()
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(running, 5)

    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 2


@pytest.mark.asyncio
async def test_stream_may_last_longer_than_its_upgrade(monkeypatch):
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.1)
    lasted = []

    async def accepting(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        with suppress(TimeoutError):
            async with asyncio.timeout(0.4):
                await receive()
            lasted.append("cut off")
        await send({"type": "websocket.close", "code": 1000})
        lasted.append("closed")

    listener = serving.listen(0, "127.0.0.1")
    started = asyncio.Event()
    server = serving.DrainingServer(serving.configuration(accepting), live=Calls(0), started=started.set)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await asyncio.wait_for(started.wait(), 5)
    peer = await deaf_upgrade(listener.getsockname()[1])
    async with asyncio.timeout(5):
        while not lasted:
            await asyncio.sleep(0.01)
    peer.close()
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(running, 5)

    assert lasted == ["closed"]


@pytest.mark.asyncio
async def test_socket_whose_peer_does_not_read_is_cut_when_it_is_closed(monkeypatch):
    """Without this it stays, with all that was to be sent on it, for as long as the peer likes."""
    monkeypatch.setattr(serving, "READ_SECONDS", 0.1)
    told = []

    async def talkative(scope, receive, send):
        await send({"type": "websocket.accept"})
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                while True:
                    await send({"type": "websocket.send", "text": "A" * 60_000})
        await send({"type": "websocket.close", "code": 1000})
        while (message := await receive())["type"] != "websocket.disconnect":
            pass
        told.append(message)

    listener = serving.listen(0, "127.0.0.1")
    started = asyncio.Event()
    server = serving.DrainingServer(serving.configuration(talkative), live=Calls(0), started=started.set)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await asyncio.wait_for(started.wait(), 5)
    peer = await deaf_upgrade(listener.getsockname()[1])
    async with asyncio.timeout(5):
        while not told or server.server_state.connections:
            await asyncio.sleep(0.01)
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(running, 5)
    peer.close()

    assert told == [{"type": "websocket.disconnect", "code": 1006}]


def test_draining_has_an_end_even_if_a_call_has_none():
    draining = Draining()

    before = [draining.is_over_at(seconds) for seconds in (1, serving.DRAIN_SECONDS - 1)]
    untold = [*draining.live.ended]
    at_the_end = [draining.is_over_at(serving.DRAIN_SECONDS + more) for more in (0, 3.9, serving.CLOSE_SECONDS)]

    assert (before, untold) == ([False, False], [])
    assert (at_the_end, draining.live.ended) == ([False, False, True], ["draining"])


@pytest.mark.parametrize(("sentence", "seconds"), [(1.0, 4.0), (3.5, 4.3), (5.0, 5.8), (30.0, 8.0)])
def test_a_last_sentence_that_takes_longer_than_ours_is_waited_for_up_to_eight_seconds(sentence, seconds):
    draining = Draining()
    draining.live.last_sentence = sentence
    draining.is_over_at(serving.DRAIN_SECONDS)

    assert not draining.is_over_at(serving.DRAIN_SECONDS + seconds - 0.01)
    assert draining.is_over_at(serving.DRAIN_SECONDS + seconds + 0.01)


def test_our_own_last_sentence_keeps_the_end_within_five_seconds():
    longest = serving.close_seconds(Calls(0))

    assert longest + 1 <= 5  # what is open then is cut within a second
    assert longest >= clips.longest_seconds("closing") + serving.BEHIND_SECONDS


def test_the_deadline_is_the_settings():
    draining = Draining(drain_seconds=20)
    told = []
    for seconds in (19, 20):
        draining.is_over_at(seconds)
        told.append([*draining.live.ended])

    assert told == [[], ["draining"]]


def test_calls_left_are_told_of_every_ten_seconds(caplog):
    caplog.set_level("INFO", "calls.serving")
    draining = Draining()

    for seconds in range(1, 26):
        draining.is_over_at(seconds)

    assert [record.calls_left for record in caplog.records if record.getMessage() == "draining"] == [1, 1]


def test_calls_are_ended_from_another_thread_and_waited_for(monkeypatch):
    live = Calls(1)
    seen = []

    def sleep(seconds):
        seen.append(live.number)
        if len(seen) == 3:
            live.number = 0
        time_passes(seconds)

    time_passes = time.sleep
    monkeypatch.setattr(serving.time, "sleep", sleep)
    serving.end_calls(live, "server_restart")

    assert live.ended == ["server_restart"]
    assert seen[:4] == [1, 1, 1, 0]


def test_without_calls_nothing_is_ended():
    live = Calls(0)

    serving.end_calls(live, "server_restart")

    assert live.ended == []


def test_taken_port_is_told_with_its_owner_and_the_remedy():
    with serving.listen(0, "127.0.0.1") as listener:
        port = listener.getsockname()[1]

        with pytest.raises(serving.PortTaken) as taken:
            serving.listen(port)

    assert f"Port {port} is taken by pid {os.getpid()} (" in str(taken.value)
    assert str(taken.value).endswith(f"Stop it, or choose another, for example {port + 1}: PORT in .env, or --port.")


def test_free_port_has_no_owner():
    with serving.listen(0, "127.0.0.1") as listener:
        port = listener.getsockname()[1]

    assert serving.port_owner(port) is None
