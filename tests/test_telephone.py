"""Our telephone as the settings make it: what it asks of Twilio, and what becomes of each answer."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django_tasks_db.models import DBTaskResult

from calls import tasks, telephone, worker
from calls.domain import emergencies, outside
from calls.domain.outbox import NotSent, write_message
from calls.domain.outside import NotPlaced, Unclear
from calls.emulators.twilio_api import ApiFaults
from calls.lab import telephony
from calls.models import Callback, Emergency, OutgoingMessage
from tests import factories

NUMBER = "+15550100001"
BASE = "https://cortana.example.com/twilio"


@pytest.fixture
def line(transactional_db):
    return factories.make_line(number="+15550109999")


@pytest.fixture
def api(settings):
    with telephony.in_background(
        account_sid=settings.TWILIO_ACCOUNT_SID, auth_token=settings.TWILIO_AUTH_TOKENS[0]
    ) as api:
        settings.TWILIO_API_BASE_URL = api.url
        yield api


@pytest.fixture
def unequipped(settings):
    settings.TWILIO_ACCOUNT_SID = ""


def ring(kind="callback", number=NUMBER):
    shown = {"number": number, "shown": "+15550109999"}
    if kind == "callback":
        return telephone.telephone().ring_callback(attempt_id=7, **shown)
    return telephone.telephone().ring_alert(alert_id=7, **shown)


def make_message(line, **fields):
    call = factories.make_call(line=line)
    standing = {"purpose": "booking", "key": "k", "to": NUMBER, "body": "Your booking", "now": datetime.now(UTC)}
    return write_message(business_id=line.business_id, call_id=call.pk, **standing | fields)


def test_a_callback_names_its_attempt_in_every_address(api):
    order = api.calls[ring()].order

    assert order.url == f"{BASE}/callback?attempt=7"
    assert order.status_url == f"{BASE}/callback-status?attempt=7"
    assert order.machine_url == f"{BASE}/amd?attempt=7"
    assert api.calls[ring()].fields["FallbackUrl"] == f"{BASE}/fallback"


def test_a_ring_for_an_emergency_names_its_alert_and_listens_for_no_machine(api):
    """Who presses 1 is no machine, and to wait for a verdict would cost seconds."""
    order = api.calls[ring("alert")].order

    assert (order.url, order.status_url) == (f"{BASE}/whisper?alert=7", f"{BASE}/alert-status?alert=7")
    assert (order.machine_url, order.timeout_seconds) == ("", 30)


def test_what_was_placed_is_found_again(api):
    call_sid = ring()

    [found] = telephone.telephone().calls_to(number=NUMBER, shown="+15550109999")
    assert (found.call_sid, found.status) == (call_sid, "completed")
    assert telephone.telephone().status_of(call_sid=call_sid) == "completed"
    assert telephone.telephone().look_up(call_sid=call_sid).status == "completed"


def test_a_call_that_twilio_does_not_know_is_told_by_its_code(api):
    with pytest.raises(NotPlaced) as refused:
        telephone.telephone().look_up(call_sid="CA404")
    assert refused.value.code == "20404"


@pytest.mark.parametrize(
    ("faults", "code", "is_permanent"),
    [
        (ApiFaults(too_many=1), "too_many", False),
        (ApiFaults(refused_numbers={NUMBER: 21215}), "21215", True),
        (ApiFaults(refused_numbers={NUMBER: 20003}), "20003", False),
    ],
)
def test_a_refusal_says_whether_asking_again_helps(api, faults, code, is_permanent):
    api.faults = faults

    with pytest.raises(NotPlaced) as refused:
        ring()
    assert (refused.value.code, refused.value.is_permanent) == (code, is_permanent)


def test_a_lost_answer_is_doubt(api):
    api.faults = ApiFaults(lost_answers=1)

    with pytest.raises(Unclear):
        ring()


def test_twilio_that_is_not_reached_has_placed_nothing():
    with pytest.raises(NotPlaced) as refused:
        ring()
    assert refused.value.code == "not_sent"


def test_a_call_that_is_over_is_not_led_to_a_message(api):
    assert telephone.telephone().speak_instead(call_sid=ring(), words="Hello") is False


def test_a_ring_that_is_over_or_unknown_rings_no_more(api):
    for call_sid in (ring("alert"), "CA404"):
        assert telephone.telephone().end_ring(call_sid=call_sid, words="x") is True


def test_a_ring_that_twilio_does_not_end_is_no_error(settings, caplog):
    """Nobody listens at Twilio's address."""
    assert telephone.telephone().end_ring(call_sid="CA1", words="x") is False
    assert [record.message for record in caplog.records] == ["ring was not ended"]


