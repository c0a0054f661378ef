import asyncio
import base64
import contextlib
import json
import ssl
from dataclasses import replace

import pytest
from websockets.asyncio.server import serve

from calls import database
from calls.doctor import refusals, upstream
from calls.doctor.findings import FAIL, WARN, Finding
from calls.doctor.runner import CHECKS, diagnose
from calls.doctor.site import Site
from calls.doctor.visit import Visit
from calls.emulators import sound
from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_server import RealtimeServer
from calls.realtime.client import LineUnavailable
from calls.realtime.reasons import Reason
from calls.tools import registry
from tests import factories
from tests.doctor.certificates import self_signed

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
OPENAI = [replace(check, needs=()) for check in CHECKS if check.id == "openai"]
KEY = "sk-proj-0123456789abcdefghij"


async def ask_all(url, **fields) -> dict[str, Finding]:
    site = Site(**{"openai_url": url, "openai_key": KEY, "port": 1} | fields)
    return {finding.id: finding async for finding in diagnose(site, checks=OPENAI)}


async def ask(url, **fields) -> Finding:
    """What is wrong with OpenAI; all other findings are well, or skipped for want of this one."""
    findings = await ask_all(url, **fields)
    bad = [finding for finding in findings.values() if finding.level in {FAIL, WARN}]
    assert len(bad) <= 1
    return bad[0] if bad else findings["openai"]


def levels(findings):
    return {id: finding.level.value for id, finding in findings.items()}


@contextlib.asynccontextmanager
async def emulated(**how):
    server = RealtimeServer(**{"pace": 50.0, "think_ms": 20} | how)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


WELL = ["openai.model", "openai", "openai.speaks", "openai.tools", "openai.hears"]


@pytest.fixture
def line(transactional_db):
    return factories.make_line()


async def test_a_session_as_a_call_has_it_is_well(line):
    async with emulated() as server:
        findings = await ask_all(server.url)

    (session,) = server.sessions
    assert levels(findings) == dict.fromkeys(WELL, "OK")
    assert findings["openai"].seen.startswith("gpt-realtime-2.1: open after ")
    assert findings["openai"].seen.endswith(f"with audio/pcmu both ways and {len(registry.schemas())} tools")
    assert findings["openai.speaks"].seen.endswith(" ms: speech in audio/pcmu")
    assert findings["openai.tools"].seen.startswith("check_service_area was called within ")
    assert (session.errors, session.script_errors) == ([], [])
    assert {finding.remedy for finding in findings.values()} == {""}


async def test_it_costs_a_second_of_the_voice_and_one_tool_call(line):
    async with emulated() as server:
        await ask_all(server.url)

    (session,) = server.sessions
    asked = [frame["type"] for frame in session.received()]
    assert asked == [
        "session.update",
        "response.create",
        "response.cancel",
        "response.create",
        "input_audio_buffer.append",
        "input_audio_buffer.clear",
    ]
    assert (session.turns[0].role, session.turns[0].interrupted) == ("assistant", True)


async def test_without_a_line_there_are_no_tools_to_call():
    async with emulated() as server:
        findings = await ask_all(server.url)

    assert levels(findings) == dict.fromkeys(WELL, "OK") | {"openai.tools": "SKIPPED"}


async def test_a_database_that_was_found_silent_is_not_waited_for_again(line):
    """What it would tell is a line with its tools: the session is then a plain one, as without any line."""
    async with RealtimeServer() as emulator:
        site = Site(openai_key="sk-test", openai_url=emulator.url)
        findings = await upstream.openai(Visit(site, has_silent_database=True))

    (tools,) = [one for one in findings if one.id == "openai.tools"]
    assert tools.seen == "needs a line with an agent: without one there are no tools to call"


async def test_what_follows_a_failure_is_skipped_and_says_so(line):
    async with emulated(keys=["sk-another"]) as server:
        refused = await ask_all(server.url)
    async with emulated(faults=Faults(response_error="insufficient_quota")) as server:
        mute = await ask_all(server.url)

    assert list(levels(refused).values()) == ["OK", "FAIL", "SKIPPED", "SKIPPED", "SKIPPED"]
    assert list(levels(mute).values()) == ["OK", "OK", "FAIL", "SKIPPED", "SKIPPED"]
    assert mute["openai.hears"].seen == "needs openai.speaks, which did not succeed"


async def test_a_step_for_which_no_time_is_left_is_not_called_a_failure(line, monkeypatch):
    monkeypatch.setattr(upstream, "LEAST_SECONDS", upstream.PATIENCE_SECONDS)
    async with emulated() as server:
        findings = await ask_all(server.url)

    assert levels(findings) == dict.fromkeys(WELL, "OK") | {"openai.tools": "SKIPPED", "openai.hears": "SKIPPED"}
    assert findings["openai.hears"].seen.startswith("needs more time")


