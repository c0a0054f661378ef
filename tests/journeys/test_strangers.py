"""A thousand sockets of strangers: they open nothing at OpenAI, are gone soon, and a caller notices nothing of them."""

import asyncio
import json
import time
from collections import Counter
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from calls.emulators.phone import Callee
from calls.emulators.phone_http import Signer
from calls.lab import scratch
from tests import factories
from tests.journeys.conftest import QUICK_CALLEE, running_station, story, town_of

EACH = 200
WSS = scratch.PUBLIC_URL.replace("https", "wss") + "/twilio/realtime"
TALK = """
- agent: {text: "How can I help?"}
- hang_up: true
"""
MOST_GROWTH = 40 * 2**20  # S2 of the threat model; 30,000 bytes each while it is there, most of it the server's own


def start(call_sid, token):
    parameters = {"token": token} if token else {}
    started = {
        "streamSid": factories.make_sid("MZ"),
        "accountSid": scratch.ACCOUNT_SID,
        "callSid": call_sid,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": parameters,
    }
    return json.dumps({"event": "start", "sequenceNumber": "1", "start": started, "streamSid": started["streamSid"]})


async def stranger(url, headers, first):
    """How the server got rid of it, and after how many seconds."""
    began = time.monotonic()
    try:
        async with connect(url, additional_headers=headers, open_timeout=60, proxy=None) as socket:
            began = time.monotonic()
            if first:
                await socket.send(first)
            async for _ in socket:
                raise AssertionError("a stranger was answered")
            return "closed", time.monotonic() - began
    except InvalidStatus as refusal:
        return refusal.response.status_code, 0.0
    except ConnectionClosed:
        return "closed", time.monotonic() - began


async def all_of(strangers):
    await asyncio.gather(*strangers)


def memory(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.proof
def test_a_thousand_strangers_open_no_session_and_hold_up_no_caller(django_db_setup, line, tmp_path):
    with running_station(tmp_path, 1.0) as station, town_of(station) as town:
        known = town.ring(story(TALK))
        used = known.heard.documents[0].split('name="token" value="')[1].split('"')[0]
        url = town.server.base_url.replace("http", "ws") + "/twilio/realtime"
        signed = Signer(town.token).headers(WSS, {})
        kinds = [
            (signed, None),
            ({}, None),
            (signed, start(known.row.call_sid, "")),
            (signed, start(known.row.call_sid, "wrong")),
            (signed, start(known.row.call_sid, used)),
        ]
        # What any first stranger makes the server load counts for none of the thousand.
        asyncio.run(all_of([stranger(url, headers, first) for headers, first in kinds]))
        before, sessions = memory(station.server.pid), len(town.emulator.sessions)
        town.emulator.scenarios[:] = [story(TALK)]

        async def siege():
            async with asyncio.TaskGroup() as group:
                strangers = [
                    group.create_task(stranger(url, headers, first)) for headers, first in kinds for _ in range(EACH)
                ]
                await asyncio.sleep(1)
                caller = await town.phone(callee=Callee(**QUICK_CALLEE)).call(story(TALK))
            return caller, [task.result() for task in strangers]

        caller, ends = asyncio.run(siege())
        opened = len(town.emulator.sessions) - sessions
        growth = memory(station.server.pid) - before

    assert opened == 1  # the caller's own
    assert Counter(how for how, _ in ends) == {"closed": 4 * EACH, 403: EACH}
    assert max(seconds for _, seconds in ends) <= 6
    assert caller.first_audio_ms <= 1500
    assert growth <= MOST_GROWTH
