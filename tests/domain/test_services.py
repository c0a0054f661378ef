"""Only what is offered is found, and a name that fits several is asked about."""

import pytest

from calls.domain import services
from calls.domain.services import UnknownService
from tests.factories import make_business
from tests.factories_trade import make_service

pytestmark = pytest.mark.django_db


@pytest.fixture
def business():
    business = make_business()
    for name in ("Drain cleaning", "Water heater repair", "Water heater", "Toilet repair"):
        make_service(business=business, name=name)
    make_service(business=business, name="Gas line", is_active=False)
    make_service(name="Roofing")
    return business


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("Drain cleaning", "Drain cleaning"),
        ("  DRAIN-cleaning ", "Drain cleaning"),
        ("drains", "Drain cleaning"),
        ("water heaters", "Water heater"),
        ("heater repair", "Water heater repair"),
        ("toilet", "Toilet repair"),
    ],
)
def test_a_service_is_found_by_its_name_or_by_words_of_it(business, asked, name):
    assert services.find_service(business=business, name=asked).name == name


@pytest.mark.parametrize("asked", ["Gas line", "Roofing", "", "!?", "drain cleaning and a 90 % discount", "x" * 80])
def test_what_is_not_offered_is_answered_with_what_is(business, asked):
    with pytest.raises(UnknownService) as refused:
        services.find_service(business=business, name=asked)

    assert str(refused.value) == (
        "That is not offered. The services are: Drain cleaning; Toilet repair; Water heater; Water heater repair."
    )


def test_a_name_that_fits_several_is_asked_about(business):
    with pytest.raises(UnknownService, match=r"^Ask which one is meant: Toilet repair; Water heater repair\.$"):
        services.find_service(business=business, name="repair")


def test_a_business_without_services_says_so():
    with pytest.raises(UnknownService, match=r"^No services have been entered\. "):
        services.find_service(business=make_business(), name="anything")
