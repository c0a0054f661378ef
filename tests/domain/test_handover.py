"""Who is dialed when a caller needs a person, and which leg is that dial, forwarded back to us."""

from datetime import timedelta

import pytest

from calls.domain import handover
from calls.models import Call
from tests import factories
from tests.domain.legs import leg

NOW = factories.RANG_AT


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+15550108000", "+15550108000"),
        ("+1 (555) 010-8000", "+15550108000"),
        ("+49 30 123456", "+4930123456"),
        ("5550108000", ""),
        ("911", ""),
        ("anonymous", ""),
        ("client:cortana", ""),
        ("sip:x@example.com", ""),
        ("+266696687", ""),
        ("+86282452253", ""),
        ("+0555010800", ""),
        ("+1555010800099999", ""),
        ("+1555010８000", ""),
        ("", ""),
    ],
)
def test_only_a_number_with_its_country_is_dialed(text, number):
    assert handover.dialable(text) == number


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("+15550108000", "+15550108000", True),
        ("+15550108000", "15550108000", True),
        ("+15550108000", "5550108000", True),
        ("+4930123456", "030123456", True),
        ("+15550108000", "+15550108001", False),
        ("+15550108000", "08000", False),
        ("", "", False),
        ("anonymous", "anonymous", False),
    ],
)
def test_numbers_are_the_same_however_a_carrier_spells_them(one, other, is_same):
    assert handover.is_same_number(one, other) is is_same
    assert handover.is_same_number(other, one) is is_same


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("own", "default", "dialed"),
    [
        ("+15550108000", "+15550107000", "+15550108000"),
        ("", "+15550107000", "+15550107000"),
        ("911", "+1 555 010 7000", "+15550107000"),
        ("", "", ""),
    ],
)
def test_the_business_names_the_person_before_the_setting_does(own, default, dialed):
    business = factories.make_business(handover_number=own)

    number = handover.person_to_dial(business=business, default_number=default, called="+15550109999")

    assert number == dialed


@pytest.mark.django_db
def test_a_number_without_business_has_the_person_of_the_setting():
    number = handover.person_to_dial(business=None, default_number="+15550107000", called="+15550109999")

    assert number == "+15550107000"


@pytest.mark.django_db
def test_one_of_our_own_lines_is_never_dialed():
    line = factories.make_line(number="+15550106000")
    business = factories.make_business(handover_number="+15550106000")

    for default, dialed in (("+15550107000", "+15550107000"), (line.number, "")):
        assert handover.person_to_dial(business=business, default_number=default, called="+15550109999") == dialed


@pytest.mark.django_db
def test_the_number_called_is_never_dialed_though_it_is_no_line_of_ours():
    assert handover.person_to_dial(business=None, default_number="+15550107000", called="+15550107000") == ""


@pytest.mark.parametrize(
    ("direction", "from_number", "to_number", "shown"),
    [
        ("inbound", "+15550100001", "+15550109999", ""),
        ("inbound", "anonymous", "+15550109999", "+15550109999"),
        ("inbound", "+266696687", "+15550109999", "+15550109999"),
        ("inbound", "sip:x@example.com", "+15550109999", "+15550109999"),
        ("inbound", "", "client:cortana", ""),
        ("outbound", "+15550109999", "+15550100001", "+15550109999"),
    ],
)
def test_the_person_sees_the_caller_or_else_our_line(direction, from_number, to_number, shown):
    call = Call(direction=direction, from_number=from_number, to_number=to_number)

    assert handover.caller_id(call) == shown


def open_call(**fields):
    """A call that is ringing a person right now."""
    standing = {
        "status": Call.Status.HANDED_OVER,
        "from_number": "+15550100001",
        "handover_number": "+15550108000",
        "handed_over_at": NOW,
    }
    return factories.make_call(**standing | fields)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"from_number": "+15550100001"},
        {"from_number": "15550100001"},
        {"from_number": "+15550108000"},
        {"from_number": "anonymous", "forwarded_from": "+15550108000"},
        {"from_number": "anonymous", "forwarded_from": "5550108000"},
    ],
)
def test_a_leg_that_comes_back_while_the_person_is_rung_is_known(fields):
    first = open_call()
    second = factories.make_call(line=first.line)

    found = handover.open_handover(call=second, leg=leg(second, **fields), now=NOW + timedelta(seconds=90))

    assert found == first


@pytest.mark.django_db
def test_the_leg_of_a_caller_who_hides_the_number_shows_our_line():
    first = open_call(from_number="anonymous")
    second = factories.make_call(line=first.line)

    found = handover.open_handover(call=second, leg=leg(second, from_number=first.to_number), now=NOW)

    assert found == first


@pytest.mark.django_db
def test_a_call_of_ours_that_shows_the_same_line_is_not_the_dial_that_came_back():
    first = open_call(from_number="anonymous")
    ours = factories.make_call(line=first.line, direction="outbound", from_number=first.to_number)

    assert handover.open_handover(call=ours, leg=leg(ours), now=NOW + timedelta(seconds=30)) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"handed_over_at": NOW - timedelta(seconds=91)},
        {"handover_result": "busy"},
        {"handover_number": ""},
        {"status": Call.Status.ENDED, "ended_at": NOW},
        {"status": Call.Status.STREAMING},
    ],
    ids=["too long ago", "the dial is over", "voicemail", "the caller is gone", "with the agent"],
)
def test_a_hand_over_that_is_not_open_holds_nobody_back(fields):
    first = open_call(**fields)
    second = factories.make_call(line=first.line)

    assert handover.open_handover(call=second, leg=leg(second), now=NOW) is None


@pytest.mark.django_db
def test_a_call_that_was_thought_to_be_over_is_open_when_it_is_handed_over_after_that():
    first = open_call(status=Call.Status.ENDED, ended_at=NOW - timedelta(seconds=1))
    second = factories.make_call(line=first.line)

    assert handover.open_handover(call=second, leg=leg(second), now=NOW) == first


@pytest.mark.django_db
def test_another_caller_or_another_business_is_not_held_back():
    first = open_call()
    same_business = factories.make_call(line=first.line)
    other_business = factories.make_call()

    stranger = leg(same_business, from_number="+15550100002")
    same_caller = leg(other_business, from_number="+15550100001")

    assert handover.open_handover(call=same_business, leg=stranger, now=NOW) is None
    assert handover.open_handover(call=other_business, leg=same_caller, now=NOW) is None


@pytest.mark.django_db
def test_two_callers_who_hide_their_number_do_not_hold_each_other_back():
    first = open_call(from_number="anonymous")
    second = factories.make_call(line=first.line)

    assert handover.open_handover(call=second, leg=leg(second, from_number="anonymous"), now=NOW) is None


@pytest.mark.django_db
def test_a_call_is_never_its_own_second_leg():
    first = open_call()

    assert handover.open_handover(call=first, leg=leg(first), now=NOW) is None
