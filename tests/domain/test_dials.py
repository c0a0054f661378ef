"""What Twilio is told to ring for a caller who needs a person, and whether that person has taken the caller."""

import pytest

from calls.domain import dials
from calls.domain.decisions import HandOver, Transfer
from calls.models import Call
from tests import factories

PERSON = "+15550108000"


@pytest.mark.django_db
@pytest.mark.parametrize(("wanted", "seconds"), [(20, 20), (1, 5), (300, 60)])
def test_a_person_who_is_rung_first_is_rung_as_long_as_the_line_says_within_reason(wanted, seconds):
    line = factories.make_line(ring_seconds=wanted)
    call = factories.make_call(line=line, status="ringing", handover_number=PERSON)

    decision = dials.dial(call)

    assert decision == Transfer(
        call_sid=call.call_sid, number=PERSON, is_announced=False, is_first=True, seconds=seconds
    )


@pytest.mark.django_db
def test_whoever_is_handed_over_for_a_failure_is_dialed_without_announcement():
    call = factories.make_call(status="handed_over", handover_number=PERSON, end_reason="overloaded")

    assert dials.dial(call) == HandOver(number=PERSON, business="Cedar Plumbing")


@pytest.mark.parametrize(
    ("fields", "result", "is_bridged", "told", "is_taken"),
    [
        ({}, "completed", None, "completed", True),
        ({}, "completed", False, "not_accepted", False),
        ({}, "no-answer", None, "no-answer", False),
        ({}, "", None, "unknown", False),
        ({"handover_is_announced": True}, "completed", True, "not_accepted", False),
        (
            {"handover_is_announced": True, "handover_accepted_at": factories.RANG_AT},
            "completed",
            True,
            "completed",
            True,
        ),
    ],
)
def test_a_person_was_reached_when_the_two_have_been_connected(fields, result, is_bridged, told, is_taken):
    call = Call(handover_number=PERSON, **fields)

    call.handover_result = dials.dial_result(call, result=result, is_bridged=is_bridged)

    assert (call.handover_result, dials.has_a_person(call)) == (told, is_taken)
