"""The socket to OpenAI against small real servers: how it opens, and what is told when it does not."""

import asyncio
import contextlib
import socket
import struct

import pytest
from websockets.asyncio.server import serve

from calls.realtime import client
from calls.realtime.client import LineUnavailable, open_line, tls_context
from calls.realtime.reasons import Reason

pytestmark = pytest.mark.asyncio


@contextlib.asynccontextmanager
async def server(handler, **options):
    async with serve(handler, "127.0.0.1", 0, **options) as listening:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1/realtime"


async def wait(line):
    await line.wait_closed()


async def open_at(url, **fields):
    return await open_line(**{"url": url, "model": "gpt-realtime-2.1", "api_key": "sk-test"} | fields)


async def test_handshake_carries_key_and_model_and_no_beta_header():
    seen = {}

    async def note(socket):
        seen.update(path=socket.request.path, headers=dict(socket.request.headers.raw_items()))
        await socket.wait_closed()

    async with server(note) as url:
        line = await open_at(url, model="gpt realtime&x")
        await line.close()

    assert seen["path"] == "/v1/realtime?model=gpt%20realtime%26x"
    assert seen["headers"]["Authorization"] == "Bearer sk-test"
    assert not {"OpenAI-Beta", "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"} & set(seen["headers"])


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4000])
async def test_every_way_of_closing_ends_the_reading_with_its_code_and_reason(code):
    async def speak_and_close(socket):
        await socket.send('{"type":"x"}')
        await socket.close(code, "because")

    async with server(speak_and_close) as url:
        line = await open_at(url)
        frames = [frame async for frame in line]

    assert (frames, line.close_code, line.close_reason) == ([b'{"type":"x"}'], code, "because")
    assert await line.send("late") is False


async def refuse(connection, request):
    return connection.respond(401, "no\n")


async def test_http_refusal_is_told_with_its_status():
    async with server(wait, process_request=refuse) as url:
        with pytest.raises(LineUnavailable) as problem:
            await open_at(url)

    assert (problem.value.reason, problem.value.detail, problem.value.code) == (Reason.BAD_KEY, "HTTP 401", 401)


@pytest.mark.parametrize(("header", "seconds"), [("20", 20.0), ("Fri, 20 Nov 2026 12:00:00 GMT", 0.0), ("", 0.0)])
async def test_busy_server_says_how_long_it_wants_to_be_left_alone(header, seconds):
    def busy(connection, request):
        response = connection.respond(429, "later\n")
        response.headers["Retry-After"] = header
        return response

    async with server(wait, process_request=busy) as url:
        with pytest.raises(LineUnavailable) as problem:
            await open_at(url)

    assert (problem.value.reason, problem.value.retry_after) == (Reason.RATE_LIMIT, seconds)


async def test_server_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(client, "OPEN_TIMEOUT", 0.1)
    release, taken = asyncio.Event(), []

    async def stall(reader, writer):
        await release.wait()
        writer.close()

    listening = await asyncio.start_server(stall, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    with pytest.raises(LineUnavailable, match="^timeout connected$"):
        await open_at(f"ws://127.0.0.1:{port}", when_taken=lambda: taken.append(port))
    assert taken == [port]
    release.set()
    listening.close()
    await listening.wait_closed()


async def test_peer_that_does_not_take_the_connection_is_told_from_one_that_says_nothing(monkeypatch):
    monkeypatch.setattr(client, "OPEN_TIMEOUT", 0.1)
    taken = []
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # nobody takes them: then its queue is full, and packets are dropped, as by a firewall
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with pytest.raises(LineUnavailable, match="^timeout not connected$"):
            await open_at(f"ws://127.0.0.1:{full.getsockname()[1]}", when_taken=lambda: taken.append(True))

    assert taken == []


async def test_other_protocol_is_a_refusal():
    async def babble(reader, writer):
        writer.write(b"SSH-2.0-x\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    with pytest.raises(LineUnavailable) as problem:
        await open_at(f"ws://127.0.0.1:{port}")
    listening.close()
    await listening.wait_closed()

    assert problem.value.reason is Reason.NOT_REALTIME


@pytest.mark.parametrize("is_reset", [False, True])
async def test_connection_that_is_cut_before_the_answer_is_worth_a_second_try(is_reset):
    async def cut(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        if is_reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    listening = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    with pytest.raises(LineUnavailable) as problem:
        await open_at(f"ws://127.0.0.1:{port}")
    listening.close()
    await listening.wait_closed()

    assert problem.value.reason is Reason.CUT


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ws://127.0.0.1:1/v1/realtime", Reason.UNREACHABLE),
        ("ws://no-such-host.invalid/v1/realtime", Reason.DNS),
        ("https://api.openai.com/v1/realtime", Reason.BAD_ADDRESS),
        ("nonsense", Reason.BAD_ADDRESS),
        ("ws://127.0.0.1:99999/v1/realtime", Reason.BAD_ADDRESS),
        ("ws://127.0.0.1:abc/v1/realtime", Reason.BAD_ADDRESS),
        ("ws://[::1/v1/realtime", Reason.BAD_ADDRESS),
        (f"ws://{'a' * 64}.example/v1/realtime", Reason.BAD_ADDRESS),
    ],
)
async def test_address_that_leads_nowhere_is_told(url, reason):
    with pytest.raises(LineUnavailable) as problem:
        await open_at(url)

    assert problem.value.reason is reason


async def test_without_a_key_nothing_is_opened():
    with pytest.raises(LineUnavailable, match="^no_key$"):
        await open_at("ws://127.0.0.1:1", api_key="")


async def test_tls_context_is_made_once():
    assert tls_context() is tls_context()
