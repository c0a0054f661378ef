from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.doctor.configuration import IDS, examine
from calls.doctor.site import Site

SOUND = Site(
    public_base_url="https://line.cedarplumbing.com",
    allowed_hosts=("line.cedarplumbing.com",),
    openai_key="sk-proj-0123456789abcdefghij",
    twilio_account="AC" + "1" * 32,
    twilio_tokens=("0123456789abcdef0123456789abcdef",),
    handover_number="+15551234567",
    diagnostic_token="a-long-diagnostic-token",
)

TEXTS = ["public_base_url", "openai_key", "openai_url", "twilio_account", "handover_number", "diagnostic_token"]
TEXTS += ["twilio_signature", "letters_folder", "secret_key", "checkout_token"]


def not_well(site):
    return [(finding.id, finding.level.value) for finding in examine(site) if finding.level != "OK"]


def found(id, **changes):
    (finding,) = [finding for finding in examine(replace(SOUND, **changes)) if finding.id == id]
    return finding


def test_a_sound_configuration_has_nothing_to_find():
    assert not_well(SOUND) == []


def test_an_empty_configuration_names_what_is_missing():
    assert not_well(Site()) == [
        ("settings.public-url", "FAIL"),
        ("settings.openai-key", "FAIL"),
        ("settings.twilio-token", "FAIL"),
    ]


@pytest.mark.parametrize(
    ("address", "level", "seen"),
    [
        ("http://localhost:8000", "FAIL", "exists on this machine or network only"),
        ("https://192.168.1.4", "FAIL", "exists on this machine or network only"),
        ("https://server", "FAIL", "exists on this machine or network only"),
        ("http://line.cedarplumbing.com", "FAIL", "is not https"),
        ("wss://line.cedarplumbing.com/twilio/realtime", "FAIL", "it begins with https"),
        ("https://line.cedarplumbing.com/twilio/voice", "FAIL", "it has a path"),
        ("https://line.cedarplumbing.com?key=1", "FAIL", "it carries a query"),
        ("https://user:password@line.cedarplumbing.com", "FAIL", "it carries a query, a fragment or a password"),
        ("https://your-subdomain.ngrok.io", "FAIL", "the host is still the one from an example"),
        ("line.cedarplumbing.com", "FAIL", "not a web address"),
        ("https://line.cedarplumbing.com:port", "FAIL", "not an address"),
        ("https://line.cedarplumbing.com:8443", "WARN", "names port 8443"),
        ("https://line.cedarplumbing.com:443", "OK", "https://line.cedarplumbing.com:443"),
    ],
)
def test_the_public_address_has_to_be_one_that_twilio_reaches(address, level, seen):
    finding = found("settings.public-url", public_base_url=address)

    assert (finding.level.value, seen in finding.seen) == (level, True)
    assert (finding.remedy == "") == (level == "OK")


@pytest.mark.parametrize(
    ("key", "level", "seen"),
    [
        ("", "FAIL", "not set"),
        ("sk-...", "FAIL", "it is still a placeholder"),
        ("your-openai-api-key-goes-here", "FAIL", "it is still a placeholder"),
        ("sk-short", "FAIL", "it is still a placeholder"),
        ('"sk-proj-0123456789abcdefghij"', "FAIL", "it holds a blank, a quotation mark or a foreign letter"),
        ("sk-proj-0123456789 abcdefghij", "FAIL", "it holds a blank, a quotation mark or a foreign letter"),
        ("0123456789abcdef" * 2, "FAIL", "it holds a token or SID of Twilio's, not a key of OpenAI's"),
        ("0123456789abcdefghijkl", "WARN", "set, but OpenAI's keys begin with sk-"),
        ("sk-proj-0123456789abcdefghij", "OK", "set"),
    ],
)
def test_the_key_has_to_look_like_one(key, level, seen):
    finding = found("settings.openai-key", openai_key=key)

    assert (finding.level.value, finding.seen) == (level, seen)


def test_a_server_in_place_of_openai_takes_any_key_and_is_said():
    address = "ws://127.0.0.1:9000/v1/realtime"

    assert found("settings.openai-key", openai_key="x", openai_url=address).level == "OK"
    assert found("settings.openai-url", openai_url=address).level == "WARN"


@pytest.mark.parametrize("address", ["wss://[", "api.openai.com", "https://realtime.example.org/v1", "wss://"])
def test_what_is_no_socket_in_place_of_openai_is_a_failure(address):
    finding = found("settings.openai-url", openai_url=address)

    assert (finding.level.value, finding.seen) == ("FAIL", "no WebSocket address")


@pytest.mark.parametrize(
    ("changes", "level", "seen"),
    [
        ({"twilio_tokens": ()}, "FAIL", "not set"),
        ({"twilio_tokens": (), "twilio_shared_keys": (("id", "secret"),)}, "OK", "1 shared key(s) instead"),
        ({"twilio_tokens": (), "twilio_signature": "off"}, "WARN", "not set; signatures are not checked"),
        ({"twilio_tokens": ("AC" + "1" * 32,)}, "FAIL", "it holds an account or API key SID, not the Auth Token"),
        ({"twilio_tokens": ("your_auth_token",)}, "FAIL", "it is still a placeholder"),
        ({"twilio_tokens": ("ABC",)}, "WARN", "set, but an Auth Token is 32 characters of 0-9 and a-f"),
        ({"twilio_tokens": ("1" * 32, "2" * 32)}, "OK", "2 tokens, as while rotating"),
        ({"twilio_tokens": ("1" * 32, "1" * 32)}, "WARN", "the same token twice"),
        ({"twilio_tokens": ("1" * 32, "2" * 32, "3" * 32)}, "WARN", "3 tokens"),
        (
            {"twilio_tokens": ("sk-proj-0123456789abcdefghij",)},
            "FAIL",
            "it holds a key of OpenAI's, not the Auth Token",
        ),
    ],
)
def test_the_auth_token_has_to_look_like_one(changes, level, seen):
    finding = found("settings.twilio-token", **changes)

    assert (finding.level.value, finding.seen) == (level, seen)


