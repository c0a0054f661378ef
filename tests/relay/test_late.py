"""A tool that ends after its time: a call that goes on hears of it, and one that is over is summed up once more."""

import asyncio
import base64
import logging
import threading
from dataclasses import replace

import pytest
import pytest_asyncio

from calls import database
from calls.conversation.messages import RunTool
from calls.emulators.realtime_server import RealtimeServer
from calls.emulators.scenario import parse
from calls.logs import CallLogger
from calls.models import Call, CallEvent, Message
from calls.relay.late import LateTools
from calls.tools import registry
from tests.relay.test_relay import frames_to, talking

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

MESSAGE = {"text": "Call me", "caller_name": "Ann"}
SCENARIO = {
    "name": "message",
    "caller": {"from": "+15550100001", "to": "+15550109999"},
    "steps": [
        {"agent": {"text": "Hello."}},
        {"say": {"text": "Please take a message."}},
        {"agent": {"text": "One moment.", "tool": "take_message", "arguments": MESSAGE}},
    ],
}
LOUD, SILENT = (base64.b64encode(bytes(levels) * 80).decode() for levels in ((0x10, 0x90), (0xFF, 0xFF)))


@pytest_asyncio.fixture
async def openai():
    async with RealtimeServer([parse(SCENARIO)], rate=4.0, think_ms=100) as server:
        yield server


@pytest.fixture
def held(monkeypatch):
    """take_message waits for this before it writes, and its time is up at once."""
    go = threading.Event()
    tool = registry._tools["take_message"]

    def wait_and_take(context, **values):
        go.wait(10)
        return tool.function(context, **values)

    slow = replace(tool, function=wait_and_take)
    monkeypatch.setitem(registry._tools, "take_message", slow)
    monkeypatch.setattr(registry, "TIME_LIMIT", 0.05)
    yield go
    go.set()


async def asking(openai):
    """A caller whose words make the model call the tool, and whose tool has run out of time."""
    caller = await talking(openai)
    while True:
        for payload in [LOUD] * 40 + [SILENT] * 60:
            caller.say("media", media={"payload": payload})
            await asyncio.sleep(0.005)
        if await database.run(timed_out):
            return caller


async def until(condition):
    async with asyncio.timeout(5):
        while not await database.run(condition):
            await asyncio.sleep(0.02)


def timed_out():
    return Call.objects.get().tool_calls.filter(status="timed_out").exists()


def is_done_late():
    return CallEvent.objects.filter(kind="tool_done_late").exists()


async def test_call_that_goes_on_hears_what_came_of_it(openai, held):
    caller = await asking(openai)
    held.set()
    await until(is_done_late)
    items = [frame["item"] for frame in await frames_to(openai, "conversation.item.create")]
    while items[-1].get("role") != "system":
        await asyncio.sleep(0.02)
        items = [frame["item"] for frame in await frames_to(openai, "conversation.item.create")]
    caller.say("stop")
    await caller.is_over()

    assert items[-1]["content"][0]["text"].startswith(
        "take_message has ended after all. Tell the caller what came of it: {"
    )


async def test_call_that_is_over_hears_nothing_and_a_person_is_told(openai, held):
    caller = await asking(openai)
    caller.say("stop")
    await caller.is_over()
    sent = len(openai.sessions[0].received("conversation.item.create"))
    before = await Call.objects.aget()
    held.set()
    await until(lambda: Call.objects.get().review_reason.startswith("“take message” was done late"))

    assert before.review_reason == "“take message” gave no answer in time."
    assert await Message.objects.acount() == 1
    assert len(openai.sessions[0].received("conversation.item.create")) == sent


async def test_late_transfer_is_made_after_all_and_told_once_however_often_it_was_asked_for():
    told, written = [], []

    async def persist(write):
        written.append(write.keywords["tool_call_id"])

    late = LateTools(
        1,
        now=lambda: 1.0,
        persist=persist,
        advise=lambda text, then: told.append(then),
        conclude=lambda: None,
        log=CallLogger(logging.getLogger("calls.test"), {}),
    )
    work = asyncio.create_task(asyncio.sleep(0, registry.Answer({"status": "ok"}, then="transfer")))
    for tool_call_id in ("call_1", "call_2"):
        late.follow(RunTool(tool_call_id, "transfer_to_person", "{}"), work)
    async with asyncio.timeout(5):
        while len(written) < 2:
            await asyncio.sleep(0)

    assert (told, sorted(written)) == (["transfer"], ["call_1", "call_2"])
