"""Are the settings there, of the right form and in agreement? Pure: nothing is opened, so that it can run at start."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from django.http.request import validate_host

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
_MOST_TOKENS = 2  # an account has a primary and a secondary one
_LEAST_SECRET = 32
_HIGHEST_PORT = 65535
_RESTART = "then restart the server."
_COPY_TOKEN = f"Copy the Auth Token from https://console.twilio.com into TWILIO_AUTH_TOKEN in .env, {_RESTART}"


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


def _malformed(site: Site) -> Finding:
    finding = saying("settings.malformed", "ENV_FILE")
    if not site.malformed:
        return finding(OK, "every variable can be read")
    seen = "; ".join(f"{name} wants {wanted}" for name, wanted in site.malformed)
    means = "No server starts: nobody answers. All else is judged with the default in its place."
    *others, last = (name for name, _ in site.malformed)
    remedy = f"Correct or clear {', '.join(others)}{' and ' if others else ''}{last} in .env, {_RESTART}"
    return finding(FAIL, seen, means, remedy)


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


def _port(site: Site) -> Finding:
    finding = saying("settings.port", "PORT")
    try:
        named = urlsplit(site.public_base_url).port
    except ValueError:
        named = None
    if site.port > _HIGHEST_PORT:
        remedy = f"Set PORT=8000, or another number up to {_HIGHEST_PORT}, in .env, {_RESTART}"
        return finding(FAIL, f"{site.port} is no port", "The server cannot start: nobody answers.", remedy)
    if named and named != site.port and is_local(host_of(site.public_base_url)):
        means = "Twilio's part, played by the demonstration or a test, rings where nobody listens."
        remedy = f"Set PORT={named} in .env, or the port of PUBLIC_BASE_URL to {site.port}, {_RESTART}"
        return finding(WARN, f"{site.port}, while PUBLIC_BASE_URL names {named}", means, remedy)
    return finding(OK, str(site.port))


def _allowed_hosts(site: Site) -> Finding:
    host = host_of(site.public_base_url)
    if host and site.allowed_hosts and not validate_host(host, site.allowed_hosts):
        seen, means = f"the host of PUBLIC_BASE_URL, {host}, is not among them", "Twilio gets 400: an apology."
        remedy = f"Let voiceagent/settings.py put the host of PUBLIC_BASE_URL into ALLOWED_HOSTS, {_RESTART}"
        return Finding("settings.allowed-hosts", FAIL, "ALLOWED_HOSTS", seen, means, remedy)
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


def _secret_key(site: Site) -> Finding:
    if site.secret_key and (len(site.secret_key) < _LEAST_SECRET or is_placeholder(site.secret_key)):
        seen = "it is a placeholder" if is_placeholder(site.secret_key) else f"shorter than {_LEAST_SECRET} characters"
        means = "A stranger may guess it, log in as staff, and open streams at your cost."
        remedy = f"Clear SECRET_KEY in .env, and a good one is made and kept in .secret_key; {_RESTART}"
        return Finding("settings.secret-key", WARN, "SECRET_KEY", seen, means, remedy)
    return Finding("settings.secret-key", OK, "SECRET_KEY", "set")


def _installed_apps(site: Site) -> Finding:
    finding = saying("settings.apps", "INSTALLED_APPS")
    order = ["calls", "daphne", "django.contrib.staticfiles"]
    means = "manage.py runserver is then not the one that takes sockets: the caller hears silence."
    remedy = f"In voiceagent/settings.py begin INSTALLED_APPS with {order[0]!r}, {order[1]!r}, {_RESTART}"
    if missing := [app for app in order[:2] if app not in site.installed_apps]:
        return finding(FAIL, f"{' and '.join(missing)} not among them", means, remedy)
    found = [app for app in site.installed_apps if app in order]
    if found != [app for app in order if app in found]:
        return finding(FAIL, f"in the order {', '.join(found)}", means, remedy)
    return finding(OK, ", ".join(found))


def _append_slash(site: Site) -> Finding:
    if site.append_slash:
        means = "An address with a slash too few is redirected, and a redirect loses Twilio's form: an apology."
        remedy = f"Set APPEND_SLASH = False in voiceagent/settings.py, {_RESTART}"
        return Finding("settings.append-slash", WARN, "APPEND_SLASH", "on", means, remedy)
    return Finding("settings.append-slash", OK, "APPEND_SLASH", "off")


def _misspelt(site: Site) -> Finding:
    finding = saying("settings.misspelt", "ENV_FILE")
    if not site.misspelt:
        return finding(OK, "no variable under a name that is nearly right")
    seen = ", ".join(f"{found} is set, {name} is not" for name, found in site.misspelt)
    remedy = f"Rename {site.misspelt[0][1]} to {site.misspelt[0][0]} in .env, {_RESTART}"
    return finding(WARN, seen, "What was meant to be set is not.", remedy)


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
    if _TOKEN.fullmatch(key) or _ACCOUNT.fullmatch(key):
        return finding(FAIL, "it holds a token or SID of Twilio's, not a key of OpenAI's", remedy)
    if not key.startswith("sk-"):
        return finding(WARN, "set, but OpenAI's keys begin with sk-", remedy)
    return finding(OK, "set")


def is_foreign_realtime(site: Site) -> bool:
    return host_of(site.openai_url) != OPENAI_HOST


def _openai_url(site: Site) -> Finding:
    host = host_of(site.openai_url)
    if not is_foreign_realtime(site):
        return Finding("settings.openai-url", OK, "OPENAI_REALTIME_URL", f"{host}, model {site.openai_model}")
    remedy = f"For real calls clear OPENAI_REALTIME_URL in .env, {_RESTART}"
    if not host or not site.openai_url.startswith(("ws://", "wss://")):
        means = "No agent can speak: callers are handed over."
        return Finding("settings.openai-url", FAIL, "OPENAI_REALTIME_URL", "no WebSocket address", means, remedy)
    means = "Calls are answered by that server, as in the demonstration, and not by OpenAI."
    seen = f"{host}, model {site.openai_model}"
    return Finding("settings.openai-url", WARN, "OPENAI_REALTIME_URL", seen, means, remedy)


def _twilio_token(site: Site) -> Finding:
    def finding(level: Level, seen: str, remedy: str = "") -> Finding:
        means = "" if level is OK else "Nobody can tell Twilio's requests from a stranger's: every call gets 403."
        return Finding("settings.twilio-token", level, "TWILIO_AUTH_TOKEN", seen, means, remedy)

    tokens, keys, remedy = site.twilio_tokens, site.twilio_shared_keys, _COPY_TOKEN
    if not tokens and site.twilio_signature == "off":
        return finding(WARN, "not set; signatures are not checked", remedy)
    if not tokens and not keys and site.checkout_token:
        means = "A development server takes calls placed from here; every call of Twilio's own gets 403."
        return Finding("settings.twilio-token", WARN, "TWILIO_AUTH_TOKEN", "not set", means, remedy)
    if not tokens:
        return finding(OK, f"{len(keys)} shared key(s) instead") if keys else finding(FAIL, "not set", remedy)
    for token in tokens:
        if wrong := _wrong_token(token):
            return finding(*wrong, remedy)
    if len(set(tokens)) < len(tokens):
        return finding(WARN, "the same token twice", f"Give each token once in TWILIO_AUTH_TOKEN in .env, {_RESTART}")
    if len(tokens) > _MOST_TOKENS:
        means = "A token that was given up still opens the line to whoever has it."
        remedy = f"Keep the primary token, and while rotating the secondary, in TWILIO_AUTH_TOKEN in .env, {_RESTART}"
        return Finding("settings.twilio-token", WARN, "TWILIO_AUTH_TOKEN", f"{len(tokens)} tokens", means, remedy)
    return finding(OK, "set" if len(tokens) == 1 else "2 tokens, as while rotating")


def _wrong_token(token: str) -> tuple[Level, str] | None:
    if token[:2] in {"AC", "SK"}:
        return FAIL, "it holds an account or API key SID, not the Auth Token"
    if token.startswith("sk-"):
        return FAIL, "it holds a key of OpenAI's, not the Auth Token"
    if is_placeholder(token):
        return FAIL, "it is still a placeholder"
    if not _TOKEN.fullmatch(token):
        return WARN, "set, but an Auth Token is 32 characters of 0-9 and a-f"
    return None


def _twilio_account(site: Site) -> Finding:
    finding = saying("settings.twilio-account", "TWILIO_ACCOUNT_SID")
    remedy = f"Copy the Account SID from https://console.twilio.com into TWILIO_ACCOUNT_SID in .env, {_RESTART}"
    if site.twilio_account and not _ACCOUNT.fullmatch(site.twilio_account):
        means = "Streams of the real account may be taken for foreign ones, and nobody can be rung."
        return finding(WARN, "not of the form AC and 32 characters", means, remedy)
    means = "Calls are answered; nobody is rung for an emergency or called back, and no text message leaves."
    if site.twilio_tokens and not site.twilio_account:
        return finding(WARN, "not set", means, remedy)
    if site.twilio_shared_keys and not site.twilio_tokens:
        return finding(WARN, "of no use for Twilio's REST interface without TWILIO_AUTH_TOKEN", means, _COPY_TOKEN)
    return finding(OK, "set" if site.twilio_account else "not set")


def _twilio_signature(site: Site) -> Finding:
    if site.twilio_signature == "enforce":
        return Finding("settings.signature", OK, "TWILIO_SIGNATURE", "enforce")
    means = "Anybody can place calls and listen to the agent at your cost."
    remedy = f"Set TWILIO_SIGNATURE=enforce in .env, {_RESTART}"
    return Finding("settings.signature", WARN, "TWILIO_SIGNATURE", site.twilio_signature, means, remedy)


def _handover_number(site: Site) -> Finding:
    number = site.handover_number
    if not number or _NUMBER.fullmatch(number):
        seen = "set" if number else "not set; each business may have its own"
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
    "settings.malformed": _malformed,
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
    "settings.port": _port,
    "settings.secret-key": _secret_key,
    "settings.apps": _installed_apps,
    "settings.append-slash": _append_slash,
    "settings.misspelt": _misspelt,
}
IDS = tuple(_CHECKS)
