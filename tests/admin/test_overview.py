"""The first page: what nobody has accepted in red, what waits for a person, and the lists by what they are for."""

import re

import pytest
from django.urls import reverse

from calls.doctor.caller import TEST_CALL_PREFIX
from calls.models import Callback, Emergency
from tests import factories, factories_trade
from tests.admin.pages import words

INDEX = reverse("admin:index")


@pytest.fixture
def business(db, time_machine):
    time_machine.move_to(factories.RANG_AT, tick=False)
    return factories.make_business()


def make_emergency(business, **fields):
    standing = {"raised_by": "tool", "kind": "other", "address": "12 Elm Street", "number": "+12125550123"}
    return Emergency.objects.create(business=business, raised_at=factories.RANG_AT, **standing | fields)


def part(response, name):
    found = re.search(rf'<section class="{name}".*?</section>', response.content.decode(), re.DOTALL)
    return words(found.group()) if found else ""


def links(response):
    found = re.search(r'<section class="needs".*?</section>', response.content.decode(), re.DOTALL)
    return re.findall(r'href="([^"]+)"', found.group()) if found else []


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (
            "open",
            "Nobody has accepted this emergency An emergency , 12 Elm Street, •••23 . Nov 20, 10:04 AM: nobody has ",
        ),
        ("unanswered", "Nobody has accepted this emergency An emergency , 12 Elm Street, •••23 . Nov 20, 10:04 AM: "),
        ("accepted", ""),
        ("closed", ""),
    ],
)
def test_an_emergency_that_nobody_accepted_stands_in_red(client, business, status, sentence):
    client.force_login(factories.make_staff("calls.view_emergency"))
    make_emergency(business, status=status)

    shown = part(client.get(INDEX), "alarm")

    assert shown.replace(" ,", ",").replace(" .", ".").startswith(sentence.replace(" ,", ",").replace(" .", "."))
    assert bool(shown) == bool(sentence)


def test_an_emergency_is_not_told_to_those_who_may_not_see_it(clerk, business):
    make_emergency(business)

    assert part(clerk.get(INDEX), "alarm") == ""


def test_several_are_counted_as_several_and_the_number_is_whole_for_the_owner(business, owner):
    for _ in range(2):
        make_emergency(business)

    shown = part(owner.get(INDEX), "alarm")

    assert shown.startswith("Nobody has accepted these emergencies")
    assert "+1 212-555-0123" in shown


def test_what_waits_is_counted_and_leads_to_its_list(business, owner):
    call = factories.make_ended_call(needs_review=True)
    factories.make_ended_call(needs_review=True, call_sid=f"{TEST_CALL_PREFIX}{'0' * 26}")
    factories.make_message(call=call)
    factories.make_message(call=call, text="Done.", is_done=True)
    factories_trade.make_answer(business=business, answer="")
    words_of_callback = {"reason": "x", "consent": "Yes.", "asked_at": factories.RANG_AT, "due_at": factories.RANG_AT}
    Callback.objects.create(**words_of_callback, business=business, number="+12125550123", status="failed")

    page = owner.get(INDEX)

    assert part(page, "needs") == (
        "Waiting for you Calls to review 1 Callbacks given up 1 Messages to answer 1 Questions to answer 1"
    )
    assert links(page) == [
        "/admin/calls/call/?needs_review__exact=1",
        "/admin/calls/callback/?status__exact=failed",
        "/admin/calls/message/?is_done__exact=0",
        "/admin/calls/knownanswer/?open=yes",
    ]
    assert [owner.get(link).status_code for link in links(page)] == [200, 200, 200, 200]
    assert [owner.get(link).context["cl"].result_count for link in links(page)] == [1, 1, 1, 1]


def test_a_clerk_is_told_of_what_they_may_see_alone_and_a_quiet_day_of_nothing(business, clerk):
    assert part(clerk.get(INDEX), "needs") == ""
    factories.make_message(call=factories.make_ended_call(needs_review=True))
    factories_trade.make_answer(business=business, answer="")

    assert part(clerk.get(INDEX), "needs") == "Waiting for you Calls to review 1 Messages to answer 1"


def test_the_lists_stand_by_what_they_are_for_and_none_is_forgotten(business, owner):
    page = owner.get(INDEX).content.decode()

    assert [words(title) for title in re.findall(r"<caption>(.*?)</caption>", page, re.DOTALL)] == [
        "Every day",
        "What Cortana knows",
        "Sent",
        "Setting up",
        "Authentication and Authorization",
    ]
    [app] = [app for app in owner.get(INDEX).context["app_list"] if app["app_label"] == "calls"]
    shown = re.findall(r'id="calls-(\w+)"', page)
    assert sorted(shown) == sorted(model["object_name"].lower() for model in app["models"])


def test_a_clerk_sees_only_the_groups_that_hold_something(business, clerk):
    page = clerk.get(INDEX).content.decode()

    assert [words(title) for title in re.findall(r"<caption>(.*?)</caption>", page, re.DOTALL)] == ["Every day"]
