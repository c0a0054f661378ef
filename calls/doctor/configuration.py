"""Are the settings there, of the right form and in agreement? Pure: nothing is opened, so that it can run at start."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from calls.doctor.findings import FAIL, OK, WARN, Finding, Level, saying
from calls.doctor.site import Site

OPENAI_HOST = "api.openai.com"
# Long enough that a random key holds none of them by chance.
_EXAMPLES = re.compile(
    r"your[-_ ]|x{5,}|change[-_ ]?me|placeholder|example|secret[-_ ]?here|\.\.\.|…|[<>{}]", re.IGNORECASE
)
_EXAMPLE_HOSTS = re.compile(r"(^|[.-])(your|example)|\.(example|invalid|test)$|[<>{}…]|\.\.\.", re.IGNORECASE)
_TOKEN = re.compile(r"[0-9a-f]{32}")
_ACCOUNT = re.compile(r"AC[0-9a-f]{32}")
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_LOCAL_NAMES = ("localhost", ".local", ".internal", ".lan", ".home")
_LEAST_TOKEN = 16
_RESTART = "then restart the server."


def examine(site: Site) -> list[Finding]:
    """One finding for each setting, in the order in which a newcomer meets them."""
    return [check(site) for check in _CHECKS.values()]


def is_placeholder(text: str) -> bool:
    """True for what stands in examples and gets forgotten there, such as `sk-...` or `your-token`."""
    return bool(_EXAMPLES.search(text))


def is_local(host: str) -> bool:
    """True for a host that nobody outside of this machine or its network can reach."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.lower().rstrip(".").endswith(_LOCAL_NAMES) or "." not in host


def _public_base_url(site: Site) -> Finding:
    finding = saying("settings.public-url", "PUBLIC_BASE_URL")
    try:
        url = urlsplit(site.public_base_url)
        host, port = url.hostname or "", url.port
    except ValueError as error:
        return finding(FAIL, f"not an address: {error}", *_NO_ADDRESS)
    shown = f"{url.scheme}://{host}{f':{port}' if port else ''}{url.path}"
    if wrong := _wrong_form(url, host):
        return finding(FAIL, f"{shown}: {wrong}", *_NO_ADDRESS)
    if is_local(host):
        means = "Twilio cannot reach it: the demonstration works, a real call hears an apology."
        return finding(FAIL, f"{shown} exists on this machine or network only", means, _TUNNEL)
    if url.scheme != "https":
        means = "Twilio opens the audio over wss:// alone, which needs https."
        return finding(FAIL, f"{shown} is not https", means, f"Set PUBLIC_BASE_URL=https://{host} and {_RESTART}")
    if port not in (None, 443):
        means = "Twilio advises port 443 for the stream; others may be blocked."
        return finding(WARN, f"{shown} names port {port}", means, f"Serve it on 443: PUBLIC_BASE_URL=https://{host}")
    return finding(OK, shown)


_NO_ADDRESS = (
    "No call can find the way: the stream, callback and signature addresses are all made from it.",
    f"Set PUBLIC_BASE_URL=https://the.host.that.twilio.reaches (no wss, no path) in .env, {_RESTART}",
)
_TUNNEL = (
    f"Deploy it, or open a tunnel to this port, and set PUBLIC_BASE_URL=https://the.host.it.names in .env, {_RESTART}"
)


def _wrong_form(url: SplitResult, host: str) -> str:
    if url.scheme in {"ws", "wss"}:
        return "it begins with https; the wss address is derived from it"
    if url.scheme not in {"http", "https"} or not host:
        return "not a web address"
    if _EXAMPLE_HOSTS.search(host):
        return "the host is still the one from an example"
    if url.path.strip("/"):
        return "it has a path, which would be doubled in every address"
    if url.query or url.fragment or url.username or url.password:
        return "it carries a query, a fragment or a password, which has no place in it"
    return ""


