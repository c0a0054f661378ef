"""Who is let in: what Twilio signed over the public address, and nobody else."""

import logging
import random

import pytest

from calls.logs import LineFormatter
from calls.models import Call
from tests import factories
from tests.twilio.kit import BASE, TOKEN, Twilio, signature, verbs, voice_form

pytestmark = pytest.mark.asyncio

WEBHOOKS = ["voice", "stream", "after", "status", "stream-status", "fallback", "recording", "dial-done"]
REFUSED = b"Twilio's signature does not match; the log names the address it was checked for.\n"


def canaries():
    return voice_form(factories.make_sid(), To="+15550109999", From="+15550123456", FromCity="CANARYVILLE")


def lines(caplog):
    """What the log shows, as it is written."""
    return [LineFormatter().format(record) for record in caplog.records if record.levelno >= logging.INFO]


@pytest.mark.parametrize("name", WEBHOOKS)
async def test_a_webhook_that_is_not_signed_is_refused(twilio, line, stored, name):
    response = await twilio.post(f"/twilio/{name}", canaries(), sign=False)

    assert (response.status_code, response.content) == (403, REFUSED)
    assert await stored(Call.objects.count) == 0


@pytest.mark.parametrize("name", WEBHOOKS)
@pytest.mark.parametrize("method", ["post", "get"])
async def test_a_webhook_with_a_wrong_signature_is_refused(twilio, line, stored, name, method):
    twilio.token = "f" * 32

    response = await getattr(twilio, method)(f"/twilio/{name}", canaries())

    assert (response.status_code, response.content) == (403, REFUSED)
    assert await stored(Call.objects.count) == 0


@pytest.mark.parametrize("name", WEBHOOKS)
@pytest.mark.parametrize("method", ["post", "get"])
async def test_a_webhook_that_is_signed_is_let_in(twilio, line, name, method):
    response = await getattr(twilio, method)(f"/twilio/{name}", canaries())

    assert response.status_code == (204 if name in {"status", "stream-status"} else 200)


@pytest.mark.parametrize("sign", [True, False])
async def test_a_refusal_is_one_log_line_that_names_the_address_and_nothing_of_the_caller(twilio, line, caplog, sign):
    caplog.set_level(logging.INFO)
    twilio.token = "f" * 32

    await twilio.post("/twilio/voice", canaries(), sign=sign)

    assert len(caplog.records) == 1
    record, text = caplog.records[0], lines(caplog)[0]
    assert (record.levelname, record.signed_over) == ("WARNING", f"{BASE}/twilio/voice")
    for secret in ("5550123456", "555012", "CANARYVILLE", "CallSid", "CA0", TOKEN, "f" * 32):
        assert secret not in text


async def test_the_log_line_of_a_get_names_the_address_without_its_parameters(twilio, line, caplog):
    caplog.set_level(logging.INFO)
    twilio.token = "f" * 32

    await twilio.get("/twilio/voice", canaries())

    assert [record.signed_over for record in caplog.records] == [f"{BASE}/twilio/voice?…"]
    assert "5550123456" not in lines(caplog)[0]
    assert "CANARYVILLE" not in lines(caplog)[0]


@pytest.mark.parametrize(
    ("tokens", "headers", "remedy"),
    [
        ([TOKEN], {}, "the request carries no signature"),
        ([], {"X-Twilio-Signature": "x"}, "set TWILIO_AUTH_TOKEN"),
        (
            [TOKEN],
            {"X-Twilio-Signature": "x", "X-Twilio-Webhooks-Signature-Settings": "key=k,algorithm=HMAC_SHA256"},
            "put the shared key that the request names, and its secret, in TWILIO_SHARED_KEYS",
        ),
        (
            [TOKEN],
            {"X-Twilio-Signature": "x"},
            "PUBLIC_BASE_URL is the address in Twilio's console, TWILIO_AUTH_TOKEN the account's primary token",
        ),
    ],
)
async def test_the_log_line_says_what_to_check(twilio, line, settings, caplog, tokens, headers, remedy):
    settings.TWILIO_AUTH_TOKENS = tokens

    await twilio.post("/twilio/voice", canaries(), sign=False, headers=headers)

    assert [record.remedy for record in caplog.records] == [remedy]


