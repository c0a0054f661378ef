"""Settings come from the environment, all of them are documented, and none of them is needed to start."""

import ast
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from voiceagent import settings

ROOT = Path(__file__).resolve().parents[1]
# ENV_FILE names the file that holds the others, so it cannot stand in it.
VARIABLES = sorted(set(settings.env.scheme) - {"ENV_FILE"})
BLANK = {"ENV_FILE": "", "SECRET_KEY": "only-for-tests"}


@pytest.fixture
def checkout(tmp_path):
    """A copy of the code, as after a clone: no .env, no key, no database."""
    for name in ("calls", "voiceagent"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    return tmp_path


def run(checkout, *arguments, **environment):
    """Run Python in `checkout` with nothing in the environment but what is given."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def setting(name, **environment):
    """What the setting becomes under this environment, with the rest of it blank."""
    done = run(ROOT, "-c", f"import voiceagent.settings as s; print(repr(s.{name}))", **BLANK | environment)
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout)


def refusal(**environment):
    """What a server says when it refuses to start under this environment."""
    done = run(ROOT, "-c", "import voiceagent.asgi", **BLANK | environment)
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1].removeprefix("django.core.exceptions.ImproperlyConfigured: ")


def test_every_setting_stands_in_the_example_file():
    example = (ROOT / ".env.example").read_text()

    assert sorted(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)) == VARIABLES


def test_every_setting_has_its_row_in_the_documentation():
    page = (ROOT / "docs" / "configuration.md").read_text()

    assert sorted(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)) == sorted([*VARIABLES, "ENV_FILE"])


def test_the_project_starts_with_an_empty_environment(checkout):
    started = run(checkout, "-W", "error", "-c", "import voiceagent.asgi")

    assert (started.returncode, started.stderr) == (0, "")


def test_the_example_file_starts_the_project_as_it_is(checkout):
    shutil.copy(ROOT / ".env.example", checkout / ".env")

    migrated = run(checkout, "manage.py", "migrate", "--verbosity", "0")

    assert migrated.returncode == 0, migrated.stderr
    assert (checkout / "db.sqlite3").is_file()


def test_a_secret_key_is_made_once_and_kept_for_its_owner_alone(checkout):
    show = ("-c", "import voiceagent.settings as s; print(s.SECRET_KEY)")

    first, second = run(checkout, *show), run(checkout, *show)

    assert len(first.stdout.strip()) >= 50
    assert first.stdout == second.stdout
    assert stat.S_IMODE((checkout / ".secret_key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "environment", "value"),
    [
        ("DEBUG", {}, False),
        ("DEBUG", {"DEBUG": "on"}, True),
        ("PUBLIC_BASE_URL", {}, "http://localhost:8000"),
        ("PUBLIC_BASE_URL", {"PORT": "9000"}, "http://localhost:9000"),
        ("PUBLIC_BASE_URL", {"PUBLIC_BASE_URL": "https://calls.example.com/"}, "https://calls.example.com"),
        ("CSRF_TRUSTED_ORIGINS", {"PUBLIC_BASE_URL": "https://calls.example.com"}, ["https://calls.example.com"]),
        (
            "ALLOWED_HOSTS",
            {"PUBLIC_BASE_URL": "https://calls.example.com", "ALLOWED_HOSTS": "other.example.com, third.example.com"},
            ["calls.example.com", "localhost", "127.0.0.1", "[::1]", "other.example.com", "third.example.com"],
        ),
        ("TWILIO_AUTH_TOKENS", {}, []),
        ("TWILIO_AUTH_TOKENS", {"TWILIO_AUTH_TOKEN": "new, old"}, ["new", "old"]),
        ("TWILIO_SHARED_KEYS", {"TWILIO_SHARED_KEYS": "KS1:one,KS2:two"}, {"KS1": "one", "KS2": "two"}),
        ("TWILIO_SIGNATURE", {}, "enforce"),
        ("EMAIL_BACKEND", {}, "calls.mail.FolderBackend"),
        ("EMAIL_FILE_PATH", {}, str(ROOT / "var" / "outbox")),
        ("EMAIL_FILE_PATH", {"EMAIL_URL": "filemail:///srv/letters"}, "/srv/letters"),
        ("EMAIL_HOST", {"EMAIL_URL": "smtp+tls://me:p%40ss@mail.example.com:587"}, "mail.example.com"),
        ("EMAIL_HOST_PASSWORD", {"EMAIL_URL": "smtp+tls://me:p%40ss@mail.example.com:587"}, "p@ss"),
        ("EMAIL_BACKEND", {"EMAIL_URL": "consolemail:"}, "django.core.mail.backends.console.EmailBackend"),
        (
            "DEFAULT_FROM_EMAIL",
            {"PUBLIC_BASE_URL": "https://calls.example.com"},
            "receptionist@calls.example.com",
        ),
        ("DEFAULT_FROM_EMAIL", {"DEFAULT_FROM_EMAIL": "desk@example.com"}, "desk@example.com"),
        ("DB_THREADS", {}, 8),
        ("CLOCK_RATE", {"DEBUG": "on", "CLOCK_RATE": "8"}, 8.0),
    ],
)
def test_a_variable_becomes_its_setting(name, environment, value):
    assert setting(name, **environment) == value


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"TWILIO_SIGNATURE": "log"},
            "TWILIO_SIGNATURE wants enforce: anything else lets strangers in, and needs DEBUG=on.",
        ),
        ({"TWILIO_SIGNATURE": "maybe"}, "TWILIO_SIGNATURE wants one of enforce, log, off."),
        (
            {"CLOCK_RATE": "8", "DB_THREADS": "0"},
            "DB_THREADS wants a number of at least 1. "
            "CLOCK_RATE wants 1: any other is for tests and demonstrations, and needs DEBUG=on.",
        ),
    ],
)
def test_no_server_starts_with_a_wrong_value(environment, sentence):
    assert refusal(**environment) == sentence


NO_DATABASE = "postgres://user:password@host:5432/name, with / in a password as %2F"
NO_MAIL = "smtp+tls://user:password@host:587, or filemail:///folder"


def test_what_cannot_be_read_is_told_with_what_is_wanted_and_without_its_value():
    """All at once, in one process; the doctor then looks with the defaults in their place."""
    variables = ["DEBUG", "PORT", "LOG_LEVEL", "TWILIO_SHARED_KEYS", "TWILIO_SIGNATURE", "MAX_CALL_MINUTES"]
    variables += ["DB_THREADS", "EMAIL_URL"]
    show = "import voiceagent.settings as s; print([s.MALFORMED, s.PORT, s.DEBUG, s.LOG_LEVEL, s.TWILIO_SIGNATURE])"

    done = run(ROOT, "-W", "error", "-c", show, **BLANK | dict.fromkeys(variables, "canary"))

    assert (done.returncode, done.stderr) == (0, "")
    malformed, *defaults = ast.literal_eval(done.stdout)
    assert sorted(malformed) == sorted(variables)
    assert malformed["EMAIL_URL"] == NO_MAIL
    assert malformed["DEBUG"] == "on or off"
    assert malformed["TWILIO_SHARED_KEYS"] == "id:secret, several separated by commas"
    assert defaults == [8000, False, "INFO", "enforce"]


@pytest.mark.parametrize(
    "url", ["postgres://u:can/ary@h/db", "postgres//u:canary-pw@h/db", "postgress://u:canary-pw@h/db", "canary"]
)
def test_the_password_of_a_database_is_not_shown_where_its_address_cannot_be_read(url):
    show = "import voiceagent.settings as s; print([s.MALFORMED, s.DATABASES['default']['ENGINE']])"

    done = run(ROOT, "-c", show, **BLANK | {"DATABASE_URL": url})

    assert (done.returncode, done.stderr) == (0, "")
    assert ast.literal_eval(done.stdout) == [{"DATABASE_URL": NO_DATABASE}, "voiceagent.sqlite"]


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("postgres://u:p@h/db", {"connect_timeout": 3}),
        ("postgres://u:p@h/db?connect_timeout=10&sslmode=require", {"connect_timeout": 10, "sslmode": "require"}),
    ],
)
def test_a_connection_to_postgresql_opens_in_time_or_not_at_all(url, options):
    assert setting("DATABASES['default']['OPTIONS']", DATABASE_URL=url) == options


def test_a_line_of_the_file_that_cannot_be_read_is_not_quoted(tmp_path):
    (tmp_path / "env").write_text("PORT=9000\nOPENAI_API_KEY: canary\n")

    done = run(ROOT, "-c", "import voiceagent.settings", **BLANK | {"ENV_FILE": str(tmp_path / "env")})

    assert done.stderr == "ENV_FILE has a line that is not of the form NAME=value\n"


def test_the_port_of_a_mail_server_that_is_no_number_is_told():
    assert setting("MALFORMED", EMAIL_URL="smtp+tls://mail.example.com:port") == {"EMAIL_URL": NO_MAIL}


PRODUCTION = {
    "PUBLIC_BASE_URL": "https://calls.cedar-plumbing.com",
    "SECRET_KEY": "o3N-8kf0sT_qWZ7rLr4mXx2VbJcYp9uHd6eGgAiKtOw5nSvBz1",
    "OPENAI_API_KEY": "sk-proj-0123456789abcdefghij",
    "TWILIO_ACCOUNT_SID": "AC0123456789abcdef0123456789abcdef",
    "TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef",
    "HANDOVER_NUMBER": "+15550108000",
    "EMAIL_URL": "smtp+tls://me:secret@mail.cedar-plumbing.com:587",
}


def test_production_settings_pass_djangos_checks_of_a_deployment():
    checked = run(ROOT, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **BLANK | PRODUCTION)

    assert (checked.returncode, checked.stderr) == (0, "")


def test_browsers_are_told_to_stay_with_https_where_the_address_is_https():
    assert setting("SECURE_HSTS_SECONDS", **PRODUCTION) == 30 * 24 * 3600
    assert setting("SESSION_COOKIE_SECURE", **PRODUCTION) is True


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"OPENAI_KEY": "sk-1"}, {"OPENAI_API_KEY": "OPENAI_KEY"}),
        ({"PUBLIC_URL": "https://h"}, {"PUBLIC_BASE_URL": "PUBLIC_URL"}),
        ({"TWILIO_TOKEN": "1"}, {"TWILIO_AUTH_TOKEN": "TWILIO_TOKEN"}),
        ({"OPENAI_KEY": "sk-1", "OPENAI_API_KEY": "sk-2"}, {}),
        ({"OPENAI_KEY": ""}, {}),
        ({"HOME": "/root", "PATH": "/bin", "REPORT": "1", "OPENAI_ORG_ID": "org"}, {}),
    ],
)
def test_a_variable_under_a_name_that_is_nearly_right_is_noticed(environment, found):
    assert setting("MISSPELT", **environment) == found


def test_a_public_address_that_is_none_keeps_nobody_from_starting():
    assert setting("ALLOWED_HOSTS", PUBLIC_BASE_URL="https://[host") == ["localhost", "127.0.0.1", "[::1]"]


def test_smtps_is_tls_from_the_first_byte():
    """As the port 465 wants it; STARTTLS there would wait for a greeting that does not come."""
    url = "smtps://user:p%40ss@mail.example.com:465"

    assert setting("EMAIL_USE_SSL", EMAIL_URL=url) is True
    assert setting("EMAIL_HOST_PASSWORD", EMAIL_URL=url) == "p@ss"
