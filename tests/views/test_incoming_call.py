"""POST /twilio/voice: the answer to the ring."""

import asyncio

import pytest

from calls.domain import tokens
from calls.models import Call, CallEvent, PhoneLine
from calls.realtime.reasons import Reason
from calls.relay import breaker, live
from calls.relay.breaker import Address
from calls.views import guard
from tests import factories
from tests.twilio.kit import BASE, Twilio, dialed, spoken, token_in, tree, verbs, voice_form

pytestmark = pytest.mark.asyncio

PERSON, DEFAULT = "+15550108000", "+15550107000"


def kinds():
    return [event.kind for event in CallEvent.objects.order_by("pk")]


def only_call():
    return Call.objects.get()


async def test_a_ring_is_answered_with_a_stream(twilio, line, stored, settings):
    call_sid = factories.make_sid()

    response = await twilio.post("/twilio/voice", voice_form(call_sid, To=line.number))

    call = await stored(only_call)
    token = tokens.mint(secret_key=settings.SECRET_KEY, call_sid=call_sid, nonce=call.token_nonce)
    stream = {"url": "wss://cortana.example.com/twilio/realtime", "statusCallback": f"{BASE}/twilio/stream-status"}
    connect = {"action": f"{BASE}/twilio/after", "method": "POST"}
    assert verbs(response) == ["Connect"]
    assert tree(response.content) == (
        "Response",
        {},
        "",
        [
            (
                "Connect",
                connect,
                "",
                [("Stream", stream, "", [("Parameter", {"name": "token", "value": token}, "", [])])],
            ),
        ],
    )
    assert (call.call_sid, call.business_id, call.line_id) == (call_sid, line.business_id, line.pk)


async def test_fifty_identical_rings_at_once_are_one_call_with_one_answer(twilio, line, stored, monkeypatch):
    monkeypatch.setattr(guard, "TIME_LIMIT_SECONDS", 20.0)  # no time is judged here
    form = voice_form(factories.make_sid(), To=line.number)

    responses = await asyncio.gather(*(Twilio().post("/twilio/voice", form) for _ in range(50)))

    assert [response.status_code for response in responses] == [200] * 50
    assert len({response.content for response in responses}) == 1
    assert await stored(Call.objects.count) == 1
    assert await stored(kinds) == ["webhook", "twiml"]


async def test_the_answer_to_the_ring_is_written_down_with_its_milliseconds(twilio, line, stored):
    await twilio.post("/twilio/voice", voice_form(factories.make_sid(), To=line.number))

    [ring, answer] = await stored(lambda: list(CallEvent.objects.order_by("pk")))
    took_ms = answer.detail.pop("took_ms")
    assert (ring.kind, ring.at_ms, answer.kind) == ("webhook", 0, "twiml")
    assert answer.detail == {"webhook": "voice", "answer": "Answer"}
    assert 0 <= took_ms == answer.at_ms < 5000


async def test_a_ring_repeated_after_the_call_is_over_gives_the_same_document(twilio, line):
    form = voice_form(factories.make_sid(), To=line.number)
    first = await twilio.post("/twilio/voice", form)
    await twilio.post("/twilio/status", form | {"CallStatus": "completed", "SequenceNumber": "0"})

    assert (await twilio.post("/twilio/voice", form)).content == first.content


async def test_two_calls_at_once_have_a_token_each(twilio, line):
    forms = [
        voice_form(factories.make_sid(), To=line.number, From=number) for number in ("+15550100001", "+15550100002")
    ]

    answers = await asyncio.gather(*(twilio.post("/twilio/voice", form) for form in forms))

    assert len({token_in(answer) for answer in answers}) == 2


async def test_the_address_that_people_paste_for_the_stream_answers_too(twilio, line):
    form = voice_form(factories.make_sid(), To=line.number)

    assert verbs(await twilio.post("/twilio/stream", form)) == ["Connect"]


async def test_a_call_of_ours_is_found_by_its_own_number(twilio, line, stored):
    form = voice_form(factories.make_sid(), To="+15550100001", From=line.number, Direction="outbound-api")

    assert verbs(await twilio.post("/twilio/voice", form)) == ["Connect"]

    call = await stored(only_call)
    assert (call.direction, call.business_id, call.agent_id) == ("outbound", line.business_id, line.agent_id)


