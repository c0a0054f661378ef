"""HTTP as Twilio does it: signed forms, few seconds, small answers, redirects that lose the form."""

import asyncio
import base64
import contextlib
import hmac
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urldefrag, urlencode, urljoin, urlsplit, urlunsplit

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
LARGEST_ANSWER = 64 * 1024
MOST_REDIRECTS = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEEPS_FORM = frozenset({307, 308})


class Failure(Exception):
    """A request brought nothing that can be used; code and text are Twilio's, url is what failed."""

    def __init__(self, code: int, text: str, url: str, answer: "Answer | None" = None) -> None:
        super().__init__(f"{code} {text}: {url}")
        self.code = code
        self.url = url
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as the account does: SHA1 with its token, or SHA256 with a shared key (id, secret)."""

    auth_token: str
    shared_key: tuple[str, str] | None = None

    def headers(self, url: str, fields: Mapping[str, str]) -> dict[str, str]:
        if self.shared_key is None:
            return {"X-Twilio-Signature": signature(self.auth_token, url, fields)}
        name, secret = self.shared_key
        return {
            "X-Twilio-Webhooks-Signature-Settings": f"key={name},algorithm=HMAC_SHA256",
            "X-Twilio-Signature": signature(secret, url, fields, "sha256"),
        }


def signature(secret: str, url: str, fields: Mapping[str, str], digest: str = "sha1") -> str:
    """The keyed hash of the URL without its fragment, then every name and value, sorted by name."""
    signed = urldefrag(url).url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.digest(secret.encode(), signed.encode(), digest)).decode()


@dataclass(frozen=True, slots=True)
class Road:
    """Where the public address is really reached: `public_url` is signed, `base_url` is connected to."""

    base_url: str
    public_url: str

    @property
    def is_plain(self) -> bool:
        return urlsplit(self.public_url).scheme == "http"

    def absolute(self, url: str, document_url: str | None = None) -> str:
        return urljoin(document_url or self.public_url, url)

    def leads_to(self, url: str) -> bool:
        """Whether that host is ours; the emulator calls nobody else."""
        return urlsplit(url).netloc.lower() == urlsplit(self.public_url).netloc.lower()

    def target(self) -> tuple[str, int, bool]:
        """Host, port and whether TLS is spoken there."""
        base = urlsplit(self.base_url)
        secure = base.scheme == "https"
        return base.hostname or "127.0.0.1", base.port or (443 if secure else 80), secure


@dataclass(frozen=True, slots=True)
class Client:
    """Sends one logical request: retries the connection once, follows redirects, keeps to the time."""

    road: Road
    signer: Signer
    total_seconds: float = TOTAL_SECONDS

    async def send(
        self,
        method: str,
        url: str,
        fields: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        sign: str = "right",
    ) -> Answer:
        """Raises Failure when no usable answer comes in time; any status below 300 is usable."""
        try:
            async with asyncio.timeout(self.total_seconds):
                return await self._follow(method, url, fields, headers, sign)
        except TimeoutError as error:
            raise Failure(11200, f"no answer within {self.total_seconds:g} s", url) from error

    async def _follow(
        self, method: str, url: str, fields: Mapping[str, str], headers: Mapping[str, str], sign: str
    ) -> Answer:
        form = dict(fields)
        for _ in range(MOST_REDIRECTS + 1):
            if method == "GET" and form:
                url, form = with_query(url, form), {}
            answer = await self._ask(method, url, form, {**headers, **self._signed(url, form, sign)})
            if answer.status not in REDIRECTS or "location" not in answer.headers:
                break
            if answer.status not in KEEPS_FORM:
                method, form = "GET", {}
            url = urljoin(url, answer.headers["location"])
        else:
            raise Failure(11215, "too many redirects", url)
        if not 200 <= answer.status < 300:
            raise Failure(11200, f"answered {answer.status}", url, answer)
        return answer

    def _signed(self, url: str, form: Mapping[str, str], sign: str) -> dict[str, str]:
        if sign == "none":
            return {}
        signer = self.signer if sign == "right" else Signer("not the token of this account")
        return signer.headers(url, form)

    async def _ask(self, method: str, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise Failure(11100, "no URL that can be fetched", url)
        if not self.road.leads_to(url):
            raise Failure(11210, "another host than the public one, which the emulator does not call", url)
        reader, writer = await self._connect(url)
        try:
            writer.write(_request(method, url, form, headers))
            await writer.drain()
            return await _answer(reader, url)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise Failure(11200, f"broken answer ({error})", url) from error
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _connect(self, url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port, secure = self.road.target()
        context = ssl.create_default_context() if secure else None
        name = urlsplit(url).hostname if secure else None
        for _ in range(2):
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
            except (OSError, TimeoutError):
                continue
        raise Failure(11205, "no connection", url)


def with_query(url: str, fields: Mapping[str, str]) -> str:
    """Put form fields into the URL, as a webhook with method GET carries them."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query, True), *fields.items()])))


def _request(method: str, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = urlencode(form).encode() if method == "POST" else b""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}"]
    if method == "POST":
        lines += ["Content-Type: application/x-www-form-urlencoded; charset=UTF-8", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


async def _answer(reader: asyncio.StreamReader, url: str) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    status = int(status_line.partition(" ")[2][:3])
    if status == 204:
        body = b""
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _chunked(reader, url)
    elif "content-length" in headers:
        _demand_small(int(headers["content-length"]), url)
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read(-1)
    _demand_small(len(body), url)
    return Answer(status, headers, body, url)


async def _chunked(reader: asyncio.StreamReader, url: str) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size == 0:
            return body
        _demand_small(len(body) + size, url)
        body += (await reader.readexactly(size + 2))[:-2]


def _demand_small(size: int, url: str) -> None:
    if size > LARGEST_ANSWER:
        raise Failure(11750, f"an answer of {size} bytes; 64 KB are the most", url)
