"""What a caller is told when the database cannot be asked."""

from datetime import timedelta

import pytest

from calls.domain.apology import MAX_REMEMBERED, Apology
from calls.domain.decisions import HandOver, HangUp, Refuse, Thanks, Voicemail
from calls.domain.snapshot import KnownLine, Snapshot
from tests.factories import RANG_AT

PERSON = "+15550107000"
OWNER = "+15550108000"
KNOWN = Snapshot({"+15550109999": KnownLine("Cedar Plumbing", OWNER)})


def decide(apology=None, **fields):
    standing = {
        "failed_address": "voice",
        "call_sid": "CA1",
        "from_number": "+15550100001",
        "to_number": "+15550109999",
        "forwarded_from": "",
        "is_over": False,
        "snapshot": Snapshot(),
        "default_number": PERSON,
        "now": RANG_AT,
    }
    return (apology or Apology()).decide(**standing | fields)


def test_the_person_of_the_setting_is_dialed():
    assert decide() == HandOver(number=PERSON)
    assert decide(failed_address="after") == HandOver(number=PERSON)
    assert decide(failed_address="fallback") == HandOver(number=PERSON)


def test_the_person_of_the_business_is_dialed_with_its_name():
    assert decide(snapshot=KNOWN) == HandOver(number=OWNER, business="Cedar Plumbing")
    assert decide(snapshot=KNOWN, default_number="") == HandOver(number=OWNER, business="Cedar Plumbing")
    assert decide(snapshot=KNOWN, failed_address="dial-done") == Voicemail(business="Cedar Plumbing")
    assert decide(snapshot=KNOWN, to_number="+15550105555") == HandOver(number=PERSON)


def test_a_call_of_ours_belongs_to_the_line_that_it_came_from():
    decided = decide(snapshot=KNOWN, is_outbound=True, from_number="+15550109999", to_number="+15550100001")

    assert decided == HandOver(number=OWNER, caller_id="+15550109999", business="Cedar Plumbing")


def test_a_blocked_caller_is_refused_and_may_still_be_rung_by_us():
    line = KnownLine("Cedar Plumbing", OWNER, blocked=frozenset({"+15550100001", "+15550109999"}))
    known = Snapshot({"+15550109999": line})
    ours = {"is_outbound": True, "from_number": "+15550109999", "to_number": "+15550100001"}

    assert decide(snapshot=known) == Refuse("We are sorry, your call cannot be connected. Goodbye.")
    assert isinstance(decide(snapshot=known, from_number="+15550100002"), HandOver)
    assert isinstance(decide(snapshot=known, from_number="anonymous"), HandOver)
    assert isinstance(decide(snapshot=known, **ours), HandOver)


def test_our_line_is_shown_for_a_caller_who_hides_the_number():
    assert decide(from_number="anonymous") == HandOver(number=PERSON, caller_id="+15550109999")


@pytest.mark.parametrize(
    "fields",
    [
        {"default_number": ""},
        {"default_number": "911"},
        {"to_number": PERSON},
        {"from_number": PERSON},
        {"forwarded_from": "5550107000"},
        {"failed_address": "dial-done"},
    ],
    ids=["nobody", "no number", "our own line", "the person", "forwarded by the person", "the person did not answer"],
)
def test_the_voicemail_answers_where_nobody_can_be_dialed(fields):
    assert decide(**fields) == Voicemail()


def test_after_the_voicemail_there_is_a_last_word():
    assert decide(failed_address="recording") == Thanks()


def test_a_call_that_is_over_is_not_dialed():
    assert decide(failed_address="after", is_over=True) == HangUp()


def test_a_repeated_request_gives_the_same_answer():
    apology = Apology()

    assert [decide(apology), decide(apology)] == [HandOver(number=PERSON)] * 2


def test_a_leg_that_comes_back_is_not_sent_to_the_person_again():
    apology = Apology()
    decide(apology)

    soon = decide(apology, call_sid="CA2", now=RANG_AT + timedelta(seconds=90))
    later = decide(apology, call_sid="CA3", now=RANG_AT + timedelta(seconds=91))
    other = decide(apology, call_sid="CA4", from_number="+15550100002")

    assert [soon, later, other] == [Voicemail(), HandOver(number=PERSON), HandOver(number=PERSON)]


def test_callers_who_hide_their_number_are_held_back_together():
    """Without a database nothing tells them apart; a voicemail too many is better than a ring without end."""
    apology = Apology()
    decide(apology, from_number="anonymous")

    assert decide(apology, call_sid="CA2", from_number="anonymous") == Voicemail()
    assert decide(apology, call_sid="CA3", from_number="+15550109999") == Voicemail()


def test_what_is_remembered_is_bounded():
    apology = Apology()
    for number in range(MAX_REMEMBERED + 1):
        decide(apology, call_sid=f"CA{number}", from_number=f"+1555{number:07}")

    forgotten = decide(apology, call_sid="again", from_number="+15550000000")
    kept = decide(apology, call_sid="again", from_number=f"+1555{MAX_REMEMBERED:07}")

    assert [forgotten, kept] == [HandOver(number=PERSON), Voicemail()]
