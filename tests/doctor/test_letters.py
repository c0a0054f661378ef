"""Is the e-mail backend usable? Asked of real little mail servers, up to the login."""

import asyncio
import socket
import threading
from contextlib import contextmanager

import pytest

from calls.doctor import letters
from calls.doctor.runner import diagnose
from calls.doctor.site import Site
from tests.doctor.certificates import self_signed
from tests.test_mail import mail_server

pytestmark = pytest.mark.asyncio


async def found(settings):
    (finding,) = [finding async for finding in diagnose(Site.from_settings(settings, serving=False), ["email"])]
    return finding


@pytest.fixture
def login(settings):
    """Django sets these on the module of the settings, which keeps them after `mail_server` has cleared them."""

    def enter():
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "somebody", "canary-password"

    return enter


GREETING = {"EHLO": "250-here\r\n250 AUTH PLAIN"}


async def test_a_server_that_lets_us_in_is_well_and_gets_no_letter(settings, login):
    with mail_server(settings, **GREETING, AUTH="235 welcome") as server:
        login()
        finding = await found(settings)

    assert (finding.level.value, finding.seen) == (
        "WARN",
        f"127.0.0.1:{server.server_address[1]} takes letters, without TLS",
    )
    assert server.taken == []


async def test_a_server_without_a_login_is_well(settings):
    with mail_server(settings) as server:
        finding = await found(settings)

    assert (finding.level.value, finding.seen) == ("OK", f"127.0.0.1:{server.server_address[1]} takes letters")


async def test_a_wrong_password_is_named_and_not_shown(settings, login):
    with mail_server(settings, **GREETING, AUTH="535 no: canary-password"):
        login()
        finding = await found(settings)

    assert finding.level.value == "FAIL"
    assert finding.seen.endswith(": user or password is not accepted")
    assert finding.remedy.startswith("Correct user and password")
    assert "canary" not in str(finding)


async def test_a_server_without_a_login_that_was_to_have_one_is_named(settings, login):
    with mail_server(settings, EHLO="250 here"):
        login()
        finding = await found(settings)

    assert finding.seen.endswith(": it offers no TLS, or no login")


async def test_a_server_without_tls_that_was_to_have_it_is_named(settings):
    with mail_server(settings, EHLO="250 here"):
        settings.EMAIL_USE_TLS = True
        finding = await found(settings)

    assert finding.seen.endswith(": it offers no TLS, or no login")


async def test_a_port_on_which_nothing_listens_is_named(settings):
    with mail_server(settings):
        settings.EMAIL_PORT = 1
        finding = await found(settings)

    assert finding.seen == "127.0.0.1:1: it refuses the connection: no mail server listens there"


@contextmanager
def talking(words):
    """A server that says this to whoever comes, and then nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            peer, _ = server.accept()
            with peer:
                peer.sendall(words)
                peer.recv(100)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


async def test_tls_where_there_is_none_is_named(settings):
    with mail_server(settings), talking(b"220 here\r\n") as port:
        settings.EMAIL_PORT, settings.EMAIL_USE_SSL = port, True
        finding = await found(settings)

    assert finding.seen.endswith(": it speaks no TLS there")
    assert finding.remedy.startswith("On port 587 write smtp+tls://, on 465 smtps://.")


async def test_a_certificate_that_nobody_vouches_for_is_named(settings, tmp_path):
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=self_signed(tmp_path))
    async with server:
        with mail_server(settings):
            settings.EMAIL_HOST, settings.EMAIL_USE_SSL = "localhost", True
            settings.EMAIL_PORT = server.sockets[0].getsockname()[1]
            finding = await found(settings)

    assert finding.seen.endswith(": its certificate is not valid")


async def test_a_server_that_says_nothing_is_left_on_time(settings, monkeypatch):
    """As port 465 when it is asked as port 587 is."""
    monkeypatch.setattr(letters, "STEP_SECONDS", 0.2)
    with mail_server(settings), talking(b"") as port:
        settings.EMAIL_PORT = port
        finding = await found(settings)

    assert (finding.level.value, finding.seen.endswith(": it says nothing, or hangs up")) == ("FAIL", True)
    assert finding.remedy.startswith("On port 465 write smtps://")


async def test_a_server_that_refuses_us_is_named_by_its_code(settings):
    with mail_server(settings), talking(b"554 not you\r\n") as port:
        settings.EMAIL_PORT = port
        finding = await found(settings)

    assert finding.seen.endswith(": it answers 554")


async def test_a_name_that_does_not_exist_is_named(settings):
    with mail_server(settings):
        settings.EMAIL_HOST = "mail." + "x" * 70 + ".invalid"
        finding = await found(settings)

    assert finding.seen.endswith(": the name is not known to the name server")


async def test_letters_that_become_files_need_a_folder_that_takes_them(settings, tmp_path):
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "calls.mail.FolderBackend", str(tmp_path / "letters")
    well = await found(settings)
    (tmp_path / "letters").write_text("")
    broken = await found(settings)

    assert (well.level.value, well.seen) == ("OK", f"letters become files in {tmp_path}/letters")
    assert (broken.level.value, broken.seen) == ("FAIL", f"{tmp_path}/letters cannot be written to: Not a directory")


async def test_a_backend_of_another_kind_is_not_asked(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

    assert (await found(settings)).seen == "console: no mail server is asked"