@pytest.mark.parametrize("number", ["anonymous", "Anonymous", "+266696687", "client:x", "sip:x@example.com", ""])
async def test_a_caller_without_number_is_answered(twilio, line, stored, number):
    form = voice_form(factories.make_sid(), To=line.number, From=number)

    assert verbs(await twilio.post("/twilio/voice", form)) == ["Connect"]
    assert (await stored(only_call)).from_number == number


async def test_a_set_of_fields_that_nobody_announced_is_answered(twilio, line):
    form = voice_form(
        factories.make_sid(), To=line.number, CallToken='{"parent":"x"}', AddOns="{}", Überraschung="Ü 🚰"
    )

    assert verbs(await twilio.post("/twilio/voice", form)) == ["Connect"]


# A number that is set to GET


async def test_a_signed_get_is_answered_and_becomes_a_finding(twilio, line, stored):
    form = voice_form(factories.make_sid(), To=line.number)

    first = await twilio.get("/twilio/voice", form)

    assert verbs(first) == ["Connect"]
    assert (await twilio.get("/twilio/voice", form)).content == first.content
    assert await stored(kinds) == ["webhook_by_get", "webhook", "twiml"]


async def test_an_unsigned_get_shows_a_person_what_the_address_is_for(twilio, line, stored):
    response = await twilio.get("/twilio/voice", {}, sign=False)

    page = response.content.decode()
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<h1>This address is for Twilio</h1>" in page
    assert "Twilio asks here what to do with a call that comes in." in page
    assert f"paste <code>{BASE}/twilio/voice</code> into the field “A call comes in”" in page
    assert await stored(Call.objects.count) == 0


async def test_an_unsigned_get_with_the_parameters_of_a_call_makes_no_call(twilio, line, stored):
    response = await twilio.get("/twilio/voice", voice_form(factories.make_sid(), To=line.number), sign=False)

    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert await stored(Call.objects.count) == 0


# A request that says what failed


@pytest.mark.parametrize(
    "said", [{"ErrorCode": "11200"}, {"ErrorUrl": f"{BASE}/twilio/voice"}, {"ErrorCode": "12100", "ErrorUrl": "x"}]
)
async def test_a_ring_that_carries_an_error_is_answered_as_the_fallback_address(twilio, line, said):
    ring = voice_form(factories.make_sid(), To=line.number)
    at_voice, at_fallback = ring | said, voice_form(factories.make_sid(), To=line.number, From="+15550100002") | said

    assert verbs(await twilio.post("/twilio/voice", ring)) == ["Connect"]
    voice = await twilio.post("/twilio/voice", at_voice)
    fallback = await twilio.post("/twilio/fallback", at_fallback)

    assert verbs(voice) == ["Say", "Dial"]
    assert voice.content == fallback.content


# No agent can answer


async def test_without_a_key_a_voice_answers_and_a_person_is_dialed(twilio, line, stored, settings):
    settings.OPENAI_API_KEY = ""

    response = await twilio.post("/twilio/voice", voice_form(factories.make_sid(), To=line.number))

    assert verbs(response) == ["Say", "Dial"]
    assert dialed(response) == PERSON
    assert spoken(response) == (
        "Thank you for calling Cedar Plumbing. We are sorry, our assistant cannot help you right now. "
        "Please hold the line while we connect you to a person."
    )
    assert tree(response.content)[3][1][1] == {"action": f"{BASE}/twilio/dial-done", "method": "POST", "timeout": "20"}
    call = await stored(only_call)
    assert (call.status, call.end_reason) == ("handed_over", "upstream_unavailable")


async def test_new_caller_of_a_server_that_shuts_down_reaches_a_person(twilio, line, stored, monkeypatch):
    monkeypatch.setattr(live, "is_draining", True)

    response = await twilio.post("/twilio/voice", voice_form(factories.make_sid(), To=line.number))

    assert (verbs(response), dialed(response)) == (["Say", "Dial"], PERSON)
    call = await stored(only_call)
    assert (call.status, call.end_reason) == ("handed_over", "draining")


@pytest.fixture
def refusing(settings):
    """OpenAI refuses: refusing(reason) is what a call before has found out."""
    breaker.forget()
    address = Address(settings.OPENAI_REALTIME_URL, settings.OPENAI_API_KEY, settings.OPENAI_REALTIME_MODEL)
    yield lambda reason: breaker.failed(address, reason, breaker.clock(settings.CLOCK_RATE))
    breaker.forget()


