import re
import time

import pytest
from twilio.request_validator import RequestValidator

from calls.emulators import phone_call, scenario
from calls.emulators.phone import Faults, Number, Phone
from tests.emulators.tiny_server import PUBLIC, TOKEN, TinyServer, answering, serving, twiml
from tests.emulators.tiny_server import ring_fast as ring


@pytest.mark.asyncio
async def test_the_first_request_is_that_of_an_inbound_call():
    async with serving("<Hangup/>") as server:
        result = await ring(server)

    request = server.posted[0]
    headers = dict(request.headers)
    signed = headers.pop("X-Twilio-Signature")
    token = headers.pop("I-Twilio-Idempotency-Token")
    del headers["Content-Length"]
    assert headers == {
        "Host": "cortana.example.com",
        "User-Agent": "TwilioProxy/1.1",
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Home-Region": "us1",
        "Connection": "close",
    }
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", token)
    assert RequestValidator(TOKEN).validate(f"{PUBLIC}/twilio/voice", request.form, signed)
    form = dict(request.form)
    assert re.fullmatch(r"CA[0-9a-f]{32}", form.pop("CallSid"))
    assert form.pop("CallToken").startswith("%7B%22parentCallInfoToken%22")
    caller, called = "+15550100001", "+15550109999"
    assert form == {
        "AccountSid": "AC" + "0" * 32,
        "ApiVersion": "2010-04-01",
        "Direction": "inbound",
        "CallStatus": "ringing",
        "From": caller,
        "Caller": caller,
        "To": called,
        "Called": called,
        "StirVerstat": "TN-Validation-Passed-A",
        **{f"{party}Country": "US" for party in ("From", "Caller", "To", "Called")},
        **{f"{party}City": "LOS ANGELES" for party in ("From", "Caller")},
        **{f"{party}State": "CA" for party in ("From", "Caller")},
        **{f"{party}Zip": "90001" for party in ("From", "Caller")},
        **{f"{party}{what}": "" for party in ("To", "Called") for what in ("City", "State", "Zip")},
    }
    assert result.http[0].status == 200
    assert result.documents == ['<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>']


@pytest.mark.asyncio
async def test_an_anonymous_caller_has_no_place():
    async with serving("<Hangup/>") as server:
        phone = Phone(base_url=server.url, public_url=PUBLIC, auth_token=TOKEN)
        await phone.call(scenario.parse({"caller": {"from": "anonymous"}}))

    form = server.form("/twilio/voice")
    assert [form[f"From{what}"] for what in ("", "City", "State", "Zip", "Country")] == ["anonymous", *[""] * 4]


@pytest.mark.asyncio
async def test_the_status_callback_tells_the_end():
    async with serving("<Say>Hello there, caller.</Say>") as server:
        result = await ring(server)

    form = server.form("/twilio/status")
    assert {name: form[name] for name in form if name not in server.posted[0].form} == {
        "Timestamp": form["Timestamp"],
        "CallbackSource": "call-progress-events",
        "SequenceNumber": "0",
        "CallDuration": form["CallDuration"],
        "Duration": "1",
        "SipResponseCode": "200",
    }
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", form["Timestamp"])
    assert (form["CallStatus"], result.status, result.ended_by) == ("completed", "completed", "server")
    assert int(form["CallDuration"]) == pytest.approx((result.ended_ms - result.ear[0].at_ms) / 1000, abs=1)


@pytest.mark.asyncio
async def test_a_get_is_possible():
    async with serving("<Hangup/>") as server:
        await ring(server, faults=Faults(webhook_method="GET", extra_fields={"AddOns": "{}"}))

    request = server.posted[0]
    assert (request.method, request.form, request.query["AddOns"]) == ("GET", {}, "{}")


