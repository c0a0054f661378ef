"""What may be entered of the trade: what is normalized, and the sentence that explains each refusal."""

from datetime import time
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from calls.models import (
    Business,
    Customer,
    OnCall,
    PhoneLine,
    Service,
    ServiceArea,
    Technician,
    TimeOff,
    trade_validators,
)
from tests import factories, factories_trade


def refused(row):
    """What clean() refuses, by field."""
    try:
        row.clean()
    except ValidationError as refusal:
        return {field: " ".join(sentences) for field, sentences in refusal.message_dict.items()}
    return {}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        (
            "currency",
            "JPY",
            "JPY is not a currency that prices can be kept in. It has three capital letters and cents, for example "
            "USD, CAD or EUR.",
        ),
        (
            "tax_percent",
            Decimal(825),
            "Choose a value from 0 to 50: it is a percentage, 8.25 for eight and a quarter.",
        ),
        (
            "emergency_number",
            "911!",
            "911! cannot be dialed in an emergency. Enter what is dialed where the business is, for example 911.",
        ),
        (
            "notice_minutes",
            20_000,
            "Choose a value from 0 to 10080: 0 lets people book at once, 10080 is a week.",
        ),
        (
            "horizon_days",
            0,
            "Choose a value from 1 to 365: with 0 nothing could be booked, and nobody plans more than a year.",
        ),
        (
            "buffer_minutes",
            12,
            "12 minutes cannot be kept in the calendar, which counts in fives. Enter 15.",
        ),
        (
            "slot_step_minutes",
            25,
            "With a step of 25 minutes bookings would begin at other times each day. Choose one that a day can be "
            "divided by: 5, 10, 15, 20, 30, 40, 45, 60, 90 or 120.",
        ),
    ],
)
def test_a_business_is_told_what_cannot_work(field, value, sentence):
    assert refused(Business(name="Cedar", **{field: value})) == {field: sentence}


def test_several_faults_are_said_at_once():
    business = Business(name="Cedar", currency="?", slot_step_minutes=0)

    assert sorted(refused(business)) == ["currency", "slot_step_minutes"]


@pytest.mark.parametrize("step", [5, 10, 15, 20, 30, 40, 45, 60, 90, 120])
def test_the_steps_that_are_proposed_are_accepted(step):
    assert refused(Business(name="Cedar", slot_step_minutes=step)) == {}


@pytest.mark.parametrize("seconds", [4, 61])
def test_ringing_first_lasts_from_5_to_60_seconds(db, seconds):
    line = PhoneLine(business=factories.make_business(), number="+12125550123", ring_seconds=seconds)

    assert refused(line) == {
        "ring_seconds": "Choose a value from 5 to 60: fewer nobody can answer in, after more the caller has hung up."
    }


@pytest.mark.parametrize(
    ("kind", "value", "value_to", "stored"),
    [
        ("postal_code", "12207-1234", "", ("12207", "")),
        ("postal_code", " 00501 ", "", ("00501", "")),
        ("range", "12201", "12212-0001", ("12201", "12212")),
        ("prefix", "122", "", ("122", "")),
        ("town", "  Saint   Johnsville ", "", ("Saint Johnsville", "")),
    ],
)
def test_an_area_is_stored_in_one_form(db, kind, value, value_to, stored):
    entry = ServiceArea(business=factories.make_business(), kind=kind, value=value, value_to=value_to)

    assert refused(entry) == {}
    assert (entry.value, entry.value_to) == stored