def _allowed_hosts(site: Site) -> Finding:
    if "*" in site.allowed_hosts:
        seen, means = "every host is allowed", "Requests under foreign names are answered; links can be forged."
        remedy = f"Take * out of ALLOWED_HOSTS (the host of PUBLIC_BASE_URL is allowed anyway), {_RESTART}"
        return Finding("settings.allowed-hosts", WARN, "ALLOWED_HOSTS", seen, means, remedy)
    return Finding("settings.allowed-hosts", OK, "ALLOWED_HOSTS", ", ".join(site.allowed_hosts) or "none")


def _debug(site: Site) -> Finding:
    if site.debug and not is_local(host_of(site.public_base_url)):
        means = "Whoever meets an error page sees the inside of the program."
        remedy = f"Set DEBUG=off in .env, {_RESTART}"
        return Finding("settings.debug", WARN, "DEBUG", "on, at a public address", means, remedy)
    return Finding("settings.debug", OK, "DEBUG", "on" if site.debug else "off")


def _openai_key(site: Site) -> Finding:
    def finding(level: Level, seen: str, remedy: str = "") -> Finding:
        means = "" if level is OK else "No agent can speak: callers are handed over at once, or when OpenAI refuses."
        return Finding("settings.openai-key", level, "OPENAI_API_KEY", seen, means, remedy)

    remedy = f"Make a key at https://platform.openai.com/api-keys, set OPENAI_API_KEY in .env, {_RESTART}"
    key = site.openai_key
    if not key:
        return finding(FAIL, "not set", remedy)
    if not key.isascii() or any(character.isspace() or character in "\"'" for character in key):
        return finding(FAIL, "it holds a blank, a quotation mark or a foreign letter", remedy)
    if is_foreign_realtime(site):
        return finding(OK, "set; not for OpenAI itself")
    if is_placeholder(key) or len(key) < 20:
        return finding(FAIL, "it is still a placeholder", remedy)
    if not key.startswith("sk-"):
        return finding(WARN, "set, but OpenAI's keys begin with sk-", remedy)
    return finding(OK, "set")


def is_foreign_realtime(site: Site) -> bool:
    return host_of(site.openai_url) != OPENAI_HOST


def _openai_url(site: Site) -> Finding:
    host = host_of(site.openai_url)
    if not is_foreign_realtime(site):
        return Finding("settings.openai-url", OK, "OPENAI_REALTIME_URL", f"{host}, model {site.openai_model}")
    means = "Calls are answered by that server, as in the demonstration, and not by OpenAI."
    remedy = f"For real calls clear OPENAI_REALTIME_URL in .env, {_RESTART}"
    seen = f"{host or 'no host'}, model {site.openai_model}"
    return Finding("settings.openai-url", WARN, "OPENAI_REALTIME_URL", seen, means, remedy)


def _twilio_token(site: Site) -> Finding:
    def finding(level: Level, seen: str, remedy: str = "") -> Finding:
        means = "" if level is OK else "Nobody can tell Twilio's requests from a stranger's: every call gets 403."
        return Finding("settings.twilio-token", level, "TWILIO_AUTH_TOKEN", seen, means, remedy)

    tokens, keys = site.twilio_tokens, site.twilio_shared_keys
    remedy = f"Copy the Auth Token from https://console.twilio.com into TWILIO_AUTH_TOKEN in .env, {_RESTART}"
    if not tokens and site.twilio_signature == "off":
        return finding(WARN, "not set; signatures are not checked", remedy)
    if not tokens and not keys and site.checkout_token:
        means = "A development server takes calls placed from here; every call of Twilio's own gets 403."
        return Finding("settings.twilio-token", WARN, "TWILIO_AUTH_TOKEN", "not set", means, remedy)
    if not tokens:
        return finding(OK, f"{len(keys)} shared key(s) instead") if keys else finding(FAIL, "not set", remedy)
    for token in tokens:
        if token[:2] in {"AC", "SK"}:
            return finding(FAIL, "it holds an account or API key SID, not the Auth Token", remedy)
        if is_placeholder(token):
            return finding(FAIL, "it is still a placeholder", remedy)
        if not _TOKEN.fullmatch(token):
            return finding(WARN, "set, but an Auth Token is 32 characters of 0-9 and a-f", remedy)
    return finding(OK, "set" if len(tokens) == 1 else f"{len(tokens)} tokens, as while rotating")


