"""Calls by streamdouble, somebody else's reading of Twilio's stream, in real time.

It signs no upgrade, so its server runs with TWILIO_SIGNATURE=log; the token of each call comes from a signed webhook.
"""

import asyncio
import xml.etree.ElementTree as ElementTree

import pytest
from streamdouble.protocol import StreamIdentity
from streamdouble.scenario import parse
from streamdouble.session import Session, SessionConfig

from calls.emulators import sound
from calls.emulators.phone_http import Client, Road, Signer
from calls.emulators.scenario import AUDIO
from calls.lab import scratch
from calls.lab.calling import settled_row
from calls.models import Call
from tests.journeys.conftest import CALLER, LINE, running_station, story, town_of

STORY = """
- agent: {text: "Thank you for calling. How can I help you?"}
- say: {text: "When are you open on Saturday?"}
- agent: {text: "From eight until noon."}
"""
PATIENT = [{"wait_for": "quiet"}, {"say": "caller.wav"}, {"wait": 1.2}, {"wait_for": "quiet"}]
IMPATIENT = [
    {"wait_for": "audio"},
    {"wait": 0.5},
    {"say": "caller.wav"},
    {"expect": "clear"},
    {"wait": 1.2},
    {"wait_for": "quiet"},
]


@pytest.fixture(scope="module")
def lenient_station(django_db_setup, tmp_path_factory):
    folder = tmp_path_factory.mktemp("station")
    with running_station(folder, 1.0, DEBUG="on", TWILIO_SIGNATURE="log") as station:
        yield station


async def token_of(town, identity):
    """What the stream of a new call has to carry, from the answer to its webhook."""
    client = Client(Road(town.server.base_url, scratch.PUBLIC_URL), Signer(town.token))
    form = {"CallSid": identity.call_sid, "AccountSid": scratch.ACCOUNT_SID, "CallStatus": "ringing"}
    form |= {"Direction": "inbound", "ApiVersion": "2010-04-01", "From": CALLER, "To": LINE}
    answer = await client.send("POST", f"{scratch.PUBLIC_URL}/twilio/voice", form, {})
    return ElementTree.fromstring(answer.body).find("./Connect/Stream/Parameter[@name='token']").get("value")


async def place(town, steps, folder):
    identity = StreamIdentity(account_sid=scratch.ACCOUNT_SID)
    config = SessionConfig(
        custom_parameters={"token": await token_of(town, identity)}, quiet_period_s=0.6, max_drain_s=0.5
    )
    url = f"{town.server.base_url.replace('http', 'ws')}/twilio/realtime"
    scenario = parse({"name": "call", "steps": steps}, base_dir=folder)
    return await Session(url, scenario=scenario, config=config, identity=identity).run()


async def place_all(town, folder):
    return await asyncio.gather(*(place(town, steps, folder) for steps in (PATIENT, IMPATIENT)))


def test_independent_phone_sees_no_violation_and_hears_the_agent_soon(lenient_station, line, tmp_path):
    sound.write_wav(tmp_path / "caller.wav", sound.read(AUDIO / "caller_hours.ulaw"))

    # At the pace of speech: streamdouble's quiet is the time since sound last arrived, not since it was heard.
    with town_of(lenient_station, pace=1.0) as town:
        town.emulator.scenarios[:] = [story(STORY)]
        results = asyncio.run(place_all(town, tmp_path))

    assert [result.violations for result in results] == [[], []]
    assert [result.unknown_events for result in results] == [[], []]
    assert [result.failed_expectations for result in results] == [[], []]
    assert [result.clears_received for result in results] == [0, 1]
    assert max(result.time_to_first_audio_s for result in results) < 5 * 1.0
    for result in results:
        assert result.marks_echoed != []
        row = settled_row(result.identity.call_sid)
        assert row.first_audio_ms < 5 * 1000
        assert not row.events.filter(kind="filler").exists()
        assert (row.status, row.end_reason) == (Call.Status.ENDED, Call.EndReason.CALLER_HANGUP)
        assert [turn.role for turn in row.turns.all()] == ["agent", "caller", "agent"]