@pytest.mark.asyncio
async def test_a_repeated_webhook_is_the_same_request():
    async with serving("<Hangup/>") as server:
        result = await ring(server, faults=Faults(duplicate_webhook=True))

    first, second = server.posted[:2]
    assert (first.form, first.headers) == (second.form, second.headers)
    assert result.protocol_violations == []


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", [Faults(duplicate_webhook=True), Faults(twin_webhook=True)])
async def test_a_repeated_webhook_wants_the_same_document(fault):
    server = TinyServer().on("/twilio/voice", twiml("<Hangup/>"), twiml("<Pause/>"))
    async with server:
        result = await ring(server, faults=fault)

    assert server.paths() == ["/twilio/voice", "/twilio/voice", "/twilio/status"]
    assert result.protocol_violations == ["the repeated webhook was answered with another document"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "path"), [(Faults(fallback_first=True), "fallback"), (Faults(error_at_voice=True), "voice")]
)
async def test_the_request_after_an_error_carries_what_failed(fault, path):
    async with serving("<Hangup/>", fallback="<Hangup/>") as server:
        await ring(server, faults=fault)

    form = server.posted[0].form
    assert (server.posted[0].path, form["ErrorCode"], form["ErrorUrl"]) == (
        f"/twilio/{path}",
        "11200",
        f"{PUBLIC}/twilio/voice",
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (answering(500), "11200"),
        (answering(headers={"Content-Type": "text/html"}), "12300"),
        (answering(body=b"\n<?xml version='1.0'?><Response/>"), "12100"),
        (answering(body=b" " * 70_000), "11750"),
    ],
)
async def test_a_failure_goes_to_the_fallback_url(answer, code):
    server = TinyServer().on("/twilio/voice", answer).on("/twilio/fallback", twiml("<Say>Sorry</Say>"))
    async with server:
        result = await ring(server)

    form = server.form("/twilio/fallback")
    assert (form["ErrorCode"], form["ErrorUrl"]) == (code, f"{PUBLIC}/twilio/voice")
    assert (result.verbs, result.apology, result.ended_by) == (["Say"], False, "server")
    assert [violation[:5] for violation in result.protocol_violations] == [code]


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [Number(), Number(fallback="")])
async def test_without_a_fallback_that_works_the_caller_hears_the_apology(number):
    server = TinyServer().on("/twilio/voice", answering(503)).on("/twilio/fallback", answering(500))
    async with server:
        result = await ring(server, number=number)

    assert (result.apology, result.ended_by, result.status) == (True, "apology", "completed")
    assert (result.documents, result.ear[0].source) == ([], "say")


@pytest.mark.asyncio
async def test_a_websocket_address_in_the_voice_field_is_an_apology():
    async with serving("<Hangup/>") as server:
        number = Number(voice="wss://cortana.example.com/twilio/realtime", fallback="", status="")
        result = await ring(server, number=number)

    assert (result.apology, server.posted) == (True, [])
    assert result.protocol_violations == ["11100 no URL that can be fetched: wss://cortana.example.com/twilio/realtime"]


@pytest.mark.asyncio
async def test_a_server_that_is_too_slow_fails():
    server = TinyServer().on("/twilio/voice", answering(0)).on("/twilio/fallback", twiml("<Hangup/>"))
    async with server:
        began = time.monotonic()
        result = await ring(server, webhook_seconds=0.3)

    assert 0.3 <= time.monotonic() - began < 2.0
    assert result.protocol_violations == [f"11200 no answer within 0.3 s: {PUBLIC}/twilio/voice"]


@pytest.mark.asyncio
async def test_a_status_callback_that_fails_is_noted_and_changes_nothing():
    async with serving("<Say>Hi</Say>").on("/twilio/status", answering(500)) as server:
        result = await ring(server)

    assert result.protocol_violations == [f"11200 answered 500: {PUBLIC}/twilio/status (status)"]
    assert (result.ended_by, result.status) == ("server", "completed")


@pytest.mark.asyncio
async def test_unsigned_requests_are_possible():
    async with serving("<Hangup/>") as server:
        await ring(server, faults=Faults(signature="none"))

    assert [request.headers.get("X-Twilio-Signature") for request in server.posted] == [None, None]


@pytest.mark.asyncio
async def test_a_caller_may_hang_up_while_it_rings():
    async with serving('<Pause length="60"/>') as server:
        result = await ring(server, faults=Faults(hang_up_after_ring_ms=500))

    assert (result.ended_by, result.status) == ("caller", "no-answer")
    assert server.form("/twilio/status")["CallStatus"] == "no-answer"


@pytest.mark.asyncio
async def test_no_call_lasts_for_ever(monkeypatch):
    monkeypatch.setattr(phone_call, "LONGEST_CALL_MS", 1000)
    async with serving('<Pause length="60"/>') as server:
        result = await ring(server)

    assert result.ended_by == "limit"


@pytest.mark.asyncio
async def test_what_happens_is_told_as_it_happens():
    told = []
    async with serving("<Say>Hi</Say>") as server:
        await ring(server, on_event=lambda kind, detail: told.append((kind, detail)))

    document = '<?xml version="1.0" encoding="UTF-8"?><Response><Say>Hi</Say></Response>'
    assert told == [
        ("webhook", f"POST {PUBLIC}/twilio/voice → 200"),
        ("twiml", document),
        ("verb", "Say"),
        ("said", "Hi"),
        ("webhook", f"POST {PUBLIC}/twilio/status → 204"),
        ("ended", "server"),
    ]


@pytest.mark.asyncio
async def test_two_calls_of_one_phone_do_not_share_anything():
    async with serving("<Hangup/>") as server:
        first, second = await ring(server), await ring(server)

    assert first.call_sid != second.call_sid
    assert [len(result.http) for result in (first, second)] == [2, 2]
