"""What Twilio's REST interface does for us, and each way in which it does not; the other side is the emulator."""

import socket
import time
from datetime import UTC, datetime, timedelta

import pytest

from calls.emulators.twilio_api import AccountState, ApiFaults, Callee, OwnedNumber, Person
from calls.lab import telephony
from calls.twilio import rest

ACCOUNT, TOKEN = "AC" + "0" * 32, "0123456789abcdef0123456789abcdef"
OURS, THEIRS = "+15550109999", "+15550100001"
URL = "https://cortana.example.com/twilio/voice"


@pytest.fixture
def api():
    with telephony.in_background(account_sid=ACCOUNT, auth_token=TOKEN, numbers=[OURS]) as api:
        yield api


@pytest.fixture
def client(api):
    return rest.Client(account_sid=ACCOUNT, auth_token=TOKEN, base_url=api.url)


def place(client, **changes):
    return client.place_call(
        **{"to": THEIRS, "shown": OURS, "url": URL, "status_url": URL, "ring_seconds": 25} | changes
    )


def test_a_call_is_placed_with_all_its_reports(api, client):
    call_sid = place(client, fallback_url=f"{URL}/f", machine_url=f"{URL}/amd")

    order = api.calls[call_sid].order
    assert (order.to, order.from_number, order.url, order.timeout_seconds) == (THEIRS, OURS, URL, 25)
    assert order.status_events == ("initiated", "ringing", "answered", "completed")
    assert order.machine_url == f"{URL}/amd"
    assert api.calls[call_sid].fields["MachineDetection"] == "DetectMessageEnd"


def test_a_call_without_machine_detection_asks_for_none(api, client):
    assert "MachineDetection" not in api.calls[place(client)].fields


def test_calls_are_found_by_number_newest_first(api, client):
    sids = [place(client) for _ in range(3)]
    place(client, to="+15550100002")

    found = client.calls_to(to=THEIRS, shown=OURS)

    assert [call.call_sid for call in found] == sids[::-1]
    assert abs(found[0].created_at - datetime.now(UTC)) < timedelta(seconds=5)
    assert client.calls_to(to="+15550100003", shown=OURS) == []


def test_the_status_of_a_call_can_be_asked(api, client):
    api.people[THEIRS] = Person(callee=Callee(outcome="busy"))

    assert client.fetch_call(place(client)).status == "busy"


