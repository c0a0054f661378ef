"""The doctor asks the database as often for many rows as for few."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls.doctor import due, storage
from calls.domain import emergencies, outside
from calls.models import Business, Emergency, EmergencyAlert, PhoneLine
from tests import factories, factories_trade

pytestmark = pytest.mark.django_db
FEW, MANY = 3, 60


def a_business_with_all_of_it(number):
    """Without a hand-over number, and with somebody on call in every second one; a call that came oddly; an emergency
    for which two telephones were rung."""
    now = timezone.now()
    business = factories.make_business(handover_number="")
    line = factories.make_line(business=business)
    if number % 2:
        factories_trade.make_on_call(technician=factories_trade.make_technician(business=business))
    call = factories.make_call(line=line)
    call.events.create(kind="webhook_by_get", at_ms=0)
    emergency = Emergency.objects.create(business=business, raised_by="tool", kind="gas", raised_at=now)
    for position in (1, 2):
        EmergencyAlert.objects.create(emergency=emergency, number="+12125550100", position=position, rang_at=now)


ASKED = {
    "the newest call of each line": lambda: storage._habits(list(PhoneLine.objects.all())),
    "the newest ring of each emergency": lambda: due._waiting(timezone.now()),
    "who is rung for each business": lambda: due._without_people(timezone.now()),
}


def queries(ask):
    with CaptureQueriesContext(
        connection,
    ) as asked:
        ask()
    return len(asked)


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_many_rows_are_asked_for_as_often_as_few(ask):
    for number in range(FEW):
        a_business_with_all_of_it(number)
    few = queries(ask)
    for number in range(FEW, MANY):
        a_business_with_all_of_it(number)

    assert queries(ask) == few


def test_who_is_alone_is_said_as_it_is_when_it_is_time_to_ring(monkeypatch):
    """Of each business by itself, by the rule by which an emergency rings."""
    own = factories.make_line().number
    today = timezone.now().date()
    days = timedelta(days=3)
    handovers = ["", "+12125550123", own, "no number"]
    places = [
        None,
        {},
        {"starts_on": today + days},
        {"ends_on": today - days},
        {"starts_on": today - days, "ends_on": today + days},
        {"ends_on": date.max},
    ]
    for handover in handovers:
        for place in places:
            for person in ({}, {"is_active": False}, {"number": ""}) if place is not None else ({},):
                business = factories.make_business(name=f"{handover} {place} {person}", handover_number=handover)
                factories.make_line(business=business)
                if place is not None:
                    technician = factories_trade.make_technician(business=business, **person)
                    factories_trade.make_on_call(technician=technician, **place)
    now = timezone.now()

    for default in ("", own, "+12125550124"):
        monkeypatch.setattr(outside, "_default_number", lambda default=default: default)
        alone = [
            one.name
            for one in Business.objects.filter(lines__isnull=False).distinct()
            if not emergencies.people_to_ring(emergency=Emergency(business=one), now=now)
        ]
        assert due._without_people(now) == alone
        assert bool(alone) is (default != "+12125550124")
