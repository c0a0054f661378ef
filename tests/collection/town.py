"""A line that works, with all that stands around it, and a place for each set-up that changes one thing of it.

Everything is a process of its own on a free port: the server, what ends TLS in front of it, OpenAI, Twilio's REST
interface, the mail server, and `manage.py doctor`, which is told of them by its environment, as an operator's by .env.
"""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.collection.certificates import Authority
from voiceagent import settings

ROOT = Path(__file__).resolve().parents[2]
OVERLAY = Path(__file__).parent / "overlay"
PROGRAMS = Path(__file__).parent / "programs"
HOST = "line.cedarplumbing.alt"  # .alt is nobody's in the name system, and no example's either
OPENAI = "api.openai.com"
MAIL = "mail.cedarplumbing.alt"
LINE = "+15550109999"
PERSON = "+15550108000"
ELSEWHERE = "https://handler.twilio.com/twiml/EH0123456789abcdef0123456789abcdef"

ACCOUNT = "AC4d1c0de5ab1e4d1c0de5ab1e4d1c0de5"
TOKEN = "7a9e1c0ffee5ab1e7a9e1c0ffee5ab1e"
KEY = "sk-proj-canary-9f8e7d6c5b4a39281706f5e4d3c2b1a0"
SECRET_KEY = "canary-secret-key-of-the-collection-0123456789-abcdefghij"
MAIL_PASSWORD = "canary-mail-password"
CANARIES = [KEY, TOKEN, SECRET_KEY, MAIL_PASSWORD, "canary", PERSON]

READY = re.compile(
    r"listening on port (\d+)|Serving on http://\S+:(\d+) |Serving HTTP on \S+ port (\d+)"
    r"|Listening on TCP address \S+:(\d+)|worker started()|Place a call()"
)
START_SECONDS = 60
DOCTOR_SECONDS = 100


class NotStarted(Exception):
    """A program of a set-up did not come up; the message ends with what it wrote last."""


@dataclass
class Program:
    process: subprocess.Popen
    log: Path
    port: int = 0

    def stop(self):
        for sig in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(sig)
                try:
                    self.process.wait(2)
                except subprocess.TimeoutExpired:
                    continue


@dataclass
class Diagnosis:
    """What the doctor printed and how it ended; `named` is what it tells the operator to begin with."""

    code: int
    out: str
    err: str
    seconds: float
    findings: list = field(default_factory=list)

    def of(self, level):
        return [finding for finding in self.findings if finding["level"] == level]

    @property
    def named(self):
        return next(iter([*self.of("FAIL"), *self.of("WARN")]), None)

    @property
    def told(self):
        """One line for a table."""
        found = self.named
        return f"{found['level']} {found['id']}: {found['seen']}" if found else "nothing"


def account(**changes):
    """What Twilio knows, as JSON: the account and the line's number, its fields as they have to be, save `changes`."""
    number = {
        "phone_number": LINE,
        "voice_url": f"https://{HOST}/twilio/voice",
        "voice_fallback_url": ELSEWHERE,
        "status_callback": f"https://{HOST}/twilio/status",
    }
    known = {"account_sid": ACCOUNT, "auth_token": TOKEN}
    known |= {name: changes.pop(name) for name in known if name in changes}
    return json.dumps({**known, "owned": [number | changes]})


