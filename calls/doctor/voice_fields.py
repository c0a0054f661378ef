"""A number's voice fields at Twilio: what they have to hold for this server, and what is wrong with them. Pure."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from calls.twilio.addresses import STREAM_PATH, webhook_url
from calls.twilio.rest import Number

POST = "POST"
_STREAM_PATHS = {STREAM_PATH, "/realtime"}
_ALSO_VOICE = {"/twilio/stream"}


class Change(NamedTuple):
    """`field` is a name of rest.Number; the addresses are whole, and not fit to be shown."""

    field: str
    current: str
    wanted: str


class Wrong(NamedTuple):
    seen: str
    is_answered: bool = False
    """Calls come in all the same."""


def shown(url: str) -> str:
    """An address without its password and query, which may be secrets."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "(no address)"
    return urlunsplit((parts.scheme, host, parts.path, "", "")) if url else "(empty)"


def is_elsewhere(url: str, base: str) -> bool:
    """Whether an address leads to another host than ours; a blank one leads nowhere."""
    return _host(url) not in {"", _host(base)}


def keeps_its_fallback(number: Number, base: str) -> bool:
    """A way on another host is its owner's and outlives this server; unless it was ours, on a host that was left."""
    url = number.fallback_url
    left = _host(url) == _host(number.voice_url) and urlsplit(url).path == "/twilio/fallback"
    return is_elsewhere(url, base) and not left


def wanted(number: Number, base: str, *, elsewhere: str = "") -> dict[str, str]:
    """What the fields have to hold. `elsewhere`: the address of a TwiML Bin that its owner has entered for the line."""
    fields = {
        "voice_url": webhook_url(base, "voice"),
        "voice_method": POST,
        "status_url": webhook_url(base, "status"),
        "status_method": POST,
        "application_sid": "",
    }
    if not keeps_its_fallback(number, base):
        fields["fallback_url"] = elsewhere if is_elsewhere(elsewhere, base) else webhook_url(base, "fallback")
        fields["fallback_method"] = POST
    return fields


def changes(number: Number, fields: Mapping[str, str]) -> list[Change]:
    """What differs; the fragment of an address, which holds Twilio's own options of a connection, may stay."""
    found = [Change(name, getattr(number, name), value) for name, value in fields.items()]
    return [one for one in found if _plain(one.current) != one.wanted]


def wrong_with_voice(number: Number, base: str) -> Wrong | None:
    """The first thing that Twilio would stumble over when somebody rings."""
    if number.trunk_sid:
        return Wrong("a SIP trunk takes the calls, and the voice field is ignored")
    if number.application_sid:
        return Wrong("an application takes the calls, and the voice field is ignored")
    if wrong := _wrong_address(number.voice_url, base):
        return wrong
    if number.voice_method != POST:
        return Wrong(f"HTTP {number.voice_method or 'without a method'} instead of POST", is_answered=True)
    return None


def _wrong_address(url: str, base: str) -> Wrong | None:
    """A slash at its end is no slip: each address is answered with one, too."""
    if not url:
        return Wrong("the voice field is empty")
    target, path = shown(url), _path(url).rstrip("/")
    scheme = target.partition(":")[0]
    if scheme in {"ws", "wss"}:
        return Wrong(f"the voice field holds {target}: a socket's address, which Twilio cannot ask")
    if is_elsewhere(url, base):
        return Wrong(f"the voice field leads to {_host(url)}, while PUBLIC_BASE_URL is {shown(base)}")
    if scheme != urlsplit(base).scheme:
        return Wrong(f"the voice field begins with {scheme}:// instead of {urlsplit(base).scheme}://")
    if path in _STREAM_PATHS:
        return Wrong("the voice field holds the stream's address instead of the webhook's", is_answered=True)
    if path in _ALSO_VOICE:
        return None
    if path != "/twilio/voice":
        return Wrong(f"the voice field leads to {path or '/'} instead of /twilio/voice")
    return None


def wrong_with(url: str, method: str, base: str, name: str) -> str:
    """What is wrong with the address of another webhook of ours, such as `status`; blank when nothing is."""
    if not url:
        return "empty"
    if _plain(url).rstrip("/") != webhook_url(base, name):
        return f"{shown(url)} instead of {webhook_url(base, name)}"
    return "" if method == POST else f"HTTP {method or 'without a method'} instead of POST"


def _plain(url: str) -> str:
    return url.partition("#")[0]


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        return parts.netloc.rpartition("@")[2].lower().removesuffix(":443")
    except ValueError:
        return "(no address)"


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
