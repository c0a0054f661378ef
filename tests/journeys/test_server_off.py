"""Our server is switched off, or its database is: the caller reaches a person or a voicemail all the same."""

import asyncio
import time

import pytest

from calls.admin import elsewhere
from calls.emulators.phone import Callee, Number, Phone, Voicemail
from calls.lab import scratch
from calls.lab.processes import ServerChild
from tests.journeys.conftest import CALLER, LINE, PERSON, QUICK_CALLEE, RATE, running_station, story

SENTENCE = "Thank you for calling Cedar Plumbing. We are sorry, our assistant cannot help you right now."


def ring(base_url, token="t", rate=20.0, **options):
    heard = []
    phone = Phone(
        base_url=base_url,
        public_url=scratch.PUBLIC_URL,
        auth_token=token,
        account_sid=scratch.ACCOUNT_SID,
        rate=rate,
        on_event=lambda kind, detail: heard.append((kind, detail)),
        **options,
    )
    return asyncio.run(phone.call(story("[]"))), heard


def details(heard, kind):
    return [detail for known, detail in heard if known == kind]


@pytest.mark.parametrize("answers", [True, False], ids=["a person answers", "nobody answers"])
def test_while_the_server_is_off_the_text_that_twilio_keeps_leads_to_a_person_or_a_voicemail(line, answers):
    callee = Callee(**QUICK_CALLEE) if answers else Callee(outcome="busy", ring_ms=300)
    number = Number(bin=elsewhere.bin_text(line), status="")

    result, heard = ring("http://127.0.0.1:9", number=number, callee=callee, voicemail=Voicemail(speak_ms=500))

    assert result.apology is False
    assert details(heard, "said")[0].startswith(SENTENCE)
    assert details(heard, "dial") == [PERSON]
    assert any(piece.source == "callee" for piece in result.ear) is answers
    assert len(result.recordings) == 1


def test_without_that_text_the_caller_hears_an_apology_and_is_cut_off(line):
    result, _ = ring("http://127.0.0.1:9", number=Number(status=""))

    assert (result.apology, result.ended_by) == (True, "apology")


@pytest.mark.proof  # starts two servers, one after the other
def test_a_server_that_starts_with_a_dead_database_knows_the_person_from_disk(django_db_setup, line, tmp_path):
    data = tmp_path / "data"
    with running_station(tmp_path, RATE, DATA_DIR=str(data)):
        await_file(data / "lines.json")
    token = scratch.auth_token()
    environment = scratch.server_environment(
        token=token,
        database_url=f"sqlite:///{tmp_path}/gone/db.sqlite3",
        realtime_url="ws://127.0.0.1:9/v1/realtime",
        rate=RATE,
        DATA_DIR=str(data),
    )

    with ServerChild(environment=environment, log=tmp_path / "dead.log") as server:
        result, heard = ring(server.base_url, token, RATE, callee=Callee(**QUICK_CALLEE))
        log = server.written()

    assert details(heard, "said")[0].startswith(SENTENCE)
    assert details(heard, "dial") == [PERSON]
    assert max(asked.took_ms for asked in result.http if asked.purpose == "voice") <= 1500
    assert CALLER not in log


def await_file(path):
    deadline = time.monotonic() + 10
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert LINE in path.read_text()
