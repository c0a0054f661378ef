"""What Twilio asks and tells after the ring: signed, safe to repeat, and never the end of the line for a caller."""

import asyncio

import pytest

from calls.models import Call, CallEvent
from calls.views import guard
from tests import factories
from tests.twilio.kit import BASE, dialed, spoken, tree, verbs, voice_form

pytestmark = pytest.mark.asyncio

PERSON, DEFAULT = "+15550108000", "+15550107000"
STATUS_CALLBACKS = ["status", "stream-status"]


@pytest.fixture
def ringing(line):
    return factories.make_call(line=line, status=Call.Status.RINGING)


@pytest.fixture
def streaming(line):
    return factories.make_call(line=line)


def form_of(call, **fields):
    return voice_form(call.call_sid, To=call.to_number, From=call.from_number, CallStatus="in-progress") | fields


def state(call):
    call = Call.objects.get(pk=call.pk)
    return (call.status, call.end_reason)


# /twilio/after


async def test_after_a_stream_that_was_lost_a_sentence_and_the_person(twilio, streaming, stored):
    response = await twilio.post("/twilio/after", form_of(streaming))

    assert verbs(response) == ["Say", "Dial"]
    assert dialed(response) == PERSON
    assert spoken(response).endswith("Please hold the line while we connect you to a person.")
    assert tree(response.content)[3][1][1]["action"] == f"{BASE}/twilio/dial-done"
    assert await stored(state, streaming) == ("handed_over", "stream_lost")


@pytest.mark.parametrize("reason", ["agent_hangup", "silence"])
async def test_after_a_normal_end_the_call_is_hung_up(twilio, line, stored, reason):
    call = await stored(factories.make_ended_call, line=line, end_reason=reason)

    assert verbs(await twilio.post("/twilio/after", form_of(call))) == ["Hangup"]


async def test_after_the_longest_call_a_person_is_dialed(twilio, line, stored):
    call = await stored(factories.make_call, line=line, status="handed_over", end_reason="max_duration")

    response = await twilio.post("/twilio/after", form_of(call))

    assert (verbs(response), dialed(response)) == (["Say", "Dial"], PERSON)


async def test_after_a_caller_who_is_gone_nobody_is_dialed(twilio, streaming, stored):
    response = await twilio.post("/twilio/after", form_of(streaming, CallStatus="completed"))

    assert verbs(response) == ["Hangup"]
    assert await stored(state, streaming) == ("ended", "caller_hangup")


async def test_after_an_unknown_call_a_voice_speaks(twilio, line):
    response = await twilio.post("/twilio/after", voice_form("CA404", To=line.number, CallStatus="in-progress"))

    assert (verbs(response), dialed(response)) == (["Say", "Dial"], PERSON)


async def test_without_a_person_the_voicemail_answers_at_once(twilio, stored):
    business = await stored(factories.make_business, handover_number="")
    line = await stored(factories.make_line, business=business)
    call = await stored(factories.make_call, line=line)

    assert verbs(await twilio.post("/twilio/after", form_of(call))) == ["Say", "Record", "Say"]


# /twilio/dial-done


@pytest.mark.parametrize("result", ["completed", "answered"])
async def test_a_person_who_was_reached_ends_the_call(twilio, streaming, stored, result):
    await twilio.post("/twilio/after", form_of(streaming))

    response = await twilio.post("/twilio/dial-done", form_of(streaming, DialCallStatus=result, DialCallDuration="31"))

    assert verbs(response) == ["Hangup"]
    assert await stored(state, streaming) == ("ended", "stream_lost")


@pytest.mark.parametrize("result", ["busy", "no-answer", "failed", "canceled"])
async def test_a_person_who_was_not_reached_leads_to_voicemail(twilio, streaming, result):
    await twilio.post("/twilio/after", form_of(streaming))

    response = await twilio.post("/twilio/dial-done", form_of(streaming, DialCallStatus=result))

    recording = f"{BASE}/twilio/recording"
    assert verbs(response) == ["Say", "Record", "Say"]
    assert tree(response.content)[3][1][1] == {
        "action": recording,
        "method": "POST",
        "recordingStatusCallback": recording,
        "maxLength": "120",
        "timeout": "5",
    }
    assert tree(response.content)[3][2][2] == "We did not hear a message. Please call again. Goodbye."


# /twilio/recording


async def test_the_recording_is_kept_with_the_call_and_the_caller_thanked(twilio, streaming, stored):
    told = {"RecordingSid": "RE1", "RecordingUrl": "https://api.twilio.com/RE1", "RecordingDuration": "7"}

    response = await twilio.post("/twilio/recording", form_of(streaming, **told, Digits="hangup"))

    assert (verbs(response), spoken(response)) == (["Say", "Hangup"], "Thank you for your message. Goodbye.")
    call = await stored(Call.objects.get, pk=streaming.pk)
    assert (call.recording_sid, call.recording_url, call.recording_seconds) == ("RE1", "https://api.twilio.com/RE1", 7)


async def test_the_status_callback_of_a_recording_is_kept_and_answered_without_words(twilio, streaming, stored):
    told = {"RecordingSid": "RE1", "RecordingUrl": "https://api.twilio.com/RE1", "RecordingStatus": "completed"}

    response = await twilio.post("/twilio/recording", {"CallSid": streaming.call_sid} | told)

    assert (response.status_code, response.content) == (204, b"")
    assert (await stored(Call.objects.get, pk=streaming.pk)).recording_url == "https://api.twilio.com/RE1"


