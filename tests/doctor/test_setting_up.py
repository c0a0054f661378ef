"""manage.py setup_twilio, against the emulator of Twilio's REST interface."""

import json

import pytest
from django.core.management import call_command

from calls.doctor.voice_fields import Change
from calls.emulators.twilio_api import OwnedNumber
from calls.lab import telephony
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNT, TOKEN = "AC" + "0" * 32, "0123456789abcdef0123456789abcdef"
NUMBER = "+15550109999"
BASE = "https://calls.acme-plumbing.com"
VOICE, FALLBACK, STATUS = (f"{BASE}/twilio/{name}" for name in ("voice", "fallback", "status"))
BIN = "https://handler.twilio.com/twiml/EH" + "0" * 32


@pytest.fixture
def api(settings):
    with telephony.in_background(account_sid=ACCOUNT, auth_token=TOKEN) as api:
        settings.PUBLIC_BASE_URL, settings.TWILIO_API_BASE_URL = BASE, api.url
        yield api


@pytest.fixture
def own(api):
    def own(**fields):
        number = OwnedNumber(phone_number=NUMBER, **fields)
        api.owned = {number.sid: number}
        return lambda: api.owned[number.sid]

    return own


@pytest.fixture
def set_up(capsys):
    def set_up(*arguments):
        with pytest.raises(SystemExit) as ended:
            call_command("setup_twilio", *(arguments or [NUMBER]))
        return ended.value.code, capsys.readouterr().out

    return set_up


def fields_of(number):
    return (
        (number.voice_url, number.voice_method),
        (number.voice_fallback_url, number.voice_fallback_method),
        (number.status_callback, number.status_callback_method),
    )


def changing(api):
    return [asked.fields for asked in api.asked if asked.method != "GET"]


def test_a_number_as_it_is_bought_is_put_right_and_is_right_the_second_time(api, own, set_up):
    number = own(voice_application_sid="AP" + "1" * 32)

    first, second = set_up(), set_up()

    assert fields_of(number()) == ((VOICE, "POST"), (FALLBACK, "POST"), (STATUS, "POST"))
    assert number().voice_application_sid == ""
    assert (first[0], second[0]) == (0, 0)
    assert "voice_url        https://demo.twilio.com/welcome/voice/  →  " + VOICE in first[1]
    assert second[1] == f"{NUMBER} is set up for this server already.\n"
    assert len(changing(api)) == 1


def test_a_dry_run_shows_the_difference_and_changes_nothing(api, own, set_up):
    number = own(voice_url=f"wss://{BASE[8:]}/twilio/realtime", voice_method="GET", status_callback=STATUS)
    before = number()

    code, text = set_up(NUMBER, "--dry-run", "--json")

    assert json.loads(text) == {
        "number": NUMBER,
        "changes": [
            {"field": "voice_url", "current": f"wss://{BASE[8:]}/twilio/realtime", "wanted": VOICE},
            {"field": "voice_method", "current": "GET", "wanted": "POST"},
            {"field": "fallback_url", "current": "(empty)", "wanted": FALLBACK},
        ],
        "changed": False,
        "kept_fallback": "",
        "remaining": [],
        "exit": 1,
    }
    assert (code, number(), changing(api)) == (1, before, [])


def test_a_dry_run_without_a_difference_is_well(own, set_up):
    own(voice_url=VOICE, voice_fallback_url=BIN, status_callback=STATUS)

    code, text = set_up(NUMBER, "--dry-run")

    assert (code, text.splitlines()) == (
        0,
        [
            f"fallback_url     {BIN}  stays: it is on another host",
            f"{NUMBER} is set up for this server already.",
        ],
    )


def test_a_bin_on_another_host_is_never_overwritten(api, own, set_up):
    number = own(voice_fallback_url=BIN, voice_fallback_method="GET")

    code, text = set_up()

    assert (code, fields_of(number())[1]) == (0, (BIN, "GET"))
    assert f"fallback_url     {BIN}  stays" in text
    assert {"VoiceFallbackUrl", "VoiceFallbackMethod"} & set(changing(api)[0]) == set()


