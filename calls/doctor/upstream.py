"""OpenAI as a call uses it: connect, session.created, our own session.update, and the first sound of an answer."""

import asyncio
import contextlib
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from websockets.exceptions import InvalidStatus

from calls.doctor import storage
from calls.doctor.aside import aside
from calls.doctor.causes import Cause
from calls.doctor.exchange import Unreachable, request
from calls.doctor.findings import FAIL, OK, WARN, Finding, saying
from calls.doctor.site import Site
from calls.doctor.visit import Visit
from calls.realtime.client import Line, LineUnavailable, open_line
from calls.realtime.reasons import RULES, Reason
from calls.realtime.session import SessionSettings, update_ladder

PATIENCE_SECONDS = 9.0
_LOOK_UP_SECONDS = 2.0
_NO_AGENT = "No agent can speak: the caller hears a waiting sentence and is handed over."
_PHONE = "audio/pcmu"
_KEYS = "https://platform.openai.com/api-keys"
_BILLING = "https://platform.openai.com/settings/organization/billing"
_LIMITS = "https://platform.openai.com/settings/organization/limits"

_CORRECT = "Correct that in the agent: admin, Agents; then ask again."
_PLAIN = "You answer the telephone."
SLOW_MS = 3000

REASONS: Mapping[str, Cause] = {
    "invalid_api_key": Cause("wrong key: OpenAI does not know it", f"Make a new key at {_KEYS}, set OPENAI_API_KEY."),
    "no_key": Cause("no key: OpenAI saw none", f"Make a key at {_KEYS}, set OPENAI_API_KEY."),
    "quota": Cause("no quota: the account has no credit left", f"Add credit at {_BILLING}"),
    "account_deactivated": Cause("the account is deactivated", f"Look at {_BILLING} or ask OpenAI's support."),
    "model": Cause(
        "the model does not exist for this key", "Set OPENAI_REALTIME_MODEL=gpt-realtime-2.1 or change the agent's."
    ),
    "missing_model": Cause("no model was named", "Set OPENAI_REALTIME_MODEL=gpt-realtime-2.1"),
    "beta_api_shape_disabled": Cause(
        "the retired beta protocol was asked for", "Take the header OpenAI-Beta out of the proxy or gateway in between."
    ),
    "rate": Cause("too many requests for this account", f"Wait a minute; raise the limits at {_LIMITS}"),
}
_SAME = {
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "invalid_model": "model",
    "model_not_found": "model",
    "rate_limit_exceeded": "rate",
    "inference_rate_limit_exceeded": "rate",
}


