"""What the demonstration's business sells, where, when and by whom."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from calls.domain import area, demo, hours
from calls.models import (
    Business,
    KnownAnswer,
    OnCall,
    OpeningHours,
    Service,
    ServiceArea,
    Skill,
    Technician,
    WorkingHours,
)
from tests import factories

pytestmark = pytest.mark.django_db

MODELS = (OpeningHours, Service, Skill, ServiceArea, Technician, WorkingHours, OnCall, KnownAnswer)


@pytest.fixture
def business():
    return demo.load_demo().business


def counts():
    return {model.__name__: model.objects.count() for model in MODELS}


def test_every_row_passes_the_validation_of_the_admin(business):
    for row in [row for model in MODELS for row in model.objects.all()]:
        row.full_clean()

    assert counts() == {
        "OpeningHours": 6,
        "Service": 3,
        "Skill": 3,
        "ServiceArea": 6,
        "Technician": 3,
        "WorkingHours": 4,
        "OnCall": 2,
        "KnownAnswer": 6,
    }


def test_loading_twice_makes_nothing_twice(business):
    before = counts()

    demo.load_demo()

    assert counts() == before


def test_what_was_edited_or_deleted_stays_so(business):
    Service.objects.filter(name="Drain cleaning").update(price=Decimal("200.00"))
    Service.objects.filter(name="Leak repair").delete()
    KnownAnswer.objects.exclude(question="How can I pay?").delete()

    demo.load_demo()

    assert [*Service.objects.values_list("name", "price")] == [
        ("Drain cleaning", Decimal("200.00")),
        ("Water heater replacement", Decimal("1450.00")),
    ]
    assert [answer.question for answer in KnownAnswer.objects.all()] == ["How can I pay?"]


def test_a_demonstration_from_before_the_trade_gets_it():
    factories.make_line(number=demo.LINE_NUMBER)

    demo.load_demo()

    business = Business.objects.get()
    assert (business.address, business.email, business.tax_percent) == (
        "40 Steuben Street, Albany, New York 12207",
        "office@cedarplumbing.example.com",
        Decimal(8),
    )
    assert counts()["Service"] == 3


def test_a_rota_without_its_people_leaves_them_out(business):
    OnCall.objects.all().delete()
    Technician.objects.filter(name="Maria Ortiz").delete()

    demo.load_demo()

    assert [str(place) for place in OnCall.objects.all()] == ["2. Dan Kowalski"]


@pytest.mark.parametrize(
    ("place", "is_served", "fee"),
    [
        ({"postal_code": "12207"}, True, "0"),
        ({"town": "albany"}, True, "0"),
        ({"postal_code": "12180"}, True, "25"),
        ({"postal_code": "12305"}, True, "35"),
        ({"postal_code": "12303"}, False, "0"),
        ({"postal_code": "10001"}, False, "0"),
    ],
)
def test_albany_is_served_and_what_lies_near_it(business, place, is_served, fee):
    found = area.coverage(business=business, **place)

    assert (found.is_served, found.travel_fee) == (is_served, Decimal(fee))


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-11-23T08:00", True),  # Monday
        ("2026-11-27T17:59", True),
        ("2026-11-27T18:00", False),
        ("2026-11-28T11:59", True),  # Saturday
        ("2026-11-28T12:00", False),
        ("2026-11-29T10:00", False),
    ],
)
def test_the_week_is_that_of_a_plumber(business, local, is_open):
    moment = datetime.fromisoformat(f"{local}-05:00").astimezone(UTC)

    assert hours.is_open(business=business, moment=moment) is is_open
