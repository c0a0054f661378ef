import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from twilio.request_validator import RequestValidator

from calls.emulators.phone_http import Client, Failure, Road, Signer, signature
from tests.emulators.tiny_server import PUBLIC, TOKEN, TinyServer

OK = (200, {"Content-Type": "text/xml"}, b"<Response/>")


@pytest.mark.parametrize(
    ("token", "url", "fields", "expected"),
    [
        (
            "12345",
            "https://mycompany.com/myapp.php?foo=1&bar=2",
            {
                "CallSid": "CA1234567890ABCDE",
                "Caller": "+14158675309",
                "Digits": "1234",
                "From": "+14158675309",
                "To": "+18005551212",
            },
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
        (TOKEN, "wss://cortana.example.com/twilio/realtime", {}, "Mrrzjxcgen+ZfxoEk35hEps+BwA="),
        (
            TOKEN,
            "https://cortana.example.com/twilio/voice",
            {"CallSid": "CA" + "0" * 32, "From": "+15551230000", "To": "+15559870000", "FromCity": ""},
            "7X7XOxpCy9bGxN8m1ZZy+scx34M=",
        ),
    ],
)
def test_signatures_are_those_that_twilio_published(token, url, fields, expected):
    assert signature(token, url, fields) == expected


def test_a_shared_key_signs_with_sha256():
    fields = {"CallSid": "CA" + "0" * 32, "From": "+15551230000", "To": "+15559870000", "FromCity": ""}

    headers = Signer("unused", ("webhooks_sharedkey_1", TOKEN)).headers(f"{PUBLIC}/twilio/voice", fields)

    assert headers == {
        "X-Twilio-Webhooks-Signature-Settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256",
        "X-Twilio-Signature": "fsUxA41XkoAWiJAsF/sxcCcPa7rKIlLJubSFzXhGBl0=",
    }


def test_the_fragment_of_a_url_is_not_signed():
    url = f"{PUBLIC}/twilio/voice"

    assert signature(TOKEN, url + "#rc=2&rp=all", {}) == signature(TOKEN, url, {})


def client(server, **changes):
    return Client(Road(server.url, PUBLIC), Signer(TOKEN), **changes)


async def send(server, method="POST", path="/twilio/voice", **changes):
    return await client(server, **changes).send(method, PUBLIC + path, {"A": "1 ä", "B": ""}, {"X-Home-Region": "us1"})


@pytest.mark.asyncio
async def test_a_form_is_posted_to_the_base_url_and_signed_for_the_public_one():
    async with TinyServer().on("/twilio/voice", lambda request: OK) as server:
        answer = await send(server)

    [posted] = server.posted
    signed = posted.headers.pop("X-Twilio-Signature")
    assert (answer.status, answer.text, answer.content_type) == (200, "<Response/>", "text/xml")
    assert (posted.method, posted.path, posted.form) == ("POST", "/twilio/voice", {"A": "1 ä", "B": ""})
    assert posted.headers == {
        "Host": "cortana.example.com",
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "Content-Length": "13",
        "X-Home-Region": "us1",
        "Connection": "close",
    }
    assert RequestValidator(TOKEN).validate(f"{PUBLIC}/twilio/voice", posted.form, signed)


@pytest.mark.asyncio
async def test_a_get_carries_the_form_in_a_signed_query():
    async with TinyServer().on("/twilio/voice", lambda request: OK) as server:
        await send(server, "GET", "/twilio/voice?line=1")

    [posted] = server.posted
    assert (posted.method, posted.query, posted.form) == ("GET", {"line": "1", "A": "1 ä", "B": ""}, {})
    url = f"{PUBLIC}/twilio/voice?line=1&A=1+%C3%A4&B="
    assert RequestValidator(TOKEN).validate(url, {}, posted.headers["X-Twilio-Signature"])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "method", "form"),
    [(301, "GET", {}), (302, "GET", {}), (303, "GET", {}), (307, "POST", {"A": "1 ä", "B": ""})],
)
async def test_a_redirect_loses_the_form_unless_it_is_307(status, method, form):
    there = {"Location": "/twilio/voice/"}
    server = TinyServer().on("/twilio/voice", lambda request: (status, there, b""))
    async with server.on("/twilio/voice/", lambda request: OK):
        answer = await send(server)

    assert (answer.url, server.posted[1].method, server.posted[1].form) == (
        f"{PUBLIC}/twilio/voice/",
        method,
        form,
    )
    signed = server.posted[1].headers["X-Twilio-Signature"]
    assert RequestValidator(TOKEN).validate(f"{PUBLIC}/twilio/voice/", form, signed)


