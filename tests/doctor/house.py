"""A little server on loopback that a telephone line could have: healthy, or broken in one place.

Written after Twilio's documents and not after the doctor, so that the two can disagree.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

import uvicorn

from calls.emulators import sound
from calls.emulators.scenario import BUNDLED

TOKEN = "0123456789abcdef0123456789abcdef"
GREETING = sound.read(Path(BUNDLED).parent / "audio" / "agent_greeting.ulaw")
XML = "text/xml; charset=utf-8"


@dataclass
class Reply:
    status: int = 200
    body: str = ""
    kind: str = XML
    headers: dict = field(default_factory=dict)


def twiml(url="{socket}/twilio/realtime", *, before="", action=' action="{base}/twilio/after"', verb="Connect"):
    return Reply(
        body=f'{before}<?xml version="1.0" encoding="UTF-8"?><Response><{verb}{action}><Stream url="{url}">'
        f'<Parameter name="token" value="one-time-token"/></Stream></{verb}></Response>'
    )


def page(status=200, *, title="Welcome"):
    return Reply(status, f"<!DOCTYPE html><html><head><title>{title}</title></head></html>", "text/html")


def signed(url, form, token=TOKEN):
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


async def greet(socket):
    await socket.play(GREETING[:12000])


class Socket:
    """The server's end of a stream, once `start` has come."""

    def __init__(self, send, receive, start):
        self.send, self.receive, self.start = send, receive, start
        self.stream_sid = start["streamSid"]

    async def play(self, mulaw, **changes):
        for at in range(0, len(mulaw), 1600):
            payload = base64.b64encode(mulaw[at : at + 1600]).decode()
            await self.tell({"event": "media", "streamSid": self.stream_sid, "media": {"payload": payload}} | changes)

    async def tell(self, message):
        await self.send({"type": "websocket.send", "text": json.dumps(message)})

    async def close(self, code):
        await self.send({"type": "websocket.close", "code": code})


class Server(uvicorn.Server):
    """uvicorn beside other code: it leaves the signals alone, tells when it listens, and stops at once."""

    def __init__(self, config):
        super().__init__(config)
        self.is_up, self.is_over = asyncio.Event(), asyncio.Event()

    async def main_loop(self):
        await self.on_tick(0)  # sets the headers Date and Server
        await self.is_over.wait()

    def capture_signals(self):
        return contextlib.nullcontext()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.is_up.set()


class House:
    """`voice`, `health`: replies; `talk`: what is done on a stream; `door`: how an upgrade is answered."""

    def __init__(self, *, voice=None, health=None, front=None, talk=greet, door=None, takes_sockets=True, token=TOKEN):
        self.voice = voice or twiml()
        self.health = health or Reply(body=json.dumps({"status": "ok", "instance": "a1b2c3"}), kind="application/json")
        self.front = front
        self.talk, self.door, self.takes_sockets, self.token = talk, door or self.welcome, takes_sockets, token
        self.posts = []
        self.starts = []

    async def __aenter__(self):
        config = uvicorn.Config(
            self.app,
            port=0,
            interface="asgi3",
            ws="websockets-sansio" if self.takes_sockets else "none",
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=self.front is None,
            timeout_graceful_shutdown=1,
        )
        self._server = Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        await self._server.is_up.wait()
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_):
        self._server.is_over.set()
        await self._serving

    async def app(self, scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            await self.door(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        reply = await self._reply(scope, body)
        names = {"base": self.base, "socket": self.base.replace("http", "ws", 1)}
        text = reply.body
        for name, value in names.items():
            text = text.replace(f"{{{name}}}", value)
        headers = {"content-type": reply.kind, **reply.headers}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
        await send({"type": "http.response.body", "body": text.encode()})

    async def _reply(self, scope, body):
        if scope["path"] == "/healthz":
            return self.health
        if scope["path"] == "/" and self.front:
            return self.front
        if scope["path"] == "/twilio/realtime":
            return Reply(426, "This address takes WebSockets.", "text/plain")
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        self.posts.append((scope["path"], form))
        wanted = signed(f"{self.base}{scope['path']}", form, self.token)
        if dict(scope["headers"]).get(b"x-twilio-signature", b"").decode() != wanted:
            return Reply(403, "Forbidden", "text/plain")
        return self.voice if scope["path"] == "/twilio/voice" else Reply(204)

    async def welcome(self, scope, receive, send, *, subprotocol=None):
        headers = dict(scope["headers"])
        url = f"{self.base.replace('http', 'ws', 1)}/twilio/realtime"
        if headers.get(b"x-twilio-signature", b"").decode() != signed(url, {}, self.token):
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept", "subprotocol": subprotocol})
        start = await self._start(receive)
        if start:
            self.starts.append(start)
            socket = Socket(send, receive, start)
            with contextlib.suppress(RuntimeError):  # the caller has hung up
                await self.talk(socket)
                while (await receive())["type"] != "websocket.disconnect":
                    pass

    async def _start(self, receive):
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            frame = json.loads(message["text"])
            if frame["event"] == "start":
                return frame


def refusing(status, body=b"", **headers):
    """A door that answers an upgrade with a plain answer."""

    async def door(scope, receive, send):
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "websocket.http.response.start", "status": status, "headers": named})
        await send({"type": "websocket.http.response.body", "body": body})

    return door
