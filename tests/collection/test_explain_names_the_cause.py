"""`explain_call` after real calls: the labelled cause and party, none after calls that went well, no word repeated."""

import pytest

from tests.collection import call_labels, calls

pytestmark = pytest.mark.proof


@pytest.mark.parametrize("call", calls.FAULTY)
def test_the_cause_of_a_call_is_named(call, explanations):
    told = explanations.of(call, call_labels.FAULTY[call])

    assert told.named == call_labels.FAULTY[call], told.out
    assert told.document["said"] != ""
    sound(told)


@pytest.mark.parametrize("call", calls.HEALTHY_CALLS)
def test_no_cause_is_named_where_all_went_well(call, explanations):
    told = explanations.of(call, call_labels.NONE)

    assert told.named == call_labels.NONE, told.out
    assert (told.document["remedy"], told.document["also"]) == ("", []), told.out
    sound(told)


def sound(told):
    """Without an error, without a word of caller or agent, without a whole number, without a key."""
    assert (told.code, told.err) == (0, "")
    assert [text for text in calls.CANARIES if text in told.out] == []
