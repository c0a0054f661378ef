"""Every page asks the database as often for 300 rows as for 3."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from calls.models import Agent, Business, Call, CallEvent, Message, PhoneLine, Turn
from tests import factories

FEW, MANY = 3, 300
MODELS = {"call": Call, "message": Message, "business": Business, "agent": Agent, "phoneline": PhoneLine}


def fill_up_to(count):
    """So many businesses, each with an agent, a line, a call and a message."""
    for serial in range(Business.objects.count(), count):
        business = factories.make_business(name=f"Business {serial}")
        line = factories.make_line(business=business, number=f"+1212555{serial:04}")
        rang_at = factories.RANG_AT - timedelta(minutes=serial)
        factories.make_message(call=factories.make_ended_call(line=line, rang_at=rang_at))


def queries(client, page, **data):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(page, data).status_code == 200
    return len(captured)


def queries_of_every_page(client):
    lists = {name: queries(client, reverse(f"admin:calls_{name}_changelist")) for name in MODELS}
    forms = {
        f"{name} {verb}": queries(client, reverse(f"admin:calls_{name}_{verb}", args=[model.objects.first().pk]))
        for name, model in MODELS.items()
        for verb in ("change", "history")
    }
    search = {"search": queries(client, reverse("admin:calls_call_changelist"), q="Business")}
    return lists | forms | search


@pytest.mark.parametrize("permissions", [[], ["calls.view_whole_numbers"]], ids=["masked", "whole"])
def test_every_page_among_300_asks_as_often_as_among_3(client, db, permissions):
    client.force_login(factories.make_staff(*permissions, *(f"calls.view_{name}" for name in MODELS)))
    fill_up_to(FEW)
    queries_of_every_page(client)  # content types are looked up once in the life of a process
    few = queries_of_every_page(client)
    fill_up_to(MANY)

    assert queries_of_every_page(client) == few


def test_a_call_of_300_turns_asks_as_often_as_one_of_3(owner):
    def call_of(count):
        call = factories.make_ended_call()
        for position in range(count):
            factories.make_turn(call=call, position=2 * position)
            factories.make_tool_call(call=call, position=2 * position + 1)
            factories.make_event(call=call, at_ms=position)
            factories.make_message(call=call, text=f"Message {position}")
            factories.make_stream(call=call)
        return reverse("admin:calls_call_change", args=[call.pk])

    short, long = call_of(FEW), call_of(MANY)

    assert queries(owner, long) == queries(owner, short)
    assert (Call.objects.count(), Turn.objects.count(), CallEvent.objects.count()) == (2, FEW + MANY, FEW + MANY)
    assert queries(owner, long) == 15  # login: 2; the call; what was said and done in it: 4; what it left: 8
