"""The Twilio account as the doctor sees it: the vendor's own client asks, the emulator answers."""

import asyncio
import http.server
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from calls.doctor import account
from calls.doctor.runner import CHECKS, diagnose
from calls.doctor.site import Site
from calls.doctor.visit import Visit
from calls.emulators.twilio_api import AccountState, OwnedNumber
from calls.emulators.twilio_forms import SentMessage
from calls.lab import telephony
from calls.twilio import rest
from tests import factories, factories_trade

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNT, TOKEN = "AC" + "0" * 32, "0123456789abcdef0123456789abcdef"
BASE = "https://calls.acme-plumbing.com"
BIN = "https://handler.twilio.com/twiml/EH" + "0" * 32
TWILIO = [check for check in CHECKS if check.id == "twilio"]


def owned(number, **fields):
    right = {
        "voice_url": f"{BASE}/twilio/voice",
        "voice_fallback_url": f"{BASE}/twilio/fallback",
        "status_callback": f"{BASE}/twilio/status",
    }
    return OwnedNumber(phone_number=number, **right | fields)


@pytest.fixture
def line(transactional_db):
    return factories.make_line()


@pytest.fixture
def api():
    with telephony.in_background(account_sid=ACCOUNT, auth_token=TOKEN) as api:
        yield api


def ask(api, **fields):
    standing = {
        "twilio_account": ACCOUNT,
        "twilio_tokens": (TOKEN,),
        "public_base_url": BASE,
        "twilio_api_url": api.url,
    }

    async def walk():
        return [finding async for finding in diagnose(Site(**standing | fields), checks=TWILIO)]

    return {finding.id: finding for finding in asyncio.run(walk())}


def own(api, *numbers):
    api.owned = {number.sid: number for number in numbers}


def not_well(findings):
    return {id: finding.level.value for id, finding in findings.items() if finding.level != "OK"}


def test_an_account_that_is_set_right_has_nothing_to_find(api, line):
    own(api, owned(line.number), owned("+15550107777", voice_url="https://another.project.com/"))

    findings = ask(api)

    assert not_well(findings) == {}
    assert list(findings) == [
        "twilio",
        "twilio.trial",
        "twilio.number",
        "twilio.voice",
        "twilio.fallback",
        "twilio.status",
        "twilio.texts",
    ]
    assert [asked.method for asked in api.asked] == ["GET"] * len(api.asked)


@pytest.mark.parametrize(
    ("fields", "missing"),
    [({"twilio_account": ""}, "TWILIO_ACCOUNT_SID"), ({"twilio_tokens": ()}, "TWILIO_AUTH_TOKEN")],
)
def test_without_credentials_it_is_skipped_with_the_reason(api, line, fields, missing):
    findings = ask(api, **fields)

    assert not_well(findings) == {"twilio": "SKIPPED"}
    assert findings["twilio"].seen == f"{missing} is not set: Twilio cannot be asked what its number is set to"
    assert api.asked == []


def test_a_foreign_token_is_a_failure_and_is_not_repeated(api, line):
    findings = ask(api, twilio_tokens=("canary0123456789canary0123456789",))

    assert not_well(findings) == {"twilio": "FAIL"}
    assert findings["twilio"].seen == (
        "Twilio does not know TWILIO_AUTH_TOKEN with this TWILIO_ACCOUNT_SID (401, code 20003)"
    )
    assert "canary" not in repr(findings)


@pytest.mark.asyncio
async def test_a_refusal_leaves_no_other_question_under_way():
    over, ended = threading.Event(), threading.Event()

    class Client:
        def account(self):
            raise rest.Unclear("refused")

        def numbers(self):
            over.wait()
            ended.set()

    asyncio.get_running_loop().call_later(0.05, over.set)
    with pytest.raises(rest.Unclear):
        await account._asked(Client(), Visit(Site()))

    assert ended.is_set()


def test_a_network_that_does_not_lead_to_twilio_is_a_warning(api, line):
    with socket.socket() as taken:  # bound and not listening: whoever asks is refused
        taken.bind(("127.0.0.1", 0))
        findings = ask(api, twilio_api_url=f"http://127.0.0.1:{taken.getsockname()[1]}")

    assert not_well(findings) == {"twilio": "WARN"}
    assert findings["twilio"].seen == "Twilio was not reached (NewConnectionError)"


