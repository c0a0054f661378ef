"""Why OpenAI, or something on the way there, did not do what a call needs: each reason with its remedy."""

import asyncio
import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from calls.doctor.aside import aside
from calls.doctor.causes import Cause
from calls.doctor.exchange import is_out_of_date
from calls.realtime.client import LineUnavailable
from calls.realtime.reasons import Reason

_KEYS = "https://platform.openai.com/api-keys"
_BILLING = "https://platform.openai.com/settings/organization/billing"
_STATUS = "https://status.openai.com"
_LIMITS = "https://platform.openai.com/settings/organization/limits"

CORRECT = "Correct that in the agent: admin, Agents; then ask again."
_LOOK_UP_SECONDS = 2.0

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
    "server_error": Cause("OpenAI has a fault of its own", f"Look at {_STATUS} and try again."),
    "session_expired": Cause("the session was an hour old", "Try again: a new session is opened."),
}
_SAME = {
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "invalid_model": "model",
    "model_not_found": "model",
    "rate_limit_exceeded": "rate",
    "inference_rate_limit_exceeded": "rate",
}
_HARMLESS = {"response_cancel_not_active"}  # it had come to its end by itself


class Refusal(Exception):
    """OpenAI answered, and not with what a call needs."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.seen)
        self.cause = cause


class Rejection(Refusal):
    """One update was refused, as a field that the model does not know; the session lives on."""


def check(event: Mapping[str, Any], *, over: Cause | None) -> None:
    """Raises Refusal, or Rejection, when `event` says no. `over`: what it means that the response has ended, if that is
    not what is waited for."""
    if event.get("type") == "error":
        error = _part(event, "error")
    elif event.get("type") == "response.done":
        response = _part(event, "response")
        if response.get("status") in {"completed", "cancelled"}:
            if over:
                raise Refusal(over)
            return
        error = _part(_part(response, "status_details"), "error")
        error = error or {"message": f"response {response.get('status')}"}
    else:
        return
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    if code in _HARMLESS:
        return
    if "bearer" in message.lower():
        code = "no_key"
    if cause := of_code(code) or of_code(str(error.get("type") or "")):  # a fault of its own has no code
        raise Refusal(cause)
    where = f" at {error['param']}" if error.get("param") else ""
    raise Rejection(Cause(f"OpenAI refuses{where}: {code} {message}".strip(), CORRECT))


def _part(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = event.get(name)
    return part if isinstance(part, dict) else {}


def of_code(code: str) -> Cause | None:
    """What OpenAI's code of an error means; None for one that is not known here."""
    return REASONS.get(_SAME.get(code, code))


def of_close(code: int, reason: str, wanted: str) -> Cause:
    """The reason of a close names the same codes as an error event: `invalid_request_error.invalid_api_key`."""
    if cause := of_code(reason.rpartition(".")[2]):
        return cause
    seen = f"the socket was closed before {wanted} (code {code} {reason})".strip()
    return Cause(seen, f"Look at {_STATUS} and try again.")


async def look_up(url: str) -> None:
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


def of_opening(error: LineUnavailable, url: str) -> Cause:
    host = urlsplit(url).hostname
    match error.__cause__:
        case ssl.SSLCertVerificationError() as wrong if is_out_of_date(wrong):
            seen = f"network: the certificate of {host} is not valid: {wrong.verify_message}"
            remedy = "See it with: date. Where the clock is right, an inspecting proxy stands in between."
            return Cause(f"{seen}; or this machine's clock is wrong", remedy)
        case ssl.SSLCertVerificationError():
            remedy = "Take the inspecting proxy out of the way, or install its certificate on this machine."
            return Cause(f"network: the certificate of {host} is not valid: something stands in between", remedy)
        case ssl.SSLError():
            return Cause(f"network: {host} does not speak TLS there", "Correct OPENAI_REALTIME_URL, or clear it.")
        case ConnectionRefusedError():
            return Cause(f"network: {host} refused the connection{_with_proxy()}", "Let this machine reach it.")
        case InvalidStatus(response=response):
            return _answered(response, str(host))
    if error.reason is Reason.BAD_ADDRESS:
        return Cause("OPENAI_REALTIME_URL is no WebSocket address", "Clear OPENAI_REALTIME_URL in .env.")
    if error.reason is Reason.TIMEOUT:
        remedy = f"Let this machine reach {host} on port 443; look at the firewall and https://status.openai.com"
        return Cause(f"network: {host} did not open within 3 s{_with_proxy()}", remedy)
    return Cause(f"network: {error}{_with_proxy()}", f"Let this machine reach {host} on port 443.")


def _answered(response: Response, host: str) -> Cause:
    """OpenAI mostly judges after the upgrade. What it refuses before comes with its error as JSON; a plain answer
    without one comes from something in between."""
    status = response.status_code
    if error := _error_in(response.body):
        return _refused(status, error)
    if status == 401:
        return REASONS["invalid_api_key"]
    if status == 429:
        return REASONS["rate"]
    if status == 403 and "cf-ray" in response.headers:  # the edge of OpenAI's own network, not one of ours
        seen = f"{host} answered 403 at its edge (Cloudflare): it does not serve the address of this machine"
        return Cause(seen, f"Run the server without a VPN and in another network, or ask OpenAI's support: {_STATUS}")
    if status in {403, 407}:
        return Cause(f"proxy: {status} from something between here and {host}", f"Let it pass sockets to {host}.")
    if status >= 500:
        return Cause(f"{host} answered {status}", f"Look at {_STATUS} and try again.")
    seen = f"proxy: {host} answered {status} instead of opening a socket"
    return Cause(seen, "Let the proxy pass WebSockets, or clear OPENAI_REALTIME_URL in .env.")


def _error_in(body: bytes | bytearray) -> Mapping[str, Any]:
    """OpenAI's error in the body of an answer: `{"error": {"code": …, "message": …, "type": …}}`; {} without one."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return _part(answer, "error") if isinstance(answer, dict) else {}


def _refused(status: int, error: Mapping[str, Any]) -> Cause:
    code, kind = str(error.get("code") or ""), str(error.get("type") or "")
    if cause := of_code(code) or of_code(kind):
        return cause
    if code == "unsupported_country_region_territory":
        seen = f"OpenAI does not serve the country that this machine is in ({status}, {code})"
        return Cause(seen, "Run the server in one of https://platform.openai.com/docs/supported-countries")
    seen = f"OpenAI answered {status}: {code or kind} {str(error.get('message') or '')[:200]}".strip()
    if status in {401, 403}:
        return Cause(seen, f"Allow the key's project the Realtime model, and this machine's address: {_LIMITS}")
    return Cause(seen, "Correct what it names, or clear OPENAI_REALTIME_URL in .env.")
