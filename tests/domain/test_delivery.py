"""What Twilio tells of a text message after it left."""

import pytest

from calls.domain import delivery
from calls.models import OutgoingMessage
from tests import factories

pytestmark = pytest.mark.django_db

NOW, NUMBER = factories.RANG_AT, "+15550100001"


@pytest.fixture
def business():
    return factories.make_business()


def make_message(business, **fields):
    standing = {"business": business, "purpose": "emergency", "key": "k", "to": NUMBER, "body": "x"}
    return OutgoingMessage.objects.create(**standing | {"written_at": NOW, "due_at": NOW} | fields)


def told(message, status="undelivered", error_code="30003", message_sid="SM1"):
    told = {"message_id": message.pk, "message_sid": message_sid}
    is_known = delivery.note_delivery(**told, status=status, error_code=error_code)
    message.refresh_from_db()
    return is_known


def test_a_failure_that_is_told_before_the_sid_is_stored_is_not_lost(business):
    message = make_message(business)

    assert told(message) is True
    assert (message.status, message.error_code) == ("failed", "30003")


def test_a_failure_of_an_older_sending_does_not_fail_the_newer(business):
    message = make_message(business, status="sent", message_sid="SM2")

    assert told(message) is False
    assert message.status == "sent"


@pytest.mark.parametrize("status", ["queued", "sending", "sent", "delivered"])
def test_progress_is_no_failure(business, status):
    message = make_message(business, status="sent", message_sid="SM1")

    assert told(message, status, "") is True
    assert message.status == "sent"


def test_stop_marks_the_number_until_something_is_delivered_to_it_again(business):
    customer = business.customers.create(number=NUMBER)
    message = make_message(business, status="sent", message_sid="SM1")
    marks = []
    for status, code in (("undelivered", "30003"), ("undelivered", "21610"), ("sent", ""), ("delivered", "")):
        told(message, status, code)
        customer.refresh_from_db()
        marks.append(customer.refuses_sms)

    assert marks == [False, True, True, False]
