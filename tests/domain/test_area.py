"""The most particular entry of the service area decides, and nothing is guessed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.domain import area
from calls.domain.area import UnknownPlace
from tests.factories import make_business
from tests.factories_trade import make_area

pytestmark = pytest.mark.django_db


def serve(*entries):
    """A business with these entries: "12207", "12200-12299", "122*", "Albany"; "not " before an exclusion."""
    business = make_business()
    for written in entries:
        value, _, fee = written.removeprefix("not ").partition(" $")
        fields = {"business": business, "is_excluded": written.startswith("not "), "travel_fee": fee or 0}
        if value.endswith("*"):
            make_area(kind="prefix", value=value.removesuffix("*"), **fields)
        elif "–" in value:
            first, last = value.split("–")
            make_area(kind="range", value=first, value_to=last, **fields)
        else:
            make_area(kind="postal_code" if any(map(str.isdigit, value)) else "town", value=value, **fields)
    return business


def served(business, code="", town=""):
    found = area.coverage(business=business, postal_code=code, town=town)
    return found.is_served, found.travel_fee


YES, NO = (True, 0), (False, 0)


@pytest.mark.parametrize(
    "spoken",
    ["12207", " 12207 ", "1 2 2 0 7", "12207-1234", "12207 1234", "122071234", "1-2-2-0-7", "122 07", "１２２０７"],
)
def test_a_code_is_read_however_it_is_written(spoken):
    assert area.read_postal_code(spoken, country="US") == "12207"


@pytest.mark.parametrize(
    "spoken", ["", "1220", "122078", "12207-12", "1220O", "Albany", "12207; DROP TABLE", "٣٤", "-"]
)
def test_a_code_that_cannot_be_read_is_asked_for_again(spoken):
    with pytest.raises(UnknownPlace, match=r"^A ZIP code has five digits\. Ask for it again, digit by digit\.$"):
        area.read_postal_code(spoken, country="US")


@pytest.mark.parametrize("spoken", ["00000", "00500"])
def test_a_code_that_does_not_exist_is_asked_for_again(spoken):
    with pytest.raises(UnknownPlace, match=r"^There is no ZIP code 0 0 \d 0 0\. Ask for it again, digit by digit\.$"):
        area.read_postal_code(spoken, country="US")


def test_codes_of_other_countries_are_compared_as_they_are():
    business = serve("K1A 0B1", "M5*")
    business.country = "CA"

    assert [served(business, code) for code in ("k1a 0b1", "M5V 3L9", "H2X 1Y4")] == [YES, YES, NO]


@pytest.mark.parametrize(
    ("entries", "code", "town", "answer"),
    [
        (["12207"], "12207-1234", "", YES),
        (["12207-1234"], "12207", "", YES),
        (["12207"], "12208", "", NO),
        (["12200–12210"], "12210", "", YES),
        (["12200–12210"], "12211", "", NO),
        (["122*"], "12299", "", YES),
        (["122*", "not 12207"], "12207", "", NO),
        (["12207", "not 122*"], "12207", "", YES),
        (["122*", "not 12200–12210"], "12205", "", NO),
        (["12200–12210", "not 12200–12299"], "12205", "", YES),
        (["12*", "not 122*", "1220*"], "12205", "", YES),
        (["Albany"], "", "albany", YES),
        (["Saint Johnsville"], "", "St. Johnsville", YES),
        (["Québec"], "", "Quebec", YES),
        (["122*", "not Cohoes"], "12247", "Cohoes", NO),
        (["12247", "not Cohoes"], "12247", "Cohoes", YES),
        (["Albany"], "12207", "Albany", YES),
        (["12207", "not 12207"], "12207", "", NO),
        (["not 12207"], "12208", "", YES),
        (["not 12207"], "12207", "", NO),
        ([], "12207", "", YES),
        (["12207 $15", "122* $40"], "12207", "", (True, 15)),
        (["12207 $15", "122* $40"], "12208", "", (True, 40)),
        (["12207 $15", "12207 $20"], "12207", "", (True, 20)),
        (["not 122* $40"], "12207", "", NO),
    ],
)
def test_the_most_particular_entry_decides(entries, code, town, answer):
    assert served(serve(*entries), code, town) == answer


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        (["12207", "12300–12310"], "1 2 2 9 0 is not served. The nearest code that is served is 1 2 3 0 0."),
        (["12200–12280", "not 12280"], "1 2 2 9 0 is not served. The nearest code that is served is 1 2 2 0 0."),
        (["12207", "not 12289"], "1 2 2 9 0 is not served. The nearest code that is served is 1 2 2 0 7."),
        (["120*", "121*"], "1 2 2 9 0 is not served. Codes that begin with 1 2 0 or 1 2 1 are served."),
        (["Troy", "Albany"], "1 2 2 9 0 is not served. Towns that are served: Albany, Troy."),
        (["12290", "not 12290"], "1 2 2 9 0 is not served."),
    ],
)
def test_a_refusal_says_what_is_nearest(entries, reason):
    assert area.coverage(business=serve(*entries), postal_code="12290").reason == reason


@pytest.mark.parametrize(
    ("code", "town", "question"),
    [
        ("", "", "Ask for the postal code of the address."),
        ("", "Gotham", "Gotham is not on the list of towns. Ask for the postal code of the address."),
        ("twelve", "Albany", "A ZIP code has five digits. Ask for it again, digit by digit."),
    ],
)
def test_what_is_unknown_is_asked_for(code, town, question):
    with pytest.raises(UnknownPlace) as asked:
        area.coverage(business=serve("Albany"), postal_code=code, town=town)

    assert str(asked.value) == question


def test_other_businesses_entries_say_nothing():
    make_area(value="12208")

    assert served(serve("12207"), "12208") == NO


def test_an_entry_that_nobody_can_read_matches_nothing():
    business = serve("12207")
    make_area(business=business, kind="range", value="x", value_to="y")
    make_area(business=business, kind="prefix", value="-")

    assert [served(business, code) for code in ("12207", "12208")] == [YES, NO]


def test_a_fee_is_known_only_where_one_is_charged():
    assert [
        area.charges_for_travel(business=serve(*entries)) for entries in (["12207"], ["12207 $15"], ["not 122* $15"])
    ] == [False, True, False]


@given(st.text(max_size=30))
def test_whatever_is_said_is_a_code_or_asked_for_again(text):
    for country in ("US", "CA"):
        try:
            code = area.read_postal_code(text, country=country)
        except UnknownPlace:
            continue
        assert area.read_postal_code(code, country=country) == code


@given(st.integers(501, 99_999), st.integers(0, 9_999))
def test_the_last_four_digits_change_nothing(code, rest):
    assert area.read_postal_code(f"{code:05}-{rest:04}", country="US") == f"{code:05}"


def test_travel_fees_are_exact():
    assert area.coverage(business=serve("12207 $15.50"), postal_code="12207").travel_fee == Decimal("15.50")


@pytest.mark.parametrize(
    ("entries", "code", "town", "answer"),
    [
        (["12201–12212", "Albany"], "97321", "Albany", NO),
        (["122*", "Albany"], "97321", "Albany", NO),
        (["12207", "Albany"], "97321", "Albany", NO),
        (["12201–12212", "Albany $20"], "12207", "Albany", (True, 20)),
        (["12201–12212", "Albany"], "", "Albany", YES),
        (["Albany", "not 12207"], "12208", "Albany", YES),
    ],
)
def test_a_towns_name_serves_no_code_far_away(entries, code, town, answer):
    assert served(serve(*entries), code, town) == answer