def test_the_bin_that_is_entered_for_the_line_goes_into_an_empty_field(own, set_up):
    factories.make_line(number=NUMBER, fallback_url=BIN)
    number = own()

    assert (set_up()[0], number().voice_fallback_url) == (0, BIN)


UNUSABLE = ["http://localhost:8000", "wss://calls.acme.com", "https://your-host.com", "https://a.b.com/path", "no"]


def test_an_address_that_twilio_cannot_use_is_refused_before_anything_is_asked(api, own, set_up, settings):
    own()
    said = []
    for settings.PUBLIC_BASE_URL in UNUSABLE:
        code, text = set_up()
        said.append((code, text.startswith("Nothing was changed: PUBLIC_BASE_URL is not usable: ")))

    assert said == [(2, True)] * len(UNUSABLE)
    assert api.asked == []


IMPOSSIBLE = {
    "no such number": ({}, ["+15550107777"], f"not a number of this account. Its numbers: {NUMBER}."),
    "form": ({}, ["5550107777"], "begins with + and the country code"),
    "trunk": ({"trunk_sid": "TK" + "1" * 32}, [NUMBER], "belongs to a SIP trunk"),
    "messages": ({"takes_calls": False}, [NUMBER], "takes messages only"),
}


@pytest.mark.parametrize(("fields", "arguments", "why"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_cannot_be_done_is_said_and_nothing_is_changed(api, own, set_up, fields, arguments, why):
    own(**fields)

    code, text = set_up(*arguments, "--json")

    report = json.loads(text)
    assert (code, report["exit"], why in report["error"], changing(api)) == (2, 2, True, [])


@pytest.mark.parametrize("setting", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKENS"])
def test_without_credentials_nothing_is_asked(api, own, set_up, settings, setting):
    setattr(settings, setting, type(getattr(settings, setting))())

    code, text = set_up()

    assert (code, f"{setting.removesuffix('S')} is not set" in text, api.asked) == (2, True, [])


def test_no_secret_is_printed(own, set_up, settings):
    own(voice_url="https://user:canary@old.acme.com/voice?token=canary")
    shown = set_up(NUMBER, "--dry-run")[1] + set_up(NUMBER, "--json")[1]
    settings.TWILIO_AUTH_TOKENS = ["canary0123456789canary0123456789"]
    refused = set_up()

    assert refused[1].startswith("Nothing was changed: Twilio answered 401, code 20003: Authenticate.")
    assert "canary" not in shown + refused[1]


def test_an_answer_that_is_lost_is_not_called_a_failure(api, own, set_up):
    number = own()
    api.faults.lost_answers = 1

    code, text = set_up()

    assert (code, number().voice_url, text.partition(":")[0]) == (
        2,
        VOICE,
        "Whether it was done is not known",
    )


@pytest.mark.parametrize("is_there", [True, False])
def test_a_number_without_a_line_here_is_noticed(own, is_there, capsys):
    own()
    if is_there:
        factories.make_line(number=NUMBER)

    with pytest.raises(SystemExit):
        call_command("setup_twilio", NUMBER)

    assert ("No phone line here has this number yet" in capsys.readouterr().err) is not is_there


def test_what_twilio_does_not_take_is_said(own, set_up, monkeypatch):
    from calls.twilio import rest  # noqa: PLC0415 - only this test meddles with it

    own(status_callback=STATUS, voice_fallback_url=FALLBACK)
    monkeypatch.setattr(rest.Client, "configure_number", lambda client, sid, fields: client.numbers(NUMBER)[0])

    code, text = set_up()

    assert (code, text.splitlines()[-1]) == (2, "Twilio has taken it, but not all of it: voice_url")


def test_a_change_is_a_field_with_two_values():
    assert Change("voice_url", "a", "b")._fields == ("field", "current", "wanted")