# /twilio/fallback


async def test_the_fallback_is_an_apology_with_a_way_to_a_person(twilio, ringing, stored):
    told = {"ErrorCode": "11200", "ErrorUrl": f"{BASE}/twilio/voice?From=%2B15550100001"}

    response = await twilio.post("/twilio/fallback", form_of(ringing, **told))

    assert (verbs(response), dialed(response)) == (["Say", "Dial"], PERSON)
    assert "We are sorry" in spoken(response)
    assert await stored(state, ringing) == ("handed_over", "internal_error")
    details = await stored(lambda: [event.detail for event in CallEvent.objects.filter(kind="fallback")])
    assert details == [{"error_code": "11200", "address": "voice"}]


async def test_the_fallback_needs_no_error_to_speak(twilio, ringing):
    assert verbs(await twilio.post("/twilio/fallback", form_of(ringing))) == ["Say", "Dial"]


# /twilio/status and /twilio/stream-status


async def test_the_end_of_the_call_ends_the_row_once(twilio, streaming, stored):
    told = form_of(streaming, CallStatus="completed", SequenceNumber="0", CallDuration="42")

    responses = [await twilio.post("/twilio/status", told) for _ in range(2)]

    assert [(response.status_code, response.content) for response in responses] == [(204, b"")] * 2
    assert await stored(state, streaming) == ("ended", "caller_hangup")
    details = await stored(lambda: [event.detail for event in CallEvent.objects.all()])
    assert details == [{"status": "completed", "sequence": 0, "seconds": 42}]


async def test_a_late_ringing_does_not_bring_a_call_back(twilio, streaming, stored):
    await twilio.post("/twilio/status", form_of(streaming, CallStatus="completed", SequenceNumber="3"))
    await twilio.post("/twilio/status", form_of(streaming, CallStatus="ringing", SequenceNumber="1"))
    await twilio.post("/twilio/status", form_of(streaming, CallStatus="in-progress", SequenceNumber="2"))

    assert await stored(state, streaming) == ("ended", "caller_hangup")


async def test_an_error_of_the_stream_is_kept_and_logged(twilio, streaming, stored, caplog):
    stream = await stored(factories.make_stream, call=streaming)
    told = {"StreamSid": stream.stream_sid, "StreamEvent": "stream-error", "StreamError": "31921 Close error"}

    response = await twilio.post("/twilio/stream-status", {"CallSid": streaming.call_sid} | told)

    await stored(stream.refresh_from_db)
    assert (response.status_code, stream.error) == (204, "31921 Close error")
    warnings = [record.error for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["31921 Close error"]


@pytest.mark.parametrize("name", STATUS_CALLBACKS)
async def test_a_status_callback_of_an_unknown_call_makes_no_row(twilio, line, stored, name):
    response = await twilio.post(f"/twilio/{name}", voice_form("CA404", CallStatus="completed"))

    assert response.status_code == 204
    assert await stored(Call.objects.count) == 0


@pytest.mark.parametrize("name", STATUS_CALLBACKS)
async def test_a_status_callback_without_a_call_is_no_error(twilio, name):
    assert (await twilio.post(f"/twilio/{name}", {"CallStatus": "completed"})).status_code == 204


# Repetition


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("voice", {"CallStatus": "ringing"}),
        ("after", {}),
        ("fallback", {"ErrorCode": "11200", "ErrorUrl": f"{BASE}/twilio/voice"}),
        ("dial-done", {"DialCallStatus": "busy"}),
        ("recording", {"RecordingSid": "RE1", "RecordingUrl": "https://h/RE1", "RecordingDuration": "7"}),
        ("status", {"CallStatus": "completed", "SequenceNumber": "0"}),
        ("stream-status", {"StreamSid": "MZ1", "StreamEvent": "stream-error", "StreamError": "x"}),
    ],
)
async def test_fifty_repetitions_at_once_are_answered_alike_and_leave_what_one_leaves(
    twilio, streaming, stored, name, told, monkeypatch
):
    monkeypatch.setattr(guard, "TIME_LIMIT_SECONDS", 20.0)  # no time is judged here
    await twilio.post(f"/twilio/{name}", form_of(streaming, **told))
    once = await stored(everything)

    responses = await asyncio.gather(*(twilio.post(f"/twilio/{name}", form_of(streaming, **told)) for _ in range(50)))

    assert len({(response.status_code, response.content) for response in responses}) == 1
    assert await stored(everything) == once


def everything():
    return (list(Call.objects.values()), list(CallEvent.objects.values()))


# A forwarding loop, as the webhooks see it


async def test_a_hand_over_that_is_forwarded_to_us_is_one_hop(twilio, line, streaming, stored):
    await twilio.post("/twilio/after", form_of(streaming))

    leg = voice_form(factories.make_sid(), To=line.number, From=streaming.from_number, ForwardedFrom=PERSON)
    response = await twilio.post("/twilio/voice", leg)

    assert verbs(response) == ["Say", "Record", "Say"]
    assert await stored(lambda: Call.objects.exclude(token_nonce="").count()) == 0
