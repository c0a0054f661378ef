"""A row of the outbox becomes one message, and what a mail server answers becomes what the row says."""

import email
import email.policy
import smtplib
import socketserver
import threading
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.core import mail as django_mail
from django.core.mail import EmailMessage

from calls import mail
from calls.domain import outbox, outside
from calls.domain.outbox import NotSent
from tests.domain.test_outbox import write
from tests.factories import RANG_AT, make_business

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings, tmp_path):
    settings.EMAIL_BACKEND = "calls.mail.FolderBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "outbox")
    settings.DEFAULT_FROM_EMAIL = "desk@example.com"
    return tmp_path / "outbox"


def letter(**fields):
    business = make_business(name="Cedar Plumbing", email="owner@example.com")
    return write(business=business, **{"html": "<p>89 dollars</p>", "calendar": "BEGIN:VCALENDAR"} | fields)


def read(path):
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def test_a_letter_becomes_a_file_with_text_page_and_calendar(folder):
    row = letter()

    mail.send(row)

    message = read(mail.path_of(row))
    assert [message[name] for name in ("From", "To", "Reply-To", "Subject")] == [
        "Cedar Plumbing <desk@example.com>",
        "robert@example.com",
        "owner@example.com",
        "Your quote",
    ]
    assert message["Message-ID"] == f"<{mail.name_of(row)}@example.com>"
    assert [part.get_content_type() for part in message.walk() if not part.is_multipart()] == [
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    assert message.get_body(("plain",)).get_content().strip() == "It costs 89 dollars."


def test_a_letter_that_is_handed_over_twice_is_one_file(folder):
    row = letter()

    mail.send(row)
    mail.send(row)

    assert [path.name for path in folder.iterdir()] == [f"{mail.name_of(row)}.eml"]


def test_two_letters_are_two_files(folder):
    for key in ("quote:A1", "quote:A2"):
        mail.send(letter(key=key))

    assert len(list(folder.iterdir())) == 2


def test_a_name_with_a_line_break_stays_in_its_header(folder):
    row = letter()
    row.business.name = "Cedar\r\nBcc: all@example.com"

    mail.send(row)

    assert (read(mail.path_of(row))["Bcc"], mail.message_of(row).from_email) == (
        None,
        '"Cedar Bcc: all@example.com" <desk@example.com>',
    )


def test_django_s_own_mail_becomes_a_file_too(folder):
    EmailMessage("Subject", "Body", "desk@example.com", ["owner@example.com"]).send()

    (path,) = folder.iterdir()
    assert read(path)["Subject"] == "Subject"


def test_a_letter_for_a_mail_server_has_no_file(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert mail.path_of(letter()) is None


class Server(socketserver.StreamRequestHandler):
    """As much of a mail server as is needed to refuse at each step."""

    def handle(self):
        self.say("220 here")
        while line := self.rfile.readline():
            verb = line.split()[0].upper().decode()
            if verb == "DATA":
                self.say("354 go on")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                self.server.taken += [line.strip() for line in lines if line.startswith(b"Message-ID: ")]
                verb = "END"
            self.say(self.server.answers.get(verb, "250 good"))
            if verb == "QUIT":
                return

    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def listening(**answers):
    """A mail server that answers "250 good" but where it is told otherwise; `taken` are the Message-IDs it has got."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads, server.answers, server.taken = True, answers, []
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def mail_server(settings, **answers):
    """The same, as the one that our settings name."""
    with listening(**answers) as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", server.server_address[1], False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield server


@pytest.mark.parametrize(
    ("answers", "reason", "is_permanent"),
    [
        ({"RCPT": "550 no such mailbox"}, "The address was refused (550).", True),
        ({"RCPT": "451 try later"}, "The address was refused (451).", False),
        ({"END": "554 looks like spam"}, "The letter was refused: 554 looks like spam", True),
        ({"END": "452 disk full"}, "The letter was refused: 452 disk full", False),
        ({"MAIL": "550 not from you"}, "The mail server refused: 550 not from you", False),
    ],
)
def test_a_refusal_is_told_and_is_for_good_only_when_trying_again_cannot_help(settings, answers, reason, is_permanent):
    with mail_server(settings, **answers), pytest.raises(NotSent) as refused:
        mail.send(letter())

    assert (str(refused.value), refused.value.permanent) == (reason, is_permanent)


def test_a_letter_that_had_to_be_handed_over_twice_is_the_same_letter_to_a_mail_server(settings):
    row = letter()
    with mail_server(settings) as server:
        mail.send(row)
        mail.send(row)

    assert server.taken == [f"Message-ID: <{mail.name_of(row)}@cortana.example.com>".encode()] * 2


def test_a_mail_server_that_is_not_there_is_tried_again(settings):
    with mail_server(settings):
        pass

    with pytest.raises(NotSent, match="^The mail server was not reached: ConnectionRefusedError") as refused:
        mail.send(letter())
    assert refused.value.permanent is False


def test_an_address_that_cannot_be_written_is_given_up(settings):
    with mail_server(settings), pytest.raises(NotSent, match="^The letter cannot be written: ") as refused:
        mail.send(letter(to="robert@example.com\nBcc: all@example.com"))

    assert refused.value.permanent is True


def test_a_mail_server_has_the_time_that_the_lease_is_measured_by(settings):
    assert settings.EMAIL_TIMEOUT == outbox.STEP_SECONDS


def test_test_mail_never_leaves(settings):
    assert settings.EMAIL_BACKEND == "django.core.mail.backends.locmem.EmailBackend"
    mail.send(letter(now=RANG_AT))
    assert [message.subject for message in django_mail.outbox] == ["Your quote"]
    assert issubclass(smtplib.SMTPException, OSError)  # what `send` relies on to catch every way of not arriving


@pytest.mark.parametrize(
    ("base", "page"),
    [
        ("https://cedar.example", "https://cedar.example/admin/calls/call/7/change/"),
        ("https://cedar.example/", "https://cedar.example/admin/calls/call/7/change/"),
        ("", ""),
    ],
)
def test_page_of_a_call_has_the_public_address(settings, base, page):
    settings.PUBLIC_BASE_URL = base

    assert mail.page_of_call(7) == page


def test_domain_is_lent_the_pages_of_calls(settings):
    settings.PUBLIC_BASE_URL = "https://cedar.example"

    apps.get_app_config("calls").ready()

    assert outside.page_of_call(7) == mail.page_of_call(7)