def test_without_credentials_nothing_is_placed_and_that_is_an_answer(unequipped, line):
    for kind in ("callback", "alert"):
        with pytest.raises(NotPlaced) as refused:
            ring(kind)
        assert (refused.value.code, refused.value.is_permanent) == ("no_credentials", kind == "alert")
    for ask in (
        lambda: telephone.telephone().calls_to(number=NUMBER, shown=""),
        lambda: telephone.telephone().status_of(call_sid="CA1"),
        lambda: telephone.telephone().look_up(call_sid="CA1"),
    ):
        with pytest.raises(Unclear):
            ask()
    assert telephone.telephone().speak_instead(call_sid="CA1", words="x") is False
    assert telephone.telephone().end_ring(call_sid="CA1", words="x") is False


def test_without_credentials_promises_stay_due(unequipped, line):
    now = datetime.now(UTC)
    words = {"reason": "a quote", "consent": "Yes.", "asked_at": now, "due_at": now - timedelta(hours=1)}
    Callback.objects.create(business=line.business, number=NUMBER, **words)

    assert worker.run_once(tell=print)
    assert Callback.objects.get().status == "due"
    assert DBTaskResult.objects.count() == 0


# Text messages


def test_a_text_message_leaves_from_the_line_of_its_call(api, line):
    factories.make_line(business=line.business)
    message = make_message(line)

    assert tasks.send_message.call(message.pk) == f"text message {message.pk} (booking): sent"

    [sent] = api.messages.values()
    assert (sent.to, sent.sender, sent.body, sent.status_url) == (
        NUMBER,
        line.number,
        "Your booking",
        f"{BASE}/message-status?message={message.pk}",
    )
    message.refresh_from_db()
    assert (message.status, message.message_sid) == ("sent", sent.sid)


def test_a_message_whose_answer_was_lost_is_found_and_not_sent_again(api, line):
    message = make_message(line)
    sid = telephone.send_message(message)

    assert telephone.find_message(message) == sid
    assert telephone.find_message(make_message(line, key="other", body="Another")) is None


def test_a_number_that_has_written_stop_is_marked(api, line):
    customer = line.business.customers.create(number=NUMBER)
    message = make_message(line)
    api.faults = ApiFaults(refused_numbers={NUMBER: 21610})

    told = tasks.send_message.call(message.pk)

    assert "given up" in told
    message.refresh_from_db()
    customer.refresh_from_db()
    assert (message.status, message.error_code, customer.refuses_sms) == ("failed", "21610", True)
    assert message.error == "The recipient has written STOP: no text message reaches that number any more."


def test_a_message_that_cannot_leave_says_why(unequipped, line):
    message = make_message(line)

    for ask in (telephone.send_message, telephone.find_message):
        with pytest.raises(NotSent, match="TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not set"):
            ask(message)


def test_a_message_becomes_a_file_in_development(unequipped, line, settings, tmp_path):
    settings.DEBUG, settings.DATA_DIR = True, tmp_path
    message = make_message(line)

    assert tasks.send_message.call(message.pk) == f"text message {message.pk} (booking): sent"
    message.refresh_from_db()
    assert message.message_sid == f"booking-{message.pk}.txt"
    assert (tmp_path / "outbox" / message.message_sid).read_text() == f"To: {message.to}\n\n{message.body}\n"


def test_a_business_without_a_line_sends_no_text_messages(api, line):
    message = make_message(line)
    OutgoingMessage.objects.update(call=None)
    line.delete()
    message.refresh_from_db()

    with pytest.raises(NotSent, match="no telephone line to send from") as refused:
        telephone.send_message(message)
    assert refused.value.permanent


# At once


def test_an_emergency_is_rung_at_once_from_this_process(api, line):
    outside.configure(default_number=telephone.default_number, escalate=telephone.escalate_at_once)
    call = factories.make_call(line=line)
    began = time.monotonic()

    emergencies.report(call_id=call.pk, kind="gas", description="Gas.", now=datetime.now(UTC))
    while not Emergency.objects.filter(alerts__call_sid__startswith="CA").exists():
        assert time.monotonic() - began < 5, "nobody was rung within five seconds"
        time.sleep(0.01)

    assert [record.order.to for record in api.calls.values()] == ["+15550108000"]


def test_the_worker_rings_whoever_is_due(api, line):
    call = factories.make_call(line=line)
    emergency = emergencies.report(call_id=call.pk, kind="gas", description="Gas.", now=datetime.now(UTC))

    assert tasks.escalate_emergency.call(emergency.pk) == f"emergency {emergency.pk}: person 1 is rung"
    assert tasks.escalate_emergency.call(emergency.pk) is None


def test_what_breaks_at_once_is_said_and_left_to_the_worker(line, monkeypatch, caplog):
    def broken(**asked):
        raise RuntimeError("database on fire")

    monkeypatch.setattr("calls.telephone.escalation.escalate", broken)
    telephone.escalate_at_once(404)
    deadline = time.monotonic() + 5
    while not caplog.records and time.monotonic() < deadline:
        time.sleep(0.01)

    assert [record.message for record in caplog.records] == [
        "an emergency could not be escalated at once; the worker will"
    ]
