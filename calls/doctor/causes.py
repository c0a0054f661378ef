"""What stands behind an answer that is not the wanted one: the first thing to think of, and what to do about it."""

import re
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from calls.doctor.document import looks_like_html
from calls.doctor.exchange import Answer, Unreachable, is_out_of_date
from calls.doctor.voice_fields import shown

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_REDIRECTS = {301, 302, 303, 307, 308}
_NO_SERVER = {502, 503, 504, 520, 521, 522, 523, 525, 526, 530}


class Cause(NamedTuple):
    seen: str
    remedy: str


def of_silence(error: Unreachable, url: str) -> Cause:
    """Why nothing answered at `url`."""
    remedies = {
        "dns": "Correct the host in PUBLIC_BASE_URL, or enter the name at your domain's DNS provider.",
        "refused": "Start the server or the tunnel, and see that port 443 is forwarded to this program.",
        "network": "Connect this machine to the network, or run the doctor where the address can be reached.",
        "timeout": "Look whether a firewall drops the connection; from another machine type: curl -v " + url,
        "tls": "Get a certificate from a public authority (Let's Encrypt) for exactly this host; "
        "Twilio accepts no self-signed one.",
        "protocol": "Look which program listens behind the public address; it has to be this one.",
    }
    first = "See whether this machine's clock is right: date. If it is: " if is_out_of_date(error.__cause__) else ""
    return Cause(f"{url}: {error}", first + remedies[error.kind])


def of_answer(answer: Answer, url: str, *, is_ours: bool) -> Cause:
    """Why `url` answered this and not what was wanted. `is_ours`: our /healthz answers at the same host."""
    status = answer.status
    if status in _REDIRECTS:
        return _redirect(answer, url)
    if tunnel := answer.headers.get("ngrok-error-code"):
        return Cause(f"{url}: the tunnel answers {status} ({tunnel})", "Start the tunnel again, towards this port.")
    if status in _NO_SERVER:
        seen = f"{url}: a proxy answers {status}, the server behind it does not answer"
        return Cause(seen, "Start the server, and point the proxy or tunnel at its port (PORT).")
    if status == 403:
        return _forbidden(answer, url, is_ours=is_ours)
    if cause := _PLAIN.get(status):
        return Cause(f"{url}: {cause[0]}", cause[1])
    if status == 404:
        return _not_found(answer, url, is_ours=is_ours)
    if status >= 500:
        seen, remedy = (
            f"{url}: the program failed ({status}{_title(answer)})",
            "Read the server's log; the error is there.",
        )
        return Cause(seen, remedy)
    if looks_like_html(answer):
        seen = f"{url}: answered {status} with a web page{_title(answer)}, as of another application"
        return Cause(seen, "Point PUBLIC_BASE_URL at this program, or the host at this program's port.")
    return Cause(f"{url}: answered {status}", "Look which program answers there; it has to be this one.")


_PLAIN = {
    400: (
        "answered 400, as Django does when the host is not in ALLOWED_HOSTS",
        "Set PUBLIC_BASE_URL to this very host in the server's environment, and restart the server.",
    ),
    401: ("answered 401: a password is asked for", "Take the password off /twilio/; the signature protects it."),
    405: ("answered 405: the method is not allowed there", "In Twilio's console use /twilio/voice with HTTP POST."),
    407: ("answered 407: a proxy asks for a password", "Run the doctor without a proxy in between."),
    426: (
        "answered 426: this address takes WebSockets, and the upgrade did not arrive",
        "Let the proxy pass the headers Upgrade and Connection on, and start with: python manage.py serve",
    ),
    429: ("answered 429: too many requests", "Raise the rate limit of the proxy or firewall for /twilio/."),
}


def _redirect(answer: Answer, url: str) -> Cause:
    """A redirect turns Twilio's POST into a GET without its form; the target tells who it is that redirects."""
    try:
        target = shown(urljoin(url, answer.headers.get("location", "")))
    except ValueError:
        target = ""
    seen = f"{url}: answered {answer.status}, a redirect to {target or 'no address'}"
    (host, path), (wanted_host, wanted_path) = _place(target), _place(url)
    if host == wanted_host and path != wanted_path and path.rstrip("/") == wanted_path.rstrip("/"):
        remedy = "Take out what adds or removes the slash (APPEND_SLASH, or a rule of the proxy)."
        return Cause(f"{seen}: the same address but for the slash at its end", remedy)
    if host == wanted_host and path == wanted_path and target.startswith("https:"):
        return Cause(seen, "Set PUBLIC_BASE_URL to the https address, and restart the server.")
    if host != wanted_host and host.removeprefix("www.") == wanted_host.removeprefix("www."):
        return Cause(seen, "Set PUBLIC_BASE_URL to the name that is redirected to, and restart the server.")
    remedy = "Let it answer without a redirect (to https, www, a slash or a login): a redirect loses Twilio's form."
    return Cause(seen, remedy)


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.path


def _forbidden(answer: Answer, url: str, *, is_ours: bool) -> Cause:
    if "csrf" in answer.text.lower():
        return Cause(f"{url}: answered 403 by Django's CSRF check", "Mark the view of this route csrf_exempt.")
    if is_ours:
        seen = f"{url}: answered 403, the signature is not accepted"
        remedy = (
            "Restart the server, so that it has the same TWILIO_AUTH_TOKEN and PUBLIC_BASE_URL as this diagnosis; "
            "the token is on https://console.twilio.com."
        )
        return Cause(seen, remedy)
    seen = f"{url}: answered 403{_title(answer)} by something in front of this program"
    return Cause(seen, "Let the firewall or bot protection pass /twilio/ without a challenge.")


def _not_found(answer: Answer, url: str, *, is_ours: bool) -> Cause:
    if is_ours:
        seen = f"{url}: answered 404, this program does not have the route mounted"
        return Cause(seen, 'Add path("", include("calls.urls")) to voiceagent/urls.py, and restart the server.')
    seen = f"{url}: answered 404{_title(answer)}, and /healthz at the same host is not ours: another application"
    return Cause(seen, "Point PUBLIC_BASE_URL at this program, or the host at this program's port.")


def _title(answer: Answer) -> str:
    found = _TITLE.search(answer.text[:20_000])
    title = " ".join(found[1].split())[:60] if found else ""
    return f", “{title}”" if title else ""
