"""What proofs need from outside: a PostgreSQL server of their own. A missing program is an error, never a skip."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest


@pytest.fixture(scope="session")
def postgres_url():
    """The address of an empty PostgreSQL server on a free port, gone with its data after the session."""
    home = Path(tempfile.mkdtemp(prefix="voiceagent-postgres-"))
    owner = _unprivileged_user()
    if owner["user"] is not None:
        shutil.chown(home, owner["user"], owner["group"])
    port = _free_port()
    data = home / "data"
    subprocess.run(
        [_program("initdb"), "-D", data, "-U", "voiceagent", "--auth=trust", "--encoding=UTF8", "--locale=C"],
        check=True,
        capture_output=True,
        cwd=home,
        **owner,
    )
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [_program("postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", home, "-c", "fsync=off"],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=home,
            **owner,
        )
    url = f"postgres://voiceagent@127.0.0.1:{port}/postgres"
    try:
        _wait_until_it_answers(server, url, home / "log")
        yield url
    finally:
        server.send_signal(signal.SIGINT)  # "fast shutdown": roll back and stop
        server.wait(timeout=30)
        shutil.rmtree(home)


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
