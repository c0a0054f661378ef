"""The first sound of a call: kept from one call, played at once in the next, and never a wrong one."""

import asyncio
import math
from base64 import b64decode
from datetime import timedelta
from functools import partial

import pytest
import pytest_asyncio
from django.utils import timezone

from calls import database
from calls.audio import level_dbov, mulaw
from calls.emulators import sound
from calls.emulators.realtime_server import RealtimeServer
from calls.emulators.scenario import parse
from calls.models import Agent, Call, CallEvent, KeptGreeting, Turn
from calls.relay import greetings
from tests import factories
from tests.relay.test_relay import Caller, row

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

WORDS = "Thanks for calling Cedar Plumbing. This is Cortana, an automated assistant. How can I help you today?"
SPOKEN = bytes([0xFF]) * 800 + sound.tone(6000)


def story(first=WORDS, later=("Certainly.",)):
    steps = [{"agent": {"text": text}} for text in (first, *later)]
    return parse({"name": "greeting", "caller": {"from": "+15550100001", "to": "+15550109999"}, "steps": steps})


@pytest_asyncio.fixture
async def openai():
    async with RealtimeServer([story()], rate=4.0, think_ms=100) as server:
        yield server


def a_call(agent=None):
    now = timezone.now()
    return factories.make_call(
        line=factories.make_line(agent=agent) if agent else None,
        status=Call.Status.RINGING,
        token_nonce="n" * 22,
        token_issued_at=now,
        rang_at=now - timedelta(milliseconds=300),
        streaming_at=None,
    )


async def ring(url, agent=None, sid="MZ1", **settings):
    caller = Caller(url, await database.run(partial(a_call, agent)), **settings)
    caller.start(sid=sid)
    return caller


def kept():
    return list(KeptGreeting.objects.values_list("text", "voice", "model", "ms"))


async def until(condition, *, seconds=4):
    async with asyncio.timeout(seconds):
        while not (found := await database.run(condition)):
            await asyncio.sleep(0.02)
    return found


def sound_of(session):
    """How many bytes the model has said, once all is said."""
    done = session.sent("response.done")
    return done and sum(len(b64decode(delta["delta"])) for delta in session.sent("response.output_audio.delta"))


def is_told(caller):
    """Whether the end of the response, which comes behind its sound, has arrived in the conversation."""
    return caller.relay._call._conversation._gate.is_idle


async def heard_whole(caller, openai):
    """The model has said its piece, the relay has understood that this was all, and Twilio has played it."""
    async with asyncio.timeout(4):
        while not (said := sound_of(openai.sessions[0])) or len(media(caller)) < said or not is_told(caller):
            await asyncio.sleep(0.02)
    for mark in [sent["mark"]["name"] for sent in caller.sent if sent["event"] == "mark"]:
        caller.say("mark", mark={"name": mark})


async def never_answering(reader, writer):
    await reader.read()
    writer.close()


def media(caller):
    return b"".join(b64decode(sent["media"]["payload"]) for sent in caller.sent if sent["event"] == "media")


async def hang_up(caller, sid="MZ1"):
    caller.say("stop", sid=sid)
    await caller.is_over()


async def test_the_greeting_of_one_call_is_the_first_sound_of_the_next(openai):
    first = await ring(openai.url)
    await asyncio.wait_for(first.heard.wait(), 20)
    await heard_whole(first, openai)
    assert await until(kept) == [(WORDS, "marin", "gpt-realtime-2.1", len(WORDS) * 60)]
    await hang_up(first)

    agent = await Agent.objects.aget()
    second = await ring(openai.url, agent, sid="MZ2")
    await asyncio.wait_for(second.heard.wait(), 1)
    await asyncio.sleep(0.05)

    assert media(second) == media(first)
    await hang_up(second, sid="MZ2")
    assert [len(session.received("response.create")) for session in openai.sessions[1:]] == [0]
    details = [e.detail async for e in CallEvent.objects.filter(kind="first_audio").order_by("pk")]
    assert [detail.get("kept") for detail in details] == [None, True]


async def test_the_greeting_of_one_host_is_not_that_of_another(openai):
    first = await ring(openai.url)
    await asyncio.wait_for(first.heard.wait(), 20)
    await heard_whole(first, openai)
    await until(kept)
    await hang_up(first)

    agent = await Agent.objects.aget()
    second = await ring(openai.url.replace("127.0.0.1", "localhost"), agent, sid="MZ2")
    await asyncio.wait_for(second.heard.wait(), 20)
    await hang_up(second, sid="MZ2")

    details = [e.detail async for e in CallEvent.objects.filter(kind="first_audio").order_by("pk")]
    assert [detail.get("kept") for detail in details] == [None, None]


