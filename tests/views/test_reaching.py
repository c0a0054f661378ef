"""The calls that we place and the people we ring, as Twilio asks and tells."""

import pytest

from calls import telephone
from calls.domain import emergencies
from calls.models import Call, Emergency, EmergencyAlert
from tests import factories
from tests.twilio.kit import BASE, spoken, tree, verbs, voice_form

pytestmark = pytest.mark.asyncio


@pytest.fixture
def transferred(line):
    return factories.make_call(
        line=line, status="handed_over", end_reason="transferred", transfer_reason="a burst pipe"
    )


def form_of(call, **fields):
    return voice_form(call.call_sid, To=call.to_number, From=call.from_number, CallStatus="in-progress") | fields


def their_leg(**fields):
    """The form of the leg to the person, which has a CallSid of its own."""
    return voice_form("CA" + "9" * 32, To="+15550108000", Direction="outbound-dial", CallStatus="in-progress") | fields


async def test_the_announced_dial_names_the_callers_call_in_its_address(twilio, transferred):
    response = await twilio.post("/twilio/after", form_of(transferred))

    assert verbs(response) == ["Say", "Dial"]
    [number] = tree(response.content)[3][1][3]
    assert number == (
        "Number",
        {"url": f"{BASE}/twilio/whisper?call={transferred.call_sid}", "method": "POST"},
        "+15550108000",
        [],
    )


async def test_the_person_is_asked_and_accepts(twilio, transferred, stored):
    whisper = f"/twilio/whisper?call={transferred.call_sid}"

    asked = await twilio.post(whisper, their_leg())
    accepted = await twilio.post(whisper, their_leg(Digits="1"))

    assert verbs(asked) == ["Gather", "Hangup"]
    gather = tree(asked.content)[3][0]
    assert gather[1]["action"] == BASE + whisper
    assert gather[3] == [("Say", {}, "A caller for Cedar Plumbing about a burst pipe. Press 1 to accept.", [])]
    assert (verbs(accepted), spoken(accepted)) == (["Say"], "Connecting you now.")
    assert (await stored(Call.objects.get, pk=transferred.pk)).handover_accepted_at is not None
    assert await stored(Call.objects.count) == 1, "the leg to the person is no call of its own"


async def test_a_voicemail_that_picks_up_brings_the_caller_back_to_a_voice(twilio, transferred):
    await twilio.post("/twilio/after", form_of(transferred))
    await twilio.post(f"/twilio/whisper?call={transferred.call_sid}", their_leg())

    response = await twilio.post(
        "/twilio/dial-done", form_of(transferred, DialCallStatus="completed", DialBridged="false")
    )

    assert verbs(response) == ["Say", "Record", "Say"]


@pytest.mark.parametrize("address", ["/twilio/whisper", "/twilio/whisper?call=CA404", "/twilio/whisper?call="])
async def test_an_address_that_names_no_call_hangs_up(twilio, transactional_db, address):
    assert verbs(await twilio.post(address, their_leg(Digits="1"))) == ["Hangup"]


async def test_a_person_is_never_apologized_to_when_something_breaks(twilio, transferred, monkeypatch):
    def broken(**arguments):
        raise RuntimeError("database on fire")

    monkeypatch.setattr("calls.views.reaching.transfer.announce", broken)

    assert verbs(await twilio.post(f"/twilio/whisper?call={transferred.call_sid}", their_leg())) == ["Hangup"]


async def test_a_line_that_rings_a_person_first_keeps_the_caller_ringing(twilio, stored):
    line = await stored(factories.make_line, number="+15550109998", answers="after_ringing", ring_seconds=15)
    form = voice_form(factories.make_sid(), To=line.number)

    response = await twilio.post("/twilio/voice", form)
    after = await twilio.post("/twilio/dial-done", form | {"DialCallStatus": "no-answer"})

    assert verbs(response) == ["Dial"]
    dial = tree(response.content)[3][0][1]
    assert (dial["timeout"], dial["answerOnBridge"]) == ("15", "true")
    assert verbs(after) == ["Connect"]


# An emergency


@pytest.fixture
def alert(line):
    call = factories.make_call(line=line)
    emergency = emergencies.report(call_id=call.pk, kind="gas", description="A gas smell", now=factories.RANG_AT)
    return EmergencyAlert.objects.create(
        emergency=emergency, number="+15550107001", position=1, rang_at=factories.RANG_AT
    )


@pytest.fixture
def escalated(monkeypatch):
    rung = []
    monkeypatch.setattr(telephone, "escalate_at_once", rung.append)
    return rung


def alert_leg(**fields):
    return voice_form("CA" + "8" * 32, To="+15550107001", Direction="outbound-api", CallStatus="in-progress") | fields


async def test_who_is_rung_for_an_emergency_hears_it_and_takes_it(twilio, alert, stored):
    whisper = f"/twilio/whisper?alert={alert.pk}"

    asked, taken = await twilio.post(whisper, alert_leg()), await twilio.post(whisper, alert_leg(Digits="1"))

    assert verbs(asked) == ["Gather", "Hangup"]
    assert tree(asked.content)[3][0][1]["action"] == BASE + whisper
    assert spoken(taken).startswith("Thank you. It is yours now.")
    assert (await stored(Emergency.objects.get)).status == "accepted"
    assert (await stored(EmergencyAlert.objects.get)).call_sid == "CA" + "8" * 32


async def test_who_does_not_answer_makes_the_next_ring_at_once(twilio, alert, escalated):
    address = f"/twilio/alert-status?alert={alert.pk}"

    for status in ("initiated", "ringing", "no-answer"):
        response = await twilio.post(address, alert_leg(CallStatus=status))
        assert (response.status_code, response.content) == (204, b"")

    assert escalated == [alert.emergency_id]


@pytest.mark.parametrize("query", ["", "?alert=", "?alert=x", "?alert=404", "?alert=99999999999999999999"])
async def test_the_status_of_an_unknown_alert_is_taken_without_complaint(twilio, transactional_db, escalated, query):
    response = await twilio.post(f"/twilio/alert-status{query}", alert_leg(CallStatus="busy"))

    assert (response.status_code, escalated) == (204, [])


async def test_a_stranger_can_neither_take_nor_escalate(twilio, alert, escalated, stored):
    for address in ("whisper", "alert-status"):
        form = alert_leg(Digits="1", CallStatus="busy")
        assert (await twilio.post(f"/twilio/{address}?alert={alert.pk}", form, sign=False)).status_code == 403

    assert ((await stored(Emergency.objects.get)).status, escalated) == ("open", [])
