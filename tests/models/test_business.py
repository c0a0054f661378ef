"""Rules between rows: our own lines, hand-over numbers, and agents of one business."""

import pytest
from django.core.exceptions import ValidationError

from calls.models import Agent, Business, PhoneLine
from tests import factories

pytestmark = pytest.mark.django_db


def refusals(row):
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    return refused.value.message_dict


def test_numbers_are_stored_as_e164():
    business = Business(name="Cedar Plumbing", handover_number="+1 555-010-8000")
    line = PhoneLine(business=factories.make_business(), number="+1 555-010-9999")

    business.full_clean()
    line.full_clean()

    assert (business.handover_number, line.number) == ("+15550108000", "+15550109999")


def test_a_business_may_do_without_a_person_to_hand_over_to():
    business = Business(name="Cedar Plumbing")

    business.full_clean()

    assert business.handover_number == ""


def test_a_line_of_ours_is_refused_as_hand_over_number_whoever_owns_it():
    line = factories.make_line(business=factories.make_business(name="Bluebird Plumbing"), number="+15550109999")
    other = factories.make_business()
    sentence = (
        "+15550109999 is the line of Bluebird Plumbing that the agent answers: a caller who needs a person would come "
        "back to the agent. Enter the telephone of a person."
    )

    for business in (line.business, other):
        business.handover_number = "+1 555 010 9999"
        assert refusals(business) == {"handover_number": [sentence]}


def test_a_hand_over_number_is_refused_as_line():
    business = factories.make_business(handover_number="+15550108000")
    line = PhoneLine(business=business, number="+1 (555) 0108000")

    assert refusals(line) == {
        "number": [
            "+15550108000 is the hand-over number of Cedar Plumbing, the telephone of a person: as our own line it "
            "would send callers round in a circle. Change the hand-over number first."
        ]
    }


def test_the_same_number_written_otherwise_is_the_same_line():
    line = factories.make_line(number="+15550109999")

    assert refusals(PhoneLine(business=line.business, number="+1 5550109999")) == {
        "number": ["Phone line with this Number already exists."]
    }


def test_an_agent_of_another_business_is_refused_on_a_line():
    agent = factories.make_agent(business=factories.make_business(name="Bluebird Plumbing"))
    line = PhoneLine(business=factories.make_business(), agent=agent, number="+15550109999")

    assert refusals(line) == {
        "agent": [
            "Cortana (Bluebird Plumbing) answers for another business. Choose an agent of Cedar Plumbing, or make one "
            "first."
        ]
    }


def test_a_blank_number_is_complained_of_once():
    line = PhoneLine(business=factories.make_business(), number="")

    assert refusals(line) == {"number": ["This field cannot be blank."]}


def test_an_agent_with_every_fault_gets_a_sentence_for_each():
    agent = Agent(
        business=factories.make_business(),
        greeting="Hello {caller}",
        language="English"[:5],
        voice="nova",
        model="gpt-4o-realtime-preview",
        vad_threshold=2,
        silence_ms=50,
    )

    assert sorted(refusals(agent)) == ["greeting", "language", "model", "silence_ms", "vad_threshold", "voice"]
