"""A caller and a model that do next to nothing, so that what is measured is the relay between them.

They write their frames straight to the transport: at thousands of frames a second their own work would be measured.
"""

import asyncio
import json
import secrets
import struct
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from calls.emulators.phone_http import Client, Road, Signer
from calls.emulators.phone_upgrade import open_socket
from calls.lab import scratch

LINE, CALLER = "+15550109999", "+15550100001"
WSS = scratch.PUBLIC_URL.replace("https", "wss") + "/twilio/realtime"
PCMU = {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcmu"}}}
APPEND = b'{"type":"input_audio_buffer.append","audio":"'
HALF_SECOND = "/v7+" * 1333  # mu-law near silence


class Model:
    """OpenAI's part: agrees to everything, greets once, and hands each sound of the caller to `on_sound`."""

    def __init__(self):
        self.connections = []
        self.opened = 0
        self.is_ready = asyncio.Event()
        self.on_sound = lambda payload: None
        self.others = []

    @asynccontextmanager
    async def serving(self):
        async with serve(self._converse, "127.0.0.1", 0, compression=None, max_size=None, max_queue=None) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime"
            yield self

    async def _converse(self, connection):
        self.opened += 1
        self.connections.append(connection)
        with suppress(ConnectionClosed):
            await connection.send(_text("session.created", session={"id": "sess_1", "model": "gpt-realtime-2.1"}))
            while True:
                self._hear(await connection.recv(decode=False), connection)

    def _hear(self, frame, connection):
        if frame.startswith(APPEND):
            self.on_sound(frame[len(APPEND) : -2])
            return
        event = json.loads(frame)
        self.others.append(event["type"])
        if event["type"] == "session.update":
            self.put(_text("session.updated", session={"audio": PCMU}), connection)
        elif event["type"] == "response.create" and not self.is_ready.is_set():
            self.speak("resp_0", "item_0", [HALF_SECOND], connection)
            self.is_ready.set()

    def put(self, frame, connection=None):
        """Send without waiting; `drain` waits. Nothing happens once the relay has closed the session."""
        connection = connection or self.connections[-1]
        if connection.state is not State.OPEN:
            return
        data = frame if isinstance(frame, bytes) else frame.encode()
        connection.transport.write(server_frame(data))

    async def drain(self):
        while self.connections[-1].transport.get_write_buffer_size() > 2**20:  # noqa: ASYNC110 - a transport tells nobody
            await asyncio.sleep(0.001)

    def speak(self, response_id, item_id, payloads, connection=None):
        """A whole response with so many pieces of sound."""
        at = {"response_id": response_id, "item_id": item_id, "content_index": 0}
        self.put(_text("response.created", response={"id": response_id, "conversation_id": "c"}), connection)
        for payload in payloads:
            self.put(_text("response.output_audio.delta", **at, delta=payload), connection)
        self.put(_text("response.output_audio.done", **at), connection)
        self.put(_text("response.output_audio_transcript.done", **at, transcript=f"Words of {item_id}."), connection)
        self.put(_text("response.done", response={"id": response_id, "status": "completed"}), connection)


@dataclass
class Caller:
    """Twilio's part: one signed webhook, one stream. `on_media` is given each payload that is to be played."""

    base_url: str
    auth_token: str
    number: str = CALLER
    call_sid: str = field(default_factory=lambda: "CA" + secrets.token_hex(16))
    stream_sid: str = field(default_factory=lambda: "MZ" + secrets.token_hex(16))
    echoes_marks: bool = True
    media: int = 0
    on_media: object = lambda payload: None
    first_sound: asyncio.Event = field(default_factory=asyncio.Event)

    async def ring(self):
        """Dial, and open the stream; raises what the emulated network raises."""
        road = Road(self.base_url, scratch.PUBLIC_URL)
        signer = Signer(self.auth_token)
        fields = {
            "CallSid": self.call_sid,
            "AccountSid": scratch.ACCOUNT_SID,
            "From": self.number,
            "To": LINE,
            "CallStatus": "ringing",
            "Direction": "inbound",
            "ApiVersion": "2010-04-01",
        }
        answer = await Client(road, signer).send("POST", f"{scratch.PUBLIC_URL}/twilio/voice", fields, {})
        token = answer.text.split('name="token" value="')[1].split('"')[0]
        self.socket = await open_socket(road, WSS, signer.headers(WSS, {}))
        start = {
            "streamSid": self.stream_sid,
            "accountSid": scratch.ACCOUNT_SID,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": token},
        }
        self.put('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        self.put(json.dumps({"event": "start", "streamSid": self.stream_sid, "start": start}))
        self.reading = asyncio.create_task(self._read())
        return self

    async def _read(self):
        with suppress(ConnectionClosed):
            while True:
                frame = await self.socket.recv()
                if frame.startswith('{"event":"media"'):
                    self.media += 1
                    self.first_sound.set()
                    self.on_media(frame[:-3].rpartition('"')[2])
                elif self.echoes_marks and frame.startswith('{"event":"mark"'):
                    self.put(frame)

    @property
    def is_open(self):
        return not self.reading.done()

    def put(self, frame):
        """Send without waiting: text, or bytes as a binary frame."""
        is_text = isinstance(frame, str)
        self.socket.transport.write(client_frame(frame.encode() if is_text else frame, 1 if is_text else 2))

    def say(self, payload, timestamp_ms=None):
        at = "" if timestamp_ms is None else f',"timestamp":"{timestamp_ms}"'
        self.put(
            f'{{"event":"media","streamSid":"{self.stream_sid}","media":{{"track":"inbound"{at},"payload":"{payload}"}}}}'
        )

    async def drain(self):
        while self.socket.transport.get_write_buffer_size() > 2**20:  # noqa: ASYNC110 - a transport tells nobody
            await asyncio.sleep(0.001)

    async def hang_up(self):
        self.put(json.dumps({"event": "stop", "streamSid": self.stream_sid, "stop": {"callSid": self.call_sid}}))
        await self.socket.close()
        await self.reading

    async def talk(self, payload, *, until, every=0.02):
        """Keep talking, as a line does that is never quiet, until the event is set."""
        began, count = time.monotonic(), 0
        while not until.is_set():
            self.say(payload)
            count += 1
            await asyncio.sleep(max(0.0, began + count * every - time.monotonic()))


def _text(type_, **members):
    return json.dumps({"type": type_, "event_id": "event_1", **members})


def server_frame(payload, opcode=1):
    return bytes([0x80 | opcode]) + _length(len(payload), 0) + payload


def client_frame(payload, opcode=1):
    """Masked with zeros, which is a mask, and leaves the payload as it is."""
    return bytes([0x80 | opcode]) + _length(len(payload), 0x80) + b"\0\0\0\0" + payload


def _length(size, mask):
    if size < 126:
        return bytes([mask | size])
    return struct.pack("!BH", mask | 126, size) if size < 2**16 else struct.pack("!BQ", mask | 127, size)