def route(status, headers, body):
    return lambda request: (status, headers, body)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (route(500, {}, b"oops"), "11200 answered 500"),
        (route(404, {}, b""), "11200 answered 404"),
        (route(304, {}, b""), "11200 answered 304"),
        (route(302, {"Location": "/twilio/voice"}, b""), "11215 too many redirects"),
        (
            route(302, {"Location": "https://elsewhere.example/"}, b""),
            "11210 another host than the public one, which the emulator does not call",
        ),
        (route(200, {}, b"x" * 65537), "11750 an answer of 65537 bytes; 64 KB are the most"),
        (route(200, {"Transfer-Encoding": "chunked"}, b"no number\r\n"), "11200 broken answer"),
    ],
)
async def test_an_unusable_answer_fails_with_the_code_of_twilio(answer, text):
    async with TinyServer().on("/twilio/voice", answer) as server:
        with pytest.raises(Failure) as failure:
            await send(server)

    assert str(failure.value)[: len(text)] == text


@pytest.mark.asyncio
async def test_exactly_64_kb_are_accepted():
    async with TinyServer().on("/twilio/voice", route(200, {}, b"x" * 65536)) as server:
        assert len((await send(server)).body) == 65536


@pytest.mark.asyncio
async def test_an_answer_that_does_not_come_in_time_fails():
    async with TinyServer().on("/twilio/voice", route(0, {}, b"")) as server:
        with pytest.raises(Failure, match=r"11200 no answer within 0\.2 s"):
            await send(server, total_seconds=0.2)


@pytest.mark.asyncio
async def test_a_websocket_address_in_the_voice_field_cannot_be_fetched():
    async with TinyServer() as server:
        with pytest.raises(Failure, match="11100 no URL that can be fetched"):
            await client(server).send("POST", "wss://cortana.example.com/twilio/realtime", {}, {})

    assert server.posted == []


@pytest.mark.asyncio
async def test_a_refused_connection_is_tried_twice():
    async with TinyServer() as server:
        url = server.url
    with pytest.raises(Failure, match="11205 no connection"):
        await Client(Road(url, PUBLIC), Signer(TOKEN)).send("POST", f"{PUBLIC}/twilio/voice", {}, {})


@asynccontextmanager
async def raw(content):
    """A server that answers any request with these bytes and closes."""
    served = []

    async def serve(reader, writer):
        served.append(asyncio.current_task())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(content)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield Road(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", PUBLIC)
        await asyncio.gather(*served, return_exceptions=True)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<Resp\r\n7;x=1\r\nonse/>\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n<Response/>\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<Response/>\nand more",
    ],
)
async def test_a_body_is_read_however_its_end_is_told(content):
    async with raw(content) as road:
        answer = await Client(road, Signer(TOKEN)).send("POST", f"{PUBLIC}/x", {}, {})

    assert answer.body == b"<Response/>\n"


@pytest.mark.asyncio
@pytest.mark.parametrize("content", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
async def test_a_broken_answer_fails(content):
    async with raw(content) as road:
        with pytest.raises(Failure, match="11200 broken answer"):
            await Client(road, Signer(TOKEN)).send("POST", f"{PUBLIC}/x", {}, {})


@pytest.mark.asyncio
async def test_a_signature_can_be_wrong_or_missing_on_purpose():
    async with TinyServer() as server:
        for sign in ("wrong", "none"):
            await client(server).send("POST", f"{PUBLIC}/x", {"A": "1"}, {}, sign=sign)

    wrong, none = (request.headers.get("X-Twilio-Signature") for request in server.posted)
    assert not RequestValidator(TOKEN).validate(f"{PUBLIC}/x", {"A": "1"}, wrong)
    assert none is None


@pytest.mark.asyncio
async def test_fields_may_hold_any_text():
    fields = {"CallToken": "%7B%22a%22%3A1%7D", "Name": "Zoë & Söhne + 1=2", "AddOns": json.dumps({"a": [1]})}
    async with TinyServer() as server:
        await client(server).send("POST", f"{PUBLIC}/x", fields, {})

    assert server.form("/x") == fields