class Refusal(Exception):
    """OpenAI answered, and not with what a call needs."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.seen)
        self.cause = cause


class Rejection(Refusal):
    """One update was refused, as a field that the model does not know; the session lives on."""


@dataclass(slots=True)
class Times:
    """Milliseconds since the socket was asked for, and what OpenAI refused of the full configuration."""

    refused: str = ""
    opened: int = 0
    created: int = 0
    updated: int = 0
    spoke: int = 0


class Events:
    """The events of a line, one after the other; a refusal among them ends the conversation with its cause."""

    def __init__(self, line: Line, *, until: float) -> None:
        self._line = line
        self._frames = aiter(line)
        self._until = until

    async def next(self, wanted: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                async for frame in self._frames:
                    event = _object(frame)
                    if event.get("type") == wanted:
                        return event
                    _check_refusal(event)
        except TimeoutError:
            seen = f"connected, but no {wanted} within {PATIENCE_SECONDS:g} s"
            raise Refusal(Cause(seen, "Look at https://status.openai.com and try again.")) from None
        except ValueError:
            raise Refusal(Cause("what answers does not speak Realtime", "Clear OPENAI_REALTIME_URL in .env.")) from None
        raise Refusal(_closed(self._line, wanted))


def _object(frame: bytes) -> dict[str, Any]:
    event = json.loads(frame)
    if not isinstance(event, dict):
        raise ValueError("not an object")
    return event


async def openai(visit: Visit) -> list[Finding]:
    """The session of a call is opened, accepted with audio/pcmu both ways, and speaks; the server lets calls try it."""
    site = visit.site
    return [*await _try_out(visit, site), *await _kept_away(site)]


async def _kept_away(site: Site) -> list[Finding]:
    """The server on this machine may know better than this diagnosis, and keep calls away for a while."""
    try:
        answer = await request(f"{site.local_base_url}/readyz", seconds=_LOOK_UP_SECONDS)
    except Unreachable:
        return []
    if not (reason := answer.json_field("openai")):
        return []
    meaning = RULES[Reason(reason)].meaning if reason in set(Reason) else reason
    seen = f"the server puts every caller through to a person for now: {meaning} ({reason})"
    remedy = "Mend what it says; a call tries again within half a minute."
    return [saying("openai", "OpenAI Realtime")(WARN, seen, "No agent answers.", remedy)]


async def _try_out(visit: Visit, site: Site) -> list[Finding]:
    said = saying("openai", "OpenAI Realtime")
    if not site.openai_key:
        return [said(FAIL, REASONS["no_key"].seen, _NO_AGENT, REASONS["no_key"].remedy)]
    settings = visit.session or await storage.session_of_a_line(site) or SessionSettings(_PLAIN, site.openai_model)
    try:
        times = await _converse(site.openai_url, site.openai_key, settings)
    except Refusal as error:
        return [said(FAIL, error.cause.seen, _NO_AGENT, error.cause.remedy)]
    seen = (
        f"{settings.model}: open after {times.opened} ms, session.created {times.created}, session.updated "
        f"{times.updated} with {_PHONE} both ways, first sound {times.spoke} ms"
    )
    if times.refused:
        means = "Calls go on with a simpler session: perhaps without transcripts of the caller, or with more noise."
        return [said(WARN, f"{seen}. {times.refused}", means, _CORRECT)]
    if times.spoke > SLOW_MS:
        means = "The caller is asked to wait before the greeting."
        return [said(WARN, seen, means, "Run the server nearer to OpenAI's, or look at https://status.openai.com")]
    return [said(OK, seen)]


async def _converse(url: str, key: str, settings: SessionSettings) -> Times:
    times, began = Times(), time.monotonic()

    def now_ms() -> int:
        return round((time.monotonic() - began) * 1000)

    await _look_up(url)
    try:
        line = await open_line(url=url, model=settings.model, api_key=key)
    except LineUnavailable as error:
        raise Refusal(_unavailable(error, url)) from error
    times.opened = now_ms()
    events = Events(line, until=began + PATIENCE_SECONDS)
    try:
        await events.next("session.created")
        times.created = now_ms()
        times.refused = await _agree(line, events, settings)
        times.updated = now_ms()
        await line.send(_event("response.create", response=_GREETING))
        await events.next("response.output_audio.delta")
        times.spoke = now_ms()
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await line.close()
    return times


async def _agree(line: Line, events: Events, settings: SessionSettings) -> str:
    """Ask as a call does, with less each time it is refused; what the first refusal was, "" when there was none."""
    refused = ""
    for session in update_ladder(settings):
        await line.send(_event("session.update", session=session))
        try:
            _check_formats(await events.next("session.updated"))
        except Rejection as error:
            refused = refused or error.cause.seen
        except Refusal as error:
            if refused:  # of the two, the first tells what to correct
                raise Refusal(Cause(f"{refused}; {error.cause.seen}", _CORRECT)) from error
            raise
        else:
            return refused
    raise Refusal(Cause(refused, _CORRECT))


_GREETING = {"instructions": "Say exactly: hello.", "tool_choice": "none", "input": []}


def _event(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, "event_id": f"doctor-{kind.partition('.')[0]}", **fields})


def _check_refusal(event: dict[str, Any]) -> None:
    error: dict[str, Any] = {}
    if event.get("type") == "error":
        error = event.get("error") or {}
    elif event.get("type") == "response.done":
        response = event.get("response") or {}
        if response.get("status") == "completed":
            raise Refusal(Cause("the model answered without a sound", "Set the agent's model to a Realtime model."))
        error = (response.get("status_details") or {}).get("error") or {"message": f"response {response.get('status')}"}
    else:
        return
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    if "bearer" in message.lower():
        code = "no_key"
    if cause := _reason(code):
        raise Refusal(cause)
    where = f" at {error['param']}" if error.get("param") else ""
    raise Rejection(Cause(f"OpenAI refuses{where}: {code} {message}".strip(), _CORRECT))


def _reason(code: str) -> Cause | None:
    return REASONS.get(_SAME.get(code, code))


def _check_formats(event: dict[str, Any]) -> None:
    audio = (event.get("session") or {}).get("audio") or {}
    formats = [((audio.get(side) or {}).get("format") or {}).get("type") for side in ("input", "output")]
    if formats != [_PHONE, _PHONE]:
        seen = f"the session hears {formats[0]} and speaks {formats[1]} instead of {_PHONE}: noise on the telephone"
        raise Refusal(Cause(seen, "Set the agent's model to a Realtime model that speaks audio/pcmu."))


def _closed(line: Line, wanted: str) -> Cause:
    """The reason of a close names the same codes as an error event: `invalid_request_error.invalid_api_key`."""
    if cause := _reason(line.close_reason.rpartition(".")[2]):
        return cause
    seen = f"the socket was closed before {wanted} (code {line.close_code} {line.close_reason})".strip()
    return Cause(seen, "Look at https://status.openai.com and try again.")


async def _look_up(url: str) -> None:
    """The name alone first: a name server that does not answer must not hold the diagnosis."""
    try:
        host, port = urlsplit(url).hostname, urlsplit(url).port or 443
        async with asyncio.timeout(_LOOK_UP_SECONDS):
            await aside(socket.getaddrinfo, host, port)
    except ValueError:
        raise Refusal(Cause("OPENAI_REALTIME_URL is no address", "Clear OPENAI_REALTIME_URL in .env.")) from None
    except (OSError, UnicodeError):
        seen = f"network: the name {host} cannot be looked up{_with_proxy()}"
        raise Refusal(Cause(seen, "Connect this machine to the internet, or set its name server right.")) from None


def _with_proxy() -> str:
    return (
        "; a proxy is set in the environment, which calls do not use" if getproxies().keys() & {"https", "all"} else ""
    )


def _unavailable(error: LineUnavailable, url: str) -> Cause:
    host = urlsplit(url).hostname
    match error.__cause__:
        case ssl.SSLCertVerificationError():
            remedy = "Take the inspecting proxy out of the way, or install its certificate on this machine."
            return Cause(f"network: the certificate of {host} is not valid: something stands in between", remedy)
        case ssl.SSLError():
            return Cause(f"network: {host} does not speak TLS there", "Correct OPENAI_REALTIME_URL, or clear it.")
        case ConnectionRefusedError():
            return Cause(f"network: {host} refused the connection{_with_proxy()}", "Let this machine reach it.")
        case InvalidStatus(response=response):
            return _answered(response.status_code, str(host))
    if error.reason is Reason.BAD_ADDRESS:
        return Cause("OPENAI_REALTIME_URL is no WebSocket address", "Clear OPENAI_REALTIME_URL in .env.")
    if error.reason is Reason.TIMEOUT:
        remedy = f"Let this machine reach {host} on port 443; look at the firewall and https://status.openai.com"
        return Cause(f"network: {host} did not open within 3 s{_with_proxy()}", remedy)
    return Cause(f"network: {error}{_with_proxy()}", f"Let this machine reach {host} on port 443.")


def _answered(status: int, host: str) -> Cause:
    """OpenAI itself judges after the upgrade; a plain answer mostly comes from something in between."""
    if status == 401:
        return REASONS["invalid_api_key"]
    if status == 429:
        return REASONS["rate"]
    if status in {403, 407}:
        return Cause(f"proxy: {status} from something between here and {host}", f"Let it pass sockets to {host}.")
    if status >= 500:
        return Cause(f"{host} answered {status}", "Look at https://status.openai.com and try again.")
    seen = f"proxy: {host} answered {status} instead of opening a socket"
    return Cause(seen, "Let the proxy pass WebSockets, or clear OPENAI_REALTIME_URL in .env.")
