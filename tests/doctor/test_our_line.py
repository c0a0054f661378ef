"""The doctor at our own server, whole: the real application on a real socket, OpenAI emulated."""

import asyncio
import base64
import contextlib
import json

import pytest
import uvicorn
from django.utils import timezone

from calls import database
from calls.doctor import listening
from calls.doctor.caller import TEST_CALL_PREFIX
from calls.doctor.exchange import request
from calls.doctor.runner import diagnose
from calls.doctor.site import Site
from calls.domain import costs, persona
from calls.emulators import sound
from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_server import RealtimeServer
from calls.models import Business, Call, PhoneLine
from calls.realtime import client
from calls.views import diagnostics
from tests import factories
from tests.doctor.house import GREETING, Server
from voiceagent.asgi import application

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
# A loopback address, an emulator instead of OpenAI, no worker, nobody who plays Twilio's REST interface: what is not as
# it should be with this test's own set-up.
EXPECTED = {"settings.public-url": "FAIL", "settings.openai-url": "WARN", "worker": "WARN", "twilio": "WARN"}


@pytest.fixture
def line(transactional_db):
    return factories.make_line(fallback_url="https://handler.twilio.com/twiml/EH" + "0" * 32)


@contextlib.asynccontextmanager
async def our_server(settings, *, faults=None, **changes):
    config = uvicorn.Config(
        application, interface="asgi3", port=0, ws="websockets-sansio", lifespan="off", log_config=None
    )
    server, emulator = Server(config), RealtimeServer(faults=faults, keys=changes.pop("keys", None))
    await emulator.start()
    serving = asyncio.create_task(server.serve())
    await server.is_up.wait()
    settings.PORT = server.servers[0].sockets[0].getsockname()[1]
    settings.PUBLIC_BASE_URL = f"http://127.0.0.1:{settings.PORT}"
    settings.OPENAI_REALTIME_URL = emulator.url
    for name, value in changes.items():
        setattr(settings, name, value)
    try:
        yield emulator
    finally:
        server.is_over.set()
        await serving
        await emulator.stop()


async def visit(settings, ids=None):
    return [finding async for finding in diagnose(Site.from_settings(settings, serving=True), ids)]


def not_well(findings):
    return {finding.id: finding.level.value for finding in findings if finding.level != "OK"}


async def test_our_own_line_has_nothing_to_find(settings, line):
    async with our_server(settings):
        findings = await visit(settings)

    assert not_well(findings) == EXPECTED


async def test_the_test_call_is_kept_as_ended_and_can_be_told_from_a_callers(settings, line):
    async with our_server(settings):
        await visit(settings)

    call = await Call.objects.aget()
    assert call.call_sid.startswith(TEST_CALL_PREFIX)
    assert (call.status, call.end_reason) == (Call.Status.ENDED, Call.EndReason.CALLER_HANGUP)


async def test_two_diagnoses_in_a_row_are_no_forwarding_loop(settings, line):
    async with our_server(settings, OPENAI_API_KEY=""):
        first = await visit(settings, ["webhook"])
        second = await visit(settings, ["webhook"])

    assert [found[-1].seen.partition(";")[2] for found in (first, second)] == [
        " without an OpenAI key the caller is handed over at once (Say, Dial)"
    ] * 2


async def test_a_line_without_an_agent_stops_the_road_where_it_begins(settings, transactional_db):
    await database.run(factories.make_line, without_agent=True)
    async with our_server(settings):
        findings = await visit(settings, ["first-audio"])

    assert not_well(findings) == {
        "line": "FAIL",
        "webhook": "SKIPPED",
        "upgrade": "SKIPPED",
        "first-audio": "SKIPPED",
    }


async def test_a_key_that_openai_does_not_know_is_named(settings, line):
    async with our_server(settings, keys=["sk-another"]):
        findings = await visit(settings, ["openai"])

    assert {id for id, level in not_well(findings).items() if level == "FAIL"} == {"openai"}
    assert [one.seen for one in findings if one.id == "openai"] == ["wrong key: OpenAI does not know it"]


MUTE = {
    "key": ({"keys": ["sk-another"]}, "wrong key: OpenAI does not know it"),
    "quota": ({"faults": Faults(response_error="insufficient_quota")}, "no quota: the account has no credit left"),
    "model": ({"OPENAI_REALTIME_MODEL": "gpt-4o-realtime-preview"}, "the model does not exist for this key"),
    "server": ({"faults": Faults(upgrade_status=503)}, "OpenAI has a fault of its own"),
    "format": ({"faults": Faults(wrong_echo=True)}, "OpenAI speaks or hears another format than the audio/pcmu of"),
    "linear": ({"faults": Faults(linear_deltas=True)}, "OpenAI speaks or hears another format than the audio/pcmu of"),
    "refused": ({"faults": Faults(reject_updates=3)}, "OpenAI refused: invalid_value"),
}


_IN_PROOF = {"model", "server", "linear", "refused"}  # the others take the same two ways
_MUTE = [pytest.param(*case, id=id, marks=[pytest.mark.proof] * (id in _IN_PROOF)) for id, case in MUTE.items()]


@pytest.mark.parametrize(("how", "cause"), _MUTE)
async def test_a_call_that_hears_no_agent_says_why_by_its_own_events(settings, line, how, cause):
    async with our_server(settings, **how):
        findings = {one.id: one async for one in diagnose(Site.from_settings(settings, serving=True), ["first-audio"])}

    assert (findings["first-audio"].level.value, cause in findings["first-audio"].seen) == ("FAIL", True)
    assert findings["first-audio"].remedy != ""


@pytest.fixture
def kept_greeting(line):
    words = persona.greeting_of(line.agent)
    return factories.make_kept_greeting(agent=line.agent, text=words, sound=GREETING[:8000])


