"""OpenAI's part of a call: a Realtime server on a local socket, strict about every field, with scripted replies.

As the vendor does, it opens the socket for everybody and judges key and model afterwards. Written from the vendor's
documents and captures of its wire; it imports nothing of the product.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from calls.emulators import realtime_settings, scenario
from calls.emulators.realtime_events import MODELS, RETIRED
from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_items import new_id
from calls.emulators.realtime_line import BeforeTool, Close, Line, Tempo
from calls.emulators.realtime_record import SessionRecord
from calls.emulators.realtime_schema import Refused
from calls.emulators.realtime_script import AFTERWARDS, OUT_OF_BAND, Script, speech_of
from calls.emulators.realtime_session import Session
from calls.emulators.scenario import Scenario

PATH = "/v1/realtime"
SESSIONS_PATH = "/_emulator/sessions"
MAX_FRAME = 24 * 1024 * 1024  # 15 MiB of audio in base64
SUBPROTOCOL = Subprotocol("realtime")
KEY_PREFIX = "openai-insecure-api-key."


class Rejected(Exception):
    """The vendor answers this connection with an error and closes it at once."""

    def __init__(self, close_code: int, code: str | None, message: str) -> None:
        super().__init__(message)
        self.close_code = close_code
        self.reason = ".".join(filter(None, ["invalid_request_error", code]))
        self.body = Refused(code, message).body(None)


class RealtimeServer:
    """`scenarios` is a folder of scenario files or a list of scenarios; `keys` None accepts every key.

    `speech` replaces the detector of speech by spans of milliseconds, for tests that need exact times; the frames of
    the latest `keep_frames_of` sessions are kept. `before_tool` lets a test do something at the moment of a tool call.
    """

    def __init__(
        self,
        scenarios: Path | str | Iterable[Scenario] = scenario.BUNDLED,
        *,
        default: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        rate: float = 1.0,
        pace: float = 5.0,
        think_ms: int = 300,
        transcription_ms: int = 400,
        faults: Faults | None = None,
        keys: Iterable[str] | None = None,
        bad_keys: Iterable[str] = (),
        speech: Sequence[tuple[int, int]] | None = None,
        keep_frames_of: int = 100,
        before_tool: BeforeTool | None = None,
    ) -> None:
        if isinstance(scenarios, (str, Path)):
            scenarios = scenario.load_folder(scenarios)
        self.scenarios = list(scenarios)
        self.sessions: list[SessionRecord] = []
        self.faults = faults if faults is not None else Faults()
        self._default = default
        self._address = (host, port)
        self._tempo = Tempo(rate=rate, pace=pace, think_ms=think_ms, transcription_ms=transcription_ms)
        self._keys = None if keys is None else frozenset(keys)
        self._bad_keys = frozenset(bad_keys)
        self._speech = speech
        self._server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = asyncio.Event()
        self._keep_frames_of = keep_frames_of
        self.before_tool = before_tool
        self._lines: dict[int, Line] = {}

    # Life.

    async def start(self) -> None:
        """Listen; a scenario whose sound is missing is an error here, not in the middle of a call."""
        for step in (AFTERWARDS, OUT_OF_BAND):
            speech_of(None, step)
        for script in self.scenarios:
            for step in script.agent_steps:
                speech_of(script, step)
        self._loop = asyncio.get_running_loop()
        host, port = self._address
        self._server = await serve(
            self._serve,
            host,
            port,
            process_request=self._before_upgrade,
            select_subprotocol=_subprotocol,
            compression=None,
            max_size=MAX_FRAME,
            ping_interval=20,
            open_timeout=60,
        )
        self._address = (host, self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def all_closed(self, *, within: float = 2.0) -> bool:
        """Whether no session is open, now or soon: a leak shows here."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while any(record.open for record in self.sessions):
                    self._closed.clear()
                    await self._closed.wait()
        return not any(record.open for record in self.sessions)

    async def __aenter__(self) -> "RealtimeServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        return self._address[1]

    @property
    def http_url(self) -> str:
        host, port = self._address
        return f"http://{host}:{port}"

    @property
    def url(self) -> str:
        host, port = self._address
        return f"ws://{host}:{port}{PATH}"

    # Meddling with a session that is open; from any thread, as a test may block in another one.

    def cut(self, record: SessionRecord) -> None:
        """Cut the TCP connection without a closing frame."""
        self._in_loop(self._lines[record.index].outbox.put_nowait, Close())

    def close(self, record: SessionRecord, code: int, reason: str = "") -> None:
        self._in_loop(self._lines[record.index].close, code, reason)

    def send(self, record: SessionRecord, kind: str, **members: Any) -> None:
        """Send an event that nobody asked for."""
        self._in_loop(partial(self._lines[record.index].emit, kind, **members))

    def _in_loop(self, action: Callable[..., None], *arguments: Any) -> None:
        if self._loop is None:
            raise AssertionError("the server was never started")
        self._loop.call_soon_threadsafe(action, *arguments)

    def conversation_of(self, record: SessionRecord) -> list[dict[str, Any]]:
        """The items that the model would read now, in order."""
        return [item.wire() for item in self._lines[record.index].conversation.items]

    # One connection.

    async def _before_upgrade(self, connection: ServerConnection, request: Request) -> Response | None:
        path = urlsplit(request.path).path
        if path == SESSIONS_PATH:
            return _json_response([record.digest() for record in self.sessions])
        if path != PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, f"no such path: {path}\n")
        await asyncio.sleep(self.faults.upgrade_ms / 1000 / self._tempo.rate)
        if self.faults.upgrade_status is not None:
            return connection.respond(HTTPStatus(self.faults.upgrade_status), "on demand\n")
        most = self.faults.most_sessions
        if most is not None and len(self.sessions) >= most:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "no more sessions\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        record = SessionRecord(index=len(self.sessions))
        self.sessions.append(record)
        try:
            await self._judge_and_converse(connection, record)
        except ConnectionClosed:
            pass  # the client left; the record says so
        finally:
            record.open = False
            record.closed_at = time.monotonic()
            record.close_code = connection.close_code
            self._closed.set()
            self._forget_old()

    def _forget_old(self) -> None:
        """A server that runs for weeks keeps the digests of all its sessions and the frames of the latest."""
        for record in self.sessions[: -self._keep_frames_of]:
            if not record.open and record.frames:
                record.forget_frames()
                self._lines.pop(record.index, None)

    async def _judge_and_converse(self, connection: ServerConnection, record: SessionRecord) -> None:
        request = connection.request
        if request is None:
            raise AssertionError("a connection without a request")
        record.headers = {name.lower(): value for name, value in request.headers.raw_items()}
        try:
            record.model = self._judged_model(request)
        except Rejected as rejected:
            record.errors.append(rejected.body)
            await _send(connection, record, {"type": "error", "event_id": new_id("event"), "error": rejected.body})
            await connection.close(rejected.close_code, rejected.reason)
        else:
            await self._converse(connection, record, record.model)

    def _judged_model(self, request: Request) -> str:
        """The model asked for; raises Rejected in the vendor's order: beta header, key, model."""
        if "OpenAI-Beta" in request.headers:
            raise Rejected(
                4000, "beta_api_shape_disabled", "The Realtime Beta API is no longer supported. Use the GA API."
            )
        key = _key(request.headers)
        if key is None:
            raise Rejected(3000, None, "Missing bearer or basic authentication in header")
        if key in self._bad_keys or (self._keys is not None and key not in self._keys):
            raise Rejected(3000, "invalid_api_key", f"Incorrect API key provided: {key[:3]}***{key[-2:]}.")
        model = parse_qs(urlsplit(request.path).query).get("model", [""])[0]
        if not model:
            example = "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"
            raise Rejected(4000, "missing_model", f"You must provide a model parameter, for example {example}")
        if RETIRED.match(model):
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise Rejected(4004, "model_not_found", message)
        if model not in MODELS:
            raise Rejected(4000, "invalid_model", f'Model "{model}" is not supported in realtime mode.')
        return model

    async def _converse(self, connection: ServerConnection, record: SessionRecord, model: str) -> None:
        lifetime = self.faults.lifetime_ms / 1000 / self._tempo.rate
        settings = realtime_settings.defaults(
            model=model, session_id=new_id("sess"), expires_at=int(time.time() + lifetime)
        )
        line = Line(settings=settings, tempo=self._tempo, faults=self.faults, record=record)
        line.before_tool = self.before_tool
        self._lines[record.index] = line
        session = Session(line, Script(self.scenarios, self._default), self._speech)
        writer = asyncio.create_task(_write(connection, record, line), name=f"writer {record.index}")
        try:
            await line.pause(self.faults.created_ms)
            if self.faults.error_on_open is not None:
                line.emit_error(Refused(self.faults.error_on_open, "On demand.").body(None))
                await connection.wait_closed()
            elif not self.faults.never_created:
                session.begin()
            if self.faults.close_on_open is not None:
                line.close(self.faults.close_on_open, "on demand")
            if self.faults.deaf:
                await connection.wait_closed()
            async for message in connection:
                session.receive(message)
                await asyncio.sleep(0)  # a backlog of messages must not hold up the answers
        finally:
            await line.stop()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)


async def _write(connection: ServerConnection, record: SessionRecord, line: Line) -> None:
    while True:
        frame = await line.outbox.get()
        if isinstance(frame, Close):
            if frame.code is None:
                connection.transport.abort()
            else:
                await connection.close(frame.code, frame.reason)
            return
        await _send(connection, record, frame)


async def _send(connection: ServerConnection, record: SessionRecord, frame: dict[str, Any] | str) -> None:
    raw = frame if isinstance(frame, str) else json.dumps(frame)
    record.keep("out", raw, None if isinstance(frame, str) else frame)
    await connection.send(raw)


def _json_response(document: object) -> Response:
    body = json.dumps(document).encode()
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
    return Response(HTTPStatus.OK, "OK", headers, body)


def _key(headers: Headers) -> str | None:
    scheme, _, key = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    offered = [name.strip() for value in headers.get_all("Sec-WebSocket-Protocol") for name in value.split(",")]
    return next((name.removeprefix(KEY_PREFIX) for name in offered if name.startswith(KEY_PREFIX)), None)


def _subprotocol(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
