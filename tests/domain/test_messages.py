"""Messages for the business, and the number on which whoever left one is rung back."""

import pytest

from calls.domain import lifecycle, messages
from tests import factories

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT
CALLER, LINE = "+15550100001", "+15550109999"


@pytest.fixture(params=["inbound", "outbound"])
def call(request):
    """A call that came in, and one that we have dialed: the other one's number stands on opposite sides."""
    line = factories.make_line(number=LINE)
    numbers = {"inbound": (CALLER, LINE), "outbound": (LINE, CALLER)}[request.param]
    return factories.make_call(
        line=line, direction=request.param, from_number=numbers[0], to_number=numbers[1], status="handed_over"
    )


def take(call, **fields):
    words = {"text": "The tap drips.", "caller_name": "Robert", "number": ""}
    return messages.take_message(call_id=call.pk, now=NOW, **words | fields)


def test_a_message_is_answered_on_the_number_of_whom_we_talk_to(call):
    assert call.other_number == CALLER
    assert take(call).number == CALLER


def test_a_number_that_the_caller_gave_comes_before_it(call):
    assert take(call, number="+15550100002").number == "+15550100002"


def test_a_voicemail_is_answered_on_the_number_of_whom_we_talk_to(call):
    told = {"recording_sid": "RE1", "url": "https://api.twilio.com/RE1", "seconds": 7, "status": ""}
    for _ in range(2):
        lifecycle.keep_recording(call_sid=call.call_sid, now=NOW, **told)

    [message] = call.messages.all()
    assert (message.number, message.business, message.taken_at) == (CALLER, call.business, NOW)