def test_a_call_that_is_over_says_when(api, client):
    ended = client.fetch_call(place(client))

    assert abs(ended.ended_at - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_call_that_goes_on_has_no_end(api, client):
    call_sid = place(client)
    api.calls[call_sid].status, api.calls[call_sid].ended_at = "in-progress", None

    assert (client.fetch_call(call_sid).status, client.fetch_call(call_sid).ended_at) == ("in-progress", None)


@pytest.mark.parametrize("act", ["redirect", "end", "fetch"])
def test_a_call_that_is_over_or_unknown_is_told_apart(client, act):
    acts = {
        "redirect": lambda sid: client.redirect_call(sid, twiml="<Response/>"),
        "end": client.end_call,
        "fetch": lambda sid: client.fetch_call("CA404"),
    }

    with pytest.raises(rest.Over) as refused:
        acts[act](place(client))
    assert refused.value.code == (20404 if act == "fetch" else 21220)


def test_a_document_that_is_too_long_is_our_own_mistake(client):
    with pytest.raises(ValueError, match="4000 characters"):
        client.redirect_call("CA1", twiml="x" * 4001)


def test_a_message_is_sent_and_found_again(api, client):
    began = datetime.now(UTC) - timedelta(seconds=1)
    sid = client.send_message(to=THEIRS, sender=OURS, body="Your booking", status_url=URL)

    assert (api.messages[sid].body, api.messages[sid].status_url) == ("Your booking", URL)
    assert client.find_message(to=THEIRS, sender=OURS, body="Your booking", since=began) == sid
    assert client.find_message(to=THEIRS, sender=OURS, body="Another", since=began) is None


@pytest.mark.parametrize(
    ("changes", "code"), [({"to": "911"}, 21211), ({"shown": "+15550107777"}, 21210), ({"url": "voice"}, 21205)]
)
def test_what_twilio_refuses_carries_its_code_and_was_not_done(api, client, changes, code):
    with pytest.raises(rest.Refused) as refused:
        place(client, **changes)

    assert (refused.value.code, refused.value.status, api.calls) == (code, 400, {})


def test_a_stopped_recipient_is_refused_with_its_code(api, client):
    api.faults.refused_numbers = {THEIRS: 21610}

    with pytest.raises(rest.Refused) as refused:
        client.send_message(to=THEIRS, sender=OURS, body="x", status_url=URL)
    assert refused.value.code == 21610


def test_too_many_requests_may_be_made_again(api, client):
    api.faults.too_many = 1

    with pytest.raises(rest.TooMany):
        place(client)
    assert place(client) in api.calls


@pytest.mark.parametrize(
    ("faults", "done"),
    [(ApiFaults(broken=1), 0), (ApiFaults(lost_answers=1), 1), (ApiFaults(stalled=1), 1)],
    ids=["500", "cut", "no answer in time"],
)
def test_no_answer_says_neither_yes_nor_no(api, faults, done, monkeypatch):
    monkeypatch.setattr(rest, "TIME_LIMIT_SECONDS", 0.3)
    client = rest.Client(account_sid=ACCOUNT, auth_token=TOKEN, base_url=api.url)
    api.faults = faults

    with pytest.raises(rest.Unclear):
        place(client)
    assert len(api.calls) == done


def test_a_wrong_token_is_refused(api):
    with pytest.raises(rest.Refused) as refused:
        place(rest.Client(account_sid=ACCOUNT, auth_token="wrong", base_url=api.url))
    assert (refused.value.code, refused.value.status) == (20003, 401)


def test_where_nobody_listens_nothing_was_sent():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(rest.NotSent):
        place(rest.Client(account_sid=ACCOUNT, auth_token=TOKEN, base_url=nobody))


def test_an_account_and_its_numbers_are_told_as_they_stand_at_twilio(api, client):
    owned = OwnedNumber(phone_number=OURS, voice_url=URL, trunk_sid="TK" + "1" * 32, takes_calls=False)
    api.owned = {owned.sid: owned}
    api.account = AccountState(type="Trial", status="suspended", verified=[THEIRS])

    assert client.account() == rest.Account(status="suspended", is_trial=True)
    assert client.verified_numbers() == {THEIRS}
    assert client.numbers("+15550107777") == []
    assert client.numbers(OURS) == [
        rest.Number(
            sid=owned.sid,
            number=OURS,
            voice_url=URL,
            voice_method="POST",
            fallback_method="POST",
            status_method="POST",
            trunk_sid=owned.trunk_sid,
            takes_calls=False,
        )
    ]


def test_a_number_is_configured_in_the_named_fields_and_shown_as_it_then_stands(api, client):
    owned = OwnedNumber(phone_number=OURS, voice_application_sid="AP" + "1" * 32)
    api.owned = {owned.sid: owned}
    fields = {"voice_url": URL, "fallback_url": f"{URL}/f", "status_url": f"{URL}/s", "application_sid": ""}

    after = client.configure_number(owned.sid, fields)

    assert {name: getattr(after, name) for name in fields} == fields
    assert api.asked[-1].fields == {
        "VoiceUrl": URL,
        "VoiceFallbackUrl": f"{URL}/f",
        "StatusCallback": f"{URL}/s",
        "VoiceApplicationSid": "",
    }


def test_texts_that_did_not_arrive_are_counted_by_reason(api, client):
    api.faults.undelivered = {"+15550100002": 30034, "+15550100003": 30034, "+15550100004": 30003}
    for to in [THEIRS, *api.faults.undelivered]:
        client.send_message(to=to, sender=OURS, body="Hello", status_url=URL)

    since = datetime.now(UTC) - timedelta(minutes=1)
    assert client.undelivered(sender=OURS, since=since) == {30034: 2, 30003: 1}
    assert client.undelivered(sender=THEIRS, since=since) == {}


def test_a_client_in_a_hurry_waits_no_longer_than_it_says(api):
    api.faults.delay_ms = 5000
    hurried = rest.Client(account_sid=ACCOUNT, auth_token=TOKEN, base_url=api.url, seconds=0.2)
    began = time.monotonic()

    with pytest.raises(rest.Unclear):
        place(hurried)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("ask", [rest.Client.numbers, rest.Client.verified_numbers])
def test_a_list_that_is_refused_says_why(api, ask):
    stranger = rest.Client(account_sid=ACCOUNT, auth_token="another", base_url=api.url)

    with pytest.raises(rest.Refused) as refused:
        ask(stranger)
    assert (refused.value.status, refused.value.code) == (401, rest.BAD_KEY)


def test_a_search_for_what_may_have_been_made_stays_unclear_when_it_is_refused(api):
    stranger = rest.Client(account_sid=ACCOUNT, auth_token="another", base_url=api.url)

    with pytest.raises(rest.Unclear):
        stranger.calls_to(to=THEIRS, shown=OURS)