def environment(**pinned):
    """What a process sees: every setting of the project pinned or blank, no .env, and no proxy of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    blank = dict.fromkeys(settings.env.scheme, "")
    fixed = {"DJANGO_SETTINGS_MODULE": "voiceagent.settings", "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": ""}
    return {**kept, **blank, **fixed, **pinned}


class Town:
    """The healthy line. Entering starts it; `place` makes room for a set-up beside it."""

    def __init__(self, folder):
        self.folder = folder
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self):
        with ExitStack() as undo:
            undo.callback(self._stack.close)
            self._furnish()
            undo.pop_all()
        return self

    def __exit__(self, *reason):
        self._stack.close()

    def _furnish(self):
        self.authority = Authority(self.folder)
        self.certificate = self.authority.certificate(HOST)
        self.openai_certificate = self.authority.certificate(OPENAI)
        self.database = self.folder / "town.sqlite3"
        furnish(self.database)
        change(self.database, "UPDATE calls_phoneline SET fallback_url = ?", ELSEWHERE)
        self.unused = self.folder / "unused.sqlite3"  # as it is before any server or worker has come to it
        copy(self.database, self.unused)
        self.model = self.start("model", "--keys", KEY).port
        self.openai = self.start("front", "--backend", self.model, "--certificate", self.openai_certificate).port
        self.mail = self.start("mail", self.authority.certificate(MAIL)).port
        self.twilio = self.start("account", account()).port
        self.environment = {
            "PUBLIC_BASE_URL": f"https://{HOST}",
            "SECRET_KEY": SECRET_KEY,
            "DATABASE_URL": f"sqlite:///{self.database}",
            "DATA_DIR": str(self.folder / "data"),
            "OPENAI_API_KEY": KEY,
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_API_BASE_URL": f"http://127.0.0.1:{self.twilio}",
            "HANDOVER_NUMBER": PERSON,
            "EMAIL_URL": f"smtp+ssl://reception:{MAIL_PASSWORD}@{MAIL}:465",
            "SSL_CERT_FILE": str(self.authority.file),
            "PYTHONPATH": str(OVERLAY),
        }
        self.server = self.serve(self.environment).port
        self.front = self.start("front", "--backend", self.server, "--certificate", self.certificate).port

    # Programs.

    def start(self, name, *arguments, stack=None):
        """One of tests/collection/programs."""
        parts = [sys.executable, "-m", f"tests.collection.programs.{name}", *map(str, arguments)]
        return self.run(parts, stack=stack)

    def serve(self, env, *, model=None, cwd=ROOT, worker=True, stack=None):
        """`manage.py serve`. uvloop asks the system for names, so the model's address is given as a number."""
        names = {"COLLECTION_NAMES": json.dumps({MAIL: self.mail})}
        openai = {"OPENAI_REALTIME_URL": f"ws://127.0.0.1:{model or self.model}/v1/realtime"}
        parts = [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", "0"]
        parts += ["--worker"] if worker else []
        return self.run(parts, env=environment(**{**env, **names, **openai}), cwd=cwd, stack=stack)

    def run(self, parts, *, env=None, cwd=ROOT, stack=None):
        self._count += 1
        log = self.folder / f"program-{self._count}-{id(parts)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                parts, cwd=cwd, env=env or environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        program = Program(process, log)
        (stack or self._stack).callback(program.stop)
        deadline = time.monotonic() + START_SECONDS
        while not (found := READY.search(log.read_text(errors="replace"))):
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotStarted(f"{' '.join(map(str, parts))}\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        program.port = int(next(filter(None, found.groups()), 0))
        return program


class Place:
    """Where one set-up happens. Until it is changed, everything is the town's own."""

    def __init__(self, town, name, stack):
        self.town, self.name, self._stack = town, name, stack
        self.folder = town.folder / name
        self.folder.mkdir()
        self.settings = dict(town.environment)
        self.names = {HOST: town.front, OPENAI: town.openai, MAIL: town.mail}
        self.checkout = ROOT
        self.port = town.server
        self.model_port = None
        self.clock = 0

    # What can be changed.

    def edit(self, path, old, new):
        """A checkout of its own with one passage of one file changed."""
        if self.checkout == ROOT:
            self.checkout = self.folder / "checkout"
            _link(ROOT, self.checkout)
        file = _own(self.checkout, path)
        text = file.read_text()
        assert old in text, f"{path} does not hold {old!r} any more"
        file.write_text(text.replace(old, new))

    def change(self, *statements):
        """A database of its own, changed by SQL."""
        database = self.folder / "own.sqlite3"
        if not database.exists():
            shutil.copy(self.town.unused, database)
        for statement in statements:
            change(database, statement)
        self.settings["DATABASE_URL"] = f"sqlite:///{database}"
        self.settings["DATA_DIR"] = str(self.folder / "data")
        return database

    def model(self, *, keys=KEY, faults=None, fault=""):
        """An OpenAI of its own, with a gateway before it that may have a fault."""
        model = self.start("model", "--keys", keys, "--faults", json.dumps(faults or {})).port
        certificate = self.town.openai_certificate
        self.names[OPENAI] = self.start(
            "front", "--backend", model, "--certificate", certificate, "--fault", fault
        ).port
        self.model_port = model if not fault else self.start("front", "--backend", model, "--fault", fault).port

    def serve(self, *, worker=True, **settings):
        """A server of its own behind a front of its own; `settings` are the server's alone."""
        env = {**self.settings, "DATA_DIR": str(self.folder / "data"), **settings}
        if self.clock:
            env["COLLECTION_CLOCK"] = str(self.clock)
        self.port = self.town.serve(
            env, model=self.model_port, cwd=self.checkout, worker=worker, stack=self._stack
        ).port
        self.front()

    def front(self, fault="", *, backend=None, certificate=None, host=HOST, tls=True, other=None):
        """What stands before the server, with a fault, another certificate or none; `other`: a second server."""
        options = ["--backend", backend or self.port, "--fault", fault]
        options += ["--certificate", certificate or self.town.certificate] if tls else []
        options += ["--other", other] if other else []
        self.names[host] = self.start("front", *options).port

    def twilio(self, **changes):
        """A REST interface of its own, which knows the account so changed."""
        port = self.start("account", account(**changes)).port
        self.settings["TWILIO_API_BASE_URL"] = f"http://127.0.0.1:{port}"

    def start(self, name, *arguments):
        return self.town.start(name, *arguments, stack=self._stack)

    def run(self, *parts, **options):
        return self.town.run(list(parts), stack=self._stack, **options)

    def beside(self, manager):
        """What lasts as long as the set-up."""
        return self._stack.enter_context(manager)

    @property
    def environment(self):
        names = {"COLLECTION_NAMES": json.dumps(self.names), "COLLECTION_CLOCK": str(self.clock or "")}
        return environment(**{"PORT": str(self.port), **self.settings, **names})

    def manage(self, *arguments):
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=self.checkout, env=self.environment, capture_output=True
        )
        assert done.returncode == 0, done.stderr

    def doctor(self):
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "manage.py", "doctor", "--json"],
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DOCTOR_SECONDS,
        )
        seconds = time.monotonic() - began
        report = json.loads(done.stdout) if done.stdout.startswith("{") else {"findings": []}
        return Diagnosis(done.returncode, done.stdout, done.stderr, seconds, report["findings"])