async def test_without_a_token_nobody_is_let_in(twilio, line, settings):
    settings.TWILIO_AUTH_TOKENS = []
    twilio.token = ""

    assert (await twilio.post("/twilio/voice", canaries())).status_code == 403


async def test_the_old_and_the_new_token_are_let_in_while_rotating(line, settings):
    settings.TWILIO_AUTH_TOKENS = ["old-token", "new-token"]

    for token in settings.TWILIO_AUTH_TOKENS:
        assert verbs(await Twilio(token=token).post("/twilio/voice", canaries())) == ["Connect"]


async def test_a_shared_key_is_let_in(twilio, line, settings):
    settings.TWILIO_SHARED_KEYS = {"webhooks_sharedkey_1": "secret"}
    form = canaries()
    headers = {
        "X-Twilio-Webhooks-Signature-Settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256",
        "X-Twilio-Signature": signature("secret", f"{BASE}/twilio/voice", form, "sha256"),
    }

    assert verbs(await twilio.post("/twilio/voice", form, sign=False, headers=headers)) == ["Connect"]


async def test_an_address_with_its_port_is_let_in(twilio, line):
    """Twilio signs with or without the standard port, as it pleases."""
    form = canaries()
    signed = signature(TOKEN, "https://cortana.example.com:443/twilio/voice", form)

    response = await twilio.post("/twilio/voice", form, sign=False, headers={"X-Twilio-Signature": signed})

    assert verbs(response) == ["Connect"]


async def test_a_query_in_the_address_is_part_of_what_is_signed(twilio, line):
    assert verbs(await twilio.post("/twilio/voice?shop=caf%C3%A9&a=b+c", canaries())) == ["Connect"]


async def test_two_hundred_requests_with_one_character_changed_make_no_call(line, stored):
    dice, form = random.Random(20261120), canaries()
    right = signature(TOKEN, f"{BASE}/twilio/voice", form)
    twilio, statuses = Twilio(), []
    for _ in range(200):
        at = dice.randrange(len(right) - 1)
        wrong = right[:at] + dice.choice([letter for letter in "AZaz09+/" if letter != right[at]]) + right[at + 1 :]
        response = await twilio.post("/twilio/voice", form, sign=False, headers={"X-Twilio-Signature": wrong})
        statuses.append(response.status_code)

    assert statuses == [403] * 200
    assert await stored(Call.objects.count) == 0


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
        ("application/x-www-form-urlencoded; charset=utf-16", b"CallSid=CA1"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % number for number in range(2000))),
        ("application/x-www-form-urlencoded", b"\xff\xfe=\xff&CallSid=%ED%A0%80"),
        ("application/json", b"{"),
        ("", b"\x00"),
    ],
)
@pytest.mark.parametrize("name", ["voice", "status", "realtime"])
async def test_a_body_that_cannot_be_read_is_refused(twilio, name, content_type, body):
    headers = {"X-Twilio-Signature": "x"}

    response = await twilio.client.post(f"/twilio/{name}", body, content_type=content_type, headers=headers)

    assert response.status_code in {400, 403, 426}


@pytest.mark.parametrize("address", ["https://host:99999", "https://[host", "wss://host", "not an address", ""])
async def test_a_public_address_that_is_none_lets_nobody_in(twilio, line, settings, address):
    settings.PUBLIC_BASE_URL = address

    assert (await twilio.post("/twilio/voice", canaries())).status_code == 403


async def test_a_signature_for_one_address_does_not_open_another(twilio, line):
    form = canaries()
    signed = signature(TOKEN, f"{BASE}/twilio/status", form)

    response = await twilio.post("/twilio/voice", form, sign=False, headers={"X-Twilio-Signature": signed})

    assert response.status_code == 403


