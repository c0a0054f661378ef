"""What can be seen on this machine: the routes, who owns the port, and whether a server for sockets serves there."""

import re
from dataclasses import replace
from importlib import import_module
from typing import Any

from channels.security.websocket import OriginValidator
from django.core.exceptions import ImproperlyConfigured
from django.urls import Resolver404, resolve

from calls import serving
from calls.doctor import upgrading
from calls.doctor.aside import aside
from calls.doctor.causes import of_silence
from calls.doctor.exchange import Refused, Unreachable, WrongSubprotocol
from calls.doctor.findings import FAIL, OK, SKIPPED, WARN, Finding, saying
from calls.doctor.visit import Visit, instance_at, is_web_address
from calls.twilio.addresses import STREAM_PATH

HTTP_ROUTES = {
    "/twilio/voice": "twilio-voice",
    "/twilio/stream": "twilio-stream",
    "/twilio/after": "twilio-after",
    "/twilio/status": "twilio-status",
    "/twilio/stream-status": "twilio-stream-status",
    "/twilio/fallback": "twilio-fallback",
    "/twilio/recording": "twilio-recording",
    "/twilio/dial-done": "twilio-dial-done",
    "/twilio/whisper": "twilio-whisper",
    "/twilio/alert-status": "twilio-alert-status",
    "/twilio/callback": "twilio-callback",
    "/twilio/callback-status": "twilio-callback-status",
    "/twilio/amd": "twilio-amd",
    "/twilio/message-status": "twilio-message-status",
    "/twilio/realtime": "twilio-realtime",
    "/realtime": "realtime",
    "/twilio/diagnostic": "twilio-diagnostic",
    "/diagnostic/openai": "openai-diagnostic",
    "/healthz": "healthz",
    "/readyz": "readyz",
}
SOCKET_ROUTES = ("/twilio/realtime", "/twilio/stream", "/realtime")
CONSUMER = "TwilioStream"
_SERVE = "Start the server: python manage.py serve"
_NOT_WSGI = f"{_SERVE} (not gunicorn or another WSGI server; runserver needs daphne in INSTALLED_APPS)"


async def routes(visit: Visit) -> list[Finding]:
    """Every address that Twilio may use leads to its view or consumer, the stream's with and without slash."""
    said, over_http = saying("routes", "Routes"), http_routes()
    if over_http.level is FAIL:
        return [over_http]
    try:
        router = import_module("calls.routing").websocket
        wraps = import_module("voiceagent.asgi").application.application_mapping["websocket"]
    except (ImportError, AttributeError, KeyError, SyntaxError, ImproperlyConfigured) as error:
        means = "No socket opens: the caller hears silence."
        remedy = "Mend calls/routing.py and voiceagent/asgi.py; see the error with: python -c 'import voiceagent.asgi'"
        return [said(FAIL, f"no WebSocket routes: {type(error).__name__}: {error}", means, remedy)]
    return [_socket_routes(router, wraps)]


def http_routes() -> Finding:
    """The same of the addresses over HTTP alone; it asks nobody and imports no more, so that it can run at start."""
    said = saying("routes", "Routes")
    lost = [path for path, name in HTTP_ROUTES.items() if not _leads_to(path, name)]
    lost = lost or [f"{path}/" for path in HTTP_ROUTES if not _leads_where(f"{path}/", path)]
    if not lost:
        return said(OK, f"{2 * len(HTTP_ROUTES)} addresses, with and without slash")
    remedy = 'In voiceagent/urls.py: path("", include("calls.urls")); then restart the server.'
    return said(FAIL, f"not mounted: {', '.join(lost)}", "Twilio gets 404; the caller hears an apology.", remedy)


def _leads_to(path: str, name: str) -> bool:
    try:
        return resolve(path).url_name == name
    except Resolver404:
        return False


def _leads_where(path: str, other: str) -> bool:
    """Whether both addresses lead to one view."""
    try:
        return resolve(path).func is resolve(other).func
    except Resolver404:
        return False


def _socket_routes(router: Any, mounted: Any) -> Finding:
    said = saying("routes", "Routes")
    layers = _layers(mounted)
    if any(isinstance(layer, OriginValidator) for layer in layers):
        means = "Twilio sends no Origin and gets 403: the caller hears silence."
        return said(FAIL, "an Origin validator stands around the stream", means, "Take it out of voiceagent/asgi.py.")
    if router not in layers:
        return said(
            FAIL, "voiceagent.asgi does not serve calls.routing", "No socket opens.", "Mend voiceagent/asgi.py."
        )
    paths = [path + slash for path in SOCKET_ROUTES for slash in ("", "/")]
    lost = [path for path in paths if _consumer_at(router, path) != CONSUMER]
    if lost:
        means = "The caller hears silence, then is handed over (Twilio's error 31920)."
        remedy = "Add the route to calls/routing.py with an optional slash, then restart the server."
        return said(FAIL, f"no stream at {', '.join(lost)}", means, remedy)
    return said(OK, f"{2 * len(HTTP_ROUTES)} addresses and {len(paths)} socket addresses, with and without slash")