def furnish(database):
    """Every migration and the demonstration's business, in a new file."""
    pinned = environment(DATABASE_URL=f"sqlite:///{database}", SECRET_KEY=SECRET_KEY)
    for command in ("migrate", "load_demo"):
        done = subprocess.run([sys.executable, "manage.py", command], cwd=ROOT, env=pinned, capture_output=True)
        assert done.returncode == 0, done.stderr


def examined(town, name, setup):
    """The diagnosis of a set-up, which is gone afterwards."""
    with ExitStack() as stack:
        place = Place(town, name, stack)
        setup(place)
        return place.doctor()


def change(database, statement, *values):
    with sqlite3.connect(database, timeout=30) as connection:
        connection.execute(statement, values)
    connection.close()


def copy(source, target):
    """A copy of a database, whatever of it is still in its journal."""
    reading, writing = sqlite3.connect(source, timeout=30), sqlite3.connect(target)
    reading.backup(writing)
    reading.close()
    writing.close()


def _link(source, target):
    target.mkdir()
    # Copies, since Python looks for modules where a link to a script leads, and the settings name their folder so.
    shutil.copy(source / "manage.py", target)
    shutil.copytree(source / "voiceagent", target / "voiceagent", ignore=shutil.ignore_patterns("__pycache__"))
    (target / "calls").symlink_to(source / "calls")


def _own(checkout, path):
    """The file at `path`, with every folder above it and itself no longer a link into the real checkout."""
    at = checkout
    for part in Path(path).parts[:-1]:
        at = at / part
        if at.is_symlink():
            real = at.resolve()
            at.unlink()
            at.mkdir()
            for entry in real.iterdir():
                if entry.name != "__pycache__":
                    (at / entry.name).symlink_to(entry)
    file = at / Path(path).name
    if file.is_symlink():
        real = file.resolve()
        file.unlink()
        shutil.copy(real, file)
    return file
