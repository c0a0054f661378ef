"""Drives the Realtime emulator over a real socket, and judges all it sends by the `openai` package's types."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Mapping

from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter
from websockets.asyncio.client import connect

from calls.emulators import sound
from calls.emulators.realtime_server import RealtimeServer
from calls.emulators.scenario import Agent, Caller, Say, Scenario

MODEL = "gpt-realtime-2.1"
JUDGE = TypeAdapter(RealtimeServerEvent)
# Seen on the wire or in the guides, absent from the package's types.
UNTYPED = {"obfuscation", "phase", "id", "object", "expires_at"}
PHONE = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "instructions": "You answer the phone.\nCaller: +15550100001",
    "audio": {
        "input": {
            "format": {"type": "audio/pcmu"},
            "transcription": {"model": "gpt-transcribe"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 300},
        },
        "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"},
    },
    "tools": [{"type": "function", "name": "take_message", "parameters": {"type": "object"}}],
}


def script(*steps, **members):
    return Scenario(name="test", caller=Caller("+15550100001"), steps=steps, **members)


def conforming(event):
    """`event`, if the package knows its type and each of its members."""
    judged = JUDGE.validate_python(event)
    assert judged.type == event["type"]
    assert untyped(judged, event) == []
    return event


def untyped(judged, given, path=""):
    """The members of `given` that the package's types do not have."""
    if isinstance(judged, BaseModel) and isinstance(given, Mapping):
        unknown = (judged.model_extra or {}).keys() - UNTYPED
        inner = [
            found for name in given for found in untyped(getattr(judged, name, None), given[name], f"{path}.{name}")
        ]
        return [f"{path}.{name}" for name in sorted(unknown)] + inner
    if isinstance(judged, list) and isinstance(given, list):
        pairs = zip(judged, given, strict=True)
        return [found for number, pair in enumerate(pairs) for found in untyped(*pair, f"{path}[{number}]")]
    return []


class Client:
    """One socket; keeps everything it received and judges it at once."""

    def __init__(self, socket, judge=True):
        self.socket = socket
        self.seen = []
        self._judge = judge

    async def send(self, kind, **members):
        await self.socket.send(json.dumps({"type": kind, **members}))

    async def say(self, payload):
        for frame in sound.frames(payload):
            await self.send("input_audio_buffer.append", audio=base64.b64encode(frame).decode())

    async def speak(self, ms=600, quiet_ms=400):
        """A turn of the caller: a tone, then silence."""
        await self.say(sound.tone(ms) + sound.silence(quiet_ms))

    async def receive(self):
        async with asyncio.timeout(5):
            event = json.loads(await self.socket.recv())
        self.seen.append(conforming(event) if self._judge else event)
        return event

    async def until(self, kind, count=1):
        """Receive up to the next event of `kind` and return it."""
        for _ in range(count):
            while (event := await self.receive())["type"] != kind:
                pass
        return event

    async def quiet(self, seconds=0.1):
        """What arrives within this time."""
        began = len(self.seen)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await self.receive_forever()
        return self.seen[began:]

    async def receive_forever(self):
        event = json.loads(await self.socket.recv())
        self.seen.append(conforming(event) if self._judge else event)

    async def answer_to(self, kind, **members):
        """Send an event and return the next that comes back."""
        await self.send(kind, **members)
        return await self.receive()

    async def refusal_of(self, kind, **members):
        """Send an event that must be refused: code, param and the echoed event_id."""
        event = await self.answer_to(kind, event_id="mine", **members)
        assert event["type"] == "error"
        return event["error"]["code"], event["error"]["param"], event["error"]["event_id"]

    def types(self):
        """The types received, runs of one type told once."""
        types = [event["type"] for event in self.seen]
        return [kind for number, kind in enumerate(types) if types[number - 1 : number] != [kind]]


@contextlib.asynccontextmanager
async def connected(server, *, model=MODEL, judge=True, **options):
    options.setdefault("additional_headers", {"Authorization": "Bearer sk-test"})
    url = server.url if model is None else f"{server.url}?model={model}"
    async with connect(url, compression=None, proxy=None, **options) as socket:
        yield Client(socket, judge)


@contextlib.asynccontextmanager
async def session(*steps, settings=PHONE, model=MODEL, judge=True, **options):
    """A server with these steps and a client whose session is set up; yields (client, server)."""
    options = {"rate": 20, "think_ms": 100, **options}
    async with (
        RealtimeServer([script(*steps)], **options) as server,
        connected(server, model=model, judge=judge) as client,
    ):
        await client.until("session.created")
        if settings is not None:
            await client.send("session.update", session=settings)
            await client.until("session.updated")
        yield client, server


GREETING = Agent(text="Thanks for calling Acme.")
LEAK = Say(text="My tap is dripping.")


async def spoken(client):
    """Let the agent speak its next step; the item."""
    await client.send("response.create")
    done = await client.until("response.done")
    await client.until("rate_limits.updated")
    return done["response"]["output"][0]
