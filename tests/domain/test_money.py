"""One rounding rule, and money as it is said and written."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.domain import money

amounts = st.decimals(min_value=0, max_value=9_999_999, places=2)


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.005", "0.01"), ("0.0049", "0.00"), ("1.015", "1.02"), ("2.5", "2.50"), ("89", "89.00"), ("1.994999", "1.99")],
)
def test_half_a_cent_counts_as_a_whole_one(amount, rounded):
    assert str(money.to_cents(Decimal(amount))) == rounded


def test_a_percentage_is_rounded_to_cents():
    assert money.percent_of(Decimal("89.90"), Decimal("8.25")) == Decimal("7.42")


def test_hours_are_charged_by_the_minute():
    assert money.hours_of(Decimal(100), 50) == Decimal("83.33")


@pytest.mark.parametrize(
    ("amount", "currency", "spoken"),
    [
        ("89", "USD", "89 dollars"),
        ("1", "USD", "1 dollar"),
        ("89.50", "USD", "89 dollars and 50 cents"),
        ("0.01", "USD", "1 cent"),
        ("0", "USD", "0 dollars"),
        ("1234.56", "EUR", "1,234 euros and 56 cents"),
        ("2.02", "GBP", "2 pounds and 2 pence"),
        ("89", "CHF", "89 CHF"),
        ("89.5", "CHF", "89.50 CHF"),
        ("10.005", "USD", "10 dollars and 1 cent"),
    ],
)
def test_money_is_said_as_people_say_it(amount, currency, spoken):
    assert money.spoken_money(Decimal(amount), currency) == spoken


@pytest.mark.parametrize(
    ("amount", "amount_to", "spoken", "written"),
    [
        ("100", "250.50", "between 100 dollars and 250 dollars and 50 cents", "$100.00 to $250.50"),
        ("100", "100.00", "100 dollars", "$100.00"),
        ("1100", None, "1,100 dollars", "$1,100.00"),
    ],
)
def test_a_range_names_both_ends_when_they_differ(amount, amount_to, spoken, written):
    ends = Decimal(amount), None if amount_to is None else Decimal(amount_to)

    assert (money.spoken_range(*ends, "USD"), money.written_range(*ends, "USD")) == (spoken, written)


def test_a_currency_without_a_sign_of_its_own_is_named():
    assert money.written_money(Decimal("1089.5"), "CHF") == "1,089.50 CHF"


@given(amounts, st.decimals(min_value=0, max_value=500, places=3))
def test_a_rounded_percentage_is_never_half_a_cent_away_from_the_exact_one(amount, percent):
    assert abs(money.percent_of(amount, percent) - amount * percent / 100) <= Decimal("0.005")


@given(amounts)
def test_what_is_written_is_the_amount_again(amount):
    assert Decimal(money.written_money(amount, "USD").removeprefix("$").replace(",", "")) == amount
