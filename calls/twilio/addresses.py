"""The addresses that Twilio is told and signs over, all made from PUBLIC_BASE_URL and from no header of a request."""

from urllib.parse import urlencode, urlsplit

STREAM_PATH = "/twilio/realtime"
STREAM_REFUSAL = "Streams are opened by Twilio alone."
"""Said with the 403 to whoever else opens one: a 403 without it comes from something around the stream."""

_SOCKET_SCHEMES = {"https": "wss", "http": "ws"}


def webhook_url(public_base_url: str, name: str, **about: str | int) -> str:
    """The address of one webhook: `webhook_url(base, "voice")` → `https://host/twilio/voice`.

    `about` goes into the query, which Twilio signs too: which row of ours the request is about, though its CallSid may
    not have been stored yet.
    """
    query = f"?{urlencode(about)}" if about else ""
    return f"{public_base_url.rstrip('/')}/twilio/{name}{query}"


def stream_url(public_base_url: str) -> str:
    """The address of the media stream: wss where the public address is https, ws where it is http."""
    return _as_socket(public_base_url.rstrip("/")) + STREAM_PATH


def request_url(public_base_url: str, path: str, query: str = "") -> str:
    """The address that Twilio asked for, as it signs it: the query string as it came, still percent-encoded."""
    return f"{public_base_url.rstrip('/')}{path}{'?' + query if query else ''}"


def stream_signature_urls(public_base_url: str, path: str) -> list[str]:
    """What may have been signed on the upgrade of a socket at `path`: socket and web form, with and without slash.

    Twilio signs the wss address as the TwiML names it; older accounts and other carriers were seen to sign the https
    form or to add a slash. None of the four can be forged without the token.
    """
    web = public_base_url.rstrip("/")
    bare = path.rstrip("/")
    return [f"{base}{bare}{slash}" for base in (_as_socket(web), web) for slash in ("", "/")]


def _as_socket(base: str) -> str:
    scheme = urlsplit(base).scheme
    return _SOCKET_SCHEMES.get(scheme, "wss") + base[len(scheme) :]