@pytest.mark.parametrize(
    ("id", "changes", "level"),
    [
        ("settings.allowed-hosts", {"allowed_hosts": ("*",)}, "WARN"),
        ("settings.debug", {"debug": True}, "WARN"),
        ("settings.debug", {"debug": True, "public_base_url": "http://localhost:8000"}, "OK"),
        ("settings.twilio-account", {"twilio_account": "SK123"}, "WARN"),
        ("settings.signature", {"twilio_signature": "log"}, "WARN"),
        ("settings.handover", {"handover_number": "555-1234"}, "FAIL"),
        ("settings.handover", {"handover_number": ""}, "OK"),
        ("settings.allowed-hosts", {"allowed_hosts": ("localhost",)}, "FAIL"),
        ("settings.allowed-hosts", {"allowed_hosts": (".cedarplumbing.com",)}, "OK"),
        ("settings.port", {"port": 80_000}, "FAIL"),
        ("settings.port", {"port": 8001, "public_base_url": "http://localhost:8000"}, "WARN"),
        ("settings.port", {"port": 8000, "public_base_url": "http://localhost:8000"}, "OK"),
        ("settings.port", {"port": 8000, "public_base_url": "https://line.cedarplumbing.com:8443"}, "OK"),
        ("settings.port", {"public_base_url": "https://line.cedarplumbing.com:port"}, "OK"),
        ("settings.twilio-account", {"twilio_account": ""}, "WARN"),
        ("settings.twilio-account", {"twilio_account": "", "twilio_tokens": ()}, "OK"),
        ("settings.twilio-account", {"twilio_tokens": (), "twilio_shared_keys": (("id", "secret"),)}, "WARN"),
        ("settings.append-slash", {"append_slash": True}, "WARN"),
        ("settings.diagnostic-token", {"diagnostic_token": "short"}, "WARN"),
        ("settings.diagnostic-token", {"diagnostic_token": ""}, "OK"),
    ],
)
def test_a_setting_that_does_harm_is_said(id, changes, level):
    finding = found(id, **changes)

    assert (finding.level.value, finding.remedy == "") == (level, level == "OK")


@pytest.mark.parametrize(
    ("secret_key", "level", "seen"),
    [
        ("0123456789abcdefghijklmnopqrstuvwxyz", "OK", "set"),
        ("too-short", "WARN", "shorter than 32 characters"),
        ("change-me-change-me-change-me-change-me", "WARN", "it is a placeholder"),
    ],
)
def test_the_secret_key_has_to_be_one_that_nobody_guesses(secret_key, level, seen):
    finding = found("settings.secret-key", secret_key=secret_key)

    assert (finding.level.value, finding.seen) == (level, seen)
    assert secret_key not in repr(replace(SOUND, secret_key=secret_key))


@pytest.mark.parametrize(
    ("apps", "level", "seen"),
    [
        (("calls", "daphne", "x", "django.contrib.staticfiles"), "OK", "calls, daphne, django.contrib.staticfiles"),
        (("x", "calls", "daphne"), "OK", "calls, daphne"),
        (("calls", "django.contrib.staticfiles"), "FAIL", "daphne not among them"),
        (
            ("calls", "django.contrib.staticfiles", "daphne"),
            "FAIL",
            "in the order calls, django.contrib.staticfiles, daphne",
        ),
        (("daphne", "calls"), "FAIL", "in the order daphne, calls"),
    ],
)
def test_the_apps_have_to_stand_in_the_order_in_which_runserver_takes_sockets(apps, level, seen):
    finding = found("settings.apps", installed_apps=apps)

    assert (finding.level.value, finding.seen) == (level, seen)


def test_variables_that_cannot_be_read_are_named_with_what_is_wanted():
    finding = found("settings.malformed", malformed=(("PORT", "a number"), ("DEBUG", "on or off")))

    assert (finding.level.value, finding.seen) == ("FAIL", "PORT wants a number; DEBUG wants on or off")
    assert finding.remedy == "Correct or clear PORT and DEBUG in .env, then restart the server."


def test_a_variable_under_a_name_that_is_nearly_right_is_named_and_its_value_is_not():
    finding = found("settings.misspelt", misspelt=(("OPENAI_API_KEY", "OPENAI_KEY"),))

    assert (finding.level.value, finding.seen) == ("WARN", "OPENAI_KEY is set, OPENAI_API_KEY is not")
    assert finding.remedy == "Rename OPENAI_KEY to OPENAI_API_KEY in .env, then restart the server."


@given(st.dictionaries(st.sampled_from(TEXTS), st.text()), st.lists(st.text()), st.integers())
def test_no_setting_whatever_it_holds_makes_it_raise(texts, several, port):
    lists = {name: tuple(several) for name in ("allowed_hosts", "installed_apps", "twilio_tokens")}

    findings = examine(Site(**texts, **lists, port=port))

    assert [finding.id for finding in findings] == [*IDS]
