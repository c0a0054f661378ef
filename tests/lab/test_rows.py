"""What a call has left in the database, held against what its scenario expects."""

from decimal import Decimal

import pytest

from calls.lab.rows import missing
from calls.models import Quote, QuoteLine
from tests import factories, factories_trade

pytestmark = pytest.mark.django_db


@pytest.fixture
def call():
    line = factories.make_line()
    call = factories.make_call(line=line)
    service = factories_trade.make_service(business=line.business, name="Drain cleaning")
    customer = factories_trade.make_customer(business=line.business, name="Robert Miller")
    factories_trade.make_booking(service=service, customer=customer, call=call, notes="")
    quote = Quote.objects.create(
        business=line.business, call=call, service=service, total=Decimal("204.12"), quoted_at=factories.RANG_AT
    )
    for position, amount in ((1, "189.00"), (2, "15.12")):
        QuoteLine.objects.create(quote=quote, position=position, text="Line", amount=Decimal(amount))
    return call


def test_rows_that_are_as_expected_are_not_spoken_of(call):
    expected = {
        "Booking": [{"status": "booked", "service__name": "Drain cleaning", "notes": ""}],
        "Quote": [{"total": "204.12", "total_to": None}],
        "QuoteLine": [{"position": 1, "amount": "189.00"}, {"position": 2, "amount": "15.12"}],
        "Customer": [{"name": "Robert Miller", "refuses_sms": False}],
        "TakenTime": 15,
        "Message": 0,
        "Call": [{"from_number": "+15550100001"}],
    }

    assert [*missing(call, expected)] == []


def test_another_number_of_rows_is_told(call):
    assert [*missing(call, {"Booking": 2, "Message": [{"text": "x"}], "QuoteLine": []})] == [
        "The call left 1 booking, not 2.",
        "The call left 0 messages, not 1.",
        "The call left 2 quote lines, not 0.",
    ]


def test_another_value_is_told_with_its_row(call):
    expected = {
        "Booking": [{"status": "cancelled", "service__name": "Leak repair"}],
        "QuoteLine": [{"amount": "189.00"}, {"amount": "15.13"}],
    }

    assert [*missing(call, expected)] == [
        "Booking 1: status is 'booked', not 'cancelled'.",
        "Booking 1: service__name is 'Drain cleaning', not 'Leak repair'.",
        "QuoteLine 2: amount is '15.12', not '15.13'.",
    ]


def test_rows_of_another_call_do_not_count(call):
    assert [*missing(factories.make_call(line=call.line), {"Booking": 0, "QuoteLine": 0})] == []
