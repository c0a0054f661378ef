import pytest

from calls.models import Call
from tests.factories import make_call
from tests.factories_trade import make_area
from tests.tools.kit import ask, make, refusal

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


def call_to_albany():
    call = make_call()
    make_area(business=call.business, value="12207", travel_fee="15.00")
    make_area(business=call.business, kind="town", value="Albany")
    return call


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (
            {"postal_code": "12207-1234"},
            {"served": True, "reason": "1 2 2 0 7 is served.", "travel_fee": "15 dollars"},
        ),
        ({"town": "albany"}, {"served": True, "reason": "Albany is served.", "travel_fee": "none"}),
        (
            {"postal_code": "12208"},
            {
                "served": False,
                "reason": "1 2 2 0 8 is not served. The nearest code that is served is 1 2 2 0 7.",
                "next": "Read the code back digit by digit. If it was misheard, check again; else say that you cannot "
                "come there.",
            },
        ),
    ],
)
async def test_a_place_is_served_or_not_and_the_answer_says_why(arguments, answer):
    assert (await ask(await make(call_to_albany), "check_service_area", **arguments)).result == answer


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "Ask for the postal code of the address."),
        ({"postal_code": "12"}, "A ZIP code has five digits. Ask for it again, digit by digit."),
        ({"town": "Gotham"}, "Gotham is not on the list of towns. Ask for the postal code of the address."),
        ({"postal_code": "1" * 21}, "postal_code: That is too long; at most 20 characters."),
        ({"postal_code": 12207}, "postal_code: 12207 is not of type 'string'"),
    ],
)
async def test_what_is_unclear_is_asked_for(arguments, sentence):
    assert await refusal(await make(call_to_albany), "check_service_area", **arguments) == sentence


async def test_a_call_of_no_business_has_no_area():
    call = await make(call_to_albany)
    await Call.objects.aupdate(business=None)

    assert (await refusal(call, "check_service_area", postal_code="12207")).startswith("Nothing is known of the places")
