"""What an account owns, asked by the vendor's own client."""

from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from twilio.rest.api.v2010.account import AccountInstance
from twilio.rest.api.v2010.account.incoming_phone_number import IncomingPhoneNumberInstance
from twilio.rest.api.v2010.account.message import MessageInstance
from twilio.rest.api.v2010.account.outgoing_caller_id import OutgoingCallerIdInstance

from calls.emulators import twilio_forms, twilio_numbers
from calls.emulators.twilio_api import AccountState, ApiFaults, OwnedNumber
from calls.lab import telephony

ACCOUNT, TOKEN = "AC" + "0" * 32, "0123456789abcdef0123456789abcdef"
OURS, THEIRS = "+15550109999", "+15550100001"
HOOK = "https://calls.acme-plumbing.com/twilio/voice"


@pytest.fixture
def number():
    return OwnedNumber(phone_number=OURS, voice_application_sid="AP" + "1" * 32)


@pytest.fixture
def api(number):
    owned = [number, OwnedNumber(phone_number="+15550108888")]
    with telephony.in_background(account_sid=ACCOUNT, auth_token=TOKEN, owned=owned) as api:
        yield api


@pytest.fixture
def client(api):
    client = Client(ACCOUNT, TOKEN, http_client=TwilioHttpClient(timeout=5))
    client.api.base_url = api.url
    yield client
    client.http_client.session.close()


class Watched(dict):
    """A payload that remembers which of its keys were read."""

    def __init__(self, payload):
        super().__init__(payload)
        self.read = set()

    def get(self, key, default=None):
        self.read.add(key)
        return super().get(key, default)


MESSAGE = twilio_forms.SentMessage(THEIRS, OURS, "Hello", "")
SHAPES = {
    "number": (
        twilio_numbers.as_number(ACCOUNT, OwnedNumber(phone_number=OURS)),
        lambda payload: IncomingPhoneNumberInstance(None, payload, account_sid=ACCOUNT),
    ),
    "account": (
        twilio_numbers.as_account(ACCOUNT, TOKEN, AccountState()),
        lambda payload: AccountInstance(None, payload),
    ),
    "caller id": (
        twilio_numbers.as_caller_id(ACCOUNT, THEIRS),
        lambda payload: OutgoingCallerIdInstance(None, payload, account_sid=ACCOUNT),
    ),
    "message": (
        twilio_forms.as_message(ACCOUNT, MESSAGE),
        lambda payload: MessageInstance(None, payload, account_sid=ACCOUNT),
    ),
}


@pytest.mark.parametrize(("payload", "instance"), SHAPES.values(), ids=SHAPES)
def test_the_vendors_own_class_reads_exactly_what_is_answered(payload, instance):
    watched = Watched(payload)
    instance(watched)

    assert watched.read == set(payload)


def test_a_number_is_found_by_its_digits_and_shows_its_fields(client, number):
    (found,) = client.incoming_phone_numbers.list(phone_number=OURS)

    assert (found.sid, found.voice_url, found.voice_method) == (number.sid, number.voice_url, "POST")
    assert (found.voice_application_sid, found.trunk_sid) == (number.voice_application_sid, None)
    assert len(client.incoming_phone_numbers.list(limit=1000)) == 2
    assert client.incoming_phone_numbers.list(phone_number="+15550107777") == []


def test_a_number_is_changed_in_the_fields_that_are_named_alone(api, client, number):
    changed = client.incoming_phone_numbers(number.sid).update(
        voice_url=HOOK, status_callback=HOOK, voice_application_sid=""
    )

    assert (changed.voice_url, changed.status_callback, changed.voice_application_sid) == (HOOK, HOOK, None)
    assert api.owned[number.sid].voice_fallback_url == ""
    assert client.incoming_phone_numbers(number.sid).fetch().voice_url == HOOK


def test_setting_a_trunk_deletes_the_application(api, client, number):
    client.incoming_phone_numbers(number.sid).update(trunk_sid="TK" + "2" * 32)

    assert (api.owned[number.sid].voice_application_sid, api.owned[number.sid].trunk_sid) == ("", "TK" + "2" * 32)


REFUSED = {
    "socket address": ({"voice_url": "wss://calls.acme-plumbing.com/twilio/realtime"}, 21402),
    "method": ({"voice_method": "PUT"}, 21403),
    "fallback alone": ({"voice_url": "", "voice_fallback_url": HOOK}, 21405),
    "application": ({"voice_application_sid": "none"}, 20001),
    "a field that is not known here": ({"sms_url": HOOK}, 20001),
}


@pytest.mark.parametrize(("fields", "code"), REFUSED.values(), ids=REFUSED)
def test_what_the_vendor_would_not_take_is_refused_and_changes_nothing(api, client, number, fields, code):
    with pytest.raises(TwilioRestException) as refused:
        client.incoming_phone_numbers(number.sid).update(**fields)

    assert (refused.value.code, api.owned[number.sid]) == (code, number)


def test_a_number_of_nobody_is_not_found(client):
    with pytest.raises(TwilioRestException) as refused:
        client.incoming_phone_numbers("PN" + "9" * 32).fetch()

    assert refused.value.code == 20404


def test_the_account_tells_its_state_and_whom_it_may_ring(api, client):
    api.account = AccountState(type="Trial", status="suspended", verified=[THEIRS])

    account = client.api.accounts(ACCOUNT).fetch()

    assert (account.type, account.status) == ("Trial", "suspended")
    assert [one.phone_number for one in client.outgoing_caller_ids.list()] == [THEIRS]


def test_a_text_that_never_arrives_says_why_and_messages_are_listed_since_a_moment(api, client):
    api.faults = ApiFaults(undelivered={THEIRS: 30034})
    client.messages.create(to=THEIRS, from_=OURS, body="Hello")
    now = datetime.now(UTC)

    (found,) = client.messages.list(from_=OURS, date_sent_after=now - timedelta(minutes=1))
    assert (found.status, found.error_code) == ("undelivered", 30034)
    assert client.messages.list(from_=OURS, date_sent_after=now + timedelta(minutes=1)) == []
