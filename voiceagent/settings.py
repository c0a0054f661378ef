"""Every environment variable of the project, with its type and default on top, and what Django is told from them.

Nothing is needed to start: a blank variable means "not set". What is missing is said by `manage.py check`,
`manage.py doctor` and, to a caller, by a voice. What cannot be read stands in MALFORMED, and its default holds: so the
doctor can look, while no server starts. docs/configuration.md explains each variable.
"""

import difflib
import logging
import os
import re
import secrets
import warnings
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env(
    ENV_FILE=(str, str(BASE_DIR / ".env")),
    SECRET_KEY=(str, ""),
    DEBUG=(str, ""),
    ALLOWED_HOSTS=(str, ""),
    DATABASE_URL=(str, ""),
    PUBLIC_BASE_URL=(str, ""),
    PORT=(str, ""),
    OPENAI_API_KEY=(str, ""),
    OPENAI_REALTIME_URL=(str, ""),
    OPENAI_REALTIME_MODEL=(str, ""),
    TWILIO_ACCOUNT_SID=(str, ""),
    TWILIO_AUTH_TOKEN=(str, ""),
    TWILIO_SHARED_KEYS=(str, ""),
    TWILIO_API_BASE_URL=(str, ""),
    TWILIO_SIGNATURE=(str, ""),
    HANDOVER_NUMBER=(str, ""),
    CALLS_AT_ONCE=(str, ""),
    CALLS_PER_CALLER=(str, ""),
    CALLER_MINUTES_A_DAY=(str, ""),
    EMAIL_URL=(str, ""),
    DEFAULT_FROM_EMAIL=(str, ""),
    MAX_CALL_MINUTES=(str, ""),
    DRAIN_SECONDS=(str, ""),
    DB_THREADS=(str, ""),
    CLOCK_RATE=(str, ""),
    DIAGNOSTIC_TOKEN=(str, ""),
    LOG_LEVEL=(str, ""),
    DATA_DIR=(str, ""),
)


MALFORMED: dict[str, str] = {}
"""Variables that cannot be read, each with what is wanted; never what stands there, which may be a password."""


def _text(name: str, default: str = "") -> str:
    return env(name).strip() or default


def _list(name: str) -> list[str]:
    return [part.strip() for part in env(name).split(",") if part.strip()]


def _pairs(name: str) -> dict[str, str]:
    pairs = dict(part.partition(":")[::2] for part in _list(name))
    if not all(key and value for key, value in pairs.items()):
        MALFORMED[name] = "id:secret, several separated by commas"
        return {}
    return pairs


def _number(name: str, default: float, *, least: float) -> float:
    try:
        value = float(_text(name, str(default)))
    except ValueError:
        MALFORMED[name] = "a number"
        return default
    if not least <= value < float("inf"):
        MALFORMED[name] = f"a number of at least {least}"
        return default
    return value


def _email() -> dict[str, object]:
    """Django's settings of e-mail. Blank, or filemail:///a/folder: each letter becomes a file there."""
    url = _text("EMAIL_URL", "filemail:")
    if url.startswith("filemail:"):
        return _folder_of_letters(urlsplit(url).path)
    try:
        # Django-environ takes smtps for STARTTLS; everybody else for TLS from the first byte on, as on port 465.
        wanted = environ.Env.email_url_config(re.sub("^smtps:", "smtp+ssl:", url))
    except (ImproperlyConfigured, ValueError):
        MALFORMED["EMAIL_URL"] = "smtp+tls://user:password@host:587, or filemail:///folder"
        return _folder_of_letters()
    return {name: value for name, value in wanted.items() if value is not None}


def _folder_of_letters(folder: str = "") -> dict[str, object]:
    return {
        "EMAIL_BACKEND": "calls.mail.FolderBackend",
        "EMAIL_FILE_PATH": folder if folder.strip("/") else str(BASE_DIR / "var" / "outbox"),
    }


def _database() -> dict[str, object]:
    default = f"sqlite:///{BASE_DIR / 'db.sqlite3'}"
    with warnings.catch_warnings(action="ignore"):  # what django-environ cannot read it quotes, password and all
        try:
            database = environ.Env.db_url_config(_text("DATABASE_URL", default))
        except ValueError:
            database = {}
        if "." not in database.get("ENGINE", ""):  # the path of a module, unless the scheme is unknown
            MALFORMED["DATABASE_URL"] = "postgres://user:password@host:5432/name, with / in a password as %2F"
            database = environ.Env.db_url_config(default)
    return database


def _one_of(name: str, default: str, known: Collection[str]) -> str:
    """The value in the letters of `default`: all small, or all great."""
    text = _text(name, default)
    text = text.upper() if default.isupper() else text.lower()
    if text not in known:
        MALFORMED[name] = f"one of {', '.join(known)}"
        return default
    return text


def _flag(name: str) -> bool:
    text = _text(name, "off").lower()
    if text not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        MALFORMED[name] = "on or off"
    return text in {"1", "true", "yes", "on"}


def _secret_key() -> str:
    """The key from the environment, else one made once and kept beside manage.py, readable by its owner alone."""
    if key := _text("SECRET_KEY"):
        return key
    path = BASE_DIR / ".secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if kept := path.read_text().strip():
            return kept
        raise ImproperlyConfigured(f"{path.name} is empty: delete it, or set SECRET_KEY.") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(key := secrets.token_urlsafe(50))
    return key


def _misspelt() -> dict[str, str]:
    """Variables that are not set while the environment holds one under nearly the same name, as OPENAI_KEY."""
    foreign = [name for name, value in os.environ.items() if value.strip() and name not in env.scheme]
    unset = [name for name in env.scheme if len(name) > 5 and not _text(name)]  # PORT is near to many a word
    near = {name: difflib.get_close_matches(name, foreign, n=1, cutoff=0.8) for name in unset}
    return {name: found[0] for name, found in near.items() if found}