async def test_linear_samples_instead_of_mulaw_are_noise():
    async with emulated(faults=Faults(linear_deltas=True)) as server:
        finding = await ask(server.url)

    assert (finding.id, finding.level.value, finding.means) == ("openai.speaks", "FAIL", "The caller hears loud noise.")


async def test_a_model_that_does_not_hear_is_named(monkeypatch):
    monkeypatch.setattr(upstream, "PATIENCE_SECONDS", 2.0)
    monkeypatch.setattr(upstream, "LEAST_SECONDS", 0.1)
    async with emulated(speech=[]) as server:
        finding = await ask(server.url)

    assert (finding.id, finding.seen) == (
        "openai.hears",
        "connected, but no input_audio_buffer.speech_started within 2 s",
    )


LAST_DAYS = {
    "before": ("gpt-realtime", "2026-11-20", "WARN", "gpt-realtime will be shut down on 2027-01-20"),
    "after": ("gpt-realtime", "2027-01-20", "FAIL", "gpt-realtime was shut down on 2027-01-20. Use gpt-realtime-2.1."),
    "retired": ("gpt-4o-realtime-preview", "2026-11-20", "FAIL", "gpt-4o-realtime-preview was shut down in 2026."),
    "no such thing": ("gpt-live-1", "2026-11-20", "FAIL", "gpt-live-1 cannot hold a Realtime conversation."),
    "newer": ("gpt-realtime-9", "2026-11-20", "OK", "gpt-realtime-9: newer than the list here, or misspelt"),
    "current": ("gpt-realtime-2.1-mini", "2027-01-20", "OK", "gpt-realtime-2.1-mini: no last day is announced"),
}


@pytest.mark.parametrize(("model", "today", "level", "seen"), LAST_DAYS.values(), ids=LAST_DAYS)
async def test_the_last_day_of_the_model_is_known(model, today, level, seen, time_machine):
    time_machine.move_to(f"{today}T12:00:00Z", tick=True)

    finding = (await ask_all("ws://127.0.0.1:1/v1/realtime", openai_model=model))["openai.model"]

    assert (finding.level.value, finding.seen[: len(seen)]) == (level, seen)


@pytest.mark.parametrize(
    ("model", "level"), [("gpt-realtime-mini", "WARN"), ("gpt-4o-mini-realtime-preview", "FAIL"), ("", "OK")]
)
async def test_the_last_day_counts_for_the_agent_of_every_line(model, level):
    await database.run(_lines_with, model)

    finding = (await ask_all("ws://127.0.0.1:1/v1/realtime"))["openai.model"]

    assert (finding.level.value, model in finding.seen) == (level, True)


def _lines_with(model):
    factories.make_line(agent=factories.make_agent(model=model))
    factories.make_line()  # the newest: its session is the one that is tried


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


COUNTRY = "unsupported_country_region_territory"
ANSWERS = {
    "country": (
        403,
        {"code": COUNTRY},
        {},
        f"OpenAI does not serve the country that this machine is in (403, {COUNTRY})",
    ),
    "permission": (
        403,
        {"code": None, "type": "insufficient_permissions", "message": "Missing scopes: api.model.request"},
        {},
        "OpenAI answered 403: insufficient_permissions Missing scopes: api.model.request",
    ),
    "quota": (429, {"code": "insufficient_quota"}, {}, "no quota: the account has no credit left"),
    "edge": (
        403,
        None,
        {"Server": "cloudflare", "CF-Ray": "8a1-FRA"},
        "127.0.0.1 answered 403 at its edge (Cloudflare)",
    ),
    "proxy": (403, None, {"Server": "squid"}, "proxy: 403 from something between here and 127.0.0.1"),
}


