"""The database is locked, slow or gone: the caller hears the business's own sentence and reaches its person."""

import asyncio
import itertools
import threading
import time
from functools import partial

import pytest
from asgiref.sync import ThreadSensitiveContext
from django.db import OperationalError, connection, transaction

from calls import database
from calls.domain import progress
from calls.domain.apology import Apology
from calls.domain.explanation import explain
from calls.domain.snapshot import KnownLine, Snapshot
from calls.models import Call
from calls.standby import Standby
from calls.views import guard, unrecorded
from tests import factories
from tests.domain.legs import leg
from tests.twilio.kit import dialed, spoken, verbs, voice_form

pytestmark = pytest.mark.asyncio

PERSON, DEFAULT = "+15550108000", "+15550107000"
ADDRESSES = ["voice", "after", "fallback"]
SENTENCE = "Thank you for calling Cedar Plumbing. We are sorry"
MOST_SECONDS = 1.5
_last_digits = itertools.count(100)  # a caller who rings twice is taken for a forwarded one


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    monkeypatch.setattr(guard, "_apology", Apology())


@pytest.fixture
def kept(line, tmp_path, monkeypatch):
    """What the process and the disk have known since the last minute."""
    kept = Standby(lambda: tmp_path / "lines.json")
    kept._snapshot = Snapshot({line.number: KnownLine("Cedar Plumbing", PERSON)})
    monkeypatch.setattr(guard, "standby", kept)
    return kept


async def gone(*_, **__):
    raise OperationalError("could not connect to server")


async def slow(*_, **__):
    await asyncio.sleep(60)


def ring(line):
    return voice_form(factories.make_sid(), From=f"+15550100{next(_last_digits)}", To=line.number)


async def timed(request):
    began = time.monotonic()
    async with ThreadSensitiveContext():  # as the server does: requests do not wait for one another's middleware
        response = await request
    return response, time.monotonic() - began


@pytest.mark.parametrize("fault", [gone, slow])
async def test_a_dead_database_costs_no_time_and_no_person(twilio, line, kept, monkeypatch, fault):
    monkeypatch.setattr(database, "run", fault)

    rings = [twilio.post(f"/twilio/{name}", ring(line)) for name in ADDRESSES]
    answers = await asyncio.gather(*(timed(one) for one in rings))

    assert [(verbs(response), dialed(response)) for response, _ in answers] == [(["Say", "Dial"], PERSON)] * 3
    assert [spoken(response)[: len(SENTENCE)] for response, _ in answers] == [SENTENCE] * 3
    assert max(took for _, took in answers) <= MOST_SECONDS


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        ({"DialCallStatus": "completed", "DialCallDuration": "40", "DialBridged": "true"}, ["Hangup"]),
        ({"DialCallStatus": "completed", "DialCallDuration": "40"}, ["Hangup"]),
        ({"DialCallStatus": "completed", "DialCallDuration": "4", "DialBridged": "false"}, ["Say", "Record", "Say"]),
        ({"DialCallStatus": "no-answer"}, ["Say", "Record", "Say"]),
    ],
)
async def test_who_has_talked_to_the_person_is_not_sent_to_the_voicemail(twilio, line, kept, monkeypatch, told, heard):
    monkeypatch.setattr(database, "run", gone)

    assert verbs(await twilio.post("/twilio/dial-done", ring(line) | told)) == heard


async def test_a_database_locked_by_somebody_else_is_not_waited_for(twilio, line, kept, stored):
    """All three addresses at once, three times over: more webhooks than the pool has threads wait for the same lock."""
    with locked_database():
        rings = [twilio.post(f"/twilio/{name}", ring(line)) for name in ADDRESSES * 3]
        answers = await asyncio.gather(*(timed(one) for one in rings))

    assert [(verbs(response), dialed(response)) for response, _ in answers] == [(["Say", "Dial"], PERSON)] * 9
    assert max(took for _, took in answers) <= MOST_SECONDS
    await written(stored, at_least=8)


async def test_a_ring_that_the_database_missed_is_written_down_when_it_is_back(twilio, line, kept, stored, monkeypatch):
    monkeypatch.setattr(unrecorded, "FIRST_PAUSE", 0.05)
    form = ring(line)
    with monkeypatch.context() as patched:
        patched.setattr(database, "run", gone)
        await twilio.post("/twilio/voice", form)
        await twilio.post("/twilio/dial-done", form | {"DialCallStatus": "no-answer"})
        before = await stored(Call.objects.count)
    async with asyncio.timeout(5):
        await unrecorded._writing

    call = await stored(Call.objects.get)
    [missed] = await stored(lambda: list(call.events.all()))
    assert (before, call.call_sid, call.status, call.from_number) == (0, form["CallSid"], "handed_over", form["From"])
    assert (missed.kind, missed.at_ms) == ("answered_without_records", 0)
    assert missed.detail == {"webhook": "voice", "answer": "HandOver", "because": "OperationalError"}
    assert (await stored(explain, call)).said == (
        "No agent answered the caller because the database did not answer in time when the telephone rang. The call "
        "was then handed over; whether a person answered is not recorded."
    )


async def test_a_ring_that_was_written_down_too_late_keeps_no_token_that_nobody_was_told_of(line, stored):
    call = await stored(
        lambda: factories.make_call(line=line, status="ringing", token_nonce="n" * 22, streaming_at=None)
    )
    about = {"webhook": "voice", "answer": "HandOver", "because": "TimeoutError", "at": call.rang_at}
    await stored(partial(progress.note_missed, leg=leg(call), **about))

    await stored(call.refresh_from_db)
    assert (call.status, call.token_nonce) == ("handed_over", "")


async def test_a_process_that_starts_with_a_dead_database_knows_the_way_from_disk(twilio, line, tmp_path, monkeypatch):
    path = tmp_path / "lines.json"
    path.write_text(Snapshot({line.number: KnownLine("Cedar Plumbing", PERSON)}).to_json())
    monkeypatch.setattr(guard, "standby", Standby(lambda: path))
    monkeypatch.setattr(database, "run", gone)

    response = await twilio.post("/twilio/voice", ring(line))

    assert (dialed(response), spoken(response)[: len(SENTENCE)]) == (PERSON, SENTENCE)


async def test_where_nothing_is_known_the_setting_names_the_person(twilio, line, tmp_path, monkeypatch, settings):
    settings.HANDOVER_NUMBER = DEFAULT
    monkeypatch.setattr(guard, "standby", Standby(lambda: tmp_path / "lines.json"))
    monkeypatch.setattr(database, "run", gone)

    assert dialed(await twilio.post("/twilio/voice", ring(line))) == DEFAULT


class locked_database:
    """Somebody else's transaction on all that a call writes, for as long as the block lasts."""

    def __enter__(self):
        self.released, held = threading.Event(), threading.Event()
        self.holder = threading.Thread(target=self._hold, args=[held])
        self.holder.start()
        assert held.wait(10)

    def __exit__(self, *_):
        self.released.set()
        self.holder.join()

    def _hold(self, held):
        try:
            with transaction.atomic():
                if connection.vendor == "postgresql":
                    connection.cursor().execute("LOCK TABLE calls_call IN ACCESS EXCLUSIVE MODE")
                held.set()
                assert self.released.wait(20)
        finally:
            connection.close()


async def written(stored, *, at_least):
    """Wait for the threads of the webhooks, so that they write nothing into the next test."""
    for _ in range(200):
        if await stored(Call.objects.count) >= at_least:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the webhooks that waited for the lock never came to their end")
