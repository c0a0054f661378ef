import pytest

from calls.emulators.phone import Voicemail
from tests.emulators.tiny_server import ring_fast as ring
from tests.emulators.tiny_server import serving

HELLO = {"say": {"text": "hello"}}


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


@pytest.mark.asyncio
async def test_a_caller_whose_script_says_so_hangs_up_after_his_message():
    async with serving(RECORD, recorded="<Say>never</Say>") as server:
        result = await ring(server, HELLO, {"hang_up": True}, voicemail=Voicemail(ends_with="#"))

    assert (result.ended_by, result.completed, result.verbs) == ("caller", True, ["Record"])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "violation"),
    [
        ("<Say></Say>", "13520 Say: invalid text (empty)"),
        ('<Connect action="/twilio/after"/>', "12200 schema warning: <Connect> without a noun"),
        (
            '<Start><Stream url="wss://cortana.example.com/s"/></Start>',
            "the emulator knows no one-way stream (<Start><Stream>)",
        ),
        (
            f'<Connect><Stream url="wss://h/s"><Parameter name="long" value="{"x" * 496}"/></Stream></Connect>',
            "parameter 'long': name and value have 500 characters or more",
        ),
    ],
)
async def test_a_verb_that_twilio_complains_of_is_blamed(body, violation):
    async with serving(body, after="<Hangup/>") as server:
        result = await ring(server)

    assert (result.protocol_violations[0], result.ended_by) == (violation, "server")


@pytest.mark.asyncio
async def test_recording_a_whole_call_needs_nothing_of_the_caller():
    async with serving("<Start><Recording/></Start><Stop><Stream/></Stop><Hangup/>") as server:
        result = await ring(server)

    assert (result.verbs, result.protocol_violations) == (["Start", "Stop", "Hangup"], [])
