"""A price is what the rows say, line by line, and it adds up."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.domain import pricing
from calls.domain.pricing import Circumstances, PriceTooHigh
from calls.models import Service


def service(**fields):
    numbers = ("price", "price_to", "call_out_fee", "after_hours_percent", "weekend_percent", "emergency_percent")
    exact = {name: Decimal(fields[name]) for name in numbers if name in fields}
    return Service(**{"name": "Drain cleaning", "price": Decimal(120)} | fields | exact)


def priced(row, tax="0", **circumstances):
    under = Circumstances(**circumstances)
    return pricing.price_of(service=row, currency="USD", tax_percent=Decimal(tax), under=under)


def lines(price):
    return [(line.text, str(line.amount), line.amount_to and str(line.amount_to)) for line in price.lines]


def test_one_price():
    price = priced(service())

    assert (lines(price), price.total, price.total_to) == ([("Drain cleaning", "120.00", None)], Decimal(120), None)


def test_a_way_that_costs_nothing_is_no_line():
    assert lines(priced(service(), place="12207", travel_fee=Decimal("0.00"))) == [("Drain cleaning", "120.00", None)]


@pytest.mark.parametrize(
    ("duration", "minimum", "line"),
    [
        (30, 60, ("Drain cleaning, 1 hour at $120.00 an hour", "120.00", None)),
        (100, 60, ("Drain cleaning, 1 hour 40 minutes at $120.00 an hour", "200.00", None)),
        (50, 0, ("Drain cleaning, 50 minutes at $120.00 an hour", "100.00", None)),
    ],
)
def test_an_hourly_price_is_for_the_time_it_takes_and_at_least_the_minimum(duration, minimum, line):
    row = service(price_rule="hourly", duration_minutes=duration, minimum_minutes=minimum)

    assert lines(priced(row)) == [line]


def test_a_range_keeps_both_ends_to_the_total():
    row = service(price_rule="range", price_to=300, weekend_percent=50, call_out_fee=20)
    price = priced(row, tax="10", has_time=True, is_weekend=True, place="12207", travel_fee=Decimal(15))

    assert lines(price) == [
        ("Drain cleaning", "120.00", "300.00"),
        ("Weekend surcharge, 50%", "60.00", "150.00"),
        ("Call-out fee", "20.00", None),
        ("Travel to 12207", "15.00", None),
        ("Tax, 10%", "21.50", "48.50"),
    ]
    assert (price.total, price.total_to) == (Decimal("236.50"), Decimal("533.50"))


SURCHARGED = {"after_hours_percent": 50, "weekend_percent": 25, "emergency_percent": 100}


@pytest.mark.parametrize(
    ("circumstances", "surcharges"),
    [
        ({}, []),
        ({"is_after_hours": True}, [("After-hours surcharge, 50%", "60.00", None)]),
        ({"is_weekend": True}, [("Weekend surcharge, 25%", "30.00", None)]),
        ({"is_after_hours": True, "is_weekend": True}, [("After-hours surcharge, 50%", "60.00", None)]),
        ({"is_emergency": True}, [("Emergency surcharge, 100%", "120.00", None)]),
        (
            {"is_emergency": True, "is_after_hours": True},
            [("After-hours surcharge, 50%", "60.00", None), ("Emergency surcharge, 100%", "120.00", None)],
        ),
    ],
)
def test_surcharges_follow_the_time_and_the_urgency(circumstances, surcharges):
    assert lines(priced(service(**SURCHARGED), has_time=True, **circumstances))[1:] == surcharges


def test_a_surcharge_of_nothing_has_no_line():
    assert len(priced(service(), has_time=True, is_after_hours=True, is_weekend=True, is_emergency=True).lines) == 1


def test_what_is_not_taxed_has_no_tax():
    assert len(priced(service(is_taxed=False), tax="8.25").lines) == 1


def test_tax_is_rounded_once_on_the_sum():
    price = priced(service(price="0.33", call_out_fee="0.33"), tax="8.25")

    assert [line[1] for line in lines(price)] == ["0.33", "0.33", "0.05"]


@pytest.mark.parametrize(("percent", "text"), [("8.250", "8.25"), ("10.000", "10"), ("100", "100"), ("0.125", "0.125")])
def test_a_percentage_is_written_without_empty_places(percent, text):
    assert lines(priced(service(), tax=percent))[1][0] == f"Tax, {text}%"


@pytest.mark.parametrize(
    ("row", "circumstances", "text"),
    [
        (service(), {}, ""),
        (service(not_included="Parts and permits."), {}, "Parts and permits."),
        (
            service(not_included="Parts", price_rule="hourly", duration_minutes=90, **SURCHARGED),
            {"has_unknown_travel_fee": True},
            "Parts. Time beyond 1 hour 30 minutes, at $120.00 an hour. The travel fee, which depends on the postal "
            "code. The surcharge for a visit outside of opening hours or on a weekend.",
        ),
        (service(**SURCHARGED), {"has_time": True}, ""),
    ],
)
def test_a_price_says_what_is_not_in_it(row, circumstances, text):
    assert priced(row, **circumstances).not_included == text


@pytest.mark.parametrize(
    ("row", "spoken"),
    [
        (service(), "120 dollars"),
        (service(price_rule="hourly", minimum_minutes=90), "120 dollars an hour, at least 1 hour 30 minutes"),
        (service(price_rule="hourly", minimum_minutes=0), "120 dollars an hour"),
        (service(price_rule="range", price_to=300), "between 120 dollars and 300 dollars, fixed on site"),
    ],
)
def test_a_rule_is_said_in_words(row, spoken):
    assert pricing.spoken_rule(service=row, currency="USD") == spoken


def test_a_mistyped_price_is_not_quoted():
    with pytest.raises(PriceTooHigh, match="^Drain cleaning$"):
        priced(service(price="9999999.99"), tax="1")


def amounts(highest):
    return st.decimals(min_value=0, max_value=highest, places=2)


percents = st.decimals(min_value=0, max_value=500, places=3)


@st.composite
def services(draw):
    price, more = draw(amounts(20_000)), draw(amounts(20_000))
    return service(
        price_rule=draw(st.sampled_from(["fixed", "hourly", "range"])),
        price=price,
        price_to=price + more,
        duration_minutes=draw(st.integers(5, 720)),
        minimum_minutes=draw(st.integers(0, 720)),
        call_out_fee=draw(amounts(500)),
        after_hours_percent=draw(percents),
        weekend_percent=draw(percents),
        emergency_percent=draw(percents),
        is_taxed=draw(st.booleans()),
    )


circumstances = st.fixed_dictionaries(
    {name: st.booleans() for name in ("has_time", "is_after_hours", "is_weekend", "is_emergency")}
    | {"place": st.sampled_from(["", "12207"]), "travel_fee": amounts(300)}
)


@given(services(), st.decimals(min_value=0, max_value=30, places=3), circumstances)
def test_lines_add_up_to_the_total(row, tax, under):
    price = priced(row, tax=tax, **under)

    assert sum(line.amount for line in price.lines) == price.total
    assert all(line.amount == line.amount.quantize(Decimal("0.01")) >= 0 for line in price.lines)
    assert all(len(line.text) <= 120 for line in price.lines)
    if price.total_to is not None:
        assert sum(line.amount if line.amount_to is None else line.amount_to for line in price.lines) == price.total_to
        assert price.total <= price.total_to


@given(services(), st.decimals(min_value=0, max_value=30, places=3), circumstances)
def test_tax_is_the_tax_of_what_stands_above_it(row, tax, under):
    price = priced(row, tax=tax, **under)
    above = [line.amount for line in price.lines if not line.text.startswith("Tax, ")]
    taxed = [line.amount for line in price.lines if line.text.startswith("Tax, ")]

    assert len(taxed) == (1 if row.is_taxed and tax else 0)
    assert abs(sum(taxed) - (sum(above) * tax / 100 if row.is_taxed else 0)) <= Decimal("0.005")
