import pytest

from calls.domain import customers
from calls.models import Call, Customer
from tests.factories import make_business, make_call
from tests.factories_trade import make_customer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("from_number", "number"),
    [
        ("+15550100001", "+15550100001"),
        ("anonymous", ""),
        ("+266696687", ""),  # what some networks send for "anonymous"
        ("client:alice", ""),
        ("+1", ""),
        ("", ""),
    ],
)
def test_the_calling_number_is_one_that_could_be_called(from_number, number):
    assert customers.calling_number(call=make_call(from_number=from_number)) == number


def test_of_a_call_that_was_placed_it_is_the_number_that_was_dialed():
    call = make_call(direction=Call.Direction.OUTBOUND, from_number="+15550109999", to_number="+15550100002")

    assert customers.calling_number(call=call) == "+15550100002"


@pytest.mark.parametrize("said", ["(518) 555-0123", "518 555 0123", "+1 518-555-0123", "15185550123"])
def test_a_number_is_read_as_one_of_the_country(said):
    assert customers.read_number(said, country="US") == "+15185550123"


@pytest.mark.parametrize("said", ["", "911", "none", "+", "5" * 30, "518 555 0123 ext 4", "+999 555 0123"])
def test_what_cannot_be_called_is_refused(said):
    with pytest.raises(customers.NumberUnclear):
        customers.read_number(said, country="US")


def test_the_caller_is_known_by_number_within_the_business():
    call = make_call()
    make_customer(business=make_business(), number=call.from_number)
    assert customers.caller(call=call) is None

    known = make_customer(business=call.business, number=call.from_number)
    assert customers.caller(call=call) == known


def test_nobody_is_known_by_no_number():
    call = make_call(from_number="anonymous")
    make_customer(business=call.business, number="")

    assert customers.caller(call=call) is None


def test_a_customer_is_kept_once_and_brought_up_to_date_by_their_own_call():
    business = make_business()
    keep = {"business": business, "number": "+15550100001", "is_calling": True}

    first = customers.keep(**keep, name="R. Miller", address="12 Elm Street", email="r@example.com")
    second = customers.keep(**keep, name="Robert Miller", address="", email="")

    assert first == second
    assert list(Customer.objects.values_list("name", "address", "email")) == [
        ("Robert Miller", "12 Elm Street", "r@example.com")
    ]


def test_nothing_is_changed_of_a_customer_who_is_not_calling():
    known = make_customer(email="")

    customers.keep(business=known.business, number=known.number, is_calling=False, name="Eve", email="eve@example.com")

    known.refresh_from_db()
    assert (known.name, known.email) == ("Robert Miller", "")
