"""Mounted in a WSGI server by mistake: webhooks still answer, and never with a stream that nobody would carry."""

import io
from urllib.parse import urlencode
from wsgiref.handlers import SimpleHandler
from wsgiref.validate import validator

import pytest
from django.core.handlers.wsgi import WSGIHandler

from calls.models import Call, CallEvent
from tests import factories
from tests.twilio.kit import BASE, TOKEN, dialed, signature, verbs, voice_form

pytestmark = pytest.mark.django_db(transaction=True)

PERSON = "+15550108000"


class Answer:
    """What a WSGI server put on the wire."""

    def __init__(self, wire):
        head, _, self.content = wire.partition(b"\r\n\r\n")
        first, *fields = head.decode().split("\r\n")
        self.status_code = int(first.split(" ")[1])
        self.headers = dict(field.split(": ", 1) for field in fields)


def ask(method, path, form=None, *, sign=True):
    """One request through the standard library's WSGI server side, which refuses what PEP 3333 forbids."""
    body = urlencode(form or {}).encode()
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "cortana.example.com",
    }
    if sign:
        environ["HTTP_X_TWILIO_SIGNATURE"] = signature(TOKEN, BASE + path, form)
    wire, errors = io.BytesIO(), io.StringIO()
    server = SimpleHandler(io.BytesIO(body), wire, errors, environ, multithread=False, multiprocess=False)
    server.http_version = "1.1"
    server.run(validator(WSGIHandler()))
    assert errors.getvalue() == ""
    return Answer(wire.getvalue())


def test_a_ring_is_handed_over_instead_of_streamed():
    line = factories.make_line()

    answer = ask("POST", "/twilio/voice", voice_form(factories.make_sid(), To=line.number))

    assert (verbs(answer), dialed(answer)) == (["Say", "Dial"], PERSON)
    assert list(Call.objects.values_list("status", "end_reason", "token_nonce")) == [
        ("handed_over", "internal_error", "")
    ]
    assert CallEvent.objects.get(kind="no_stream").detail == {"because": "no_websockets"}


@pytest.mark.parametrize("path", ["/twilio/realtime", "/twilio/realtime/", "/realtime", "/realtime/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_address_of_the_stream_says_what_to_paste_instead(path, method):
    answer = ask(method, path, sign=False)

    assert answer.status_code == 426
    assert answer.content.decode() == (
        'This address is for media streams only: in Twilio, paste https://cortana.example.com/twilio/voice under "A '
        'call comes in" (HTTP POST).\n'
    )


@pytest.mark.parametrize("path", ["/twilio/realtime", "/realtime/"])
def test_a_signed_post_to_the_address_of_the_stream_is_handed_over(path):
    line = factories.make_line()

    answer = ask("POST", path, voice_form(factories.make_sid(), To=line.number))

    assert (verbs(answer), dialed(answer)) == (["Say", "Dial"], PERSON)


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("after", ["Say", "Dial"]),
        ("fallback", ["Say", "Dial"]),
        ("dial-done", ["Say", "Record", "Say"]),
        ("recording", ["Say", "Hangup"]),
    ],
)
def test_later_webhooks_answer_as_ever(name, spoken):
    call = factories.make_call()

    form = voice_form(call.call_sid, To=call.to_number, CallStatus="in-progress")

    assert verbs(ask("POST", f"/twilio/{name}", form)) == spoken


def test_an_unsigned_webhook_is_refused():
    assert ask("POST", "/twilio/voice", voice_form(factories.make_sid()), sign=False).status_code == 403


def test_a_status_callback_is_answered():
    call = factories.make_call()

    assert ask("POST", "/twilio/status", voice_form(call.call_sid, CallStatus="completed")).status_code == 204
