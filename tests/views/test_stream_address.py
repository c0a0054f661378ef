"""The address of the stream, asked without an upgrade."""

import logging

import pytest

from calls.models import Call, CallEvent
from tests import factories
from tests.twilio.kit import BASE, TOKEN, signature, verbs, voice_form

pytestmark = pytest.mark.asyncio

PATHS = ["/twilio/realtime", "/twilio/realtime/", "/realtime", "/realtime/"]
HINT = (
    'This address is for media streams only: in Twilio, paste https://cortana.example.com/twilio/voice under "A call '
    'comes in" (HTTP POST).\n'
)

each_path = pytest.mark.parametrize("path", PATHS)


def kinds():
    return [event.kind for event in CallEvent.objects.order_by("pk")]


@each_path
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_without_upgrade_one_line_says_what_to_paste_instead(twilio, path, method):
    response = await twilio.client.generic(method, path)

    assert response.status_code == 426
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Upgrade"] == "websocket"
    assert method == "HEAD" or response.content.decode() == HINT


@each_path
async def test_a_signed_post_is_answered_as_voice_and_becomes_a_finding(twilio, line, stored, path, caplog):
    response = await twilio.post(path, voice_form(factories.make_sid(), To=line.number))

    assert verbs(response) == ["Connect"]
    assert await stored(kinds) == ["webhook_at_stream_address", "webhook", "twiml"]
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.remedy for record in errors] == [
        f'in Twilio, paste {BASE}/twilio/voice under "A call comes in" (HTTP POST)'
    ]


async def test_it_is_the_same_document_that_the_right_address_gives(twilio, line):
    form = voice_form(factories.make_sid(), To=line.number)

    assert (await twilio.post("/realtime", form)).content == (await twilio.post("/twilio/voice", form)).content


@each_path
async def test_a_post_that_is_not_signed_right_makes_no_call(twilio, line, stored, path):
    form = voice_form(factories.make_sid(), To=line.number)
    wrong = {"X-Twilio-Signature": signature("f" * 32, BASE + path, form)}

    unsigned = await twilio.post(path, form, sign=False)
    forged = await twilio.post(path, form, sign=False, headers=wrong)

    assert [unsigned.status_code, forged.status_code] == [426, 426]
    assert await stored(Call.objects.count) == 0


@each_path
async def test_a_signed_get_is_told_what_to_paste(twilio, line, path):
    response = await twilio.get(path, voice_form(factories.make_sid(), To=line.number))

    assert (response.status_code, response.content.decode()) == (426, HINT)


async def test_an_error_is_answered_as_the_fallback_address_there_too(twilio, line):
    form = voice_form(factories.make_sid(), To=line.number, ErrorCode="11200")

    assert verbs(await twilio.post("/twilio/realtime", form)) == ["Say", "Dial"]


@pytest.mark.parametrize("mode", ["log", "off"])
async def test_in_a_lenient_mode_a_call_is_answered_and_an_empty_post_is_not(twilio, line, settings, mode):
    settings.TWILIO_SIGNATURE = mode

    call = await twilio.post("/realtime", voice_form(factories.make_sid(), To=line.number), sign=False)
    empty = await twilio.post("/realtime", {}, sign=False)

    assert verbs(call) == ["Connect"]
    assert empty.status_code == 426


async def test_a_signed_form_without_a_call_still_has_a_voice(twilio):
    signed = {"X-Twilio-Signature": signature(TOKEN, f"{BASE}/realtime", {})}

    assert verbs(await twilio.post("/realtime", {}, sign=False, headers=signed)) == ["Say", "Record", "Say"]
