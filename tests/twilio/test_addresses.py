"""Addresses come from PUBLIC_BASE_URL alone."""

import pytest

from calls.twilio import addresses


def test_a_webhook_url_stands_below_twilio():
    assert addresses.webhook_url("https://cortana.example.com", "voice") == "https://cortana.example.com/twilio/voice"


def test_a_slash_at_the_end_of_the_public_address_changes_nothing():
    base = "https://cortana.example.com/"

    assert addresses.webhook_url(base, "after") == "https://cortana.example.com/twilio/after"
    assert addresses.stream_url(base) == "wss://cortana.example.com/twilio/realtime"
    assert addresses.request_url(base, "/twilio/voice") == "https://cortana.example.com/twilio/voice"


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://cortana.example.com", "wss://cortana.example.com/twilio/realtime"),
        ("http://localhost:8000", "ws://localhost:8000/twilio/realtime"),
        ("https://host.example/shop", "wss://host.example/shop/twilio/realtime"),
    ],
)
def test_the_stream_is_secure_where_the_public_address_is(base, url):
    assert addresses.stream_url(base) == url


def test_a_request_is_signed_with_its_query_as_it_came():
    url = addresses.request_url("https://cortana.example.com", "/twilio/voice", "From=%2B1555&To=a%20b")

    assert url == "https://cortana.example.com/twilio/voice?From=%2B1555&To=a%20b"


@pytest.mark.parametrize("path", ["/twilio/realtime", "/twilio/realtime/"])
def test_an_upgrade_may_be_signed_in_four_forms(path):
    assert addresses.stream_signature_urls("https://cortana.example.com", path) == [
        "wss://cortana.example.com/twilio/realtime",
        "wss://cortana.example.com/twilio/realtime/",
        "https://cortana.example.com/twilio/realtime",
        "https://cortana.example.com/twilio/realtime/",
    ]


def test_an_upgrade_of_another_path_is_signed_for_that_path():
    assert addresses.stream_signature_urls("http://localhost:8000", "/realtime") == [
        "ws://localhost:8000/realtime",
        "ws://localhost:8000/realtime/",
        "http://localhost:8000/realtime",
        "http://localhost:8000/realtime/",
    ]


def test_an_address_may_name_what_it_is_about():
    address = addresses.webhook_url("https://h", "whisper", call="CA 1&x=2")

    assert address == "https://h/twilio/whisper?call=CA+1%26x%3D2"
