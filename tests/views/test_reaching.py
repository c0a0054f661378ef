"""The calls that we place and the people we ring, as Twilio asks and tells."""

import pytest

from calls import telephone
from calls.domain import emergencies
from calls.domain.callback_dialing import pick_up
from calls.models import Call, Callback, CallbackAttempt, Emergency, EmergencyAlert, OutgoingMessage
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


# A callback


@pytest.fixture
def attempt(line):
    callback = Callback.objects.create(
        business=line.business,
        call=factories.make_call(line=line),
        number="+15550100001",
        reason="a quote",
        consent="Yes.",
        asked_at=factories.RANG_AT,
        due_at=factories.RANG_AT,
        status="dialing",
        attempts=1,
    )
    return CallbackAttempt.objects.create(callback=callback, number=1, began_at=factories.RANG_AT)


def our_leg(line, **fields):
    standing = {"To": "+15550100001", "From": line.number, "Direction": "outbound-api", "CallStatus": "in-progress"}
    return voice_form("CA" + "7" * 32, **standing | fields)


class Speaker:
    """The telephone, of which a call can be led to a message."""

    def __init__(self):
        self.said = []

    def speak_instead(self, *, call_sid, words):
        self.said.append((call_sid, words))
        return True


async def test_our_call_is_answered_by_the_agent_and_its_attempt_known(twilio, line, attempt, stored):
    response = await twilio.post(f"/twilio/callback?attempt={attempt.pk}", our_leg(line))

    assert verbs(response) == ["Connect"]
    assert (await stored(CallbackAttempt.objects.get)).call_sid == "CA" + "7" * 32
    call = await stored(Call.objects.get, call_sid="CA" + "7" * 32)
    assert (call.direction, call.other_number) == ("outbound", "+15550100001")


async def test_who_does_not_answer_our_call_is_put_off(twilio, line, attempt, stored):
    for status in ("initiated", "ringing", "no-answer"):
        form = our_leg(line, CallStatus=status, SequenceNumber="1")
        assert (await twilio.post(f"/twilio/callback-status?attempt={attempt.pk}", form)).status_code == 204

    assert (await stored(Callback.objects.get)).status == "due"
    assert (await stored(CallbackAttempt.objects.get)).result == "no-answer"
    call = await stored(Call.objects.get, direction="outbound")
    assert (call.call_sid, call.status, call.end_reason) == ("CA" + "7" * 32, "ended", "no_answer")


async def test_the_end_of_our_call_ends_its_row_too(twilio, line, attempt, stored):
    await stored(pick_up, attempt_id=attempt.pk, call_sid="CA" + "7" * 32)
    call = await stored(Call.objects.get, call_sid="CA" + "7" * 32)
    await stored(Call.objects.filter(pk=call.pk).update, status="streaming", streaming_at=factories.RANG_AT)

    await twilio.post(
        f"/twilio/callback-status?attempt={attempt.pk}", our_leg(line, CallStatus="completed", SequenceNumber="3")
    )

    assert await stored(lambda: Call.objects.get(pk=call.pk).status) == "ended"
    assert (await stored(Callback.objects.get)).status == "done"


@pytest.mark.parametrize(
    ("answered_by", "messages"), [("human", 0), ("unknown", 0), ("machine_end_beep", 1), ("fax", 1)]
)
async def test_a_machine_is_led_to_the_message(twilio, line, attempt, monkeypatch, answered_by, messages):
    speaker = Speaker()
    monkeypatch.setattr(telephone, "telephone", lambda: speaker)

    for _ in range(2):
        response = await twilio.post(f"/twilio/amd?attempt={attempt.pk}", our_leg(line, AnsweredBy=answered_by))
        assert response.status_code == 204

    assert len(speaker.said) == messages


async def test_an_unknown_attempt_is_answered_all_the_same(twilio, line):
    assert verbs(await twilio.post("/twilio/callback?attempt=404", our_leg(line))) == ["Connect"]
    for name in ("callback-status", "amd"):
        form = our_leg(line, AnsweredBy="machine_end_beep", CallStatus="busy")
        assert (await twilio.post(f"/twilio/{name}?attempt=404", form)).status_code == 204


# A text message


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("21610", "The recipient has written STOP: no text message reaches that number any more."),
        ("30034", "US carriers block the number: register it for A2P 10DLC in Twilio's console."),
        ("39999", "Twilio did not deliver it (error 39999)."),
    ],
)
async def test_a_message_that_did_not_arrive_is_a_failure_to_be_seen(twilio, line, stored, code, error):
    customer = await stored(line.business.customers.create, number="+15550100001")
    standing = {"purpose": "booking", "body": "x", "written_at": factories.RANG_AT, "due_at": factories.RANG_AT}
    await stored(
        OutgoingMessage.objects.create,
        **standing,
        business=line.business,
        key="k",
        to=customer.number,
        status="sent",
        message_sid="SM1",
    )

    for form in ({"MessageStatus": "sent"}, {"MessageStatus": "undelivered", "ErrorCode": code}):
        assert (await twilio.post("/twilio/message-status", {"MessageSid": "SM1"} | form)).status_code == 204

    message = await stored(OutgoingMessage.objects.get)
    await stored(customer.refresh_from_db)
    assert (message.status, message.error_code, message.error) == ("failed", code, error)
    assert customer.refuses_sms is (code == "21610")


async def test_an_unknown_message_is_taken_without_complaint(twilio, transactional_db):
    for form in ({"MessageSid": "SM404", "MessageStatus": "failed"}, {"SmsSid": ""}):
        assert (await twilio.post("/twilio/message-status", form)).status_code == 204
