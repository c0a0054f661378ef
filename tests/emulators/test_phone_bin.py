"""The TwiML Bin: Twilio serves it itself, when the server's answer is none."""

import pytest

from calls.emulators import phone_bin
from calls.emulators.phone import Callee, Number, Phone, Voicemail
from calls.emulators.scenario import Caller, Scenario

NOBODY = "http://127.0.0.1:9"
TEXT = (
    "<Response>{{#RecordingUrl}}<Say>Thanks</Say><Hangup/>{{/RecordingUrl}}"
    "<Dial><Number>+15550108000</Number></Dial><Record/></Response>"
)


async def ring(text=TEXT, **options):
    phone = Phone(base_url=NOBODY, auth_token="t", number=Number(bin=text, status=""), rate=50, **options)
    return await phone.call(Scenario("off", Caller("+15550100001", "+15550109999"), ()))


def test_sections_and_values_are_filled_from_the_request():
    text = "<Say>{{From}}{{#Digits}} pressed {{Digits}}{{/Digits}}{{#None}}never{{/None}}</Say>"

    answer = phone_bin.answer(text, {"From": "<b>", "Digits": "1", "None": ""})

    assert (answer.text, answer.content_type) == ("<Say>&lt;b&gt; pressed 1</Say>", "text/xml")


@pytest.mark.asyncio
async def test_a_server_that_is_off_is_replaced_by_the_bin():
    result = await ring(callee=Callee(ring_ms=100, talk_ms=100), voicemail=Voicemail(speak_ms=0))

    assert (result.apology, result.verbs) == (False, ["Dial", "Record"])
    assert [violation[:5] for violation in result.protocol_violations] == ["11205"]


@pytest.mark.asyncio
async def test_a_record_without_an_action_asks_for_the_same_bin_again():
    result = await ring(callee=Callee(outcome="busy"), voicemail=Voicemail(speak_ms=300, ends_with="#"))

    assert result.verbs == ["Dial", "Record", "Say", "Hangup"]
    assert len(result.recordings) == 1