async def road(settings):
    return {one.id: one async for one in diagnose(Site.from_settings(settings, serving=True), ["first-audio"])}


async def test_a_kept_greeting_is_told_from_the_model_which_has_to_answer_after_it(settings, line, kept_greeting):
    async with our_server(settings):
        findings = await road(settings)

    assert findings["first-audio"].level.value == "OK"
    assert " and the model answers a caller's word: speech in mu-law " in findings["first-audio"].seen


@pytest.mark.parametrize("how", ["quota", pytest.param("key", marks=pytest.mark.proof)])
async def test_a_kept_greeting_hides_no_model_that_is_dead(settings, line, kept_greeting, how):
    changes, cause = MUTE[how]
    async with our_server(settings, **changes):
        findings = await road(settings)

    seen = findings["first-audio"].seen
    assert findings["first-audio"].level.value == "FAIL"
    assert (seen.startswith("the kept greeting was heard (after "), cause in seen) == (True, True)
    assert "; the model was not" in seen


@pytest.mark.proof
async def test_a_session_that_opens_long_after_the_kept_greeting_is_no_dead_model(settings, line, kept_greeting):
    """What the caller says before is forgotten but for its last two seconds: the word is said again. And the model may
    speak by itself, to excuse the wait."""
    async with our_server(settings, faults=Faults(upgrade_ms=2000, created_ms=2700)):
        findings = {one.id: one for one in await visit(settings, ["port", "first-audio"])}

    slow = findings["first-audio"]
    assert (slow.level.value, "the model answers a caller's word" in slow.seen) == ("WARN", True)
    assert slow.means.startswith("The caller is asked to wait after ")


async def test_an_owners_clip_is_not_taken_for_the_model(settings, line, tmp_path, monkeypatch):
    """It is a voice, and longer than what is enough to hear of an agent."""
    monkeypatch.setattr(listening, "PATIENCE_SECONDS", 3.0)
    (tmp_path / "clips").mkdir()
    sound.write_wav(tmp_path / "clips" / "one_moment.wav", GREETING[:12000])
    async with our_server(settings, DATA_DIR=tmp_path, faults=Faults(never_respond=True)):
        findings = await road(settings)

    assert findings["first-audio"].seen.startswith("only the waiting clip came (after ")


async def test_the_beta_protocol_is_named_as_the_reason_of_silence(settings, line, monkeypatch):
    """As in the samples that are copied everywhere: the socket opens, and nothing is ever said."""
    connect = client.connect

    def with_beta_header(address, *, additional_headers, **options):
        return connect(address, additional_headers=additional_headers | {"OpenAI-Beta": "realtime=v1"}, **options)

    monkeypatch.setattr(client, "connect", with_beta_header)
    async with our_server(settings):
        findings = {one.id: one async for one in diagnose(Site.from_settings(settings, serving=True), ["first-audio"])}

    assert findings["first-audio"].seen.endswith("the retired beta protocol was asked for")


NO_STREAM = {
    "limit": ({"CALLS_AT_ONCE": 1}, {}, "CALLS_AT_ONCE calls are being answered already"),
    "budget": ({}, {"budget_a_day": 0}, "the business has used up its “budget of a day” for today"),
}


@pytest.mark.parametrize(("changes", "fields", "cause"), NO_STREAM.values(), ids=NO_STREAM)
async def test_a_call_without_a_stream_says_why_by_its_own_events(settings, line, changes, fields, cause):
    now = timezone.now()
    await database.run(factories.make_call, line=line, status="streaming", streaming_at=now, rang_at=now)
    await Business.objects.aupdate(**{"calls_at_once": None} | fields)
    async with our_server(settings, **changes):
        findings = {one.id: one async for one in diagnose(Site.from_settings(settings, serving=True), ["webhook"])}

    assert (findings["webhook"].level.value, findings["webhook"].seen.endswith(cause)) == ("FAIL", True)


async def test_a_line_that_rings_a_person_first_is_tried_with_its_agent(settings, line):
    await PhoneLine.objects.filter(pk=line.pk).aupdate(answers="after_ringing")
    async with our_server(settings):
        findings = await visit(settings, ["first-audio"])

    assert not_well(findings) == {}


async def test_the_test_call_costs_little_and_counts_for_nothing(settings, line):
    async with our_server(settings) as emulator:
        await visit(settings, ["first-audio"])
        assert await emulator.all_closed()

    call = await Call.objects.aget()
    (session,) = emulator.sessions
    assert sum(len(base64.b64decode(frame["delta"])) for frame in session.sent("response.output_audio.delta")) < 80_000
    assert session.closed_at - session.opened_at < 5
    assert call.is_test
    spent = await database.run(lambda: costs.spent(business=line.business, since=call.rang_at, now=timezone.now()))
    assert spent == 0


async def test_the_server_can_diagnose_itself_while_it_serves(settings, line, monkeypatch):
    """The webhook that the diagnosis posts must not wait for the request that asked for the diagnosis."""
    monkeypatch.setattr(diagnostics, "allowance", diagnostics.Allowance())
    token = "a-long-diagnostic-token"
    async with our_server(settings, DIAGNOSTIC_TOKEN=token):
        url = f"{settings.PUBLIC_BASE_URL}/twilio/diagnostic"
        answer = await request(url, headers={"Authorization": f"Bearer {token}"}, seconds=20)

    report = json.loads(answer.body)
    assert {one["id"]: one["level"] for one in report["findings"] if one["level"] != "OK"} == EXPECTED
    assert [one["seen"] for one in report["findings"] if one["id"] == "port"] == [
        f"port {settings.PORT} is ours, instance {settings.INSTANCE_ID}"
    ]
    assert token not in answer.text
