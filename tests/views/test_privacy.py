"""What the log keeps of a call: the CallSid and what happened, never a number, a name or a line of its own making."""

import logging

import pytest

from calls.logs import LineFormatter
from tests import factories
from tests.twilio.kit import TOKEN, Twilio, token_in, voice_form

pytestmark = pytest.mark.asyncio

CANARIES = {
    "From": "+15550123456",
    "Caller": "+15550123456",
    "ForwardedFrom": "+15550654321",
    "FromCity": "CANARYVILLE",
    "FromZip": "CANARY90210",
    "CallerName": "CANARY JANE",
    "CallToken": "CANARY-TOKEN",
    "SpeechResult": "CANARY said this",
    "Digits": "4111111111111111",
    "ErrorUrl": "https://cortana.example.com/twilio/after?From=%2B15550123456",
    "RecordingUrl": "https://api.twilio.com/CANARY-RECORDING",
    "DialCallSid": "CANARY-DIAL",
}
FORBIDDEN = ["5550123456", "5550654321", "CANARY", "4111111111111111", "5550108000", TOKEN]
WEBHOOKS = ["voice", "after", "dial-done", "recording", "status", "stream-status", "fallback", "realtime"]


def written(caplog):
    return "\n".join(LineFormatter().format(record) for record in caplog.records if record.levelno >= logging.INFO)


@pytest.mark.parametrize("method", ["post", "get"])
@pytest.mark.parametrize("token", [TOKEN, "f" * 32], ids=["signed", "forged"])
async def test_no_webhook_writes_what_it_was_told_of_the_caller(line, caplog, method, token):
    caplog.set_level(logging.INFO)
    twilio = Twilio(token=token)
    form = voice_form(factories.make_sid(), To=line.number, CallStatus="in-progress") | CANARIES

    for name in WEBHOOKS:
        await getattr(twilio, method)(f"/twilio/{name}", form)

    text = written(caplog)
    assert len(caplog.records) >= len(WEBHOOKS) - 1
    assert [word for word in FORBIDDEN if word in text] == []


async def test_the_token_of_the_stream_is_not_written(twilio, line, caplog):
    caplog.set_level(logging.INFO)

    token = token_in(await twilio.post("/twilio/voice", voice_form(factories.make_sid(), To=line.number)))

    assert token not in written(caplog)


async def test_no_field_makes_a_line_of_its_own(twilio, line, caplog):
    caplog.set_level(logging.INFO)
    forged = "x\r\n2026-11-20 ERROR forged\u2028forged\x1b[31m"
    form = voice_form(factories.make_sid(), To=line.number) | {"StreamSid": "MZ1", "StreamEvent": "stream-error"}

    for name, told in {
        "stream-status": {"StreamError": forged},
        "fallback": {"ErrorCode": forged, "ErrorUrl": f"https://h/{forged}"},
        "status": {"CallStatus": forged},
        "voice": {"CallSid": forged},
    }.items():
        await twilio.post(f"/twilio/{name}", form | told)

    lines = [LineFormatter().format(record) for record in caplog.records]
    assert [line for line in lines if len(line.splitlines()) != 1 or "\x1b" in line] == []