def _without_the_line(record: logging.LogRecord) -> bool:
    """Django-environ quotes a line that it cannot read, with the password that may stand in it."""
    if str(record.msg).startswith("Invalid line"):
        record.msg, record.args = "ENV_FILE has a line that is not of the form NAME=value", ()
    return True


logging.getLogger("environ.environ").addFilter(_without_the_line)
if Path(env("ENV_FILE")).is_file():
    environ.Env.read_env(env("ENV_FILE"))
MISSPELT = _misspelt()

DEBUG = _flag("DEBUG")
SECRET_KEY = _secret_key()
PORT = int(_number("PORT", 8000, least=1))
LOG_LEVEL = _one_of("LOG_LEVEL", "INFO", logging.getLevelNamesMapping())
DATA_DIR = Path(_text("DATA_DIR", str(BASE_DIR / "var")))
INSTANCE_ID = secrets.token_hex(8)

# The one address under which Twilio reaches us. Host and X-Forwarded-* headers decide nothing.
PUBLIC_BASE_URL = _text("PUBLIC_BASE_URL", f"http://localhost:{PORT}").rstrip("/")
try:
    _public = urlsplit(PUBLIC_BASE_URL)
except ValueError:  # no address at all, such as https://[host: the doctor says so, which needs a project that starts
    _public = urlsplit("")
_public_host = _public.hostname or "localhost"
_public_origin = f"{_public.scheme}://{_public.netloc}"

ALLOWED_HOSTS = [*dict.fromkeys([_public_host, "localhost", "127.0.0.1", "[::1]", *_list("ALLOWED_HOSTS")])]
CSRF_TRUSTED_ORIGINS = [_public_origin] if _public.scheme in {"http", "https"} else []

OPENAI_API_KEY = _text("OPENAI_API_KEY")
OPENAI_REALTIME_URL = _text("OPENAI_REALTIME_URL", "wss://api.openai.com/v1/realtime")
OPENAI_REALTIME_MODEL = _text("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1")

TWILIO_ACCOUNT_SID = _text("TWILIO_ACCOUNT_SID")
TWILIO_AUTH_TOKENS = _list("TWILIO_AUTH_TOKEN")
TWILIO_SHARED_KEYS = _pairs("TWILIO_SHARED_KEYS")
TWILIO_API_BASE_URL = _text("TWILIO_API_BASE_URL", "https://api.twilio.com")
TWILIO_SIGNATURE = _one_of("TWILIO_SIGNATURE", "enforce", ["enforce", "log", "off"])
if TWILIO_SIGNATURE != "enforce" and not DEBUG:
    MALFORMED["TWILIO_SIGNATURE"] = "enforce: anything else lets strangers in, and needs DEBUG=on"
    TWILIO_SIGNATURE = "enforce"
HANDOVER_NUMBER = _text("HANDOVER_NUMBER")
DIAGNOSTIC_TOKEN = _text("DIAGNOSTIC_TOKEN")

CALLS_AT_ONCE = int(_number("CALLS_AT_ONCE", 50, least=0))
CALLS_PER_CALLER = int(_number("CALLS_PER_CALLER", 2, least=0))
CALLER_MINUTES_A_DAY = int(_number("CALLER_MINUTES_A_DAY", 120, least=0))

vars().update(_email())
EMAIL_TIMEOUT = 10  # for each step of SMTP; the lease of a letter in the outbox is measured by it
DEFAULT_FROM_EMAIL = _text("DEFAULT_FROM_EMAIL", f"receptionist@{_public_host}")

MAX_CALL_MINUTES = _number("MAX_CALL_MINUTES", 30, least=0.1)
DRAIN_SECONDS = _number("DRAIN_SECONDS", 600, least=0)
DB_THREADS = int(_number("DB_THREADS", 8, least=1))
CLOCK_RATE = _number("CLOCK_RATE", 1, least=0.1)
if CLOCK_RATE != 1 and not DEBUG:
    MALFORMED["CLOCK_RATE"] = "1: any other is for tests and demonstrations, and needs DEBUG=on"
    CLOCK_RATE = 1

INSTALLED_APPS = [
    "calls",
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "calls.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "calls.admin.policy.content_security_policy",
]

ROOT_URLCONF = "voiceagent.urls"
ASGI_APPLICATION = "voiceagent.asgi.application"
APPEND_SLASH = False  # a redirect turns Twilio's POST into a GET and loses its form

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": _database()}
# A connection that `?conn_max_age=60` keeps may have died with its server: it is tried before it is used again.
DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "voiceagent.sqlite"
    # Django's default DEFERRED transactions fail at once when a read turns into a write while another call writes.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Where a firewall swallows what is sent to it, libpq would wait for minutes, and every thread of calls with it.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 3)
# No list of queues: calls/tasks.py names one for each kind of work.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # the admin looks right without a collectstatic step

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
X_FRAME_OPTIONS = "DENY"
if _public.scheme == "https":
    # What stands in front ends TLS and says so; a false claim gets its own answer marked as https, and nothing else.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 30 * 24 * 3600
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # other names under the host are not ours to promise https for
    "security.W008",  # what ends TLS redirects; a redirect from here would turn Twilio's POST into a GET
    "security.W021",  # as W005
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "calls.logs.LineFormatter"}},
    "filters": {"without_traceback": {"()": "calls.logs.WithoutTraceback"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "calls": {"level": LOG_LEVEL},
        "django.server": {"level": "WARNING", "propagate": True},
        "django.security.DisallowedHost": {"filters": ["without_traceback"]},
    },
}
