import asyncio
import base64
import hashlib
import hmac
import re
import struct

import pytest

from calls.doctor import listening, remote, runner, testimony
from calls.doctor.caller import signature
from calls.doctor.findings import FAIL, OK, WARN
from calls.doctor.runner import Check, diagnose
from calls.doctor.site import Site
from calls.emulators import sound
from calls.twilio.addresses import STREAM_REFUSAL
from tests.doctor.house import GREETING, TOKEN, House, Reply, page, refusing, twiml

ROAD = [Check(check.id, check.title, check.run) for check in runner.CHECKS if check.id in {"webhook"}]
ROAD += [check for check in runner.CHECKS if check.id == "upgrade"]
ROAD += [Check(check.id, check.title, check.run, ("upgrade",)) for check in runner.CHECKS if check.id == "first-audio"]
IDS = [check.id for check in ROAD]


@pytest.fixture(autouse=True)
def nothing_written(monkeypatch):
    """These houses keep no rows: what a call of ours has written down is asked for in test_our_line."""

    async def nothing(call_sid):
        return None

    monkeypatch.setattr(testimony, "of_call", nothing)
    monkeypatch.setattr(testimony, "was_never_the_model", nothing)


async def walk(house, **fields):
    site = Site(public_base_url=house.base, port=house.port, openai_key="sk-some", twilio_tokens=(TOKEN,), **fields)
    return [finding async for finding in diagnose(site, checks=ROAD)]


def levels(findings):
    return [(finding.id, finding.level.value) for finding in findings]


def first_bad(findings):
    return next(finding for finding in findings if finding.level is not OK)


@pytest.mark.asyncio
async def test_a_healthy_line_has_nothing_to_find():
    async with House() as house:
        findings = await walk(house)

    assert levels(findings) == [("webhook", "OK"), ("upgrade", "OK"), ("first-audio", "OK")]
    assert [finding.remedy for finding in findings] == ["", "", ""]


@pytest.mark.asyncio
async def test_the_test_call_is_marked_and_is_ended_like_any_other():
    async with House() as house:
        await walk(house)

    (rang, form), (ended, last) = house.posts
    assert (rang, ended, last["CallStatus"]) == ("/twilio/voice", "/twilio/status", "completed")
    assert (form["CallSid"][:8], len(form["CallSid"]), last["CallSid"]) == ("CAd0c70f", 34, form["CallSid"])
    (start,) = house.starts
    assert start["start"]["callSid"] == form["CallSid"]
    assert start["start"]["customParameters"] == {"token": "one-time-token"}


