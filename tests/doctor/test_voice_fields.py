import pytest

from calls.doctor.voice_fields import Change, changes, shown, wanted, wrong_with, wrong_with_voice
from calls.twilio.rest import Number

BASE = "https://calls.acme-plumbing.com"
VOICE, FALLBACK, STATUS = (f"{BASE}/twilio/{name}" for name in ("voice", "fallback", "status"))
BIN = "https://handler.twilio.com/twiml/EH" + "0" * 32
RIGHT = Number("PN1", "+15550109999", VOICE, "POST", FALLBACK, "POST", STATUS, "POST")


def like(**fields):
    return Number(**{name: getattr(RIGHT, name) for name in Number.__slots__} | fields)


def test_a_number_that_is_set_right_needs_nothing():
    assert changes(RIGHT, wanted(RIGHT, BASE)) == []
    assert wrong_with_voice(RIGHT, BASE) is None


@pytest.mark.parametrize("base", [BASE, f"{BASE}/"])
def test_each_field_that_differs_is_a_change(base):
    number = like(voice_url=f"wss://{BASE[8:]}/twilio/realtime", voice_method="GET", status_url="", fallback_url="")

    assert changes(number, wanted(number, base)) == [
        Change("voice_url", "wss://calls.acme-plumbing.com/twilio/realtime", VOICE),
        Change("voice_method", "GET", "POST"),
        Change("status_url", "", STATUS),
        Change("fallback_url", "", FALLBACK),
    ]


def test_options_of_the_connection_that_hang_on_an_address_may_stay():
    number = like(voice_url=f"{VOICE}#rc=2&rp=5xx")

    assert changes(number, wanted(number, BASE)) == []
    assert wrong_with_voice(number, BASE) is None


@pytest.mark.parametrize("elsewhere", ["", BIN.replace("0", "1"), f"{BASE}/other"])
def test_a_fallback_on_another_host_is_never_touched(elsewhere):
    number = like(fallback_url=BIN, fallback_method="GET", voice_url="")

    assert {"fallback_url", "fallback_method"} & set(wanted(number, BASE, elsewhere=elsewhere)) == set()


def test_a_fallback_of_a_host_that_was_left_goes_along():
    number = like(voice_url="https://old.ngrok.app/twilio/voice", fallback_url="https://old.ngrok.app/twilio/fallback")

    assert wanted(number, BASE)["fallback_url"] == FALLBACK


@pytest.mark.parametrize(("entered", "fallback"), [(BIN, BIN), ("", FALLBACK), (f"{BASE}/x", FALLBACK)])
def test_an_empty_fallback_gets_the_bin_of_the_line_if_there_is_one(entered, fallback):
    assert wanted(like(fallback_url=""), BASE, elsewhere=entered)["fallback_url"] == fallback


WRONG = {
    "trunk": ({"trunk_sid": "TK1"}, "a SIP trunk takes the calls", False),
    "application": ({"application_sid": "AP1"}, "an application takes the calls", False),
    "empty": ({"voice_url": ""}, "the voice field is empty", False),
    "socket": ({"voice_url": "wss://calls.acme-plumbing.com/twilio/realtime"}, "a socket's address", False),
    "other host": (
        {"voice_url": "https://demo.twilio.com/welcome/voice/"},
        "leads to demo.twilio.com, while PUBLIC_BASE_URL is https://calls.acme-plumbing.com",
        False,
    ),
    "no address": ({"voice_url": "https://[broken"}, "leads to (no address)", False),
    "http": ({"voice_url": VOICE.replace("https", "http")}, "begins with http:// instead of https://", False),
    "path": ({"voice_url": f"{BASE}/voice"}, "leads to /voice instead of /twilio/voice", False),
    "no path": ({"voice_url": BASE}, "leads to / instead of /twilio/voice", False),
    "stream": ({"voice_url": f"{BASE}/twilio/realtime"}, "the stream's address instead of the webhook's", True),
    "get": ({"voice_method": "GET"}, "HTTP GET instead of POST", True),
    "no method": ({"voice_method": ""}, "HTTP without a method instead of POST", True),
}


@pytest.mark.parametrize(("fields", "seen", "is_answered"), WRONG.values(), ids=WRONG)
def test_a_slip_in_the_voice_field_is_named(fields, seen, is_answered):
    wrong = wrong_with_voice(like(**fields), BASE)

    assert (seen in wrong.seen, wrong.is_answered) == (True, is_answered)


@pytest.mark.parametrize("url", [f"{BASE}/twilio/stream", f"{VOICE}/", f"{BASE}/twilio/stream/"])
def test_an_address_that_is_answered_as_voice_is_right(url):
    assert wrong_with_voice(like(voice_url=url), BASE) is None


@pytest.mark.parametrize(
    ("url", "method", "seen"),
    [
        (STATUS, "POST", ""),
        (f"{STATUS}/", "POST", ""),
        ("", "POST", "empty"),
        (STATUS, "GET", "HTTP GET instead of POST"),
        (VOICE, "POST", f"{VOICE} instead of {STATUS}"),
    ],
)
def test_another_field_is_judged_by_its_whole_address(url, method, seen):
    assert wrong_with(url, method, BASE, "status") == seen


@pytest.mark.parametrize(
    ("url", "visible"),
    [
        ("https://user:canary@host.example:8443/path?token=canary#canary", "https://host.example:8443/path"),
        ("https://[canary", "(no address)"),
        ("https://host:canary/", "(no address)"),
        ("", "(empty)"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url, visible):
    assert shown(url) == visible
