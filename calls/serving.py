"""The production server: uvicorn as measured best for calls, with a shutdown that lets running calls finish.

Every ASGI server as it comes cuts live calls within a third of a second of SIGTERM. Here the first signal only says so
(`live.is_draining`), and the process goes when the last call has. At the deadline, or with a second signal, every
caller hears a last sentence and is handed over, and the process goes within CLOSE_SECONDS and one more; where the
owner's last sentence takes longer than ours, that much later.
"""

import asyncio
import errno
import gc
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, h11
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from calls.lag import LoopLag

HOST = "0.0.0.0"
APPLICATION = "voiceagent.asgi:application"
DRAIN_SECONDS = 600.0
# For the last sentence, and behind it for Twilio to ask what follows; what is open then is cut.
CLOSE_SECONDS, MOST_CLOSE_SECONDS, BEHIND_SECONDS = 4.0, 8.0, 0.8
# Behind the last of it: a request that is a little late, and a server gone by then, is an apology in the caller's ear.
LINGER_SECONDS = 0.6
TELL_SECONDS = 10
REQUEST_SECONDS = 20.0  # in which a whole request has to come
READ_SECONDS = 1.0  # in which a peer has to take what was sent before its socket is closed
TICK_SECONDS = 0.1  # between two of uvicorn's ticks
LISTENING = "0A"  # the state of a listening socket in /proc/net/tcp

logger = logging.getLogger(__name__)


class PortTaken(Exception):
    """Another program listens on the port; the message names it where it can be seen, and the remedy."""


class Live(Protocol):
    """What `calls.relay.live` knows of the calls in this process."""

    is_draining: bool

    def count(self) -> int: ...
    def awaited(self) -> int: ...
    def last_sentence_seconds(self) -> float: ...
    def end_all(self, reason: str) -> None: ...


class RequestProtocol(H11Protocol):
    """uvicorn's own, save that a peer that sends its request drop by drop, or nothing at all, is cut off."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_all_of_it()

    def data_received(self, data: bytes) -> None:
        self._expect_all_of_it()
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._expect_nothing()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._expect_nothing()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_all_of_it(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class StreamProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own, save that a connection that was cut is not told as one that was closed without a code, and that
    one whose peer does not read is cut: closing it would wait for ever until what was sent before is taken."""

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_SECONDS):
                    await self.writable.wait()
            if not self.writable.is_set():
                self.transport.abort()
                return
        await super().send(message)
        if self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.conn.close_rcvd is None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)


class DrainingServer(uvicorn.Server):
    """A server that answers SIGTERM by waiting `drain_seconds` for its calls; a second signal has them say their last
    sentence, a third cuts them off."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        live: Live,
        drain_seconds: float = DRAIN_SECONDS,
        started: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(config)
        self._lag = LoopLag(every=TICK_SECONDS)
        self._live = live
        self._drain_seconds = drain_seconds
        self._on_start = started
        self._clock = clock
        self._drain_began = self._last_busy = self._last_told = 0.0
        self._closing_began: float | None = None

    @property
    def is_closing(self) -> bool:
        """Whether the calls were not waited for."""
        return self._closing_began is not None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is loaded stays. Looking through all of it for garbage would hold up every call for a tenth of a second.
        gc.collect()
        gc.freeze()
        self._on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not calling super on purpose: it would end the process at once, and raise the signal again after a clean end.
        if self.is_closing:
            self.should_exit = self.force_exit = True
        elif self._live.is_draining:
            self._close()
        else:
            self._live.is_draining = True
            self._drain_began = self._last_busy = self._clock()

    async def on_tick(self, counter: int) -> bool:
        self._lag.tick()
        return await super().on_tick(counter) or (self._live.is_draining and self._is_drained())

    def _close(self) -> None:
        self._closing_began = self._clock()
        self.config.timeout_graceful_shutdown = 1
        self._live.end_all("draining")

    def _is_drained(self) -> bool:
        now, calls = self._clock(), self._live.count()
        if calls or self._live.awaited():
            self._last_busy = now
        if calls and now - self._last_told >= TELL_SECONDS:
            self._last_told = now
            logger.info("draining", extra={"calls_left": calls})
        if now - self._last_busy >= LINGER_SECONDS:
            return True
        if self._closing_began is None:
            if now - self._drain_began >= self._drain_seconds:
                logger.warning("time to drain is over", extra={"calls_left": calls})
                self._close()
            return False
        return now - self._closing_began >= close_seconds(self._live)


def close_seconds(live: Live) -> float:
    """How long calls that are ended may take."""
    return min(max(CLOSE_SECONDS, live.last_sentence_seconds() + BEHIND_SECONDS), MOST_CLOSE_SECONDS)


def configuration(application: Any = APPLICATION) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        loop="uvloop",
        http=RequestProtocol,
        ws=StreamProtocol,
        ws_per_message_deflate=False,
        ws_max_size=1024 * 1024,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # PUBLIC_BASE_URL alone says where we are
        timeout_keep_alive=75,  # longer than a proxy keeps its idle connections, or it would meet closed ones
        timeout_graceful_shutdown=5,
    )


def run(listener: socket.socket, *, live: Live, drain_seconds: float, started: Callable[[], None]) -> bool:
    """Serve on a socket of `listen` until drained; whether every call came to its own end."""
    server = DrainingServer(configuration(), live=live, drain_seconds=drain_seconds, started=started)
    server.run(sockets=[listener])
    return not server.is_closing


def end_calls(live: Live, reason: str) -> None:
    """Have every call say its last sentence; returns when all are with somebody else, or after `close_seconds`. For
    a thread beside the loop."""
    began = last_busy = time.monotonic()
    longest = close_seconds(live)
    if not live.count() and not live.awaited():
        return
    logger.info("calls are ended", extra={"calls_left": live.count(), "reason": reason})
    live.end_all(reason)
    while (now := time.monotonic()) - last_busy < LINGER_SECONDS and now - began < longest:
        if live.count() or live.awaited():
            last_busy = now
        time.sleep(0.05)


def listen(port: int, host: str = HOST) -> socket.socket:
    """Take the port (0: any free one) before anything else is started; PortTaken says who has it."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(taken(port)) from None
        raise
    return listener


def taken(port: int) -> str:
    owner = port_owner(port) or "another program (which one cannot be seen from here)"
    return (
        f"Port {port} is taken by {owner}. Stop it, or choose another, for example {port + 1}: PORT in .env, or --port."
    )


def port_owner(port: int) -> str | None:
    """Who listens on a port of this machine, as `pid 42 (python manage.py serve)`; None where /proc does not tell."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        if sockets & set(_open_files(process)):
            return f"pid {process.name} ({_command(process)})"
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _open_files(process: Path) -> Iterator[str]:
    with suppress(OSError):  # gone meanwhile, or not ours to look into
        for file in (process / "fd").iterdir():
            with suppress(OSError):
                yield os.readlink(file)


def _command(process: Path) -> str:
    with suppress(OSError):
        arguments = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        return " ".join(argument for argument in arguments if argument)[:120]
    return "unknown"
