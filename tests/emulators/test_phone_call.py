import re
import time

import pytest
from twilio.request_validator import RequestValidator

from calls.emulators import phone_call, scenario
from calls.emulators.phone import Callee, Faults, Number, Phone, Voicemail
from tests.emulators import tiny_server
from tests.emulators.tiny_server import PUBLIC, TOKEN, XML, TinyServer, twiml

HELLO = {"say": {"text": "hello"}}
NUMBER = "+15550107777"


async def ring(server, *steps, **options):
    # Only the order of things and the shortest times matter here, so that time may fly.
    return await tiny_server.ring(server, *steps, **{"rate": 25.0, **options})


def serving(body, **more):
    server = TinyServer().on("/twilio/voice", twiml(body))
    for name, other in more.items():
        server.on(f"/twilio/{name.replace('_', '-')}", twiml(other))
    return server


def answering(status=200, headers=XML, body=b"<Response/>"):
    return lambda request: (status, headers, body)


# Webhooks.


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


# Verbs.


@pytest.mark.asyncio
async def test_verbs_take_their_time_in_order():
    body = '<Say loop="2">0123456789</Say><Pause length="2"/><Play>https://x/y.mp3</Play>'
    async with serving(body) as server:
        result = await ring(server)

    assert result.verbs == ["Say", "Pause", "Play"]
    first, second, play = [piece.at_ms for piece in result.ear]
    assert 600 <= second - first <= 2000
    assert 2600 <= play - second <= 4000


@pytest.mark.asyncio
async def test_the_end_of_a_document_ends_the_call():
    async with serving("") as server:
        result = await ring(server)

    assert (result.verbs, result.ended_by, result.status) == ([], "server", "no-answer")


@pytest.mark.asyncio
async def test_a_redirect_leads_to_a_document_relative_to_its_own():
    async with serving('<Redirect method="GET">after</Redirect><Say>never</Say>', after="<Hangup/>") as server:
        result = await ring(server)

    assert [(request.method, request.path) for request in server.posted[:2]] == [
        ("POST", "/twilio/voice"),
        ("GET", "/twilio/after"),
    ]
    assert result.verbs == ["Redirect", "Hangup"]


@pytest.mark.asyncio
async def test_documents_that_lead_in_a_circle_are_left():
    async with serving("<Redirect>/twilio/voice</Redirect>") as server:
        result = await ring(server)

    assert (result.ended_by, len(result.documents)) == ("limit", 50)
    assert result.protocol_violations == ["the call went through 50 documents without an end"]


@pytest.mark.asyncio
@pytest.mark.parametrize(("reason", "status"), [("busy", "busy"), ("rejected", "no-answer")])
async def test_a_rejected_call_was_never_answered(reason, status):
    async with serving(f'<Pause/><Reject reason="{reason}"/>') as server:
        result = await ring(server)

    form = server.form("/twilio/status")
    assert (result.status, form["CallStatus"], form["CallDuration"]) == (status, status, "0")


@pytest.mark.asyncio
async def test_gather_takes_the_keys_of_the_script():
    body = '<Gather numDigits="2" action="/twilio/keys"><Say>Press</Say></Gather><Say>never</Say>'
    async with serving(body, keys="<Hangup/>") as server:
        result = await ring(server, {"agent": {"text": "x"}}, {"dtmf": "42#"})

    assert (server.form("/twilio/keys")["Digits"], result.verbs) == ("42", ["Gather", "Say", "Hangup"])
    assert result.completed is True


@pytest.mark.asyncio
async def test_gather_takes_speech_too():
    body = '<Gather input="dtmf speech" action="/twilio/words"/>'
    async with serving(body, words="<Hangup/>") as server:
        await ring(server, HELLO)

    form = server.form("/twilio/words")
    assert (form["SpeechResult"], form["Confidence"]) == ("hello", "0.9")


@pytest.mark.asyncio
async def test_gather_without_input_falls_through_after_its_timeout():
    async with serving('<Gather timeout="2" action="/twilio/keys"/><Say>Nothing</Say>') as server:
        result = await ring(server, HELLO)

    assert (result.verbs, "/twilio/keys" in server.paths()) == (["Gather", "Say"], False)
    assert 2000 <= result.ear[0].at_ms <= 4000


