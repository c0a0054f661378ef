"""Whole calls in which a person has to be reached: the caller's ear, the person's telephone, the rows."""

import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from calls import tasks
from calls.domain import escalation
from calls.emulators import twilio_api
from calls.emulators.phone import Callee
from calls.lab import scratch, telephony
from calls.lab.processes import free_port
from calls.models import Call, Callback, Emergency, EmergencyAlert
from tests.journeys.conftest import CALLER, LINE, PERSON, RATE, running_station, story, town_of

pytestmark = pytest.mark.django_db(transaction=True)

TRANSFER = """
- agent: {text: "Cedar Plumbing, this is Cortana."}
- say: {text: "I want to speak to a person about an invoice."}
- agent: {text: "I am connecting you.", tool: transfer_to_person, arguments: {reason: "an invoice"}}
"""
EMERGENCY = """
- agent: {text: "Cedar Plumbing, this is Cortana."}
- say: {text: "It smells of gas in here."}
- agent:
    text: "Please leave the house now."
    tool: report_emergency
    arguments: {kind: gas, description: "A smell of gas."}
- agent: {text: "Somebody is being rung right now."}
- wait_ms: 9000
- hang_up: true
"""
OUR_CALL = """
- agent: {text: "Hello, Robert. This is Cortana, the automated assistant of Cedar Plumbing."}
- say: {text: "Oh good, thanks for calling. That is all."}
- agent: {text: "Goodbye.", tool: end_call}
"""
MACHINE = """
- agent: {text: "Hello, this is Cortana, the automated assistant of Cedar Plumbing."}
- wait_ms: 20000
"""
FIRST, SECOND = "+15550107001", "+15550107002"


@pytest.fixture(scope="module")
def api_port():
    return free_port()


@pytest.fixture(scope="module")
def reaching_station(django_db_setup, tmp_path_factory, api_port):
    """A server that finds Twilio's REST interface on a port of ours."""
    folder = tmp_path_factory.mktemp("reaching")
    with running_station(folder, RATE, TWILIO_API_BASE_URL=f"http://127.0.0.1:{api_port}") as station:
        yield station


@pytest.fixture
def town(reaching_station, line):
    with town_of(reaching_station) as town:
        yield town


@contextmanager
def twilio(station, api_port, **options):
    standing = {
        "account_sid": scratch.ACCOUNT_SID,
        "auth_token": station.token,
        "base_url": station.server.base_url,
        "public_url": scratch.PUBLIC_URL,
        "rate": RATE,
        "port": api_port,
        "numbers": [LINE],
    }
    with telephony.in_background(**standing | options) as api:
        yield api


def person(**callee):
    return twilio_api.Person(callee=Callee(**{"ring_ms": 500, "talk_ms": 0, "presses": ""} | callee))


def promise(line):
    """A callback that is due, where it is noon now."""
    offset = timezone.now().hour - 12
    line.business.time_zone = f"Etc/GMT{offset:+d}" if offset else "Etc/GMT"
    line.business.save()
    now = timezone.now()
    words = {"reason": "a quote", "consent": "Yes.", "caller_name": "Robert"}
    return Callback.objects.create(
        **words, business=line.business, number=CALLER, asked_at=now, due_at=now - timedelta(seconds=1)
    )


def wait_for(found, seconds=15):
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.02)
    return value


def test_a_transfer_reaches_a_person_who_presses_1(town):
    journey = town.ring(story(TRANSFER), callee=Callee(ring_ms=300, talk_ms=800, presses="1"))

    assert journey.tools == [("transfer_to_person", "ok")]
    assert journey.requests == ["voice", "action", "action"]
    [whisper] = journey.heard.legs
    assert whisper.verbs == ["Gather", "Say", "Say"]
    assert "A caller for Cedar Plumbing about an invoice. Press 1 to accept." in journey.said
    assert any(piece.source == "callee" for piece in journey.heard.ear)
    assert (journey.row.end_reason, journey.row.outcome) == ("transferred", "transferred")
    assert journey.row.handover_number == PERSON


@pytest.mark.parametrize(
    ("callee", "result"),
    [
        (Callee(ring_ms=300, presses=""), "not_accepted"),
        pytest.param(Callee(ring_ms=300, presses="2"), "not_accepted", marks=pytest.mark.proof),
        pytest.param(Callee(ring_ms=300, outcome="busy"), "busy", marks=pytest.mark.proof),
        (Callee(outcome="no-answer"), "no-answer"),
    ],
    ids=["voicemail", "declined", "busy", "no answer"],
)
def test_a_transfer_that_reaches_nobody_brings_the_caller_back_to_a_voice(town, callee, result):
    journey = town.ring(story(TRANSFER), callee=callee)

    assert journey.row.handover_result == result
    assert any("leave a message after the tone" in sentence for sentence in journey.said)
    assert len(journey.heard.recordings) == 1
    assert journey.row.recording_url != ""
    call = wait_for(lambda: Call.objects.filter(pk=journey.row.pk, outcome="message").exclude(summary="").first())
    assert (call.end_reason, call.next_action) == ("voicemail", "Listen to the voicemail, and call back.")