@pytest.mark.parametrize(
    "poison",
    [
        {"Host": "evil.example.com"},
        {"Host": "cortana.example.com.evil.example.com"},
        {"Host": 'cortana.example.com"/><Stream url="wss://evil'},
        {"Host": "cortana.example.com:1234"},
        {"Host": "localhost"},
        {"X-Forwarded-Host": "evil.example.com"},
        {"X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "81"},
        {"Forwarded": "host=evil.example.com;proto=http"},
        {"X-Original-URL": "/twilio/status", "X-Rewrite-URL": "/"},
    ],
    ids=lambda poison: " ".join(poison.values()),
)
async def test_no_header_changes_where_the_callers_sound_goes(twilio, line, poison):
    form = canaries()
    clean = await twilio.post("/twilio/voice", form)

    poisoned = await twilio.post("/twilio/voice", form, headers=poison)

    assert poisoned.status_code == 400 or poisoned.content == clean.content
    assert b"evil" not in poisoned.content


async def test_hostile_hosts_in_hundreds_change_nothing(twilio, line):
    dice, form = random.Random(20261120), canaries()
    clean = (await twilio.post("/twilio/voice", form)).content
    letters = "abz09.-:@/\\[]%\"'<>& _"
    answers = set()
    for _ in range(200):
        host = "".join(dice.choice(letters) for _ in range(dice.randrange(1, 40)))
        name = dice.choice(["Host", "X-Forwarded-Host"])
        response = await twilio.post("/twilio/voice", form, headers={name: host})
        answers.add(400 if response.status_code == 400 else response.content)

    assert answers == {400, clean}


async def test_mode_log_lets_in_what_is_not_signed_and_says_so(twilio, line, settings, caplog):
    settings.TWILIO_SIGNATURE = "log"

    response = await twilio.post("/twilio/voice", canaries(), sign=False)

    assert verbs(response) == ["Connect"]
    assert [record.signed_over for record in caplog.records if record.levelname == "WARNING"] == [
        f"{BASE}/twilio/voice"
    ]


async def test_mode_off_lets_everything_in(twilio, line, settings, caplog):
    settings.TWILIO_SIGNATURE = "off"

    post = await twilio.post("/twilio/voice", canaries(), sign=False)
    get = await twilio.get("/twilio/voice", canaries(), sign=False)

    assert (verbs(post), verbs(get)) == (["Connect"], ["Connect"])
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


@pytest.mark.parametrize("mode", ["log", "off"])
async def test_a_persons_browser_sees_the_page_in_every_mode(twilio, line, settings, mode):
    settings.TWILIO_SIGNATURE = mode

    assert b"This address is for Twilio" in (await twilio.get("/twilio/voice", {}, sign=False)).content


@pytest.mark.parametrize("name", WEBHOOKS)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_a_method_that_twilio_never_uses_is_told_which_it_does(twilio, name, method):
    response = await twilio.client.generic(method, f"/twilio/{name}")

    assert (response.status_code, response.headers["Allow"]) == (405, "POST, GET")
    assert response.content == b"This address takes POST requests from Twilio.\n"


@pytest.mark.parametrize("name", WEBHOOKS)
async def test_no_webhook_is_ever_redirected(twilio, line, name):
    """A redirect turns the POST into a GET and loses the form: with a slash behind, the address is the same."""
    responses = [await twilio.post(f"/twilio/{name}{slash}", canaries()) for slash in ("/", "")]

    assert responses[0].status_code in {200, 204}
    assert responses[0].status_code == responses[1].status_code


@pytest.mark.parametrize("name", WEBHOOKS)
async def test_a_webhook_needs_no_csrf_token(line, name):
    twilio = Twilio()
    twilio.client = type(twilio.client)(enforce_csrf_checks=True)

    assert (await twilio.post(f"/twilio/{name}", canaries())).status_code in {200, 204}
