"""What proofs need from outside: a PostgreSQL server of their own. A missing program is an error, never a skip."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest


class PostgresServer:
    """A PostgreSQL server with a folder of its own; it can be stopped and started again as a host restarts it."""

    def __init__(self):
        self.owner = _unprivileged_user()
        self.home = Path(tempfile.mkdtemp(prefix="voiceagent-postgres-"))
        if self.owner["user"] is not None:
            shutil.chown(self.home, self.owner["user"], self.owner["group"])
        self.port = _free_port()
        self.url = f"postgres://voiceagent@127.0.0.1:{self.port}/postgres"
        subprocess.run(
            [_program("initdb"), "-D", self.home / "data", "-U", "voiceagent"]
            + ["--auth=trust", "--encoding=UTF8", "--locale=C"],
            check=True,
            capture_output=True,
            cwd=self.home,
            **self.owner,
        )

    def start(self):
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

    def stop(self):
        self._server.send_signal(signal.SIGINT)  # "fast shutdown": roll back and stop
        self._server.wait(timeout=30)


@contextmanager
def _running_server():
    server = PostgresServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.home)


@pytest.fixture(scope="session")
def postgres_url():
    """The address of an empty PostgreSQL server on a free port, gone with its data after the session."""
    with _running_server() as server:
        yield server.url


@pytest.fixture
def postgres():
    """A PostgreSQL server of one test, which may stop it."""
    with _running_server() as server:
        yield server


def _program(name):
    """Debian keeps PostgreSQL's server programs off the PATH, in a folder of their version."""
    if found := shutil.which(name):
        return found
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    assert installed, f"PostgreSQL's {name} is not installed (Debian: apt-get install postgresql)"
    return str(installed[-1])


def _unprivileged_user():
    """PostgreSQL refuses to run as root, so root runs it as somebody else."""
    if os.geteuid() != 0:
        return {"user": None, "group": None}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_it_answers(server, url, log):
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, f"PostgreSQL ended: {log.read_text()}"
            assert time.monotonic() < deadline, f"PostgreSQL does not answer: {log.read_text()}"
            time.sleep(0.1)