UNFIT = {
    "blank line": (twiml(before="\n"), "something stands before the first <"),
    "wrong type": (Reply(body=twiml().body, kind="text/plain"), "the content type is text/plain instead of text/xml"),
    "empty": (Reply(body=""), "an empty answer, on which Twilio hangs up"),
    "no XML": (Reply(body="<Response><Say>Tom & Jerry</Say></Response>"), "not well-formed XML"),
    "doctype": (Reply(body="<!DOCTYPE Response><Response/>"), "it holds a document type declaration"),
    "wrong root": (Reply(body="<response/>"), "the outermost element is 'response' instead of Response"),
    "long": (Reply(body=f"<Response>{' ' * 70_000}</Response>"), "longer than the 64 KB"),
    "only listens": (twiml(verb="Start"), "<Start><Stream> only listens"),
    "other host": (twiml("ws://other.example.org/twilio/realtime"), "the stream leads to other.example.org"),
    "other path": (twiml("{socket}/media"), "the stream leads to /media instead of /twilio/realtime"),
    "https stream": (twiml("https://{base}/twilio/realtime"), "the stream's address begins with https://"),
    "query": (twiml("{socket}/twilio/realtime?call=1"), "the stream's address has a query string"),
    "no action": (twiml(action=""), "<Connect> has no action"),
    "no stream": (Reply(body="<Response><Say>Hello</Say><Dial>+1</Dial></Response>"), "without a stream (Say, Dial)"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("reply", "cause"), UNFIT.values(), ids=UNFIT)
async def test_twiml_that_twilio_would_not_obey_is_named(reply, cause):
    async with House(voice=reply) as house:
        findings = await walk(house)

    assert levels(findings) == [("webhook", "FAIL"), ("upgrade", "SKIPPED"), ("first-audio", "SKIPPED")]
    assert cause in findings[0].seen
    assert findings[0].remedy != ""
    assert findings[1].seen == "needs webhook, which did not succeed"


ANSWERS = {
    "301": (Reply(301, headers={"location": "/twilio/voice/"}), "the same address but for the slash at its end"),
    "login": (Reply(302, headers={"location": "/login?next=/canary"}), "/login"),
    "400": (Reply(400), "the host is not in ALLOWED_HOSTS"),
    "401": (Reply(401), "a password is asked for"),
    "403 csrf": (page(403, title="403 CSRF verification failed"), "by Django's CSRF check"),
    "404 ours": (page(404, title="Not Found"), "this program does not have the route mounted"),
    "405": (Reply(405), "the method is not allowed there"),
    "407": (Reply(407), "a proxy asks for a password"),
    "418": (Reply(418), "answered 418"),
    "426": (Reply(426), "this address takes WebSockets"),
    "429": (Reply(429), "too many requests"),
    "500": (page(500, title="Server Error"), "the program failed (500, “Server Error”)"),
    "502": (Reply(502), "a proxy answers 502, the server behind it does not answer"),
    "tunnel": (Reply(404, headers={"ngrok-error-code": "ERR_NGROK_3200"}), "the tunnel answers 404 (ERR_NGROK_3200)"),
    "page": (page(title="Welcome to nginx!"), "a web page, “Welcome to nginx!”, as of another application"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("reply", "cause"), ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_that_is_no_twiml_is_traced_to_its_cause(reply, cause):
    async with House(voice=reply) as house:
        findings = await walk(house)

    assert levels(findings) == [("webhook", "FAIL"), ("upgrade", "SKIPPED"), ("first-audio", "SKIPPED")]
    assert cause in findings[0].seen


@pytest.mark.asyncio
async def test_a_404_of_another_application_is_told_from_a_missing_route():
    async with House(voice=page(404), health=page(404)) as house:
        findings = await walk(house)

    assert "/healthz at the same host is not ours: another application" in findings[0].seen


@pytest.mark.asyncio
async def test_a_403_in_front_of_the_program_is_told_from_a_wrong_token():
    async with House(token="another", health=page(403)) as guarded, House(token="another") as house:
        in_front, wrong_token = await walk(guarded), await walk(house)

    assert "by something in front of this program" in in_front[0].seen
    assert "the signature is not accepted" in wrong_token[0].seen
    assert "TWILIO_AUTH_TOKEN" in wrong_token[0].remedy


@pytest.mark.asyncio
async def test_a_redirect_to_https_asks_for_the_https_address():
    async with House() as house:
        house.voice = Reply(308, headers={"location": f"{house.base.replace('http', 'https')}/twilio/voice"})
        findings = await walk(house)

    assert findings[0].remedy.startswith("Set PUBLIC_BASE_URL to the https address")


@pytest.mark.asyncio
async def test_a_redirect_to_another_spelling_of_the_host_asks_for_that_name():
    async with House() as house:
        house.voice = Reply(301, headers={"location": f"https://user:canary@www.127.0.0.1:{house.port}/twilio/voice"})
        findings = await walk(house)

    assert findings[0].remedy.startswith("Set PUBLIC_BASE_URL to the name that is redirected to")
    assert "canary" not in findings[0].seen


@pytest.mark.asyncio
async def test_a_redirect_to_no_address_is_one_all_the_same():
    async with House(voice=Reply(301, headers={"location": "https://[broken"})) as house:
        findings = await walk(house)

    assert "answered 301, a redirect to" in findings[0].seen


@pytest.mark.asyncio
async def test_each_stretch_of_the_way_is_timed():
    async with House() as house:
        findings = await walk(house)

    assert re.search(r"valid TwiML in \d+ ms \(name \d+, connection \d+, answer \d+\)", findings[0].seen)
    assert re.search(r"open in \d+ ms", findings[1].seen)
    assert re.search(r"speech in mu-law \d+ ms after start", findings[2].seen)


@pytest.mark.asyncio
async def test_without_a_key_a_hand_over_is_the_right_answer():
    async with House(voice=Reply(body="<Response><Say>One moment</Say><Dial>+1</Dial></Response>")) as house:
        site = Site(public_base_url=house.base, port=house.port, twilio_tokens=(TOKEN,))
        findings = [finding async for finding in diagnose(site, checks=ROAD[:1])]

    assert levels(findings) == [("webhook", "OK")]
    assert "without an OpenAI key the caller is handed over at once (Say, Dial)" in findings[0].seen


@pytest.mark.asyncio
async def test_a_public_address_that_leads_to_another_process_is_a_warning():
    async with House() as house, House(health=Reply(body='{"instance": "other"}', kind="application/json")) as other:
        site = Site(public_base_url=house.base, port=other.port, openai_key="sk-some", twilio_tokens=(TOKEN,))
        checks = [check for check in runner.CHECKS if check.id == "port"] + ROAD[:1]
        findings = [finding async for finding in diagnose(site, checks=checks)]

    assert levels(findings) == [("port", "OK"), ("webhook", "WARN")]
    assert f"from another process than the one on port {other.port}" in findings[1].seen


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("http://127.0.0.1:1", "the connection was refused: nothing listens there"),
        ("http://no-such-host.invalid", "the name no-such-host.invalid is not known to the name server"),
        ("https://{loopback}", "no TLS there"),
        ("wss://{loopback}", "is no web address"),
        ("https://host:port", "is no web address"),
        ("", "is no web address"),
    ],
)
async def test_an_address_that_nobody_answers_says_why(address, cause):
    async with House() as house:
        house.base, base = address.format(loopback=f"127.0.0.1:{house.port}"), house.base
        findings = await walk(house)
        house.base = base

    assert levels(findings) == [("webhook", "FAIL"), ("upgrade", "SKIPPED"), ("first-audio", "SKIPPED")]
    assert cause in findings[0].seen


@pytest.mark.asyncio
async def test_a_program_that_speaks_no_http_is_named():
    async def shout(reader, writer):
        await reader.read(1)
        writer.write(b"220 mail.example.org ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        site = Site(public_base_url=f"http://127.0.0.1:{port}", twilio_tokens=(TOKEN,))
        findings = [finding async for finding in diagnose(site, checks=ROAD[:1])]

    assert "what answers does not speak HTTP" in findings[0].seen


async def origin_validator(scope, receive, send):
    """As AllowedHostsOriginValidator: without an Origin nobody comes in."""
    if b"origin" in dict(scope["headers"]):
        await send({"type": "websocket.accept"})
        await receive()
    else:
        await send({"type": "websocket.close"})


async def broken_router(scope, receive, send):
    raise ValueError("No route found for path 'twilio/realtime'.")


def only_if_offered(house):
    """As Channels over daphne with a forced subprotocol: without the offer no 101 is ever sent."""

    async def door(scope, receive, send):
        if "audio.twilio.com" in scope["subprotocols"]:
            await house.welcome(scope, receive, send, subprotocol="audio.twilio.com")
        else:
            await asyncio.sleep(30)

    return door


def always_chosen(house):
    async def door(scope, receive, send):
        await house.welcome(scope, receive, send, subprotocol="audio.twilio.com")

    return door


def never_if_offered(house):
    async def door(scope, receive, send):
        if scope["subprotocols"]:
            await refusing(500)(scope, receive, send)
        else:
            await house.welcome(scope, receive, send)

    return door


DOORS = {
    "origin validator": (lambda house: origin_validator, "403 because Twilio sends no Origin"),
    "no route": (lambda house: broken_router, "the server failed (500): no such WebSocket route"),
    "always chosen": (always_chosen, "accepted with a subprotocol that nobody offered"),
    "403": (lambda house: refusing(403), "answered 403 before this program looked at it, as an Origin validator does"),
    "our 403": (
        lambda house: refusing(403, f"{STREAM_REFUSAL}\n".encode()),
        "answered 403 by this program, which accepts the webhook's signature",
    ),
    "404": (lambda house: refusing(404), "answered 404 as a plain page: no ASGI server, or a proxy"),
    "redirect": (lambda house: refusing(301, location="/twilio/realtime/"), "but for the slash at its end"),
    "502": (lambda house: refusing(502), "a proxy answers 502"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("door", "cause"), DOORS.values(), ids=DOORS)
async def test_an_upgrade_that_twilio_could_not_make_is_traced_to_its_cause(door, cause):
    async with House() as house:
        house.door = door(house)
        findings = await walk(house)

    assert levels(findings) == [("webhook", "OK"), ("upgrade", "FAIL"), ("first-audio", "SKIPPED")]
    assert cause in findings[1].seen
    assert findings[1].remedy != ""


@pytest.mark.asyncio
async def test_a_forced_subprotocol_that_leaves_twilio_without_an_answer_is_named():
    async with House() as house:
        house.door = only_if_offered(house)
        findings = await walk(house)

    assert levels(findings) == [("webhook", "OK"), ("upgrade", "FAIL"), ("first-audio", "SKIPPED")]
    assert "accepted only when audio.twilio.com is offered, which Twilio never does" in findings[1].seen


@pytest.mark.asyncio
async def test_an_offer_that_breaks_the_upgrade_is_a_warning():
    async with House() as house:
        house.door = never_if_offered(house)
        findings = await walk(house)

    assert levels(findings) == [("webhook", "OK"), ("upgrade", "WARN"), ("first-audio", "OK")]


@pytest.mark.asyncio
async def test_a_server_without_sockets_is_named_and_a_proxy_told_from_it():
    checks = [check for check in runner.CHECKS if check.id in {"port", "asgi"}] + ROAD
    async with House(takes_sockets=False) as wsgi, House() as asgi:
        plain = [one async for one in diagnose(site_of(wsgi, port=wsgi.port), checks=checks)]
        proxied = [one async for one in diagnose(site_of(wsgi, port=asgi.port), checks=checks)]

    assert levels(plain)[:4] == [("port", "OK"), ("asgi", "FAIL"), ("webhook", "OK"), ("upgrade", "FAIL")]
    assert "the upgrade was answered 426 as a plain page by uvicorn" in plain[1].seen
    assert "no ASGI server" in plain[3].seen
    assert proxied[3].seen.endswith("answered 426 as a plain page: the proxy takes the upgrade away")


def site_of(house, *, port):
    return Site(public_base_url=house.base, port=port, openai_key="sk-some", twilio_tokens=(TOKEN,))


def pcm16(mulaw):
    samples = sound.decode(mulaw)
    return struct.pack(f"<{len(samples)}h", *samples)


async def say_nothing_and_leave(socket):
    await socket.close(1000)


async def refuse_the_token(socket):
    await socket.close(1008)


async def play_silence(socket):
    await socket.play(sound.silence(3000))


async def play_pcm(socket):
    await socket.play(pcm16(GREETING[:12000]))


async def play_a_clip_and_leave(socket):
    await socket.play(CLIP)
    await socket.close(1000)


async def play_to_another_stream(socket):
    await socket.play(GREETING[:12000], streamSid="MZother")
    await socket.close(1000)


CLIP = sound.read("calls/relay/clips/one_moment.ulaw")


async def play_no_base64(socket):
    await socket.tell({"event": "media", "streamSid": socket.stream_sid, "media": {"payload": "%%%"}})
    await socket.close(1000)


async def send_bytes(socket):
    await socket.send({"type": "websocket.send", "bytes": GREETING[:1600]})
    await socket.send({"type": "websocket.send", "text": "no JSON"})
    await socket.tell({"event": "hang_up", "streamSid": socket.stream_sid})
    await socket.close(1000)


NOT_TWILIOS = "what came is not what Twilio takes"
TALKS = {
    "another stream": (play_to_another_stream, NOT_TWILIOS),
    "no base64": (play_no_base64, NOT_TWILIOS),
    "binary": (send_bytes, NOT_TWILIOS),
    "mute": (say_nothing_and_leave, "nothing came; the server closed the stream (code 1000)"),
    "token": (refuse_the_token, "the stream's token was refused (closed 1008)"),
    "silence": (play_silence, "but it is silence"),
    "pcm": (play_pcm, "but it is noise: not mu-law of 8 kHz"),
    "clip only": (play_a_clip_and_leave, "only the waiting clip came"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("talk", "cause"), TALKS.values(), ids=TALKS)
async def test_a_stream_on_which_no_agent_speaks_is_a_failure(talk, cause):
    async with House(talk=talk) as house:
        findings = await walk(house)

    assert levels(findings) == [("webhook", "OK"), ("upgrade", "OK"), ("first-audio", "FAIL")]
    assert cause in findings[2].seen


@pytest.mark.asyncio
async def test_a_greeting_that_needs_a_waiting_clip_before_it_is_a_warning():
    async def clip_then_greet(socket):
        await socket.play(CLIP)
        await socket.tell({"event": "clear", "streamSid": socket.stream_sid})
        await socket.play(GREETING[:12000])

    async with House(talk=clip_then_greet) as house:
        findings = await walk(house)

    assert (findings[2].level, "asked to wait" in findings[2].means) == (WARN, True)


@pytest.mark.asyncio
async def test_messages_that_twilio_throws_away_are_a_warning_beside_speech():
    async def talk_to_two_streams(socket):
        await socket.play(GREETING[:1600], streamSid="MZother")
        await socket.play(GREETING[:12000])

    async with House(talk=talk_to_two_streams) as house:
        findings = await walk(house)

    assert (findings[2].level, "messages that Twilio does not take" in findings[2].seen) == (WARN, True)


@pytest.mark.asyncio
async def test_marks_come_back_as_twilio_gives_them_back():
    returned = []

    async def mark_then_greet(socket):
        await socket.tell({"event": "mark", "streamSid": socket.stream_sid, "mark": {"name": "1:item:0:8"}})
        while not returned:
            message = await socket.receive()
            if '"mark"' in message.get("text", ""):
                returned.append(message["text"])
        await socket.play(GREETING[:12000])

    async with House(talk=mark_then_greet) as house:
        findings = await walk(house)

    assert (findings[2].level, '"name": "1:item:0:8"' in returned[0]) == (OK, True)


@pytest.mark.asyncio
async def test_the_first_failing_step_alone_names_a_cause():
    async with House(voice=page(500), talk=play_silence) as house:
        findings = await walk(house)

    assert [finding.id for finding in findings if finding.level is FAIL] == ["webhook"]


@pytest.mark.asyncio
async def test_a_stream_that_stays_silent_is_given_up(monkeypatch):
    async def say_nothing(socket):
        pass

    monkeypatch.setattr(listening, "PATIENCE_SECONDS", 0.3)
    async with House(talk=say_nothing) as house:
        findings = await walk(house)

    assert (findings[2].level, findings[2].seen) == (FAIL, "nothing came within 0.3 s")


@pytest.mark.asyncio
async def test_a_stream_that_opens_only_without_a_call_is_a_failure():
    """The token's stream is refused though the same upgrade went well before."""
    async with House() as house:
        welcome = house.welcome
        doors = iter([welcome, welcome, refusing(500)])

        async def third_is_refused(scope, receive, send):
            await next(doors)(scope, receive, send)

        house.door = third_is_refused
        findings = await walk(house)

    assert levels(findings) == [("webhook", "OK"), ("upgrade", "OK"), ("first-audio", "FAIL")]
    assert "the server failed (500)" in findings[2].seen


@pytest.mark.asyncio
async def test_a_slow_webhook_is_a_warning(monkeypatch):
    monkeypatch.setattr(remote, "SLOW_MS", -1)
    async with House() as house:
        findings = await walk(house)

    assert (findings[0].level, findings[0].means) == (
        WARN,
        "The caller hears nothing that long; after 15 s Twilio gives up.",
    )


@pytest.mark.asyncio
async def test_a_set_up_with_shared_keys_alone_signs_with_the_first():
    async with House() as house:
        site = Site(public_base_url=house.base, twilio_shared_keys=(("key-id", "12345"),))
        form = {"CallSid": "CA1234567890ABCDE", "From": "+14158675309"}
        url = "https://mycompany.com/myapp.php?foo=1&bar=2"
        findings = [finding async for finding in diagnose(site, checks=ROAD[:1])]

    wanted = hmac.new(b"12345", f"{url}CallSidCA1234567890ABCDEFrom+14158675309".encode(), hashlib.sha256).digest()
    assert signature(site, url, form) == {
        "X-Twilio-Signature": base64.b64encode(wanted).decode(),
        "X-Twilio-Webhooks-Signature-Settings": "key=key-id,algorithm=HMAC_SHA256",
    }
    assert "the signature is not accepted" in findings[0].seen
