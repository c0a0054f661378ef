"""The lists of blocked and direct numbers, and the prices, as a person keeps them."""

from decimal import Decimal

import pytest

from calls.models import ListedNumber, Price
from tests import factories
from tests.admin.pages import address, cells, text_of


def listed(**fields):
    business = factories.make_business()
    return ListedNumber.objects.create(**{"business": business, "number": "+12125550123", "note": "Robocalls"} | fields)


def test_a_number_is_blocked_as_people_write_it(owner):
    business = factories.make_business()
    data = {"business": business.pk, "number": "+1 (212) 555-0123", "treatment": "blocked", "note": "Robocalls"}

    owner.post(address("listednumber", "add"), data)

    assert [(row.number, row.treatment) for row in ListedNumber.objects.all()] == [("+12125550123", "blocked")]


def test_a_number_stands_on_one_list_of_a_business(owner):
    row = listed()
    data = {"business": row.business.pk, "number": row.number, "treatment": "direct", "note": ""}

    response = owner.post(address("listednumber", "add"), data)

    assert response.status_code == 200
    assert ListedNumber.objects.count() == 1


def test_the_list_says_what_happens(owner):
    row = listed()
    listed(business=row.business, number="+12125550124", treatment="direct", note="Ann at home")

    assert cells(owner.get(address("listednumber"))) == [
        ["+1 212-555-0123", "Blocked", "Robocalls", "Cedar Plumbing"],
        ["+1 212-555-0124", "Rings through", "Ann at home", "Cedar Plumbing"],
    ]


def test_who_may_not_see_whole_numbers_sees_the_list_masked_and_no_page(client, db):
    row = listed()
    client.force_login(factories.make_staff("calls.view_listednumber", "calls.change_listednumber"))

    assert cells(client.get(address("listednumber")))[0][0] == "•••23"
    assert client.get(address("listednumber", "change", row.pk)).status_code == 403


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"model": ""}, {"model": ["Name the model whose tokens cost this."]}),
        ({"dollars": "-1"}, {"dollars": ["A price cannot be less than nothing."]}),
        ({"item": "inbound"}, {"model": ["Twilio's minutes cost the same with every model: leave it blank."]}),
        ({"since": "2026-11-20"}, {"__all__": ["Constraint “one_price_a_day” is violated."]}),
    ],
    ids=["whose tokens", "less than nothing", "a minute of a model", "twice for a day"],
)
def test_a_price_that_makes_no_sense_is_refused(owner, data, error):
    wanted = {"item": "text_in", "model": "gpt-realtime-2.1", "dollars": "5", "since": "2026-12-01"} | data

    errors = owner.post(address("price", "add"), wanted).context["adminform"].form.errors

    assert set(errors) == set(error)
    if "__all__" not in error:
        assert errors == error


def test_a_new_price_is_entered_beside_the_old_one(owner):
    data = {"item": "text_in", "model": "gpt-realtime-2.1", "dollars": "5", "since": "2026-12-01"}

    owner.post(address("price", "add"), data)

    rows = Price.objects.filter(item="text_in", model="gpt-realtime-2.1").order_by("since")
    assert [row.dollars for row in rows] == [Decimal(4), Decimal(5)]
    assert ["Text in (a million tokens)", "gpt-realtime-2.1", "$5.00", "Dec. 1, 2026"] in cells(
        owner.get(address("price"))
    )


@pytest.mark.parametrize(
    ("costs", "shown"),
    [
        (
            {"model_cost": Decimal("0.1234"), "telephone_cost": Decimal("0.0085")},
            "$0.1319 (OpenAI $0.1234, Twilio $0.0085)",
        ),
        ({"model_cost": Decimal("1.5")}, "$1.50 (OpenAI $1.50, Twilio not known)"),
        ({"telephone_cost": Decimal("0.00004")}, "under $0.0001 (OpenAI not known, Twilio under $0.0001)"),
    ],
)
def test_the_page_of_a_call_says_what_it_cost(owner, costs, shown):
    call = factories.make_ended_call(**costs)

    assert f"Cost {shown}" in text_of(owner.get(address("call", "change", call.pk)))


def test_a_call_of_which_no_cost_is_known_says_nothing_of_it(owner):
    call = factories.make_ended_call()

    assert " Cost " not in text_of(owner.get(address("call", "change", call.pk)))


def test_the_page_of_a_call_says_which_limit_it_was_beyond(owner):
    call = factories.make_ended_call(end_reason="overloaded")
    factories.make_event(call=call, kind="over_limit", detail={"limit": "budget_of_the_day"})

    text = text_of(owner.get(address("call", "change", call.pk)))

    assert "Beyond what the agent may take on limit budget of the day" in text
