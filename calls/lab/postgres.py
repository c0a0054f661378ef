"""A PostgreSQL server of its own, for what only shows there: it can be stopped, and restarted as after a crash."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from calls.lab.processes import free_port

START_SECONDS = 30
PROGRAMS = Path("/usr/lib/postgresql")  # where Debian keeps the server's, off the PATH, in folders of their version


class NotInstalled(Exception):
    """PostgreSQL's server programs are not on this machine; says what to install."""


class PostgresServer:
    """A folder with a database cluster, trusted on 127.0.0.1, and the process that serves it."""

    def __init__(self) -> None:
        """Make the cluster. Raises NotInstalled."""
        initdb = _program("initdb")
        self.owner = _unprivileged_user()
        self.home = Path(tempfile.mkdtemp(prefix="voiceagent-postgres-"))
        if self.owner["user"] is not None:
            shutil.chown(self.home, self.owner["user"], self.owner["group"])
        self.port = free_port()
        self.url = f"postgres://voiceagent@127.0.0.1:{self.port}/postgres"
        subprocess.run(
            [initdb, "-D", self.home / "data", "-U", "voiceagent"] + ["--auth=trust", "--encoding=UTF8", "--locale=C"],
            check=True,
            capture_output=True,
            cwd=self.home,
            **self.owner,
        )

    def start(self) -> None:
        with (self.home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [_program("postgres"), "-D", self.home / "data", "-h", "127.0.0.1", "-p", str(self.port)]
                + ["-k", self.home, "-c", "fsync=off"],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                **self.owner,
            )
        _wait_until_it_answers(self._server, self.url, self.home / "log")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is a "fast" shutdown: roll back and stop. SIGQUIT is "immediate": as after a crash."""
        self._server.send_signal(how)
        self._server.wait(timeout=30)

    def restart_at_once(self) -> None:
        """As `pg_ctl restart -m immediate`: every connection is cut, and the log is played back at the start."""
        self.stop(signal.SIGQUIT)
        self.start()

    def connections(self) -> int:
        """How many connections clients hold, beside the one that asks."""
        with psycopg.connect(self.url) as connection:
            count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            row = connection.execute(count).fetchone()
            return int(row[0]) - 1 if row else 0


@contextmanager
def running() -> Iterator[PostgresServer]:
    """A server on a free port, gone with its data afterwards. Raises NotInstalled."""
    server = PostgresServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.home)


def _program(name: str) -> str:
    if found := shutil.which(name):
        return found
    installed = sorted(PROGRAMS.glob(f"*/bin/{name}"))
    if not installed:
        raise NotInstalled(f"PostgreSQL's {name} is not installed (Debian: apt-get install postgresql)")
    return str(installed[-1])


def _unprivileged_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root, so root runs it as somebody else."""
    if os.geteuid() != 0:
        return {"user": None, "group": None}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not answer: {log.read_text()}") from None
            time.sleep(0.1)
