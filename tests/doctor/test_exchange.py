import asyncio
import contextlib
import re
import socket
import threading

import pytest

from calls.doctor.causes import of_silence
from calls.doctor.exchange import Unreachable, request, upgraded
from tests.doctor.certificates import self_signed

pytestmark = pytest.mark.asyncio


@contextlib.asynccontextmanager
async def answering(answer, *, hold=False):
    """A server that sends these bytes to whoever comes, then closes, or holds the connection open."""
    released = asyncio.Event()

    async def serve(reader, writer):
        await reader.read(65536)
        writer.write(answer)
        await writer.drain()
        if hold:
            await released.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        released.set()
        server.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
    ids=["length", "chunked"],
)
async def test_an_answer_is_complete_without_waiting_for_the_connection_to_end(answer):
    async with answering(answer, hold=True) as host:
        got = await request(f"http://{host}/", seconds=2)

    assert (got.status, got.body) == (200, b"hello")


async def test_an_answer_that_breaks_off_is_taken_as_far_as_it_came():
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello") as host:
        got = await request(f"http://{host}/")

    assert (got.status, got.body) == (200, b"hello")


@pytest.mark.parametrize(
    ("answer", "kind"), [(b"", "protocol"), (b"SSH-2.0-OpenSSH\r\n", "protocol")], ids=["nothing", "another protocol"]
)
async def test_what_is_no_answer_is_unreachable(answer, kind):
    async with answering(answer) as host:
        with pytest.raises(Unreachable) as caught:
            await request(f"http://{host}/")

    assert caught.value.kind == kind


async def test_a_server_that_never_answers_is_given_up_on_time():
    async with answering(b"", hold=True) as host:
        with pytest.raises(Unreachable) as caught:
            await request(f"http://{host}/", seconds=0.2)

    assert (caught.value.kind, str(caught.value)) == ("timeout", "no answer within 0.2 s")


async def test_a_certificate_that_nobody_vouches_for_is_named(tmp_path):
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=self_signed(tmp_path))
    async with server:
        with pytest.raises(Unreachable) as caught:
            await request(f"https://localhost:{server.sockets[0].getsockname()[1]}/")

    assert (caught.value.kind, str(caught.value)) == ("tls", "the certificate is not valid: self-signed certificate")


@pytest.mark.parametrize(
    ("days", "why"), [((-2, -1), "certificate has expired"), ((1, 2), "certificate is not yet valid")]
)
async def test_a_certificate_out_of_its_dates_may_be_the_fault_of_our_clock(tmp_path, monkeypatch, days, why):
    context = self_signed(tmp_path, days=days)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context) as server:
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(Unreachable) as caught:
            await request(url)

    assert str(caught.value) == f"the certificate is not valid: {why}; or this machine's clock is wrong"
    assert of_silence(caught.value, url).remedy.startswith("See whether this machine's clock is right: date. If it is")


async def test_an_answer_that_never_ends_is_cut():
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000, hold=True) as host:
        got = await request(f"http://{host}/", seconds=2)

    assert 200_000 < len(got.body) <= 330_000


@pytest.mark.parametrize("answer", [b"", b"220 mail\r\n\r\n", b"HTTP/1.1 200"], ids=["nothing", "mail", "half a line"])
async def test_an_upgrade_that_is_not_answered_in_http_is_unreachable(answer):
    async with answering(answer) as host:
        with pytest.raises(Unreachable) as caught:
            async with upgraded(f"ws://{host}/", headers={}, user_agent="test"):
                raise AssertionError

    assert caught.value.kind == "protocol"


@pytest.mark.parametrize(
    ("answer", "field"),
    [(b'{"name": "x"}', "x"), (b'{"name": 1}', ""), (b"[]", ""), (b"<html>", ""), (b"\xff", "")],
)
async def test_a_field_of_an_answer_that_is_not_what_was_hoped_for_is_blank(answer, field):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)
    async with answering(head + answer) as host:
        got = await request(f"http://{host}/")

    assert got.json_field("name") == field


async def test_the_stretch_of_the_way_that_takes_too_long_is_named(monkeypatch):
    async with answering(b"", hold=True) as host:
        with pytest.raises(Unreachable) as tls:
            await request(f"https://{host}/", seconds=0.2)
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: released.wait(5) and [])
    with pytest.raises(Unreachable) as name:
        await request("http://calls.acme-plumbing.com/", seconds=0.2)
    released.set()

    assert str(tls.value) == "no answer within 0.2 s: the connection is taken, and TLS does not begin"
    assert str(name.value) == "no answer within 0.2 s: the name server is silent"


async def test_each_stretch_of_an_answer_is_timed():
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as host:
        got = await request(f"http://{host}/")

    assert re.fullmatch(r"name \d+, connection \d+, answer \d+", got.took)