@pytest.mark.parametrize(
    ("entry", "refusals"),
    [
        (
            {"kind": "postal_code", "value": "1220"},
            {"value": "1220 is not a ZIP code. It has five digits, for example 12207."},
        ),
        (
            {"kind": "postal_code", "value": "00123"},
            {"value": "There is no ZIP code 00123: the lowest is 00501."},
        ),
        (
            {"kind": "prefix", "value": "12207"},
            {
                "value": "12207 is a whole ZIP code: choose the kind “Postal code” for it. A beginning has one to "
                "four digits."
            },
        ),
        (
            {"kind": "prefix", "value": "12x"},
            {"value": "12X is not the beginning of ZIP codes. It has one to four digits, for example 122."},
        ),
        (
            {"kind": "range", "value": "12212", "value_to": "12201"},
            {"value_to": "A range needs a last code that is not before the first."},
        ),
        (
            {"kind": "range", "value": "12212"},
            {"value_to": "A range needs the last code that belongs to it."},
        ),
        (
            {"kind": "town", "value": "12207"},
            {"value": "12207 is not the name of a town. For a code choose another kind."},
        ),
        (
            {"kind": "town", "value": "Albany", "value_to": "12207"},
            {"value_to": "Only a range has a last code. Leave it empty, or choose the kind “Range”."},
        ),
        (
            {"kind": "town", "value": "Albany", "is_excluded": True, "travel_fee": Decimal(5)},
            {"travel_fee": "Nobody travels to an excluded place: leave the fee at 0."},
        ),
    ],
)
def test_an_area_is_held_to_its_kind(db, entry, refusals):
    assert refused(ServiceArea(business=factories.make_business(), **entry)) == refusals


def test_codes_of_another_country_keep_their_letters(db):
    business = factories.make_business(country="CA")
    entry = ServiceArea(business=business, value="k1a 0b1")

    assert refused(entry) == {}
    assert entry.value == "K1A 0B1"
    assert refused(ServiceArea(business=business, value="?")) == {"value": "? is not a postal code."}


def test_a_place_is_entered_once(db):
    entered = factories_trade.make_area(kind="town", value="Albany")

    assert refused(ServiceArea(business=entered.business, kind="town", value="albany")) == {
        "value": "albany is entered already: open that entry and change it."
    }
    assert refused(entered) == {}


@pytest.mark.parametrize(
    ("fields", "refusals"),
    [
        (
            {"duration_minutes": 52},
            {"duration_minutes": "52 minutes cannot be kept in the calendar, which counts in fives. Enter 55."},
        ),
        (
            {"price_to": Decimal(90)},
            {"price_to": "Only a price between two prices has an upper end. Leave it empty."},
        ),
        (
            {"price_rule": "range", "price": Decimal(90), "price_to": Decimal(80)},
            {"price_to": "A range needs an upper end that is not below the lower one."},
        ),
        ({"price_rule": "range", "price": Decimal(90), "price_to": Decimal(90)}, {}),
    ],
)
def test_a_service_is_held_to_its_price_rule(fields, refusals):
    assert refused(Service(name="Drain cleaning", **fields)) == refusals


def test_people_live_where_a_postal_code_says(db):
    business = factories.make_business()
    technician = Technician(business=business, name="Dan", home_postal_code="1220")
    customer = Customer(business=business, postal_code="12207-0001")

    assert refused(technician) == {"home_postal_code": "1220 is not a ZIP code. It has five digits, for example 12207."}
    assert (refused(customer), customer.postal_code) == ({}, "12207")


def test_time_off_and_a_place_in_the_rota_end_after_they_begin(db):
    technician = factories_trade.make_technician()
    at = factories_trade.TUESDAY_AT_NINE
    off = TimeOff(technician=technician, starts_at=at, ends_at=at)
    elsewhere = factories.make_business(name="Bluebird")
    place = OnCall(business=elsewhere, technician=technician, starts_on=at.date(), ends_on=at.date().replace(day=1))

    assert refused(off) == {"ends_at": "Ends before it begins."}
    assert refused(place) == {
        "technician": f"{technician} works for another business.",
        "ends_on": "Ends before it begins.",
    }


def test_spans_that_touch_do_not_lie_over_one_another():
    morning, afternoon, lunch = (0, time(8), time(12)), (0, time(12), time(17)), (0, time(11), time(13))
    tuesday = (1, time(8), time(17))

    assert trade_validators.overlaps([morning, afternoon, tuesday]) == []
    assert trade_validators.overlaps([morning, afternoon, lunch]) == [(0, 2), (1, 2)]