RECORD = '<Record action="/twilio/recorded" recordingStatusCallback="/twilio/recording"/><Say>Goodbye</Say>'


@pytest.mark.asyncio
async def test_a_caller_who_hangs_up_after_his_message_is_told_to_the_action():
    async with serving(RECORD, recorded="<Say>never</Say>") as server:
        result = await ring(server, {"say": {"text": "my tap is dripping"}})

    form, told = server.form("/twilio/recorded"), server.form("/twilio/recording")
    account = "AC" + "0" * 32
    url = f"https://api.twilio.com/2010-04-01/Accounts/{account}/Recordings/{form['RecordingSid']}"
    assert (form["Digits"], form["RecordingUrl"], form["RecordingDuration"]) == ("hangup", url, "1")
    assert form["CallStatus"] == "completed"
    assert (told["RecordingStatus"], told["RecordingUrl"]) == ("completed", url)
    assert (result.verbs, result.ended_by, result.completed) == (["Record"], "caller", True)
    assert [len(piece.payload) for piece in result.recordings] == [18 * 60 * 8]
    assert result.ear[0].source == "beep"


@pytest.mark.asyncio
async def test_a_message_ended_by_a_key_goes_on_with_the_action():
    async with serving(RECORD, recorded="<Say>Thank you</Say>") as server:
        result = await ring(server, voicemail=Voicemail(speak_ms=1000, ends_with="#"))

    assert (server.form("/twilio/recorded")["Digits"], result.verbs) == ("#", ["Record", "Say"])
    assert [len(piece.payload) for piece in result.recordings] == [8000]


@pytest.mark.asyncio
async def test_a_message_ended_by_silence_has_no_digits():
    async with serving(RECORD, recorded="<Hangup/>") as server:
        result = await ring(server, voicemail=Voicemail(ends_with="silence"))

    assert "Digits" not in server.form("/twilio/recorded")
    assert result.ended_ms >= 500 + 2000 + 5000


@pytest.mark.asyncio
async def test_a_silent_recording_skips_the_action():
    async with serving(RECORD) as server:
        result = await ring(server, voicemail=Voicemail(speak_ms=0))

    assert (result.verbs, server.paths()) == (["Record", "Say"], ["/twilio/voice", "/twilio/status"])


# Dialing.

DIAL = f'<Dial action="/twilio/dial-done" timeout="10">{NUMBER}</Dial><Say>Nobody</Say>'


def dialed(server):
    form = server.form("/twilio/dial-done")
    return {name: value for name, value in form.items() if name.startswith("Dial") and name != "DialCallSid"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("callee", "fields", "lasts_ms"),
    [
        (
            Callee(talk_ms=4000),
            {"DialCallStatus": "completed", "DialBridged": "true", "DialCallDuration": "4"},
            6000,
        ),
        (Callee(outcome="busy"), {"DialCallStatus": "busy", "DialBridged": "false"}, 2000),
        (Callee(outcome="failed"), {"DialCallStatus": "failed", "DialBridged": "false"}, 500),
        (Callee(outcome="no-answer"), {"DialCallStatus": "no-answer", "DialBridged": "false"}, 10_000),
        (Callee(ring_ms=20_000), {"DialCallStatus": "no-answer", "DialBridged": "false"}, 10_000),
    ],
)
async def test_dial_tells_its_action_what_became_of_the_call(callee, fields, lasts_ms):
    async with serving(DIAL, dial_done="<Hangup/>") as server:
        result = await ring(server, callee=callee)

    assert (dialed(server), result.verbs) == (fields, ["Dial", "Hangup"])
    assert lasts_ms <= result.ended_ms < lasts_ms + 8000


@pytest.mark.asyncio
async def test_dial_without_an_action_goes_on_with_the_next_verb():
    async with serving(f"<Dial><Number>{NUMBER}</Number></Dial><Say>Nobody</Say>") as server:
        result = await ring(server, callee=Callee(outcome="busy"))

    assert result.verbs == ["Dial", "Say"]


