import asyncio
import base64
from contextlib import asynccontextmanager

import pytest
from twilio.request_validator import RequestValidator

from calls.emulators import phone_upgrade
from calls.emulators.phone import Faults
from calls.emulators.phone_http import Road
from calls.emulators.phone_upgrade import Rejected, open_socket
from tests.emulators.tiny_server import (
    PUBLIC,
    STREAM_URL,
    TOKEN,
    TinyServer,
    a_stream,
    ring,
    silent,
    stream,
    twiml,
)

HELLO = {"say": {"text": "hello"}}
HANG_UP = {"hang_up": True}


@asynccontextmanager
async def answering(answer):
    """A server that says this to whoever connects, and nothing when it is None."""
    served = []

    async def serve(reader, writer):
        served.append(asyncio.current_task())
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield Road(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", PUBLIC)
        await asyncio.gather(*served)


@pytest.mark.asyncio
async def test_a_server_that_does_not_answer_the_upgrade_is_given_up(monkeypatch):
    monkeypatch.setattr(phone_upgrade, "HANDSHAKE_SECONDS", 0.2)
    async with answering(None) as road:
        with pytest.raises(Rejected, match=r"31901 connection timeout: no 101 within 0\.2 s"):
            await open_socket(road, STREAM_URL, {})


@pytest.mark.asyncio
async def test_an_answer_that_is_no_http_is_a_handshake_error():
    async with answering(b"220 smtp.example.com\r\n\r\n") as road:
        with pytest.raises(Rejected, match="31920 handshake error") as rejected:
            await open_socket(road, STREAM_URL, {})

    assert (rejected.value.status, rejected.value.is_violation) == (None, False)


@pytest.mark.asyncio
async def test_a_port_that_nobody_owns_is_a_refused_connection():
    async with answering(None) as road:
        pass

    with pytest.raises(Rejected, match="31902 connection refused"):
        await open_socket(road, STREAM_URL, {})


@pytest.mark.asyncio
async def test_the_upgrade_carries_exactly_the_captured_headers():
    async with a_stream(silent) as server:
        await ring(server, HANG_UP)

    [request] = server.upgrades
    headers = dict(request.headers.raw_items())
    key = headers.pop("Sec-WebSocket-Key")
    assert (request.path, len(base64.b64decode(key))) == ("/twilio/realtime", 16)
    assert headers == {
        "Host": "cortana.example.com",
        "User-Agent": "Twilio.TmeWs/1.0",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "X-Twilio-Signature": "Mrrzjxcgen+ZfxoEk35hEps+BwA=",
    }


@pytest.mark.asyncio
async def test_the_signature_of_the_upgrade_can_be_wrong_or_missing_on_purpose():
    seen = []
    for kind in ("wrong", "none"):
        async with a_stream(silent) as server:
            await ring(server, HANG_UP, faults=Faults(upgrade_signature=kind))
        seen.append(server.upgrades[0].headers.get("X-Twilio-Signature"))

    assert not RequestValidator(TOKEN).validate(STREAM_URL, {}, seen[0])
    assert seen[1] is None


@pytest.mark.asyncio
async def test_a_subprotocol_that_nobody_asked_for_is_a_violation_and_ends_the_stream():
    async with a_stream(silent, subprotocol="audio.twilio.com") as server:
        result = await ring(server, HELLO)

    text = "31920 handshake error: no subprotocols supported, and none was asked for"
    assert (result.protocol_violations, result.streams[0].error) == ([text], text)
    assert result.verbs == ["Connect", "Hangup"]


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [200, 302, 403, 500])
async def test_any_answer_but_101_is_a_handshake_error_that_goes_to_the_action(status):
    async with a_stream(silent, upgrade_status=status) as server:
        result = await ring(server, HELLO)

    text = f"31920 handshake error: answered {status}"
    assert (result.streams[0].handshake_status, result.streams[0].error) == (status, text)
    assert sorted(server.paths()) == [
        "/twilio/after",
        "/twilio/status",
        "/twilio/stream-status",
        "/twilio/voice",
    ]
    assert server.form("/twilio/stream-status").items() >= {"StreamEvent": "stream-error", "StreamError": text}.items()
    assert server.form("/twilio/after")["CallStatus"] == "in-progress"
    assert (result.completed, len(server.upgrades)) == (False, 1)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("ws://cortana.example.com/twilio/realtime", "31922 the scheme of"),
        ("https://cortana.example.com/twilio/realtime", "31922 the scheme of"),
        ("/twilio/realtime", "31922 the scheme of"),
        ("wss://localhost/twilio/realtime", "31902 'wss://localhost/twilio/realtime' is not on the public host"),
    ],
)
async def test_a_url_that_twilio_could_not_open_is_not_tried(url, error):
    server = TinyServer(on_stream=silent)
    server.on("/twilio/voice", twiml(stream().replace(STREAM_URL, url))).on("/twilio/after", twiml("<Hangup/>"))
    async with server:
        result = await ring(server, HELLO)

    [violation] = result.protocol_violations
    assert (violation[: len(error)], result.streams[0].error, server.upgrades) == (error, violation, [])


@pytest.mark.asyncio
async def test_ws_is_accepted_when_the_public_url_is_plain_http():
    server = TinyServer(on_stream=silent)
    async with server:
        url = server.url.replace("http", "ws") + "/twilio/realtime"
        server.on("/twilio/voice", twiml(f'<Connect><Stream url="{url}"/></Connect>'))
        result = await ring(server, HANG_UP, public_url=server.url)

    assert (result.protocol_violations, len(server.upgrades)) == ([], 1)


@pytest.mark.asyncio
async def test_a_query_string_is_dropped_and_blamed():
    server = TinyServer(on_stream=silent)
    server.on("/twilio/voice", twiml(stream().replace(STREAM_URL, STREAM_URL + "?token=1")))
    async with server:
        result = await ring(server, HANG_UP)

    assert [request.path for request in server.upgrades] == ["/twilio/realtime"]
    assert result.protocol_violations == [
        f"31920 the query string of '{STREAM_URL}?token=1' was dropped; use <Parameter>"
    ]


@pytest.mark.asyncio
async def test_another_track_than_the_inbound_one_is_refused():
    server = TinyServer().on("/twilio/voice", twiml(stream('track="both_tracks"')))
    async with server.on("/twilio/after", twiml("<Hangup/>")):
        result = await ring(server, HELLO)

    assert result.protocol_violations == ["31941 invalid track 'both_tracks': <Connect> knows only inbound_track"]
