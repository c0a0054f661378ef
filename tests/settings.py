"""The project's own settings under a pinned environment, so that a developer's .env or shell changes no test."""

import atexit
import os
import shutil
import tempfile

_scratch = tempfile.mkdtemp(prefix="cortana-tests-")
atexit.register(shutil.rmtree, _scratch, ignore_errors=True)

os.environ |= {
    "ENV_FILE": "",
    "SECRET_KEY": "only-for-tests-and-as-long-as-a-good-one",
    "DEBUG": "on",
    "PUBLIC_BASE_URL": "https://cortana.example.com",
    "DATABASE_URL": os.environ.get("TEST_DATABASE_URL", f"sqlite:///{_scratch}/db.sqlite3"),
    "TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "OPENAI_API_KEY": "sk-test",
    "ALLOWED_HOSTS": "",
    "PORT": "",
    "OPENAI_REALTIME_URL": "",
    "OPENAI_REALTIME_MODEL": "",
    "TWILIO_SHARED_KEYS": "",
    "TWILIO_API_BASE_URL": "http://127.0.0.1:9",  # nobody listens there
    "TWILIO_SIGNATURE": "",
    "HANDOVER_NUMBER": "",
    "CALLS_AT_ONCE": "0",  # one caller places most of the calls here
    "CALLS_PER_CALLER": "0",
    "CALLER_MINUTES_A_DAY": "0",
    "DRAIN_SECONDS": "",
    "EMAIL_URL": "",
    "DEFAULT_FROM_EMAIL": "",
    "DB_THREADS": "",
    "CLOCK_RATE": "",
    "DIAGNOSTIC_TOKEN": "",
    "LOG_LEVEL": "",
    "DATA_DIR": f"{_scratch}/data",
}

from voiceagent.settings import *  # noqa: E402, F403 - the environment has to stand first
from voiceagent.settings import DATABASES  # noqa: E402

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"] == "voiceagent.sqlite":
    # A file, since threads and child processes have to see what a test wrote.
    DATABASES["default"]["TEST"] = {"NAME": f"{_scratch}/db.sqlite3"}
