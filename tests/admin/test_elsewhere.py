"""The page that says what Twilio has to keep for the time when this server is off."""

import html
import re
from xml.etree import ElementTree

import pytest

from calls.admin import elsewhere
from calls.models import PhoneLine
from tests import factories
from tests.admin.pages import address

PERSON = "+15550108000"


def verbs(text):
    return [(verb.tag, dict(verb.attrib), "".join(verb.itertext()).strip()) for verb in ElementTree.fromstring(text)]


@pytest.mark.django_db
def test_the_text_speaks_dials_and_takes_a_message():
    line = factories.make_line(number="+15550109999")

    assert verbs(elsewhere.bin_text(line)) == [
        ("Say", {}, "Thank you for your message. Goodbye."),
        ("Hangup", {}, ""),
        (
            "Say",
            {},
            "Thank you for calling Cedar Plumbing. We are sorry, our assistant cannot help you right now. Please hold "
            "the line while we connect you to a person.",
        ),
        ("Dial", {"timeout": "20", "callerId": "+15550109999"}, PERSON),
        (
            "Say",
            {},
            "If nobody has answered you, please leave a message after the tone, with your name and your number.",
        ),
        ("Record", {"maxLength": "120", "timeout": "5"}, ""),
        ("Say", {}, "We did not hear a message. Please call again. Goodbye."),
    ]


@pytest.mark.django_db
def test_a_name_that_means_something_to_twilio_is_only_a_name():
    line = factories.make_line(business=factories.make_business(name='{{#From}}A & "B" <Hangup/>', handover_number=""))

    text = elsewhere.bin_text(line)

    assert "{{#From}}" not in text
    assert [tag for tag, _, _ in verbs(text)] == ["Say", "Hangup", "Say", "Say", "Record", "Say"]


def test_the_page_shows_the_text_as_it_is_pasted(owner):
    line = factories.make_line()

    page = owner.get(address("phoneline", "bin", line.pk)).content.decode()

    shown = html.unescape(re.search(r'<pre class="told">(.*?)</pre>', page, re.DOTALL)[1])
    assert shown == elsewhere.bin_text(line)
    assert "&lt;Response&gt;" in page
    assert "There is no hand-over number" not in page


def test_the_page_says_so_when_there_is_no_person(owner):
    line = factories.make_line(business=factories.make_business(handover_number=""))

    assert "There is no hand-over number" in owner.get(address("phoneline", "bin", line.pk)).content.decode()


def test_the_page_is_for_who_may_see_lines(client, db):
    line = factories.make_line()
    client.force_login(factories.make_staff("calls.view_call"))

    assert client.get(address("phoneline", "bin", line.pk)).status_code == 403


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://handler.twilio.com/twiml/EH0", None),
        ("http://handler.twilio.com/twiml/EH0", "Enter the address as Twilio shows it; it begins with https://."),
        (
            "https://cortana.example.com/twilio/fallback",
            "cortana.example.com is this server: while it is off, nobody answers there. Enter the address of a TwiML "
            "Bin.",
        ),
    ],
    ids=["a Bin", "not https", "this server"],
)
def test_an_address_on_this_server_is_refused(owner, url, refusal):
    line = factories.make_line(number="+12125550123")
    data = {
        "number": line.number,
        "business": line.business.pk,
        "agent": line.agent.pk,
        "answers": "always",
        "ring_seconds": 20,
        "fallback_url": url,
    }

    response = owner.post(address("phoneline", "change", line.pk), data)

    errors = response.context["adminform"].form.errors if response.status_code == 200 else {}
    assert errors == ({"fallback_url": [refusal]} if refusal else {})
    assert PhoneLine.objects.get().fallback_url == ("" if refusal else url)
