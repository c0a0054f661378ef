"""One HTTP request or one WebSocket upgrade, made by hand so that each way of failing stays visible.

Nothing is followed, retried or sent through a proxy: what is asked is what the address itself answers.
"""

import asyncio
import contextlib
import http.client
import io
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, NegotiationError

from calls.doctor.aside import aside

LARGEST_BODY = 256 * 1024
_OUT_OF_DATE = {9, 10}  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class Unreachable(Exception):
    """No answer came: `kind` is one of dns, refused, network, timeout, tls, protocol."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Clock:
    """How long each stretch of the way took, in milliseconds; the last one begun is where it stopped."""

    def __init__(self) -> None:
        self.took: dict[str, int] = {}
        self.stretch = "name"
        self._began = time.monotonic()

    def begin(self, stretch: str) -> None:
        """The stretch before is done, and this one begins."""
        self.done()
        self.stretch = stretch

    def done(self) -> None:
        now = time.monotonic()
        self.took[self.stretch] = round((now - self._began) * 1000)
        self._began = now

    @property
    def in_words(self) -> str:
        return ", ".join(f"{stretch} {took}" for stretch, took in self.took.items())


_NOT_IN_TIME = {
    "name": ": the name server is silent",
    "connection": ": nobody takes the connection",
    "TLS": ": the connection is taken, and TLS does not begin",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names are in lower case. `took` says how long each stretch of the way was, in ms."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took: str = ""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json_field(self, name: str) -> str:
        """The text of one field of a JSON object; "" when there is no such thing."""
        try:
            fields = json.loads(self.body)
        except ValueError:
            return ""
        value = fields.get(name) if isinstance(fields, dict) else None
        return value if isinstance(value, str) else ""


class Refused(Exception):
    """The upgrade was answered by something else than 101; `answer` is what came."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"answered {answer.status}")
        self.answer = answer


class WrongSubprotocol(Exception):
    """The upgrade was answered with a subprotocol that was not offered."""


def is_out_of_date(error: BaseException | None) -> bool:
    """Whether a certificate was refused for its dates alone, as all are where our own clock is far off."""
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in _OUT_OF_DATE


async def request(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    seconds: float = 8,
    is_verified: bool = True,
) -> Answer:
    """The answer to one request. Raises Unreachable.

    `is_verified`: whether the certificate has to be valid; where it need not, nothing secret may be sent.
    """
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    clock = Clock()
    with _named_failures(parts.hostname or "", seconds, clock):
        async with asyncio.timeout(seconds):
            received = await _talk(url, head + body, clock, _tls(is_verified) if parts.scheme == "https" else None)
    return replace(_parsed(received, method), took=clock.in_words)


def _tls(is_verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _talk(url: str, sent: bytes, clock: Clock, secure: ssl.SSLContext | None) -> bytes:
    name = urlsplit(url).hostname if secure else None
    sock = await _dial(url, clock)
    if secure:
        clock.begin("TLS")
    reader, writer = await asyncio.open_connection(sock=sock, ssl=secure, server_hostname=name)
    clock.begin("answer")
    try:
        writer.write(sent)
        await writer.drain()
        received = bytearray()
        while len(received) < LARGEST_BODY and not _is_complete(received):
            if not (part := await reader.read(65536)):
                break
            received += part
        clock.done()
        return bytes(received)
    finally:
        writer.transport.abort()


def _is_complete(received: bytearray) -> bool:
    """True once the announced length is there: not every server closes after `Connection: close`."""
    head, separator, body = bytes(received).partition(b"\r\n\r\n")
    if not separator:
        return False
    fields = [line.partition(b":") for line in head.lower().split(b"\r\n")[1:]]
    lengths = [value.strip() for name, _, value in fields if name.strip() == b"content-length"]
    if lengths and lengths[0].isdigit():
        return len(body) >= int(lengths[0])
    return b"chunked" in head.lower() and body.endswith(b"0\r\n\r\n")


class _Received:
    """A socket for http.client that has already received everything."""

    def __init__(self, received: bytes) -> None:
        self._file = io.BytesIO(received)

    def makefile(self, mode: str) -> io.BytesIO:
        return self._file


def _parsed(received: bytes, method: str) -> Answer:
    if not received:
        raise Unreachable("protocol", "the connection was closed without an answer")
    response = http.client.HTTPResponse(_Received(received), method=method)  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read()
    except http.client.IncompleteRead as error:
        body = error.partial
    except (http.client.HTTPException, ValueError) as error:
        raise Unreachable("protocol", "what answers does not speak HTTP") from error
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, body)