@pytest.mark.asyncio
async def test_a_number_that_cannot_be_dialed_fails():
    async with serving('<Dial action="/twilio/dial-done">555-0107</Dial>', dial_done="<Hangup/>") as server:
        result = await ring(server)

    assert dialed(server)["DialCallStatus"] == "failed"
    assert result.protocol_violations == ["13224 Dial: invalid phone number '555-0107'"]


WHISPER = f'<Dial action="/twilio/dial-done"><Number url="/twilio/whisper">{NUMBER}</Number></Dial>'
PRESS = '<Gather numDigits="1" timeout="2" action="/twilio/pressed"><Say>Press one</Say></Gather><Hangup/>'


@pytest.mark.asyncio
async def test_the_callee_hears_the_whisper_and_accepts():
    async with serving(WHISPER, whisper=PRESS, pressed="", dial_done="<Hangup/>") as server:
        result = await ring(server)

    whisper, pressed = server.form("/twilio/whisper"), server.form("/twilio/pressed")
    names = ("Direction", "From", "To", "CallStatus", "ParentCallSid")
    assert [whisper[name] for name in names] == [
        "outbound-dial",
        "+15550100001",
        NUMBER,
        "in-progress",
        result.call_sid,
    ]
    assert (pressed["Digits"], dialed(server)["DialBridged"]) == ("1", "true")
    assert server.form("/twilio/dial-done")["DialCallSid"] == whisper["CallSid"] == result.legs[0].call_sid


@pytest.mark.asyncio
async def test_a_callee_who_does_not_press_is_not_connected():
    async with serving(WHISPER, whisper=PRESS, dial_done="<Hangup/>") as server:
        await ring(server, callee=Callee(presses=""))

    assert dialed(server) == {"DialCallStatus": "completed", "DialBridged": "false", "DialCallDuration": "0"}


@pytest.mark.asyncio
async def test_a_caller_who_hangs_up_ends_the_whisper_too():
    whisper = '<Pause length="60"/>'
    async with serving(WHISPER, whisper=whisper) as server:
        result = await ring(server, faults=Faults(hang_up_after_ring_ms=10_000))

    assert (result.ended_by, result.legs[0].ended_by, "/twilio/dial-done" in server.paths()) == (
        "caller",
        "caller",
        False,
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("says_forwarded", [False, True])
async def test_a_forwarded_callee_brings_the_call_back_once(says_forwarded):
    voicemail = '<Say>Leave a message</Say><Record action="/twilio/recorded"/>'
    server = serving(DIAL, dial_done="<Hangup/>", recorded="<Hangup/>")
    server.on("/twilio/voice", twiml(DIAL), twiml(voicemail))
    async with server:
        callee = Callee(says_forwarded=says_forwarded)
        result = await ring(server, callee=callee, callee_calls_back=True)

    first, second = (request.form for request in server.posted if request.path == "/twilio/voice")
    assert first["CallSid"] != second["CallSid"]
    names = ("From", "To", "Direction", "CallStatus")
    assert [second[name] for name in names] == ["+15550100001", "+15550109999", "inbound", "ringing"]
    assert second.get("ForwardedFrom") == (NUMBER if says_forwarded else None)
    [leg] = result.legs
    assert (leg.verbs, leg.status, leg.streams) == (["Say", "Record"], "completed", [])
    assert dialed(server)["DialCallStatus"] == "completed"
    assert {piece.source for piece in result.ear} == {"callee"}


@pytest.mark.asyncio
async def test_a_forwarding_loop_without_an_end_is_cut():
    async with serving(DIAL, dial_done="<Hangup/>") as server:
        result = await ring(server, callee=Callee(ring_ms=100, calls_back=True))

    legs = []
    leg = result
    while leg.legs:
        [leg] = leg.legs
        legs.append(leg)
    assert len(legs) == 3
    assert legs[-1].protocol_violations == ["forwarding loop: the call has come back 3 times"]


# The end.


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