def _layers(application: Any) -> list[Any]:
    """An ASGI application and what it wraps, from the outside in."""
    layers = []
    while application is not None and application not in layers:
        layers.append(application)
        application = getattr(application, "application", None) or getattr(application, "inner", None)
    return layers


def _consumer_at(router: Any, path: str) -> str:
    for route in router.routes:
        if route.pattern.match(path.removeprefix("/")):
            return getattr(getattr(route.callback, "consumer_class", None), "__name__", "")
    return ""


async def port(visit: Visit) -> list[Finding]:
    """It is this program, and no other, that answers on the local port."""
    said = saying("port", "Who owns the port")
    number, base = visit.site.port, visit.site.local_base_url
    try:
        visit.local_instance = await instance_at(base)
    except Unreachable as error:
        return [await _nobody(visit, error)]
    if not visit.local_instance:
        owner = await _owner(number)
        remedy = f"Stop that program, or set PORT={number + 1} in .env (and in the tunnel); then restart the server."
        means = "Calls reach the other program: an apology, or silence."
        return [said(FAIL, f"another program answers on port {number}: {owner}", means, remedy)]
    own = visit.site.own_instance
    if own and own != visit.local_instance:
        means = "Some calls are answered by a process that may run with older code and settings."
        remedy = f"Stop the other one ({await _owner(number)}), or give this one a port of its own."
        return [said(WARN, f"another process of this program answers on port {number}", means, remedy)]
    return [said(OK, f"port {number} is ours, instance {visit.local_instance}")]


async def _nobody(visit: Visit, error: Unreachable) -> Finding:
    said = saying("port", "Who owns the port")
    number = visit.site.port
    if error.kind != "refused":
        seen = f"port {number} does not answer as a web server: {await _owner(number)}"
        remedy = f"Stop that program, or set PORT={number + 1} in .env; then restart the server."
        return said(FAIL, seen, "Calls reach the other program: an apology, or silence.", remedy)
    if elsewhere := await _elsewhere(visit):
        remedy = "Set PORT to the port of the server, or run the doctor on the machine that serves."
        return said(WARN, f"nothing on port {number} here; instance {elsewhere} serves the public address", "", remedy)
    return said(FAIL, f"nothing listens on port {number}", "Nobody answers: the caller hears an apology.", _SERVE)


async def _elsewhere(visit: Visit) -> str:
    if not is_web_address(visit.site.public_base_url) or _is_this_machine(visit):
        return ""
    try:
        return await instance_at(visit.site.public_base_url)
    except Unreachable:
        return ""


def _is_this_machine(visit: Visit) -> bool:
    return visit.site.public_base_url in {visit.site.local_base_url, f"http://localhost:{visit.site.port}"}


async def _owner(number: int) -> str:
    """The program on the port, with the module that Python runs, and without its options: those may hold secrets."""
    owner = await aside(serving.port_owner, number)
    if not owner:
        return "which one cannot be seen from here"
    program, _, options = owner.partition(" -")
    module = f" -m {options.split()[1]}" if re.match(r"m [\w.]+", options) else ""
    return f"{program.rstrip(')')}{module.rstrip(')')})"


async def asgi(visit: Visit) -> list[Finding]:
    """The server on the local port takes WebSockets, as only an ASGI server does."""
    said = saying("asgi", "A server that takes sockets")
    if not visit.local_instance:
        return [said(SKIPPED, "the server is elsewhere; upgrade looks at it")]
    asked, url = visit, f"ws://127.0.0.1:{visit.site.port}{STREAM_PATH}"
    if not is_web_address(visit.site.public_base_url):  # nothing can be signed for it, and a refusal tells as much
        asked = Visit(replace(visit.site, public_base_url=visit.site.local_base_url))
    failed = await upgrading.failure(asked, url)
    match failed:
        case Refused(answer=answer) if answer.status not in {403, 500}:
            visit.takes_sockets = False
            server = answer.headers.get("server", "")
            seen = f"the upgrade was answered {answer.status} as a plain page{f' by {server[:40]}' if server else ''}"
            return [said(FAIL, seen, "No socket opens: the caller hears silence.", _NOT_WSGI)]
        case Unreachable() if _is_http_1_0(failed):
            visit.takes_sockets = False
            seen = "the upgrade was answered in HTTP/1.0, as by a WSGI server"
            return [said(FAIL, seen, "No socket opens: the caller hears silence.", _NOT_WSGI)]
        case Unreachable():
            offered = await upgrading.failure(asked, url, subprotocol=upgrading.SUBPROTOCOL)
            visit.takes_sockets = offered is None
            if offered:
                seen, remedy = of_silence(failed, url)
                return [said(FAIL, seen, "No socket opens: the caller hears silence.", f"{_SERVE}. {remedy}")]
            return [said(OK, f"sockets are taken when {upgrading.SUBPROTOCOL} is offered; see upgrade")]
    visit.takes_sockets = True
    refused = isinstance(failed, Refused | WrongSubprotocol)
    return [said(OK, "a server for sockets answers" + (f", though it {failed}; see upgrade" if refused else ""))]


def _is_http_1_0(error: BaseException | None) -> bool:
    """Whether what went wrong with an upgrade is that the answer came from the old days, as from Python's wsgiref."""
    while error and "HTTP/1.0" not in str(error):
        error = error.__cause__
    return error is not None