def _twilio_account(site: Site) -> Finding:
    if not site.twilio_account or _ACCOUNT.fullmatch(site.twilio_account):
        seen = "set" if site.twilio_account else "not set; answering calls does not need it"
        return Finding("settings.twilio-account", OK, "TWILIO_ACCOUNT_SID", seen)
    seen, means = "not of the form AC and 32 characters", "Streams of the real account may be taken for foreign ones."
    remedy = f"Copy the Account SID from https://console.twilio.com into TWILIO_ACCOUNT_SID in .env, {_RESTART}"
    return Finding("settings.twilio-account", WARN, "TWILIO_ACCOUNT_SID", seen, means, remedy)


def _twilio_signature(site: Site) -> Finding:
    if site.twilio_signature == "enforce":
        return Finding("settings.signature", OK, "TWILIO_SIGNATURE", "enforce")
    means = "Anybody can place calls and listen to the agent at your cost."
    remedy = f"Set TWILIO_SIGNATURE=enforce in .env, {_RESTART}"
    return Finding("settings.signature", WARN, "TWILIO_SIGNATURE", site.twilio_signature, means, remedy)


def _handover_number(site: Site) -> Finding:
    number = site.handover_number
    if not number or _NUMBER.fullmatch(number):
        seen = number or "not set; each business may have its own"
        return Finding("settings.handover", OK, "HANDOVER_NUMBER", seen)
    seen = "not of the form +15551234567"
    means = "Callers who need a person while the database is down reach nobody."
    remedy = f"Set HANDOVER_NUMBER with + and country code in .env, {_RESTART}"
    return Finding("settings.handover", FAIL, "HANDOVER_NUMBER", seen, means, remedy)


def _diagnostic_token(site: Site) -> Finding:
    if site.diagnostic_token and len(site.diagnostic_token) < _LEAST_TOKEN:
        seen, means = f"shorter than {_LEAST_TOKEN} characters", "A stranger may guess it and read this diagnosis."
        remedy = "Set DIAGNOSTIC_TOKEN to what this prints: python -c 'import secrets; print(secrets.token_urlsafe())'"
        return Finding("settings.diagnostic-token", WARN, "DIAGNOSTIC_TOKEN", seen, means, remedy)
    seen = "set" if site.diagnostic_token else "not set; staff alone see the diagnosis"
    return Finding("settings.diagnostic-token", OK, "DIAGNOSTIC_TOKEN", seen)


def _email(site: Site) -> Finding:
    if not site.letters_folder:
        return Finding("settings.email", OK, "EMAIL_URL", "set")
    means = "Callers are told that a letter is on its way, and it reaches nobody."
    remedy = f"Set EMAIL_URL=smtp+tls://user:password@host:587 in .env, {_RESTART}"
    return Finding("settings.email", WARN, "EMAIL_URL", f"letters become files in {site.letters_folder}", means, remedy)


def host_of(url: str) -> str:
    """The host of an address; blank where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


_CHECKS: Mapping[str, Callable[[Site], Finding]] = {
    "settings.public-url": _public_base_url,
    "settings.allowed-hosts": _allowed_hosts,
    "settings.debug": _debug,
    "settings.openai-key": _openai_key,
    "settings.openai-url": _openai_url,
    "settings.twilio-token": _twilio_token,
    "settings.twilio-account": _twilio_account,
    "settings.signature": _twilio_signature,
    "settings.handover": _handover_number,
    "settings.diagnostic-token": _diagnostic_token,
    "settings.email": _email,
}
IDS = tuple(_CHECKS)