def test_an_interface_that_never_answers_is_given_up_in_time(api, line, monkeypatch):
    monkeypatch.setattr(account, "PATIENCE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        began = time.monotonic()
        findings = ask(api, twilio_api_url=f"http://127.0.0.1:{deaf.getsockname()[1]}")

    assert (not_well(findings), findings["twilio"].seen) == ({"twilio": "WARN"}, "no answer within 0.3 s")
    assert time.monotonic() - began < 5


def test_the_limits_keep_the_step_within_ten_seconds():
    assert account.PATIENCE_SECONDS < 10


def test_an_account_that_is_suspended_answers_no_call(api, line):
    own(api, owned(line.number))
    api.account = AccountState(status="suspended")

    assert not_well(ask(api)) == {"twilio": "FAIL"}


def test_a_trial_account_says_who_cannot_be_rung(api, line):
    business = line.business
    business.handover_number = "+15550103333"
    business.save()
    factories_trade.make_technician(business=business, number="+15550104444")
    own(api, owned(line.number))
    api.account = AccountState(type="Trial", verified=["+15550104444"])

    some = ask(api)["twilio.trial"]
    api.account = AccountState(type="Trial", verified=["+15550104444", "+15550103333"])
    all_verified = ask(api)["twilio.trial"]

    assert (some.level.value, some.seen) == (
        "WARN",
        "on trial; of 2 number(s) that calls go on to 1 not verified",
    )
    assert some.means.endswith("A hand-over to another one fails.")
    assert all_verified.seen.endswith("0 not verified")
    assert "5550103333" not in repr(some)


def test_a_number_of_another_account_is_a_failure_and_its_fields_are_not_judged(api, line):
    own(api, owned("+15550107777"))

    findings = ask(api)

    assert not_well(findings) == {
        "twilio.number": "FAIL",
        "twilio.voice": "SKIPPED",
        "twilio.fallback": "SKIPPED",
        "twilio.status": "SKIPPED",
    }
    assert findings["twilio.number"].seen == f"{line.number}: not a number of this account"


def test_the_line_of_the_demonstration_beside_a_real_one_is_a_warning(api, line):
    factories.make_line(number="+15550108888", business=line.business)
    own(api, owned(line.number))

    assert not_well(ask(api)) == {"twilio.number": "WARN"}


def test_a_number_for_messages_alone_is_a_failure(api, line):
    own(api, owned(line.number, takes_calls=False))

    assert not_well(ask(api)) == {"twilio.number": "FAIL"}


SLIPS = {
    "socket": (
        {"voice_url": "wss://calls.acme-plumbing.com/twilio/realtime"},
        "twilio.voice",
        "FAIL",
        "a socket's address",
    ),
    "get": ({"voice_method": "GET"}, "twilio.voice", "WARN", "HTTP GET instead of POST"),
    "application": (
        {"voice_application_sid": "AP" + "1" * 32},
        "twilio.voice",
        "FAIL",
        "an application takes the calls",
    ),
    "no fallback": ({"voice_fallback_url": ""}, "twilio.fallback", "WARN", "empty"),
    "fallback path": (
        {"voice_fallback_url": f"{BASE}/fallback"},
        "twilio.fallback",
        "WARN",
        f"{BASE}/fallback instead of {BASE}/twilio/fallback",
    ),
    "no status": ({"status_callback": ""}, "twilio.status", "WARN", "empty"),
    "status by get": ({"status_callback_method": "GET"}, "twilio.status", "WARN", "HTTP GET instead of POST"),
}


@pytest.mark.parametrize(("fields", "id", "level", "seen"), SLIPS.values(), ids=SLIPS)
def test_a_field_that_is_not_set_right_is_named_with_the_command_that_mends_it(api, line, fields, id, level, seen):
    own(api, owned(line.number, **fields))

    findings = ask(api)

    assert not_well(findings) == {id: level}
    assert seen in findings[id].seen
    assert findings[id].remedy == f"Type: python manage.py setup_twilio {line.number}"


def test_a_number_in_a_trunk_is_for_its_owner_to_take_out(api, line):
    own(api, owned(line.number, trunk_sid="TK" + "1" * 32))

    findings = ask(api)

    assert not_well(findings) == {"twilio.voice": "FAIL"}
    assert findings["twilio.voice"].remedy.startswith("Take the number out of the trunk")


def test_of_two_numbers_the_one_that_is_silent_is_named_first(api, line):
    other = factories.make_line(number="+15550108888", business=line.business)
    own(api, owned(line.number, voice_method="GET"), owned(other.number, voice_url=""))

    assert ask(api)["twilio.voice"].seen == "+15550108888: the voice field is empty"


def test_a_bin_that_the_line_names_has_to_stand_at_twilio_too(api, line):
    line.fallback_url = BIN
    line.save()
    own(api, owned(line.number))
    missing = ask(api)["twilio.fallback"]
    own(api, owned(line.number, voice_fallback_url=BIN))
    there = ask(api)["twilio.fallback"]
    own(api, owned(line.number, voice_fallback_url=BIN.replace("0", "1")))
    another = ask(api)["twilio.fallback"]

    assert [one.level.value for one in (missing, there, another)] == ["WARN", "OK", "WARN"]
    assert missing.seen == f"{line.number}: {BASE}/twilio/fallback, while the line here says {BIN}"
    assert "setup_twilio" in missing.remedy
    assert another.remedy.startswith("Enter one address in both places")


def test_a_bin_that_no_line_names_is_well(api, line):
    own(api, owned(line.number, voice_fallback_url=BIN))

    assert not_well(ask(api)) == {}


def test_texts_that_did_not_arrive_are_told_with_their_cause(api, line):
    own(api, owned(line.number))
    sent = [
        SentMessage("+15550100001", line.number, "Hello", "", "undelivered", code) for code in (30034, 30034, 30003)
    ]
    old = SentMessage("+1", line.number, "Hello", "", "failed", 30007, created_at=datetime.now(UTC) - timedelta(days=8))
    other = SentMessage("+1", "+15550107777", "Hello", "", "failed", 30007)
    api.messages = {message.sid: message for message in [*sent, old, other]}

    findings = ask(api)

    assert not_well(findings) == {"twilio.texts": "WARN"}
    assert findings["twilio.texts"].seen == (
        "3 undelivered in the last week, mostly 30034: the number is not registered for A2P 10DLC; other codes: 30003"
    )
    assert findings["twilio.texts"].remedy == "Register it: docs/deploy.md, Text messages."


def test_a_reason_that_is_not_known_here_leads_to_twilios_list(api, line):
    own(api, owned(line.number))
    message = SentMessage("+15550100001", line.number, "Hello", "", "failed", 31234)
    api.messages = {message.sid: message}

    assert ask(api)["twilio.texts"].remedy == "Look the code up at https://www.twilio.com/docs/api/errors"


def test_what_may_be_secret_in_an_address_at_twilio_is_not_shown(api, line):
    secret = "https://user:canary@other.acme.com/voice?token=canary"
    own(api, owned(line.number, voice_url=secret, voice_fallback_url=secret, status_callback=secret))

    findings = ask(api)

    assert len(not_well(findings)) == 2
    assert "canary" not in repr(findings)


class OutOfOrder(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


HTML = b"<html>canary</html>"
ODD = {
    "a page": (200, HTML, "WARN", "an answer that cannot be read"),
    "something in between": (403, HTML, "WARN", "Twilio answered 403, code "),
    "out of order": (503, HTML, "WARN", "Twilio answered 503, code "),
    "not active": (401, b'{"code": 20005, "message": "Account not active"}', "FAIL", "the account is not active"),
}


@pytest.mark.parametrize(("status", "body", "level", "seen"), ODD.values(), ids=ODD)
def test_an_interface_that_answers_oddly_is_a_finding_and_no_error_of_the_doctor(api, line, status, body, level, seen):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), OutOfOrder) as server:
        server.status, server.body = status, body
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        findings = ask(api, twilio_api_url=f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()

    assert not_well(findings) == {"twilio": level}
    assert seen in findings["twilio"].seen
    assert "canary" not in repr(findings)
