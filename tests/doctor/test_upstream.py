import asyncio
import contextlib
import json

import pytest
from websockets.asyncio.server import serve

from calls.doctor import upstream
from calls.doctor.findings import Finding
from calls.doctor.runner import CHECKS, Check, diagnose
from calls.doctor.site import Site
from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_server import RealtimeServer
from tests.doctor.certificates import self_signed

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
OPENAI = [Check(check.id, check.title, check.run) for check in CHECKS if check.id == "openai"]
KEY = "sk-proj-0123456789abcdefghij"


async def ask(url, **fields) -> Finding:
    site = Site(**{"openai_url": url, "openai_key": KEY} | fields)
    (finding,) = [finding async for finding in diagnose(site, checks=OPENAI)]
    return finding


@contextlib.asynccontextmanager
async def emulated(**how):
    server = RealtimeServer(**how)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def test_a_session_that_speaks_is_well():
    async with emulated() as server:
        finding = await ask(server.url)

    assert (finding.level.value, finding.remedy) == ("OK", "")
    assert finding.seen.startswith("gpt-realtime-2.1: open after ")
    assert [session.errors for session in server.sessions] == [[]]


FAULTS = {
    "quota": (Faults(response_error="insufficient_quota"), "no quota: the account has no credit left"),
    "limit": (Faults(response_error="rate_limit_exceeded"), "too many requests for this account"),
    "formats": (Faults(wrong_echo=True), "the session hears audio/pcm and speaks audio/pcm instead of audio/pcmu"),
    "rejected": (Faults(reject_updates=3), "OpenAI refuses"),
    "401": (Faults(upgrade_status=401), "wrong key: OpenAI does not know it"),
    "403": (Faults(upgrade_status=403), "proxy: 403 from something between here and 127.0.0.1"),
    "404": (Faults(upgrade_status=404), "proxy: 127.0.0.1 answered 404 instead of opening a socket"),
    "407": (Faults(upgrade_status=407), "proxy: 407 from something between here and 127.0.0.1"),
    "429": (Faults(upgrade_status=429), "too many requests for this account"),
    "503": (Faults(upgrade_status=503), "127.0.0.1 answered 503"),
    "slow": (Faults(upgrade_ms=3200), "network: 127.0.0.1 did not open within 3 s"),
    "closed": (Faults(close_on_open=1011), "the socket was closed before session.updated (code 1011"),
}


@pytest.mark.parametrize(("faults", "cause"), FAULTS.values(), ids=FAULTS)
async def test_what_openai_refuses_is_told_apart(faults, cause):
    async with emulated(faults=faults) as server:
        finding = await ask(server.url)

    assert (finding.level.value, finding.remedy != "") == ("FAIL", True)
    assert cause in finding.seen


async def test_a_server_that_keeps_calls_away_is_told_with_its_reason():
    def ready(connection, request):
        return connection.respond(200, json.dumps({"status": "ready", "missing": [], "openai": "quota"}))

    async with emulated() as server, serve(lambda socket: None, "127.0.0.1", 0, process_request=ready) as ours:
        site = Site(openai_url=server.url, openai_key=KEY, port=ours.sockets[0].getsockname()[1])
        well, kept_away = [finding async for finding in diagnose(site, checks=OPENAI)]

    assert (well.level.value, kept_away.level.value) == ("OK", "WARN")
    assert kept_away.seen == (
        "the server puts every caller through to a person for now: the account has no credit left (quota)"
    )


async def test_an_update_refused_once_is_a_warning_since_calls_fall_back():
    async with emulated(faults=Faults(reject_updates=1)) as server:
        finding = await ask(server.url)

    assert (finding.level.value, "OpenAI refuses" in finding.seen) == ("WARN", True)


async def test_a_slow_first_sound_is_a_warning(monkeypatch):
    monkeypatch.setattr(upstream, "SLOW_MS", 100)
    async with emulated() as server:
        finding = await ask(server.url)

    assert (finding.level.value, finding.means) == ("WARN", "The caller is asked to wait before the greeting.")


async def test_a_wrong_key_is_told_from_none():
    async with emulated(keys=["sk-another"]) as server:
        wrong, none = await ask(server.url), await ask(server.url, openai_key="")

    assert [wrong.seen, none.seen] == ["wrong key: OpenAI does not know it", "no key: OpenAI saw none"]