@pytest.mark.parametrize("reason", [Reason.BAD_KEY, Reason.MODEL])
async def test_caller_reaches_a_person_at_once_when_openai_has_refused_another(twilio, line, stored, refusing, reason):
    refusing(reason)

    response = await twilio.post("/twilio/voice", voice_form(factories.make_sid(), To=line.number))

    assert (verbs(response), dialed(response)) == (["Say", "Dial"], PERSON)
    call = await stored(only_call)
    assert (call.status, call.end_reason) == ("handed_over", "upstream_unavailable")


async def test_model_that_was_refused_keeps_only_its_own_agents_away(twilio, line, stored, refusing):
    line.agent.model = "gpt-realtime-2.1-mini"
    await stored(line.agent.save)
    refusing(Reason.MODEL)

    response = await twilio.post("/twilio/voice", voice_form(factories.make_sid(), To=line.number))

    assert verbs(response) == ["Connect"]


@pytest.mark.parametrize(("reason", "cause"), [(Reason.QUOTA, "quota"), (Reason.MODEL, "model")])
async def test_what_openai_refuses_while_a_person_rings_is_said_on_the_call(
    twilio, line, stored, refusing, reason, cause
):
    line.answers = PhoneLine.Answers.AFTER_RINGING
    await stored(line.save)
    form = voice_form(factories.make_sid(), To=line.number)
    await twilio.post("/twilio/voice", form)
    refusing(reason)

    response = await twilio.post("/twilio/dial-done", form | {"CallStatus": "in-progress", "DialCallStatus": "busy"})

    assert verbs(response) == ["Say", "Record", "Say"]
    noted = await CallEvent.objects.aget(kind="no_stream")
    assert noted.detail == {"because": "openai_refuses", "cause": cause}


async def test_a_line_without_agent_has_a_voice_and_a_person(twilio, stored):
    line = await stored(factories.make_line, without_agent=True)

    response = await twilio.post("/twilio/voice", voice_form(factories.make_sid(), To=line.number))

    assert (verbs(response), dialed(response)) == (["Say", "Dial"], PERSON)


async def test_an_unknown_number_has_a_voice_and_the_person_of_the_setting(twilio, line, settings):
    settings.HANDOVER_NUMBER = "+1 (555) 010-7000"

    response = await twilio.post("/twilio/voice", voice_form(factories.make_sid(), To="+15550105555"))

    assert (verbs(response), dialed(response)) == (["Say", "Dial"], DEFAULT)


async def test_an_unknown_number_without_any_person_has_the_voicemail(twilio, line):
    response = await twilio.post("/twilio/voice", voice_form(factories.make_sid(), To="+15550105555"))

    assert verbs(response) == ["Say", "Record", "Say"]


async def test_one_of_our_own_lines_is_never_dialed(twilio, line, stored, settings):
    settings.HANDOVER_NUMBER = line.number

    response = await twilio.post("/twilio/voice", voice_form(factories.make_sid(), To="+15550105555"))

    assert verbs(response) == ["Say", "Record", "Say"]


HOSTILE = ["\"'><&", "]]><!--", "\x00\x08\x1b", "🚰 \u202e", "</Say><Dial>+882</Dial>", "&" * 10_000]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("field", ["From", "To", "CallSid", "AccountSid", "ForwardedFrom", "ErrorUrl", "CallStatus"])
async def test_a_hostile_field_still_has_a_document_and_a_voice(twilio, line, field, hostile):
    form = voice_form(factories.make_sid(), To=line.number) | {field: hostile}

    assert set(verbs(await twilio.post("/twilio/voice", form))) <= {"Connect", "Say", "Dial", "Record", "Hangup"}


async def test_the_name_of_a_business_is_spoken_and_never_read_as_markup(twilio, stored):
    name = "Tom & Jerry's <Pipes>"
    line = await stored(make_line_of, name)

    response = await twilio.post("/twilio/voice", voice_form(factories.make_sid(), To=line.number))

    assert verbs(response) == ["Say", "Dial"]
    assert spoken(response).startswith(f"Thank you for calling {name}. We are sorry")


def make_line_of(name):
    return factories.make_line(business=factories.make_business(name=name), without_agent=True)
