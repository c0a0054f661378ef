"""Child processes of the lab: started, watched, and gone when their parent goes.

What a child writes goes to a file, so that it can be shown when the child fails. A child that asks for port 0 says in
its first line which one it got; nothing has to be guessed, and no port is lost between a look and a bind.
"""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Self
from urllib.error import HTTPError

from voiceagent import settings

START_SECONDS = 30
STOP_SECONDS = 3
SERVING = re.compile(r"Serving on http://\S+:(\d+) \(instance (\w+)\)")
WORKING = re.compile(r"worker started")
EMULATING = re.compile(r"Realtime emulator on (ws://\S+)")


class ChildFailed(Exception):
    """A child ended or stayed silent when it was needed; the message ends with what it wrote last."""


class Child:
    """One `manage.py` command in a process of its own; `program` may stand for manage.py."""

    def __init__(
        self, *arguments: str, environment: dict[str, str], log: Path, program: Sequence[str] = ("manage.py",)
    ) -> None:
        self.name = arguments[0]
        self.log = log
        self.environment = environment
        self.program = program
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                cwd=settings.BASE_DIR,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for(self, pattern: re.Pattern[str], seconds: float = START_SECONDS) -> re.Match[str]:
        """The first place in what the child wrote where `pattern` is found."""
        deadline = time.monotonic() + seconds
        while True:
            ended = self._process.poll() is not None
            if found := pattern.search(self.written()):
                return found
            if ended or time.monotonic() > deadline:
                raise ChildFailed(
                    self.failure() or f"{self.name} was not ready after {seconds:g} s.\n{self.last_lines()}"
                )
            time.sleep(0.02)

    def failure(self) -> str | None:
        """What is wrong with the child: None while it runs."""
        code = self._process.poll()
        return None if code is None else f"{self.name} ended with code {code}.\n{self.last_lines()}"

    def demand(self) -> None:
        """Raise ChildFailed when the child does not run any more."""
        if failure := self.failure():
            raise ChildFailed(failure)

    def written(self) -> str:
        return self.log.read_text(errors="replace")

    def last_lines(self, count: int = 15) -> str:
        return "\n".join(f"  | {line}" for line in self.written().splitlines()[-count:])

    def end(self, sig: signal.Signals = signal.SIGTERM) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(sig)

    def wait(self, seconds: float) -> int:
        return self._process.wait(seconds)

    def stop(self) -> None:
        """End the child whatever it does: it is asked twice, then killed."""
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            if self._process.poll() is not None:
                return
            self.end(sig)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)


class ServerChild(Child):
    """`manage.py serve` on `port` (0: a free one); entering waits until the very process that was started answers."""

    base_url = ""

    def __init__(
        self, *, environment: dict[str, str], log: Path, program: Sequence[str] = ("manage.py",), port: int = 0
    ) -> None:
        arguments = ("serve", "--host", "127.0.0.1", "--port", str(port))
        super().__init__(*arguments, environment=environment, log=log, program=program)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.stop)
            found = self.wait_for(SERVING)
            self.base_url = f"http://127.0.0.1:{found[1]}"
            if (instance := self._instance()) != found[2]:
                raise ChildFailed(f"{self.base_url}/healthz was answered by instance {instance}, not {found[2]}.")
            undo.pop_all()
        return self

    def _instance(self) -> object:
        try:
            return fetch_json(f"{self.base_url}/healthz").get("instance")
        except (OSError, ValueError) as error:
            raise ChildFailed(f"{self.base_url}/healthz: {error}\n{self.last_lines()}") from error


class WorkerChild(Child):
    """`manage.py worker`; entering waits until it works."""

    def __init__(self, *arguments: str, environment: dict[str, str], log: Path) -> None:
        super().__init__("worker", *arguments, environment=environment, log=log)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.stop)
            self.wait_for(WORKING)
            undo.pop_all()
        return self


class EmulatorChild(Child):
    """`manage.py emulate_realtime` on a free port."""

    url = ""

    def __init__(self, *arguments: str, environment: dict[str, str], log: Path) -> None:
        super().__init__("emulate_realtime", "--port", "0", *arguments, environment=environment, log=log)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.stop)
            self.url = self.wait_for(EMULATING)[1]
            undo.pop_all()
        return self


def fetch_json(url: str, seconds: float = 5) -> Any:
    """What an address of this machine answers; no proxy of the environment stands between."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=seconds) as answer:
        return json.load(answer)


def status_of(url: str, seconds: float = 5) -> int:
    """The HTTP status with which an address of this machine answers."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=seconds) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def free_port() -> int:
    """For a child that cannot be asked which one it took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**pinned: str) -> dict[str, str]:
    """What a child sees: our environment, with every setting of the project pinned or blank, and no .env read."""
    blank = dict.fromkeys(settings.env.scheme, "")
    fixed = {"DJANGO_SETTINGS_MODULE": "voiceagent.settings", "PYTHONUNBUFFERED": "1"}
    return {**settings.env.ENVIRON, **blank, **fixed, **pinned}


@contextmanager
def leaving_none_behind() -> Iterator[None]:
    """Turn the signals that would end this process on the spot into an ordinary exit, which stops the children."""
    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, _leave) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
