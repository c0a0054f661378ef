import json

import pytest

from calls import database
from calls.models import Emergency, OutgoingMessage
from calls.tools import registry
from calls.tools.registry import ToolContext
from tests.factories import RANG_AT, make_call, make_line
from tests.factories_trade import (
    make_booking,
    make_customer,
    make_open_business,
    make_service,
    make_technician,
    make_time_off,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


class Shop:
    def __init__(self):
        self.business = make_open_business()
        self.call = make_call(line=make_line(business=self.business))
        self.ann = make_technician(business=self.business, name="Ann Lee")
        self.booking = make_booking(
            service=make_service(business=self.business, name="Drain cleaning"),
            technician=self.ann,
            customer=make_customer(business=self.business, number="+15550100001"),
        )

    def bob(self, **fields):
        """Who is sent instead of Ann, who has taken the day off."""
        make_time_off(technician=self.ann)
        return make_technician(business=self.business, name="Bob Ray", **fields)

    def emergency(self, **fields):
        standing = {"raised_by": "tool", "kind": "gas", "raised_at": RANG_AT}
        return Emergency.objects.create(business=self.business, call=self.call, **standing | fields)


async def make():
    return await database.run(Shop)


async def assign(shop, **arguments):
    return await registry.run(ToolContext(shop.call.pk, RANG_AT), "assign_technician", json.dumps(arguments))


async def test_another_technician_is_sent_and_no_arrival_is_promised():
    shop = await make()
    await database.run(shop.bob)

    answer = await assign(shop)

    assert (answer.status, answer.result["technician"], answer.result["reference"]) == (
        "ok",
        "Bob Ray",
        shop.booking.reference,
    )
    assert answer.result["next"] == "Say who comes, and that they are being told. Promise no time of arrival."
    assert await database.run(OutgoingMessage.objects.count) == 2


async def test_nobody_is_said_to_be_told_who_cannot_be():
    shop = await make()
    await database.run(shop.bob, number="", email="")

    assert (await assign(shop)).result["next"] == "Say who comes. Promise no time of arrival."


async def test_who_can_go_stays_and_the_caller_hears_who_comes():
    shop = await make()
    await database.run(make_technician, business=shop.business)

    answer = await assign(shop)

    assert (answer.status, answer.result["technician"]) == ("ok", "Ann Lee")
    assert answer.result["next"] == "Say who comes, and that this stays so. Promise no time of arrival."
    assert await database.run(OutgoingMessage.objects.count) == 0


async def test_an_appointment_stays_when_nobody_else_is_free():
    shop = await make()
    await database.run(lambda: make_time_off(technician=shop.ann))

    answer = await assign(shop)

    assert answer.result == {
        "error": "No other technician is free then. The appointment stays with the one who is sent."
    }


async def test_only_who_may_reach_an_appointment_changes_it():
    shop = await make()
    await database.run(shop.bob)
    shop.call = await database.run(make_call, line=shop.call.line, from_number="+15550100666")

    assert (await assign(shop, reference=shop.booking.reference)).status == "refused"
    assert await database.run(OutgoingMessage.objects.count) == 0


@pytest.mark.parametrize(
    ("fields", "stands"),
    [
        ({}, "The person on call is being rung and has not accepted yet."),
        ({"status": "unanswered"}, "Nobody on call could be reached. Offer to connect the caller to a person."),
        ({"status": "closed"}, "The emergency is closed."),
        ({"status": "accepted"}, "The person on call has accepted it."),
    ],
)
async def test_in_an_emergency_the_answer_is_what_its_row_says(fields, stands):
    shop = await make()
    await database.run(shop.emergency, **fields)

    answer = await assign(shop)

    assert answer.result == {"emergency": stands, "next": "Say so. Promise no time of arrival."}
    assert await database.run(OutgoingMessage.objects.count) == 0


async def test_who_has_accepted_an_emergency_is_named():
    shop = await make()
    await database.run(shop.emergency, status="accepted", accepted_by=shop.ann)

    assert (await assign(shop)).result["emergency"] == "Ann Lee has accepted it."