async def test_a_model_that_does_not_exist_is_named():
    async with emulated() as server:
        finding = await ask(server.url, openai_model="gpt-4o-realtime-preview-2024-12-17")

    assert finding.seen == "the model does not exist for this key"
    assert finding.remedy.startswith("Set OPENAI_REALTIME_MODEL=")


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("ws://127.0.0.1:1/v1/realtime", "network: 127.0.0.1 refused the connection"),
        ("wss://no-such-host.invalid/v1/realtime", "network: the name no-such-host.invalid cannot be looked up"),
        ("https://127.0.0.1/v1/realtime", "OPENAI_REALTIME_URL is no WebSocket address"),
        ("wss://[broken", "OPENAI_REALTIME_URL is no address"),
    ],
)
async def test_a_network_that_does_not_lead_there_is_named(url, cause):
    assert (await ask(url)).seen.startswith(cause)


async def test_a_proxy_that_calls_do_not_use_is_mentioned(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary@proxy:3128")

    finding = await ask("ws://127.0.0.1:1/v1/realtime")

    assert finding.seen.endswith("; a proxy is set in the environment, which calls do not use")


async def test_an_address_without_tls_is_named():
    async def shout(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    async with server:
        finding = await ask(f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime")

    assert finding.seen == "network: 127.0.0.1 does not speak TLS there"


async def test_something_that_inspects_the_connection_is_named(tmp_path):
    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0, ssl=self_signed(tmp_path)) as server:
        finding = await ask(f"wss://localhost:{server.sockets[0].getsockname()[1]}/v1/realtime")

    assert finding.seen == "network: the certificate of localhost is not valid: something stands in between"


@contextlib.asynccontextmanager
async def saying(*frames, close=None):
    async def answer(socket):
        for frame in frames:
            await socket.send(frame if isinstance(frame, str) else json.dumps(frame))
        if close:
            await socket.close(*close)
        await socket.wait_closed()

    async with serve(answer, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime"


def error(code, message=""):
    return {"type": "error", "error": {"type": "invalid_request_error", "code": code, "message": message}}


BROKEN = {
    "beta": ([error("beta_api_shape_disabled")], None, "the retired beta protocol was asked for"),
    "beta by close": ([], (4000, "invalid_request_error.beta_api_shape_disabled"), "the retired beta protocol was"),
    "no key seen": ([error(None, "Missing bearer or basic authentication in header")], None, "no key: OpenAI saw none"),
    "deactivated": ([error("account_deactivated")], None, "the account is deactivated"),
    "not JSON": (["hello"], None, "what answers does not speak Realtime"),
    "a list": (["[]"], None, "what answers does not speak Realtime"),
    "closed": ([], (1013, "try later"), "the socket was closed before session.created (code 1013 try later)"),
}


@pytest.mark.parametrize(("frames", "close", "cause"), BROKEN.values(), ids=BROKEN)
async def test_a_server_that_says_something_else_is_understood(frames, close, cause):
    async with saying(*frames, close=close) as url:
        finding = await ask(url)

    assert (finding.level.value, finding.seen.startswith(cause)) == ("FAIL", True)


async def test_an_answer_without_a_sound_is_named():
    formats = {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcmu"}}}
    frames = [
        {"type": "session.created"},
        {"type": "session.updated", "session": {"audio": formats}},
        {"type": "response.done", "response": {"status": "completed"}},
    ]
    async with saying(*frames) as url:
        finding = await ask(url)

    assert finding.seen == "the model answered without a sound"


async def test_a_key_that_openai_quotes_is_not_repeated():
    async with saying(error("strange", f"Incorrect API key provided: {KEY}")) as url:
        finding = await ask(url)

    assert finding.seen == "OpenAI refuses: strange Incorrect API key provided: •••"


async def test_a_server_that_stays_mute_is_given_up(monkeypatch):
    monkeypatch.setattr(upstream, "PATIENCE_SECONDS", 0.3)
    async with saying({"type": "session.created"}) as url:
        finding = await ask(url)

    assert finding.seen == "connected, but no session.updated within 0.3 s"
