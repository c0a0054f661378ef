"""The production server: it drains, and it says who has its port. See also tests/journeys/test_draining.py."""

import asyncio
import gc
import os
import signal
import time
from types import SimpleNamespace

import pytest

from calls import serving


class Calls:
    """Stands for calls.relay.live."""

    def __init__(self, number):
        self.number = number
        self.is_draining = False

    def count(self):
        return self.number


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def started_server(live):
    listener = serving.listen(0, "127.0.0.1")
    started = asyncio.Event()
    server = serving.DrainingServer(serving.configuration(hello), live=live, started=started.set)
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
async def test_second_signal_ends_the_calls():
    live = Calls(1)
    running, _ = await started_server(live)

    signal.raise_signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(running, 5)

    assert live.number == 1


def test_draining_has_an_end_even_if_a_call_has_none():
    now = SimpleNamespace(seconds=0.0)
    live = Calls(1)
    server = serving.DrainingServer(serving.configuration(hello), live=live, clock=lambda: now.seconds)

    server.handle_exit(signal.SIGTERM, None)
    seen = []
    for seconds in (1, serving.DRAIN_SECONDS - 1, serving.DRAIN_SECONDS):
        now.seconds = seconds
        seen.append(asyncio.run(server.on_tick(1)))

    assert seen == [False, False, True]


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