@pytest.mark.parametrize(("status", "error", "headers", "seen"), ANSWERS.values(), ids=ANSWERS)
async def test_a_refusal_of_openais_own_is_no_proxy(status, error, headers, seen):
    def refuse(connection, request):
        response = connection.respond(status, json.dumps({"error": error}) if error else "<h1>Access denied</h1>")
        response.headers.update(headers)
        return response

    async with serve(lambda socket: None, "127.0.0.1", 0, process_request=refuse) as server:
        finding = await ask(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime")

    assert (finding.level.value, finding.remedy != "") == ("FAIL", True)
    assert finding.seen.startswith(seen)


async def test_a_server_that_keeps_calls_away_is_told_with_its_reason():
    def ready(connection, request):
        return connection.respond(200, json.dumps({"status": "ready", "missing": [], "openai": "quota"}))

    async with emulated() as server, serve(lambda socket: None, "127.0.0.1", 0, process_request=ready) as ours:
        site = Site(openai_url=server.url, openai_key=KEY, port=ours.sockets[0].getsockname()[1])
        findings = {finding.id: finding async for finding in diagnose(site, checks=OPENAI)}

    assert (findings["openai"].level.value, findings["openai.calls"].level.value) == ("OK", "WARN")
    assert findings["openai.calls"].seen == (
        "the server puts every caller through to a person for now: the account has no credit left (quota)"
    )


async def test_an_update_refused_once_is_a_warning_since_calls_fall_back():
    async with emulated(faults=Faults(reject_updates=1)) as server:
        finding = await ask(server.url)

    assert (finding.level.value, "OpenAI refuses" in finding.seen) == ("WARN", True)


async def test_a_slow_first_sound_is_a_warning(monkeypatch):
    monkeypatch.setattr(upstream, "SLOW_MS", 1)
    async with emulated() as server:
        finding = await ask(server.url)

    assert (finding.level.value, finding.means) == ("WARN", "The caller is asked to wait before the greeting.")


async def test_a_wrong_key_is_told_from_none():
    async with emulated(keys=["sk-another"]) as server:
        wrong, none = await ask(server.url), await ask(server.url, openai_key="")

    assert [wrong.seen, none.seen] == ["wrong key: OpenAI does not know it", "no key: OpenAI saw none"]


async def test_a_model_that_does_not_exist_is_named():
    async with emulated() as server:
        finding = (await ask_all(server.url, openai_model="gpt-4o-realtime-preview-2024-12-17"))["openai"]

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


@pytest.mark.parametrize("verify_code", [9, 10])
async def test_a_certificate_out_of_its_dates_is_no_sign_of_a_proxy(verify_code):
    unavailable, wrong = LineUnavailable(Reason.TLS), ssl.SSLCertVerificationError()
    wrong.verify_code, wrong.verify_message = verify_code, "certificate has expired"
    unavailable.__cause__ = wrong

    cause = refusals.of_opening(unavailable, "wss://api.openai.com/v1/realtime")

    assert cause.seen.endswith("is not valid: certificate has expired; or this machine's clock is wrong")
    assert "date" in cause.remedy


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


PHONE = {"format": {"type": "audio/pcmu"}}
AGREED = [
    {"type": "session.created"},
    {"type": "session.updated", "session": {"audio": {"input": PHONE, "output": PHONE}}},
]
SOUND = {"type": "response.output_audio.delta", "delta": base64.b64encode(sound.tone(1200)).decode()}


def done(status="completed"):
    return {"type": "response.done", "response": {"status": status}}


def called(arguments):
    return {"type": "response.function_call_arguments.done", "arguments": arguments}


def failed(kind):
    response = {"status": "failed", "status_details": {"error": {"type": kind, "code": None}}}
    return {"type": "response.done", "response": response}


ODD = {
    "a fault of OpenAI's own": ([failed("server_error")], "openai.speaks", "OpenAI has a fault of its own"),
    "no sound": ([done()], "openai.speaks", "the model answered without a sound"),
    "no base64": ([SOUND | {"delta": "%%%"}], "openai.speaks", "the sound is no base64"),
    "broken off": ([SOUND, done("incomplete")], "openai.speaks", "OpenAI refuses:  response incomplete"),
    "no tool": (
        [SOUND, done(), done()],
        "openai.tools",
        "the model answered without calling the tool that it was told",
    ),
    "no JSON": (
        [SOUND, done(), called("10001"), done()],
        "openai.tools",
        "the model called check_service_area with arg",
    ),
    "an answer before a word": (
        [SOUND, done(), called("{}"), done(), done()],
        "openai.hears",
        "the model answered before anybody had spoken",
    ),
    "odd forms": ([{"type": "error", "error": "no"}], "openai.speaks", "OpenAI refuses"),
}


@pytest.mark.parametrize(("frames", "id", "seen"), ODD.values(), ids=ODD)
async def test_a_session_that_falls_short_is_named(line, frames, id, seen):
    async with saying(*AGREED, *frames, close=(1000, "")) as url:
        findings = await ask_all(url)

    assert (findings[id].level.value, findings[id].seen[: len(seen)]) == ("FAIL", seen)
    assert next(finding.id for finding in findings.values() if finding.level is FAIL) == id


async def test_a_cancellation_that_comes_too_late_is_no_fault():
    late = error("response_cancel_not_active", "Cancellation failed: no active response found")
    async with saying(*AGREED, SOUND, done(), late, {"type": "input_audio_buffer.speech_started"}) as url:
        findings = await ask_all(url)

    assert levels(findings) == dict.fromkeys(WELL, "OK") | {"openai.tools": "SKIPPED"}


async def test_a_key_that_openai_quotes_is_not_repeated():
    async with saying(error("strange", f"Incorrect API key provided: {KEY}")) as url:
        finding = await ask(url)

    assert finding.seen == "OpenAI refuses: strange Incorrect API key provided: •••"


async def test_a_server_that_stays_mute_is_given_up(monkeypatch):
    monkeypatch.setattr(upstream, "PATIENCE_SECONDS", 0.3)
    async with saying({"type": "session.created"}) as url:
        finding = await ask(url)

    assert finding.seen == "connected, but no session.updated within 0.3 s"
