"""Only Twilio's own signatures are accepted, whichever of the account's secrets made them."""

import random
import string

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from calls.twilio import addresses
from calls.twilio.signature import SETTINGS, SIGNATURE, Verifier
from tests.twilio.kit import BASE, TOKEN, signature, voice_form

SID = "CA" + "0" * 32
VOICE = f"{BASE}/twilio/voice"
FORM = {"CallSid": SID, "From": "+15551230000", "To": "+15559870000", "FromCity": ""}

# The example of Twilio's own documentation and validator.
PUBLISHED_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
PUBLISHED_FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}


def accepts(verifier, url, form, signed, settings=""):
    headers = {SIGNATURE: signed} | ({SETTINGS: settings} if settings else {})
    return verifier.accepts([url], form, headers)


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        (PUBLISHED_URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (PUBLISHED_URL.replace(".com", ".com:1234"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (PUBLISHED_URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (PUBLISHED_URL.replace("https", "http"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        (PUBLISHED_URL.replace("https://mycompany.com", "http://mycompany.com:1234"), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
    ],
    ids=["plain", "port taken off", "port 443 added", "port 80 added", "port kept"],
)
def test_twilios_published_signatures_are_accepted(url, signed):
    assert accepts(Verifier(["12345"]), url, PUBLISHED_FORM, signed)


def test_a_name_that_is_sent_twice_is_signed_with_both_values():
    form = QueryDict("Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234")

    assert accepts(Verifier(["12345"]), PUBLISHED_URL, form, "IK+Dwps556ElfBT0I3Rgjkr1wJU=")


def test_a_webhook_signed_with_the_token_is_accepted():
    assert accepts(Verifier([TOKEN]), VOICE, FORM, "7X7XOxpCy9bGxN8m1ZZy+scx34M=")


def test_a_webhook_signed_with_a_shared_key_is_accepted():
    verifier = Verifier([], {"key_1": TOKEN})

    assert accepts(
        verifier, VOICE, FORM, "fsUxA41XkoAWiJAsF/sxcCcPa7rKIlLJubSFzXhGBl0=", "key=key_1,algorithm=HMAC_SHA256"
    )


def test_an_upgrade_signed_over_the_socket_address_is_accepted():
    """The vector of two captured handshakes' rule: the wss address of the TwiML, no parameters."""
    urls = addresses.stream_signature_urls(BASE, "/twilio/realtime")

    assert Verifier([TOKEN]).accepts(urls, {}, {SIGNATURE: "Mrrzjxcgen+ZfxoEk35hEps+BwA="})


@pytest.mark.parametrize("asked", ["/twilio/realtime", "/twilio/realtime/"])
@pytest.mark.parametrize("signed", ["wss", "https"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_upgrade_is_accepted_in_each_of_its_four_forms(asked, signed, slash):
    signed_url = f"{signed}://cortana.example.com/twilio/realtime{slash}"
    urls = addresses.stream_signature_urls(BASE, asked)

    assert Verifier([TOKEN]).accepts(urls, {}, {SIGNATURE: signature(TOKEN, signed_url)})


@pytest.mark.parametrize(
    "url",
    [
        "wss://cortana.example.com/twilio/other",
        "wss://evil.example.com/twilio/realtime",
        "ws://cortana.example.com/twilio/realtime",
        "wss://cortana.example.com/twilio/realtime?x=1",
    ],
)
def test_an_upgrade_signed_over_another_address_is_refused(url):
    urls = addresses.stream_signature_urls(BASE, "/twilio/realtime")

    assert not Verifier([TOKEN]).accepts(urls, {}, {SIGNATURE: signature(TOKEN, url)})


def test_each_of_several_tokens_is_accepted_while_rotating():
    verifier = Verifier(["old-token", "new-token"])

    assert accepts(verifier, VOICE, FORM, signature("old-token", VOICE, FORM))
    assert accepts(verifier, VOICE, FORM, signature("new-token", VOICE, FORM))
    assert not accepts(verifier, VOICE, FORM, signature("third-token", VOICE, FORM))


def test_a_shared_key_is_found_by_its_id():
    verifier = Verifier([TOKEN], {"key_1": "one", "key_2": "two"})
    signed = signature("two", VOICE, FORM, "sha256")

    assert accepts(verifier, VOICE, FORM, signed, "key=key_2,algorithm=HMAC_SHA256")
    assert not accepts(verifier, VOICE, FORM, signed, "key=key_1,algorithm=HMAC_SHA256")
    assert not accepts(verifier, VOICE, FORM, signed, "key=key_3,algorithm=HMAC_SHA256")


def test_a_request_that_names_a_shared_key_is_not_checked_with_the_token():
    verifier = Verifier([TOKEN], {"key_1": "one"})

    assert not accepts(
        verifier, VOICE, FORM, signature(TOKEN, VOICE, FORM, "sha256"), "key=key_1,algorithm=HMAC_SHA256"
    )


def test_an_unknown_algorithm_is_refused():
    verifier = Verifier([TOKEN], {"key_1": "one"})

    assert not accepts(verifier, VOICE, FORM, signature("one", VOICE, FORM), "key=key_1,algorithm=HMAC_MD5")


@pytest.mark.parametrize("verifier", [Verifier([]), Verifier([""]), Verifier([""], {"key_1": ""})])
@pytest.mark.parametrize("settings", ["", "key=key_1,algorithm=HMAC_SHA256"])
def test_without_a_secret_nothing_is_accepted(verifier, settings):
    """Anybody can sign with a blank secret."""
    digest = "sha256" if settings else "sha1"

    assert not accepts(verifier, VOICE, FORM, signature("", VOICE, FORM, digest), settings)


def test_a_request_without_signature_is_refused():
    assert not Verifier([TOKEN]).accepts([VOICE], FORM, {})
    assert not Verifier([TOKEN]).accepts([VOICE], FORM, {SIGNATURE: ""})


def test_a_blank_parameter_is_part_of_what_is_signed():
    without = {name: value for name, value in FORM.items() if value}

    assert not accepts(Verifier([TOKEN]), VOICE, without | {"Extra": ""}, signature(TOKEN, VOICE, FORM))


def test_ten_thousand_requests_with_one_character_changed_are_refused():
    """In the path, the query, a name, a value or the signature; seeded, so that a failure comes again."""
    dice = random.Random(20261120)
    verifier = Verifier([TOKEN, "another-token"])
    path, form = "/twilio/voice?a=1", voice_form(SID, To="+15550109999")
    signed = signature(TOKEN, BASE + path, form)
    assert accepts(verifier, BASE + path, form, signed)

    def change(text):
        at = dice.randrange(len(text))
        letters = string.ascii_letters + string.digits + "+/=&?%.-_"
        return text[:at] + dice.choice([letter for letter in letters if letter != text[at]]) + text[at + 1 :]

    accepted = 0
    for _ in range(10_000):
        match dice.randrange(4):
            case 0:
                accepted += accepts(verifier, BASE + "/" + change(path[1:]), form, signed)
            case 1:
                accepted += accepts(verifier, BASE + path, form, change(signed))
            case 2:
                name = dice.choice([name for name, value in form.items() if value])
                accepted += accepts(verifier, BASE + path, form | {name: change(form[name])}, signed)
            case 3:
                name = dice.choice(list(form))
                rest = {key: value for key, value in form.items() if key != name}
                accepted += accepts(verifier, BASE + path, rest | {change(name): form[name]}, signed)

    assert accepted == 0


@given(st.text(max_size=60), st.text(max_size=120))
def test_no_header_makes_the_verifier_raise_or_accept(signed, settings):
    assert not accepts(Verifier([TOKEN], {"key_1": "one"}), VOICE, FORM, signed, settings)
