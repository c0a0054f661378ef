"""What is known of each line without the database."""

import pytest

from calls.domain import snapshot
from calls.domain.snapshot import KnownLine, Snapshot, Unreadable
from calls.models import ListedNumber
from tests import factories

LINE, OTHER_LINE = "+15550109999", "+15550109998"
PERSON, DEFAULT = "+15550108000", "+15550107000"
KNOWN = Snapshot({LINE: KnownLine("Cedar Plumbing", PERSON), OTHER_LINE: KnownLine("Oak Electric")})


@pytest.mark.django_db
def test_a_snapshot_holds_each_line_with_its_business_and_its_person(django_assert_num_queries):
    factories.make_line(number=LINE)
    factories.make_line(number=OTHER_LINE, business=factories.make_business(name="Oak Electric", handover_number=""))

    with django_assert_num_queries(2):
        taken = snapshot.take_snapshot()

    assert taken == KNOWN


@pytest.mark.django_db
def test_a_snapshot_knows_whom_each_business_has_blocked_and_keeps_no_number_of_theirs():
    line, other = factories.make_line(number=LINE), factories.make_line(number=OTHER_LINE)
    for business, number, treatment in (
        (line.business, "+15550100066", "blocked"),
        (line.business, "+15550100067", "direct"),
        (other.business, "+15550100068", "blocked"),
    ):
        ListedNumber.objects.create(business=business, number=number, treatment=treatment)

    taken = snapshot.take_snapshot()

    assert taken.line(LINE).blocked == {"+15550100066"}
    assert "+155501000" not in taken.to_json()


def test_a_snapshot_comes_back_from_its_text():
    assert snapshot.from_json(KNOWN.to_json()) == KNOWN


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"lines": []}', '{"lines": {"+1": {}}}', '{"lines": {"+1": null}}']
)
def test_what_is_no_snapshot_is_refused(text):
    with pytest.raises(Unreadable):
        snapshot.from_json(text)


@pytest.mark.parametrize(
    ("called", "default", "person"),
    [
        (LINE, DEFAULT, PERSON),
        (OTHER_LINE, DEFAULT, DEFAULT),
        (OTHER_LINE, "", ""),
        (OTHER_LINE, LINE, ""),
        (OTHER_LINE, OTHER_LINE, ""),
        ("anonymous", DEFAULT, DEFAULT),
    ],
    ids=["the business's", "the setting's", "nobody", "a line of ours", "the line itself", "no line"],
)
def test_the_person_is_the_businesss_else_the_settings_and_never_a_line_of_ours(called, default, person):
    assert KNOWN.person(called=called, default_number=default) == person
