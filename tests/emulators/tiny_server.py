"""A few lines of server for the phone emulator to ring up: HTTP and WebSocket on one port, nothing of `calls`."""

import asyncio
import base64
import contextlib
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.frames import Opcode
from websockets.http11 import Request as Upgrade
from websockets.protocol import State
from websockets.server import ServerProtocol

from calls.emulators import scenario
from calls.emulators.phone import Phone
from calls.emulators.phone_result import CallResult

TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC = "https://cortana.example.com"
STREAM_URL = "wss://cortana.example.com/twilio/realtime"
XML = {"Content-Type": "text/xml"}


@dataclass
class Posted:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]


class Socket:
    """The server's end of one Media Stream."""

    def __init__(self, protocol: ServerProtocol, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.protocol = protocol
        self.reader = reader
        self.writer = writer
        self.seen: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.stream_sid = ""
        self.inbox: deque[Any] = deque()

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.writer.write(data)

    def send(self, message: dict[str, Any] | str | bytes) -> None:
        if isinstance(message, bytes):
            self.protocol.send_binary(message)
        else:
            text = message if isinstance(message, str) else json.dumps(message)
            self.protocol.send_text(text.encode())
        self.flush()

    def media(self, payload: bytes) -> None:
        text = base64.b64encode(payload).decode()
        self.send({"event": "media", "streamSid": self.stream_sid, "media": {"payload": text}})

    def mark(self, name: str) -> None:
        self.send({"event": "mark", "streamSid": self.stream_sid, "mark": {"name": name}})

    def clear(self) -> None:
        self.send({"event": "clear", "streamSid": self.stream_sid})

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.protocol.send_close(code, reason)
        self.flush()

    def abort(self) -> None:
        self.writer.transport.abort()

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """What Twilio sends, until the close."""
        while True:
            self.inbox.extend(self.protocol.events_received())
            self.flush()
            while self.inbox:
                event = self.inbox.popleft()
                if getattr(event, "opcode", None) is Opcode.TEXT:
                    message = json.loads(event.data)
                    self.seen.append(message)
                    self.times.append(asyncio.get_running_loop().time())
                    self.stream_sid = message.get("streamSid", self.stream_sid)
                    yield message
            if self.protocol.state is not State.OPEN and self.protocol.eof_sent:
                return
            data = await self.reader.read(65536)
            if not data:
                return
            self.protocol.receive_data(data)

    async def until(self, event: str) -> dict[str, Any]:
        async for message in self.messages():
            if message["event"] == event:
                return message
        raise AssertionError(f"the stream ended without {event}")

    async def rest(self) -> None:
        async for _ in self.messages():
            pass


Route = Callable[[Posted], tuple[int, dict[str, str], bytes]]


def twiml(body: str, *, status: int = 200) -> Route:
    """A route that answers with a document."""
    return lambda request: (status, XML, f'<?xml version="1.0" encoding="UTF-8"?><Response>{body}</Response>'.encode())


def stream(attributes: str = "", inner: str = "", *, action: str = "/twilio/after") -> str:
    return f'<Connect action="{PUBLIC}{action}"><Stream url="{STREAM_URL}" {attributes}>{inner}</Stream></Connect>'


@dataclass
class TinyServer:
    """Answers a path with the next of its routes, the last one again and again; 204 where there is none."""

    routes: dict[str, list[Route]] = field(default_factory=lambda: defaultdict(list))
    on_stream: Callable[[Socket], Awaitable[None]] | None = None
    subprotocol: str | None = None
    upgrade_status: int = 101
    posted: list[Posted] = field(default_factory=list)
    upgrades: list[Upgrade] = field(default_factory=list)
    sockets: list[Socket] = field(default_factory=list)
    failures: list[AssertionError] = field(default_factory=list)
    url: str = ""

    def on(self, path: str, *routes: Route) -> "TinyServer":
        self.routes[path] = list(routes)
        return self

    def paths(self) -> list[str]:
        return [request.path for request in self.posted]

    def form(self, path: str) -> dict[str, str]:
        [form] = [request.form for request in self.posted if request.path == path]
        return form

    async def __aenter__(self) -> "TinyServer":
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self.failures and exc[0] is None:
            raise self.failures[0]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                head = await reader.readuntil(b"\r\n\r\n")
                if b"upgrade: websocket" in head.lower():
                    await self._upgrade(head, reader, writer)
                else:
                    await self._answer(head, reader, writer)
        except AssertionError as failure:
            self.failures.append(failure)
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *lines = head.decode().rstrip().split("\r\n")
        method, target, _ = line.split(" ")
        headers = dict(entry.split(": ", 1) for entry in lines)
        body = (await reader.readexactly(int(headers.get("Content-Length", 0)))).decode()
        parts = urlsplit(target)
        posted = Posted(method, parts.path, dict(parse_qsl(parts.query, True)), headers, dict(parse_qsl(body, True)))
        self.posted.append(posted)
        routes = self.routes.get(parts.path, [])
        route = (routes.pop(0) if len(routes) > 1 else routes[0]) if routes else lambda request: (204, {}, b"")
        status, answer_headers, content = route(posted)
        if status == 0:
            await asyncio.sleep(3600)
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{k}: {v}" for k, v in answer_headers.items())]
        writer.write("\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content)
        await writer.drain()

    async def _upgrade(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol()
        protocol.receive_data(head)
        [request] = protocol.events_received()
        assert isinstance(request, Upgrade)
        self.upgrades.append(request)
        if self.upgrade_status == 101:
            response = protocol.accept(request)
            if self.subprotocol is not None:
                response.headers["Sec-WebSocket-Protocol"] = self.subprotocol
        else:
            response = protocol.reject(self.upgrade_status, "no")
        protocol.send_response(response)
        socket = Socket(protocol, reader, writer)
        socket.flush()
        if self.upgrade_status == 101 and self.on_stream is not None:
            self.sockets.append(socket)
            await self.on_stream(socket)
            await socket.rest()


def a_stream(on_stream: Callable[[Socket], Awaitable[None]], **changes: Any) -> TinyServer:
    """A server whose voice webhook opens a stream and whose action hangs up."""
    server = TinyServer(on_stream=on_stream, **changes)
    status = f'statusCallback="{PUBLIC}/twilio/stream-status"'
    server.on("/twilio/voice", twiml(stream(status, '<Parameter name="token" value="secret"/>')))
    return server.on("/twilio/after", twiml("<Hangup/>"))


async def ring(server: TinyServer, *steps: dict[str, Any], **options: Any) -> CallResult:
    """Call the server with these steps, five times as fast as life unless told otherwise."""
    phone = Phone(base_url=server.url, auth_token=TOKEN, **{"public_url": PUBLIC, "rate": 5.0, **options})
    return await phone.call(scenario.parse({"name": "test", "steps": list(steps)}))


async def ring_fast(server: TinyServer, *steps: dict[str, Any], **options: Any) -> CallResult:
    """For tests in which only the order of things and the shortest times matter, so that time may fly."""
    return await ring(server, *steps, **{"rate": 25.0, **options})


def serving(body: str, **more: str) -> TinyServer:
    """A server with this document at the voice webhook, and others under /twilio/ by name."""
    server = TinyServer().on("/twilio/voice", twiml(body))
    for name, other in more.items():
        server.on(f"/twilio/{name.replace('_', '-')}", twiml(other))
    return server


def answering(status: int = 200, headers: dict[str, str] = XML, body: bytes = b"<Response/>") -> Route:
    return lambda request: (status, headers, body)


async def silent(socket: Socket) -> None:
    """An agent that hears everything and says nothing."""
    await socket.rest()


def media(socket: Socket) -> list[dict[str, str]]:
    return [message["media"] for message in socket.seen if message["event"] == "media"]


def events(socket: Socket) -> list[str]:
    """All that came beside the sound."""
    return [message["event"] for message in socket.seen if message["event"] != "media"]