class _Unfollowed(connect):
    def process_redirect(self, exc: Exception) -> Exception:
        return exc


@contextlib.asynccontextmanager
async def upgraded(
    url: str,
    *,
    headers: Mapping[str, str],
    user_agent: str,
    subprotocols: Sequence[str] | None = None,
    origin: str | None = None,
    seconds: float = 4,
) -> AsyncIterator[ClientConnection]:
    """The open socket, closed on leaving. Raises Unreachable, Refused or WrongSubprotocol while it opens."""
    clock = Clock()
    with _named_failures(urlsplit(url).hostname or "", seconds, clock):
        async with asyncio.timeout(seconds):
            sock = await _dial(url, clock)
            clock.begin("upgrade")
            socket_of_call = await _open(url, sock, headers, user_agent, subprotocols, origin)
    try:
        yield socket_of_call
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await socket_of_call.close()
        socket_of_call.transport.abort()


async def _open(
    url: str,
    sock: socket.socket,
    headers: Mapping[str, str],
    user_agent: str,
    subprotocols: Sequence[str] | None,
    origin: str | None,
) -> ClientConnection:
    try:
        return await _Unfollowed(
            url,
            sock=sock,
            additional_headers=dict(headers),
            user_agent_header=user_agent,
            subprotocols=subprotocols,  # type: ignore[arg-type]
            origin=origin,  # type: ignore[arg-type]
            compression=None,
            proxy=None,
            open_timeout=None,
            ping_interval=None,
            max_size=LARGEST_BODY,
        )
    except InvalidStatus as error:
        response = error.response
        got = {name.lower(): value for name, value in response.headers.raw_items()}
        raise Refused(Answer(response.status_code, got, bytes(response.body or b""))) from error
    except NegotiationError as error:
        raise WrongSubprotocol("answered with a subprotocol that nobody offered") from error
    except (InvalidHandshake, EOFError) as error:
        raise Unreachable("protocol", f"the answer to the upgrade was no HTTP: {error}") from error


async def _dial(url: str, clock: Clock) -> socket.socket:
    """A connected TCP socket to the host of `url`, by the first of its addresses that answers."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    addresses = await aside(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
    clock.begin("connection")
    last: OSError | None = None
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, address)
        except OSError as error:
            sock.close()
            last = error
        except asyncio.CancelledError:
            sock.close()
            raise
        else:
            return sock
    raise last or OSError("no address")


@contextlib.contextmanager
def _named_failures(host: str, seconds: float, clock: Clock) -> Iterator[None]:
    """Everything that the network raises, as Unreachable with its kind."""
    try:
        yield
    except TimeoutError as error:
        where = _NOT_IN_TIME.get(clock.stretch, "")
        raise Unreachable("timeout", f"no answer within {seconds:g} s{where}") from error
    except (socket.gaierror, UnicodeError) as error:
        raise Unreachable("dns", f"the name {host} is not known to the name server") from error
    except ssl.SSLCertVerificationError as error:
        perhaps = "; or this machine's clock is wrong" if is_out_of_date(error) else ""
        raise Unreachable("tls", f"the certificate is not valid: {error.verify_message}{perhaps}") from error
    except ssl.SSLError as error:
        raise Unreachable("tls", f"no TLS there: {error.reason or 'the handshake failed'}") from error
    except ConnectionRefusedError as error:
        raise Unreachable("refused", "the connection was refused: nothing listens there") from error
    except OSError as error:
        raise Unreachable("network", f"the network says: {error.strerror or error}") from error
