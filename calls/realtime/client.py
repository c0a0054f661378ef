"""The socket to OpenAI Realtime: opened with a time limit, and closed for a reason that can be told.

A successful handshake proves nothing: key and model are judged after it (protocol notes in docs/architecture.md).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from functools import cache
from socket import gaierror
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus, InvalidURI
from websockets.http11 import Response

from calls.realtime import reasons
from calls.realtime.reasons import Reason

OPEN_TIMEOUT = 3.0
CLOSE_TIMEOUT = 2.0
MAX_FRAME = 16 * 1024 * 1024


class LineUnavailable(Exception):
    """The socket could not be opened. `retry_after`: how many seconds the other side wants to be left alone."""

    def __init__(self, reason: Reason, detail: str = "", code: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason
        self.detail = detail
        self.code = code
        self.retry_after = retry_after


@cache
def tls_context() -> ssl.SSLContext:
    """One for the process: making one reads all certificates and would stall every call for 20 ms."""
    return ssl.create_default_context()


class Line:
    """An open socket. Iterating yields frames until it is closed; then `close_code` and `close_reason` say why."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @property
    def close_code(self) -> int:
        return self._socket.close_code or 0

    @property
    def close_reason(self) -> str:
        return self._socket.close_reason or ""

    async def send(self, frame: str) -> bool:
        """Whether the frame could be handed to the socket; False once it is closed."""
        try:
            await self._socket.send(frame)
        except ConnectionClosed:
            return False
        return True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # `async for` over the socket itself would end silently on 1000 and 1001 and raise on others.
        while True:
            try:
                yield await self._socket.recv(decode=False)
            except ConnectionClosed:
                return

    async def close(self) -> None:
        # The socket would wait for room for its closing frame, for ever where the other side does not read.
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._socket.close()
        except TimeoutError:
            self.cut()

    def cut(self) -> None:
        """End it without a word, to a peer that does not read."""
        self._socket.transport.abort()


class _Road:
    """How far the way to the other side has led, for a time that ran out."""

    def __init__(self, when_taken: Callable[[], None] | None) -> None:
        self.stage = "not connected"
        self._when_taken = when_taken

    def connection(self) -> type[ClientConnection]:
        road = self

        class Connection(ClientConnection):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                road.reach()
                super().connection_made(transport)

        return Connection

    def reach(self) -> None:
        self.stage = "connected"
        if self._when_taken:
            self._when_taken()


async def open_line(*, url: str, model: str, api_key: str, when_taken: Callable[[], None] | None = None) -> Line:
    """Open the socket. Raises LineUnavailable, and nothing else, when that fails within OPEN_TIMEOUT seconds.

    `when_taken` is called when the other side has taken the connection (TCP, and TLS where there is any): what takes
    longer from then on is not the network's."""
    if not api_key:
        raise LineUnavailable(Reason.NO_KEY)
    road = _Road(when_taken)
    address = f"{url}?model={quote(model)}"
    try:
        socket = await connect(
            address,
            additional_headers={"Authorization": f"Bearer {api_key}"},  # and no OpenAI-Beta: that shape is switched off
            compression=None,
            max_size=MAX_FRAME,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            proxy=None,
            create_connection=road.connection(),
            ssl=tls_context() if address.startswith("wss:") else None,
        )
    except InvalidURI as error:
        raise LineUnavailable(Reason.BAD_ADDRESS) from error
    except TimeoutError as error:
        raise LineUnavailable(Reason.TIMEOUT, road.stage) from error
    except InvalidStatus as error:
        status = error.response.status_code
        wanted = _retry_after(error.response)
        raise LineUnavailable(reasons.of_status(status), f"HTTP {status}", status, wanted) from error
    except InvalidMessage as error:
        # The peer closed or reset the connection instead of answering, as a server does that restarts.
        was_cut = isinstance(error.__cause__, EOFError | OSError)
        raise LineUnavailable(Reason.CUT if was_cut else Reason.NOT_REALTIME, type(error).__name__) from error
    except InvalidHandshake as error:
        raise LineUnavailable(Reason.NOT_REALTIME, type(error).__name__) from error
    except OSError as error:
        raise LineUnavailable(_of_network(error), type(error).__name__) from error
    except ValueError as error:  # a port beyond 65535, a broken host name: some addresses fail later than their parsing
        raise LineUnavailable(Reason.BAD_ADDRESS) from error
    return Line(socket)


def _of_network(error: OSError) -> Reason:
    match error:
        case ssl.SSLCertVerificationError():
            return Reason.TLS
        case gaierror():
            return Reason.DNS
        case ConnectionRefusedError():
            return Reason.UNREACHABLE
    return Reason.NETWORK


def _retry_after(response: Response) -> float:
    """Its header in seconds; 0 where it is missing or names a date."""
    wanted = response.headers.get("Retry-After", "")
    return float(wanted) if wanted.isdecimal() else 0.0