async def test_it_is_on_the_wire_before_openai_has_opened_its_door():
    mute = await asyncio.start_server(never_answering, "127.0.0.1", 0)
    async with mute:
        agent = await database.run(factories.make_agent)
        await database.run(factories.make_kept_greeting, agent=agent, text=WORDS, sound=SPOKEN)
        port = mute.sockets[0].getsockname()[1]
        caller = await ring(f"ws://127.0.0.1:{port}/v1/realtime", agent, rate=1.0)
        await asyncio.wait_for(caller.heard.wait(), 0.75)  # 150 ms and the room of this machine

        assert media(caller) == SPOKEN
        await hang_up(caller)
    assert (await database.run(row)).first_audio_ms < 750


async def test_what_was_heard_of_it_enters_the_conversation_at_its_root(openai):
    agent = await database.run(factories.make_agent)
    await database.run(factories.make_kept_greeting, agent=agent, text=WORDS, sound=SPOKEN)
    caller = await ring(openai.url, agent)
    async with asyncio.timeout(4):
        while not (openai.sessions and openai.sessions[0].sent("session.updated")):
            await asyncio.sleep(0.02)
    [last] = [sent["mark"]["name"] for sent in caller.sent if sent["event"] == "mark"][-1:]
    caller.say("mark", mark={"name": last})
    async with asyncio.timeout(2):
        while not openai.sessions[0].received("conversation.item.create"):
            await asyncio.sleep(0.02)

    [told] = openai.sessions[0].received("conversation.item.create")
    assert (told["previous_item_id"], told["item"]["role"]) == ("root", "assistant")
    assert told["item"]["content"] == [{"type": "output_text", "text": WORDS}]
    await hang_up(caller)
    assert [(t.role, t.text, t.interrupted) async for t in Turn.objects.all()] == [("agent", WORDS, False)]
    assert openai.sessions[0].errors == []


async def test_another_sentence_of_the_model_is_not_kept():
    async with RealtimeServer([story(first="Hello.")], rate=4.0, think_ms=100) as openai:
        caller = await ring(openai.url)
        await asyncio.wait_for(caller.heard.wait(), 20)
        await heard_whole(caller, openai)
        await hang_up(caller)

    assert await database.run(kept) == []


async def test_a_greeting_of_the_wrong_length_is_refused_with_the_reason(openai, monkeypatch, caplog):
    monkeypatch.setattr(greetings, "MS_PER_LETTER", (100, 250))
    caller = await ring(openai.url)
    await asyncio.wait_for(caller.heard.wait(), 20)
    await heard_whole(caller, openai)
    await hang_up(caller)

    assert await database.run(kept) == []
    refusals = [r.why for r in caplog.records if r.message == "the greeting is not kept"]
    assert refusals == [f"{len(WORDS) * 60} ms do not fit {len(WORDS)} letters"]


async def test_the_longest_call_goes_to_a_person(openai):
    caller = await ring(openai.url, longest_call_seconds=2.0)
    await caller.is_over()

    assert caller.closed == [(1000, "handed_over", "max_duration")]
    assert {"limit_near", "limit_reached"} <= {e.kind async for e in CallEvent.objects.all()}


# Without a call


def quiet_tone(ms, peak):
    return bytes(mulaw(round(peak * math.sin(i))) for i in range(ms * 8))


async def test_silence_before_the_first_sound_is_left_out():
    breath, voice = quiet_tone(300, 60), sound.tone(500)

    assert level_dbov(breath) < greetings.QUIET_DBOV
    assert greetings.without_lead(breath + voice) == breath[-160:] + voice
    assert greetings.without_lead(voice) == voice
    assert level_dbov(greetings.without_lead(breath)) < greetings.QUIET_DBOV


@pytest.mark.parametrize(
    ("heard", "refusal"),
    [
        (sound.tone(1000), ""),
        (quiet_tone(1000, 60), "it is silent"),
        (b"", "it is silent"),
        (sound.tone(100), "100 ms do not fit 12 letters"),
        (sound.tone(4000), "4000 ms do not fit 12 letters"),
    ],
    ids=["speech", "silence", "nothing", "too short", "another format"],
)
async def test_only_what_can_be_the_sentence_is_kept(heard, refusal):
    assert greetings.refusal_of(heard, "Good morning") == refusal
