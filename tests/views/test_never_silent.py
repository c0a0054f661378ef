"""Whatever fails inside, the caller hears a voice and has a way to a person."""

import asyncio
import logging
import threading
import time

import pytest
from django.db import OperationalError, transaction

from calls import database
from calls.domain import lifecycle, tokens
from calls.domain.apology import Apology
from calls.logs import LineFormatter
from calls.models import Call
from calls.views import guard
from tests import factories
from tests.twilio.kit import dialed, spoken, verbs, voice_form

pytestmark = pytest.mark.asyncio

PERSON, DEFAULT = "+15550108000", "+15550107000"
SPEAKING = ["voice", "stream", "after", "fallback", "recording", "dial-done", "realtime"]
DOMAIN_CALLS = {
    "voice": "receive_call",
    "stream": "receive_call",
    "realtime": "receive_call",
    "after": "leave_stream",
    "dial-done": "finish_dial",
    "recording": "keep_recording",
    "fallback": "fall_back",
    "status": "change_status",
    "stream-status": "note_stream_status",
}


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """No test remembers the callers of another."""
    monkeypatch.setattr(guard, "_apology", Apology())


def fail(**_):
    raise RuntimeError("a mistake of ours at +15550123456")


async def no_database(*_, **__):
    raise OperationalError("could not connect to server")


def ring(line, **fields):
    return voice_form(factories.make_sid(), To=line.number, CallStatus="in-progress") | fields


@pytest.mark.parametrize("name", SPEAKING)
async def test_any_exception_is_an_apology_with_a_way_to_the_businesss_person(twilio, line, monkeypatch, name):
    monkeypatch.setattr(lifecycle, DOMAIN_CALLS[name], fail)

    response = await twilio.post(f"/twilio/{name}", ring(line))

    expected = {"recording": ["Say", "Hangup"], "dial-done": ["Say", "Record", "Say"]}
    # The fallback itself has failed where the domain's own fallback is what raises: no number but the setting's.
    assert verbs(response) == expected.get(name, ["Say", "Record", "Say"] if name == "fallback" else ["Say", "Dial"])
    if verbs(response) == ["Say", "Dial"]:
        assert dialed(response) == PERSON
        assert spoken(response).startswith("Thank you for calling Cedar Plumbing. We are sorry")


@pytest.mark.parametrize("name", SPEAKING)
async def test_without_a_database_the_person_of_the_setting_is_dialed(twilio, line, monkeypatch, settings, name):
    settings.HANDOVER_NUMBER = DEFAULT
    monkeypatch.setattr(database, "run", no_database)

    response = await twilio.post(f"/twilio/{name}", ring(line))

    expected = {"recording": ["Say", "Hangup"], "dial-done": ["Say", "Record", "Say"]}
    assert verbs(response) == expected.get(name, ["Say", "Dial"])
    assert dialed(response) == (None if name in expected else DEFAULT)


@pytest.mark.parametrize("name", SPEAKING)
async def test_without_a_database_and_without_a_person_the_voicemail_answers(twilio, line, monkeypatch, name):
    monkeypatch.setattr(database, "run", no_database)

    response = await twilio.post(f"/twilio/{name}", ring(line))

    assert verbs(response) == (["Say", "Hangup"] if name == "recording" else ["Say", "Record", "Say"])


@pytest.mark.parametrize("name", SPEAKING)
async def test_a_form_without_a_call_is_answered_with_a_voice(twilio, line, name):
    response = await twilio.post(f"/twilio/{name}", {"Something": "else"})

    assert verbs(response) == (["Say", "Hangup"] if name == "recording" else ["Say", "Record", "Say"])


async def test_a_form_without_a_call_is_a_warning_and_no_error_of_ours(twilio, line, caplog):
    await twilio.post("/twilio/voice", {"Something": "else"})

    assert [(record.levelname, record.getMessage(), record.exc_info) for record in caplog.records] == [
        ("WARNING", "webhook without a call", None)
    ]