def test_a_line_that_rings_the_owner_first_gives_the_call_to_the_agent(town, line):
    line.answers, line.ring_seconds = "after_ringing", 5
    line.save()
    steps = """
- agent: {text: "Cedar Plumbing, this is Cortana."}
- say: {text: "Thanks, bye."}
- agent: {text: "Goodbye.", tool: end_call}
"""
    journey = town.ring(story(steps), callee=Callee(ring_ms=300, presses=""))

    assert journey.requests == ["voice", "action", "action"]
    assert (journey.row.end_reason, journey.tools) == ("agent_hangup", [("end_call", "ok")])
    assert journey.heard.protocol_violations == []


def test_an_emergency_rings_the_rota_until_somebody_accepts(town, line, reaching_station, api_port):
    """The first does not answer; the second presses 1. No worker runs: the server itself does all of it."""
    for rank, number in enumerate((FIRST, SECOND), 1):
        technician = line.business.technicians.create(name=f"Mike {rank}", number=number)
        line.business.rota.create(technician=technician, rank=rank)
    people = {FIRST: person(outcome="busy"), SECOND: person(presses="1")}
    with twilio(reaching_station, api_port, people=people) as api:
        town.ring(story(EMERGENCY))
        emergency = wait_for(lambda: Emergency.objects.filter(status="accepted").select_related("accepted_by").first())
        rung = [(record.order.to, record.status) for record in api.calls.values()]
        began = [record.created_at for record in api.calls.values()]

    assert [number for number, _ in rung] == [FIRST, SECOND]
    assert emergency.accepted_by.number == SECOND
    assert list(emergency.alerts.values_list("result", flat=True)) == ["busy", "accepted"]
    assert (began[0] - emergency.raised_at).total_seconds() < 5
    assert (began[1] - emergency.raised_at).total_seconds() < 5
    assert Call.objects.count() == 1, "the rings are no calls of callers"


def test_an_emergency_that_twilio_cannot_ring_waits_to_be_rung_again(town, line):
    """Nobody listens at Twilio's address: the emergency stays open, and is due again after some seconds."""
    town.ring(story(EMERGENCY))

    wait_for(lambda: EmergencyAlert.objects.filter(result="not_placed: not_sent").exists())
    wait_for(lambda: escalation.due_emergencies(now=timezone.now() + timedelta(seconds=10), most=1))
    emergency = Emergency.objects.get()
    assert (emergency.status, list(emergency.alerts.values_list("number", flat=True))) == ("open", [PERSON])


def test_a_callback_is_dialed_by_the_worker_and_answered_by_the_agent(town, line, reaching_station, api_port, settings):
    """The worker places the call; who is called hears the assistant and talks to it; the promise is kept."""
    callback = promise(line)
    callee = story(OUR_CALL, caller=CALLER)
    town.emulator.scenarios[:] = [callee]
    people = {CALLER: twilio_api.Person(callee=Callee(ring_ms=300), scenario=callee)}
    with twilio(reaching_station, api_port, people=people) as api:
        settings.TWILIO_AUTH_TOKENS, settings.TWILIO_ACCOUNT_SID = [reaching_station.token], scratch.ACCOUNT_SID
        settings.TWILIO_API_BASE_URL, settings.PUBLIC_BASE_URL = api.url, scratch.PUBLIC_URL

        assert tasks.ring_callback.call(callback.pk) == f"callback {callback.pk}: rung"
        wait_for(lambda: Callback.objects.filter(status="done").exists())
        [record] = api.calls.values()

    attempt = callback.dialings.get()
    assert (attempt.call_sid, attempt.result, attempt.answered_by) == (record.sid, "talked", "human")
    call = Call.objects.get(call_sid=record.sid)
    assert (call.direction, call.to_number, call.end_reason) == ("outbound", CALLER, "agent_hangup")
    assert record.result.protocol_violations == []
    [session] = town.emulator.sessions
    told = session.settings["instructions"]
    assert "they asked to be called back; their name is Robert. It is about: a quote." in told
    greeting = session.received("response.create")[0]["response"]["instructions"]
    assert "Hello, Robert. This is Cortana, the automated assistant of Cedar Plumbing, calling back" in greeting


def test_an_answering_machine_hears_a_short_message(line, reaching_station, api_port, settings):
    callback = promise(line)
    machine = twilio_api.Person(callee=Callee(ring_ms=300), scenario=story(MACHINE), answered_by="machine_end_beep")
    with town_of(reaching_station) as town, twilio(reaching_station, api_port, people={CALLER: machine}) as api:
        town.emulator.scenarios[:] = [story(MACHINE)]
        settings.TWILIO_AUTH_TOKENS, settings.TWILIO_ACCOUNT_SID = [reaching_station.token], scratch.ACCOUNT_SID
        settings.TWILIO_API_BASE_URL, settings.PUBLIC_BASE_URL = api.url, scratch.PUBLIC_URL
        tasks.ring_callback.call(callback.pk)
        wait_for(lambda: callback.dialings.filter(result="left_message").exists())
        [record] = api.calls.values()

    assert record.result.verbs == ["Connect", "Say", "Hangup"]
    assert Callback.objects.get().status == "due", "it is rung again later"
