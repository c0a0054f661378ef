import pytest

from calls.emulators.phone import Callee, Faults
from tests.emulators.tiny_server import ring_fast as ring
from tests.emulators.tiny_server import serving, twiml

NUMBER = "+15550107777"


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