@pytest.mark.parametrize("name", ["status", "stream-status"])
async def test_a_status_callback_that_fails_is_logged_and_answered(twilio, line, monkeypatch, caplog, name):
    monkeypatch.setattr(lifecycle, DOMAIN_CALLS[name], fail)

    response = await twilio.post(f"/twilio/{name}", ring(line))

    assert (response.status_code, response.content) == (204, b"")
    assert [record.webhook for record in caplog.records if record.levelname == "ERROR"] == [name]


async def test_an_exception_is_logged_once_with_its_trace_and_without_words(twilio, line, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(lifecycle, "receive_call", fail)
    form = ring(line, From="+15550123456", FromCity="CANARYVILLE")

    await twilio.post("/twilio/voice", form)

    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [(record.getMessage(), record.call_sid) for record in errors] == [("webhook failed", form["CallSid"])]
    text = "\n".join(LineFormatter().format(record) for record in caplog.records)
    assert text.endswith("RuntimeError")
    assert "RuntimeError: a mistake" not in text
    assert "5550123456" not in text
    assert "CANARYVILLE" not in text


async def test_a_document_that_cannot_be_made_is_an_apology_too(twilio, line, monkeypatch):
    monkeypatch.setattr(tokens, "mint", fail)

    response = await twilio.post("/twilio/voice", ring(line))

    assert (verbs(response), dialed(response)) == (["Say", "Dial"], PERSON)


async def test_a_failure_is_on_record_as_a_hand_over(twilio, line, stored, monkeypatch):
    monkeypatch.setattr(lifecycle, "receive_call", fail)

    await twilio.post("/twilio/voice", ring(line))

    call = await stored(Call.objects.get)
    assert (call.status, call.end_reason, call.handover_number) == ("handed_over", "internal_error", PERSON)


async def test_a_leg_that_comes_back_is_not_dialed_again_though_every_webhook_fails(
    twilio, line, monkeypatch, settings
):
    settings.HANDOVER_NUMBER = DEFAULT
    monkeypatch.setattr(database, "run", no_database)

    first, second = [await twilio.post("/twilio/voice", ring(line)) for _ in range(2)]

    assert (verbs(first), verbs(second)) == (["Say", "Dial"], ["Say", "Record", "Say"])


async def test_a_database_that_is_slow_is_not_waited_for(twilio, line, stored, monkeypatch, settings):
    """Another transaction holds what the webhook needs; the caller is dialed through in the meantime."""
    settings.HANDOVER_NUMBER = DEFAULT
    monkeypatch.setattr(guard, "TIME_LIMIT_SECONDS", 0.2)
    form = ring(line)
    held, released = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            factories.make_call(line=line, call_sid=form["CallSid"])
            held.set()
            assert released.wait(10)
            transaction.set_rollback(True)

    holding = asyncio.create_task(database.run(hold))
    await asyncio.to_thread(held.wait, 10)
    began = time.monotonic()

    response = await twilio.post("/twilio/voice", form)

    waited = time.monotonic() - began
    released.set()
    await holding
    await until(stored, lambda: Call.objects.filter(call_sid=form["CallSid"]).exists())
    assert (verbs(response), dialed(response)) == (["Say", "Dial"], DEFAULT)
    assert waited < 1.5


async def until(stored, happened):
    """Wait for the webhook's own thread, which has gone on, so that it writes nothing into the next test."""
    for _ in range(200):
        if await stored(happened):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the transaction that was waited for never came to its end")


async def test_the_records_of_a_failure_are_given_the_rest_of_the_time_and_no_more(twilio, line, monkeypatch, settings):
    settings.HANDOVER_NUMBER = DEFAULT
    monkeypatch.setattr(guard, "TIME_LIMIT_SECONDS", 0.3)

    async def fail_late(*_, **__):
        await asyncio.sleep(0.2)
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(database, "run", fail_late)
    began = time.monotonic()

    response = await twilio.post("/twilio/voice", ring(line))

    assert (verbs(response), dialed(response)) == (["Say", "Dial"], DEFAULT)
    assert time.monotonic() - began < 0.39


async def test_the_time_limit_leaves_room_for_the_way_within_a_second_and_a_half():
    assert guard.TIME_LIMIT_SECONDS == 1.3
