"""Twilio's REST interface as played here: it rings, obeys, reports, and refuses what the vendor would."""

import asyncio
import json
from urllib.parse import urlencode

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from calls.emulators.phone_http import signature
from calls.emulators.twilio_api import Callee, Person, TwilioApi
from tests.emulators.tiny_server import PUBLIC, TOKEN, TinyServer, twiml

pytestmark = pytest.mark.asyncio

ACCOUNT = "AC" + "0" * 32
OURS, THEIRS = "+15550109999", "+15550100001"
EVENTS = ["initiated", "ringing", "answered", "completed"]


class Town:
    """The emulator, the server that it rings up, and the vendor's own client."""

    def __init__(self, server, **options):
        self.server = server
        self.api = TwilioApi(
            account_sid=ACCOUNT, auth_token=TOKEN, base_url=server.url, public_url=PUBLIC, rate=20.0, **options
        )

    async def __aenter__(self):
        await self.api.start()
        self.client = Client(ACCOUNT, TOKEN, http_client=TwilioHttpClient(timeout=5))
        self.client.api.base_url = self.api.url
        return self

    async def __aexit__(self, *exc):
        await self.api.stop()
        self.client.http_client.session.close()

    async def do(self, function, *arguments, **options):
        return await asyncio.to_thread(function, *arguments, **options)

    async def place(self, **options):
        standing = {"to": THEIRS, "from_": OURS, "url": f"{PUBLIC}/twilio/voice?attempt=1"}
        reports = {"status_callback": f"{PUBLIC}/twilio/status?attempt=1", "status_callback_event": EVENTS}
        call = await self.do(self.client.calls.create, **standing | reports | options)
        return self.api.calls[call.sid]

    async def finished(self, **options):
        record = await self.place(**options)
        await self.api.settled()
        return record

    def reported(self):
        return [(r.form["SequenceNumber"], r.form["CallStatus"]) for r in self.server.posted if "status" in r.path]


async def test_an_ordered_call_rings_is_answered_and_reports_its_progress():
    async with TinyServer().on("/twilio/voice", twiml("<Say>Hello.</Say>")) as server, Town(server) as town:
        record = await town.finished()

        asked = next(request for request in server.posted if request.path == "/twilio/voice")
        url = f"{PUBLIC}/twilio/voice?attempt=1"
        assert asked.headers["X-Twilio-Signature"] == signature(TOKEN, url, asked.form)
        assert (asked.form["Direction"], asked.form["From"], asked.form["To"]) == ("outbound-api", OURS, THEIRS)
        assert sorted(town.reported()) == [
            ("0", "initiated"),
            ("1", "ringing"),
            ("2", "in-progress"),
            ("3", "completed"),
        ]
        assert (record.status, record.result.verbs, record.result.protocol_violations) == ("completed", ["Say"], [])


@pytest.mark.parametrize("outcome", ["busy", "no-answer", "failed"])
async def test_somebody_who_is_not_reached_is_reported(outcome):
    async with TinyServer() as server, Town(server, person=Person(callee=Callee(outcome=outcome))) as town:
        record = await town.finished(timeout=5)

        assert record.status == outcome
        assert [status for _, status in sorted(town.reported())] == ["initiated", "ringing", outcome]
        assert "/twilio/voice" not in server.paths()


async def test_who_is_rung_presses_the_key_that_is_asked_for():
    voice = twiml('<Gather numDigits="1" action="/twilio/key"><Say>Press 1.</Say></Gather><Hangup/>')
    server = TinyServer().on("/twilio/voice", voice).on("/twilio/key", twiml("<Hangup/>"))
    async with server, Town(server, person=Person(callee=Callee(presses="1"))) as town:
        await town.finished()

        assert server.form("/twilio/key")["Digits"] == "1"


