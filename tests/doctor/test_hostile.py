"""The doctor never raises, never hangs and never tells a secret, whatever stands in the settings or answers there."""

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from calls import database
from calls.doctor.checkout import as_served_here
from calls.doctor.runner import STEP_SECONDS, diagnose
from calls.doctor.site import Site
from tests import factories

ROOT = Path(__file__).resolve().parents[2]
in_house = pytest.mark.django_db(transaction=True)

TOKEN = "0123456789abcdef0123456789abcdef"
KEY = "sk-canary-0123456789abcdefghij"
ADDRESSES = [
    *("https://[host", "localhost:8000", "ftp://h", "https://", "http://:80", "https://h:99999", "https://h:port"),
    *("wss://a.b/c?d", "https://héé..x", "https://xn--", "https://a b", "http://127.0.0.1:0", "http://127.0.0.1:70000"),
    *(
        "https://" + "x" * 300,
        "https://h\u0000.example.org",
        "//h",
        "https:///twilio",
        "http://user:canary@127.0.0.1:1",
    ),
]


async def examined(site, tmp_path):
    """What the command would say of the set-up, from a checkout."""
    site = await as_served_here(site, secret_key="canary-secret-key", base=tmp_path)
    return [finding async for finding in diagnose(site)]


def broken(findings):
    return [(finding.id, finding.seen) for finding in findings if finding.seen.startswith("the check itself")]


@in_house
@pytest.mark.asyncio
@pytest.mark.proof
@pytest.mark.parametrize("address", ADDRESSES)
async def test_no_address_breaks_a_check(address, tmp_path):
    await database.run(factories.make_line)
    common = {"port": 1, "twilio_account": "AC" + "1" * 32, "twilio_tokens": (TOKEN,), "openai_key": KEY}
    socket = re.sub("^http", "ws", address)

    public = await examined(Site(public_base_url=address, openai_url="ws://127.0.0.1:1", **common), tmp_path)
    openai = await examined(Site(public_base_url="http://127.0.0.1:1", openai_url=socket, **common), tmp_path)
    unsigned = await examined(Site(public_base_url=address, port=1), tmp_path)

    assert [broken(findings) for findings in (public, openai, unsigned)] == [[], [], []]
    assert "canary" not in json.dumps([finding.as_dict() for finding in (*public, *openai, *unsigned)])


@asynccontextmanager
async def answering(answer):
    """A server that says this to whatever it is asked, and then nothing, and never hangs up by itself."""

    async def serve(reader, writer):
        try:
            writer.write(answer)
            while await reader.read(65536):
                pass
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


GARBAGE = {
    "nothing": b"",
    "noise": bytes(range(256)) * 64,
    "an endless header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
    "a length that lies": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}",
    "a wrong status": b"HTTP/1.1 999999 OK\r\n\r\n",
    "no words in the JSON": b'HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{"instance": [1, 2]',
    "a redirect to itself": b"HTTP/1.1 302 Found\r\nLocation: /twilio/voice\r\nContent-Length: 0\r\n\r\n",
    "foreign letters": "HTTP/1.1 200 Ünïcode\r\nDate: ☃\r\nContent-Length: 0\r\n\r\n".encode(),
}


@in_house
@pytest.mark.asyncio
@pytest.mark.proof
@pytest.mark.parametrize("answer", GARBAGE.values(), ids=[*GARBAGE])
async def test_no_answer_breaks_a_check_or_holds_it_longer_than_its_time(answer, settings, tmp_path, caplog):
    """One server that talks garbage plays the public address, the local port, OpenAI and the mail server."""
    caplog.set_level(logging.DEBUG, logger="calls")
    await database.run(factories.make_line)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS, settings.EMAIL_HOST_USER = "127.0.0.1", True, "canary-user"
    settings.EMAIL_HOST_PASSWORD = "canary-password"
    async with answering(answer) as port:
        settings.EMAIL_PORT = settings.PORT = port
        settings.PUBLIC_BASE_URL = f"http://127.0.0.1:{port}"
        settings.OPENAI_REALTIME_URL = f"ws://127.0.0.1:{port}/v1/realtime?token=canary-query"
        settings.OPENAI_API_KEY, settings.DIAGNOSTIC_TOKEN = KEY, "canary-diagnostic"
        began = time.monotonic()
        findings = await examined(Site.from_settings(settings, serving=False), tmp_path)
        took = time.monotonic() - began

    assert broken(findings) == []
    assert max(finding.ms for finding in findings) <= (STEP_SECONDS + 1) * 1000
    assert took < 60
    levels = {finding.id: finding.level.value for finding in findings}
    assert (levels["port"], levels["email"], levels["openai"]) == ("FAIL", "FAIL", "FAIL")
    said = json.dumps([finding.as_dict() for finding in findings]) + caplog.text
    assert [word for word in ("canary-password", "canary-query", "canary-diagnostic", KEY, TOKEN) if word in said] == []


@pytest.mark.proof
def test_the_command_ends_and_tells_no_secret_without_a_network(tmp_path):
    """A real process with every secret set, all of it at names and addresses that nobody answers."""
    secrets = {
        "OPENAI_API_KEY": KEY,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_SHARED_KEYS": "one:canary-shared",
        "SECRET_KEY": "canary-secret-key-0123456789abcdefghijkl",
        "DIAGNOSTIC_TOKEN": "canary-diagnostic-token",
        "DATABASE_URL": "postgres://somebody:canary-database@127.0.0.1:1/calls",
        "EMAIL_URL": "smtp+tls://somebody:canary-mail@mail.cedarplumbing.invalid:587",
    }
    environment = secrets | {
        "PATH": os.environ["PATH"],
        "ENV_FILE": "",
        "DATA_DIR": str(tmp_path),
        "PORT": "1",
        "PUBLIC_BASE_URL": "https://line.cedarplumbing.invalid",
        "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
    }

    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90
    )

    assert done.returncode == 2
    assert "canary" not in done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert "the check itself" not in done.stdout
    assert "Traceback" not in done.stderr
    levels = dict(found[::-1] for found in re.findall(r"^(OK|WARN|FAIL|SKIPPED) +([\w.-]+)", done.stdout, re.MULTILINE))
    assert [levels[id] for id in ("database", "email", "clock", "port", "openai")] == [
        *("FAIL", "FAIL", "SKIPPED", "FAIL", "FAIL")
    ]


@in_house
@pytest.mark.asyncio
async def test_an_address_that_is_none_breaks_no_check(tmp_path):
    """The worst of the list above, as each run of the suite tries it."""
    await database.run(factories.make_line)

    findings = await examined(Site(public_base_url="https://[host", port=1), tmp_path)

    assert broken(findings) == []
    assert {finding.id: finding.level.value for finding in findings}["settings.public-url"] == "FAIL"
