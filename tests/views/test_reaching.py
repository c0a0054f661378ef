"""The calls that we place and the people we ring, as Twilio asks and tells."""

import pytest

from calls.models import Call
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
