import pytest

from calls.models import Call, OutgoingEmail, Quote
from tests.factories import make_call
from tests.factories_trade import make_area, make_hours, make_service
from tests.tools.kit import ask, make, refusal

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


def call_about_drains():
    call = make_call()
    make_hours(business=call.business)
    make_area(business=call.business, travel_fee="15.00")
    make_service(
        business=call.business,
        name="Drain cleaning",
        description="Kitchen and bathroom drains.",
        price_rule="hourly",
        price="120.00",
        duration_minutes=90,
        not_included="Parts",
    )
    make_service(business=call.business, name="Heater repair", price_rule="range", price="200.00", price_to="450.50")
    return call


async def test_services_are_listed_with_the_rule_of_their_price():
    answer = await ask(await make(call_about_drains), "list_services")

    assert answer.result["services"] == [
        {
            "name": "Drain cleaning",
            "what": "Kitchen and bathroom drains.",
            "price": "120 dollars an hour, at least 1 hour",
            "takes": "1 hour 30 minutes",
        },
        {
            "name": "Heater repair",
            "what": "",
            "price": "between 200 dollars and 450 dollars and 50 cents, fixed on site",
            "takes": "1 hour",
        },
    ]


async def test_a_business_without_services_says_so():
    assert await refusal(await make(make_call), "list_services") == (
        "No services have been entered. Offer to take a message."
    )


async def test_a_price_comes_line_by_line_from_the_book():
    call = await make(call_about_drains)

    answer = await ask(
        call, "quote_price", service="drains", postal_code="12207", local_time="2026-11-24T09:00", is_emergency=False
    )

    assert answer.status == "ok"
    assert answer.result == {
        "reference": (await Quote.objects.aget()).reference,
        "service": "Drain cleaning",
        "price_is_for": "Tuesday the 24th at nine",
        "total": "195 dollars",
        "lines": [
            {"what": "Drain cleaning, 1 hour 30 minutes at $120.00 an hour", "amount": "180 dollars"},
            {"what": "Travel to 12207", "amount": "15 dollars"},
        ],
        "not_included": "Parts. Time beyond 1 hour 30 minutes, at $120.00 an hour.",
        "next": "Say the total and what it is for, then what is not included. Offer to send it by e-mail.",
    }
    assert (await Call.objects.aget()).outcome == Call.Outcome.QUOTED


async def test_a_price_without_a_time_is_for_an_ordinary_day():
    answer = await ask(await make(call_about_drains), "quote_price", service="heater")

    assert (answer.result["price_is_for"], answer.result["total"]) == (
        "a weekday during opening hours",
        "between 200 dollars and 450 dollars and 50 cents",
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "arguments: 'service' is a required property"),
        ({"service": ""}, "service: '' should be non-empty"),
        (
            {"service": "drains", "price": 1},
            "arguments: Additional properties are not allowed ('price' was unexpected)",
        ),
        (
            {"service": "drains", "discount_percent": 100},
            "arguments: Additional properties are not allowed ('discount_percent' was unexpected)",
        ),
        ({"service": "roof"}, "That is not offered. The services are: Drain cleaning; Heater repair."),
        ({"service": "drains", "postal_code": "1"}, "A ZIP code has five digits. Ask for it again, digit by digit."),
        (
            {"service": "drains", "postal_code": "12208"},
            "1 2 2 0 8 is not served. The nearest code that is served is 1 2 2 0 7. No price is named for it.",
        ),
        (
            {"service": "drains", "local_time": "2026-11-19T09:00"},
            "That is in the past. Today is Friday, 2026-11-20, 10:04.",
        ),
    ],
)
async def test_what_has_no_price_is_refused_so_that_the_model_can_mend_it(arguments, sentence):
    assert await refusal(await make(call_about_drains), "quote_price", **arguments) == sentence


async def test_a_quote_is_sent_after_a_confirmed_address():
    call = await make(call_about_drains)
    quoted = await ask(call, "quote_price", service="drains")

    answer = await ask(call, "email_quote", address="robert@example.com", confirmed=True)

    assert (answer.result["reference"], answer.result["address"]) == (quoted.result["reference"], "robert@example.com")
    assert [row async for row in OutgoingEmail.objects.values_list("to", "status")] == [
        ("robert@example.com", "queued")
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"confirmed": False},
            "Read the address back letter by letter. After a yes call this again with confirmed true.",
        ),
        ({"confirmed": "true"}, "confirmed: 'true' is not of type 'boolean'"),
        ({"address": "robert"}, "That is not an e-mail address. Ask for it again, letter by letter."),
        (
            {"reference": "AAAAAA"},
            "There is no quote of that reference for this caller. Leave the reference out for the newest one.",
        ),
    ],
)
async def test_what_cannot_be_sent_is_refused(arguments, sentence):
    call = await make(call_about_drains)
    await ask(call, "quote_price", service="drains")

    given = {"address": "robert@example.com", "confirmed": True} | arguments
    assert await refusal(call, "email_quote", **given) == sentence
    assert await OutgoingEmail.objects.acount() == 0


async def test_a_letter_that_came_back_is_not_said_to_be_on_its_way():
    call = await make(call_about_drains)
    await ask(call, "quote_price", service="drains")
    await ask(call, "email_quote", address="robert@example.com", confirmed=True)
    await OutgoingEmail.objects.aupdate(status="failed")

    assert (await refusal(call, "email_quote", address="robert@example.com", confirmed=True)).startswith(
        "The mail to that address came back."
    )