async def test_a_machine_is_told_beside_the_call_and_the_call_led_elsewhere():
    voice = twiml('<Pause length="60"/>')
    person = Person(answered_by="machine_end_beep", callee=Callee(ring_ms=100))
    async with TinyServer().on("/twilio/voice", voice) as server, Town(server, person=person) as town:
        amd = {"machine_detection": "DetectMessageEnd", "async_amd": "true"}
        record = await town.place(**amd, async_amd_status_callback=f"{PUBLIC}/twilio/amd?attempt=1")
        while "/twilio/amd" not in server.paths():
            await asyncio.sleep(0.01)
        document = "<Response><Say>Please ring us back.</Say><Hangup/></Response>"
        await town.do(town.client.calls(record.sid).update, twiml=document)
        await town.api.settled()

        assert server.form("/twilio/amd")["AnsweredBy"] == "machine_end_beep"
        assert record.result.verbs == ["Pause", "Say", "Hangup"]
        assert record.answered_by == "machine_end_beep"


async def test_a_live_call_is_ended_and_an_ended_one_cannot_be():
    async with TinyServer().on("/twilio/voice", twiml('<Pause length="60"/>')) as server, Town(server) as town:
        record = await town.place()
        while record.status != "in-progress":
            await asyncio.sleep(0.01)
        await town.do(town.client.calls(record.sid).update, status="completed")
        await town.api.settled()

        assert record.status == "completed"
        with pytest.raises(TwilioRestException) as refused:
            await town.do(town.client.calls(record.sid).update, status="completed")
        assert (refused.value.status, refused.value.code) == (400, 21220)


async def test_a_call_that_rings_stops_ringing_and_cannot_be_led_elsewhere():
    person = Person(callee=Callee(ring_ms=30_000))
    async with TinyServer() as server, Town(server, person=person) as town:
        record = await town.place()
        while record.status != "ringing":
            await asyncio.sleep(0.01)
        with pytest.raises(TwilioRestException) as refused:
            await town.do(town.client.calls(record.sid).update, twiml="<Response><Hangup/></Response>")
        await town.do(town.client.calls(record.sid).update, status="completed")
        await town.api.settled()

        assert (refused.value.status, refused.value.code) == (400, 21220)
        assert (record.status, server.paths().count("/twilio/voice")) == ("canceled", 0)


async def test_the_twiml_of_the_order_is_obeyed_without_asking():
    async with TinyServer() as server, Town(server) as town:
        record = await town.finished(url=None, twiml="<Response><Say>Hello.</Say></Response>")

        assert (record.result.verbs, server.paths().count("/twilio/voice")) == (["Say"], 0)


@pytest.mark.parametrize(
    ("path", "form", "status", "code"),
    [
        ("Calls", {"From": OURS, "Url": PUBLIC}, 400, 21201),
        ("Calls", {"To": THEIRS, "Url": PUBLIC}, 400, 21213),
        ("Calls", {"To": THEIRS, "From": OURS}, 400, 21205),
        ("Calls", {"To": THEIRS, "From": OURS, "Url": PUBLIC, "Colour": "red"}, 400, 20001),
        ("Calls", {"To": THEIRS, "From": OURS, "Twiml": "x" * 4001}, 400, 20001),
        ("Calls", {"To": THEIRS, "From": OURS, "Url": PUBLIC, "Timeout": "601"}, 400, 20001),
        ("Calls", {"To": THEIRS, "From": OURS, "Url": PUBLIC, "AsyncAmdStatusCallback": PUBLIC}, 400, 21240),
        ("Calls", {"To": THEIRS, "From": OURS, "Url": PUBLIC, "StatusCallbackEvent": "done"}, 400, 21626),
        ("Calls/CA404", {"Status": "completed"}, 404, 20404),
        ("Messages", {"From": OURS, "Body": "x"}, 400, 21604),
        ("Messages", {"To": THEIRS, "From": OURS}, 400, 21602),
        ("Messages", {"To": THEIRS, "From": OURS, "Body": "x" * 1601}, 400, 21617),
        ("Faxes", {"To": THEIRS}, 404, 20404),
    ],
)
async def test_what_the_vendor_would_refuse_is_refused_in_its_shape(path, form, status, code):
    async with TinyServer() as server, Town(server) as town:
        url = f"{town.api.url}/2010-04-01/Accounts/{ACCOUNT}/{path}.json"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await town.do(
            town.client.http_client.request, "POST", url, data=urlencode(form), headers=headers, auth=(ACCOUNT, TOKEN)
        )

        assert (answer.status_code, town.api.calls, town.api.messages) == (status, {}, {})
        body = json.loads(answer.text)
        assert (body["code"], body["status"]) == (code, status)
        assert body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
