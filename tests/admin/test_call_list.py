"""The list of calls: what stands in it, what it can be searched and filtered by, and what it gives away to nobody."""

import html
import re
from datetime import timedelta

import pytest
from django.urls import reverse

from calls.doctor.caller import TEST_CALL_PREFIX
from calls.models import Call
from tests import factories

LIST = reverse("admin:calls_call_changelist")


def rows(response):
    """The text of the list's cells, row by row."""
    body = re.search(r'<table id="result_list">.*?<tbody>(.*?)</tbody>', response.content.decode(), re.DOTALL)
    if body is None:
        return []
    return [
        [
            " ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split())
            for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL)
        ]
        for row in body.group(1).split("<tr>")[1:]
    ]


def callers(response):
    return [row[1].removesuffix(" Cortana · Cedar Plumbing") for row in rows(response)]


def test_a_row_tells_when_who_what_came_of_it_what_next_why_it_ended_and_how_long_it_was(owner, time_machine):
    time_machine.move_to(factories.RANG_AT)
    factories.make_ended_call(
        seconds=83,
        outcome="message",
        next_action="Answer the message from Robert.",
        needs_review=True,
        review_reason="The agent spoke of a booking, but there is none.",
    )

    assert rows(owner.get(LIST)) == [
        [
            "Nov 20, 10:04 AM",
            "+1 555-010-0001 Cortana · Cedar Plumbing",
            "Message",
            "Review Answer the message from Robert. The agent spoke of a booking, but there is none.",
            "The caller hung up",
            "1:23",
        ]
    ]


def test_a_clerk_reads_what_next_without_the_numbers_in_it(clerk):
    factories.make_ended_call(next_action="Ring 555-010-0001 back.", review_reason="A callback to 555 010 0001.")

    assert [row[3] for row in rows(clerk.get(LIST))] == ["Ring •••01 back. A callback to •••01."]


def test_the_newest_call_stands_first_and_a_live_one_has_no_length(owner, time_machine):
    time_machine.move_to(factories.RANG_AT)
    line = factories.make_line()
    factories.make_ended_call(line=line, rang_at=factories.RANG_AT - timedelta(days=400))
    factories.make_call(line=line)

    assert [[row[0], row[4], row[5]] for row in rows(owner.get(LIST))] == [
        ["Nov 20, 10:04 AM", "Streaming", "–"],
        ["Oct 16, 2025, 11:04 AM", "The caller hung up", "1:23"],
    ]


def test_times_are_utc_where_businesses_live_in_different_zones(owner, time_machine):
    time_machine.move_to(factories.RANG_AT)
    factories.make_business(time_zone="America/Chicago")
    factories.make_call()

    assert rows(owner.get(LIST))[0][0] == "Nov 20, 3:04 PM"


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+266696687", "Anonymous"), ("anonymous", "Anonymous"), ("", "Unknown"), ("+15550100001", "•••01")],
)
def test_callers_are_masked_for_those_who_may_not_see_numbers(clerk, number, shown):
    factories.make_call(from_number=number)

    assert callers(clerk.get(LIST)) == [shown]


def test_callers_are_whole_for_staff_with_the_permission(client, db):
    client.force_login(factories.make_staff("calls.view_call", "calls.view_whole_numbers"))
    factories.make_call()

    assert callers(client.get(LIST)) == ["+1 555-010-0001"]


def test_the_other_party_of_an_outbound_call_is_the_one_that_was_called(clerk):
    factories.make_call(direction=Call.Direction.OUTBOUND, from_number="+15550109999", to_number="+15550100042")

    assert callers(clerk.get(LIST)) == ["to •••42"]


@pytest.mark.parametrize(
    "term", ["+15550100001", "(555) 010-0001", "0100001", "dripping tap", "Cortana", "Cedar", "CAf00d"]
)
def test_the_owner_finds_a_call_by_number_words_agent_business_or_sid(owner, term):
    wanted = factories.make_call(from_number="+15550100001", call_sid="CAf00d")
    factories.make_turn(call=wanted, text="My kitchen tap is dripping.")
    factories.make_turn(call=wanted, text="It is dripping fast.")
    other = factories.make_agent(name="Juno", business=factories.make_business(name="Bluebird"))
    factories.make_turn(
        call=factories.make_call(line=factories.make_line(agent=other), from_number="+15550100002"), text="The furnace."
    )

    assert callers(owner.get(LIST, {"q": term})) == ["+1 555-010-0001"]


@pytest.mark.parametrize("term", ["+15550100001", "5550100001", "0001", "1", "555-010-0001", "555 010"])
def test_a_clerk_cannot_find_a_number_by_guessing(clerk, term):
    call = factories.make_call(from_number="+15550100001", call_sid="CAffff")
    factories.make_turn(call=call, text="You reach me on 555-010-0001 or 555 010 0001.")

    assert callers(clerk.get(LIST, {"q": term})) == []


def test_a_clerk_still_finds_words_and_sids(clerk):
    call = factories.make_call()
    factories.make_turn(call=call, text="It is the water heater.")
    factories.make_call()

    assert callers(clerk.get(LIST, {"q": "water heater"})) == ["•••01"]
    assert callers(clerk.get(LIST, {"q": call.call_sid})) == ["•••01"]
    assert callers(clerk.get(LIST, {"q": f"heater {call.call_sid[:8]}"})) == ["•••01"]


@pytest.mark.parametrize(
    "lookup",
    ["from_number", "from_number__startswith", "to_number__contains", "turns__text__contains", "messages__number"],
)
def test_a_clerk_cannot_filter_by_number_in_the_address_bar(clerk, lookup):
    factories.make_call()

    assert clerk.get(LIST, {lookup: "+1555"}).status_code == 400


def test_no_column_sorts_by_the_callers_number(clerk):
    factories.make_call()

    page = clerk.get(LIST).content.decode()

    assert {int(column) for column in re.findall(r'href="\?o=-?(\d)', page)} == {0, 2, 4, 5}  # 1 is the caller, 3 words


def test_the_filters_offer_what_has_occurred(owner):
    line = factories.make_line()
    factories.make_ended_call(line=line)
    lost = factories.make_ended_call(line=line, end_reason="upstream_lost", from_number="+15550100009")

    page = owner.get(LIST).content.decode()

    assert re.findall(r'href="\?end_reason=(\w+)"', page) == ["caller_hangup", "upstream_lost"]
    assert re.findall(r'href="\?agent=(\d+)"', page) == [str(lost.agent.pk)]
    assert callers(owner.get(LIST, {"end_reason": "upstream_lost"})) == ["+1 555-010-0009"]
    assert callers(owner.get(LIST, {"agent": lost.agent.pk, "status": "streaming"})) == []


def test_nonsense_in_the_agent_filter_shows_every_call(owner):
    factories.make_call()

    assert len(rows(owner.get(LIST, {"agent": "nobody"}))) == 1


def test_days_can_be_picked(owner):
    line = factories.make_line()
    factories.make_call(line=line)
    factories.make_call(line=line, rang_at=factories.RANG_AT - timedelta(days=1), from_number="+15550100002")

    found = owner.get(LIST, {"rang_at__year": 2026, "rang_at__month": 11, "rang_at__day": 19})

    assert callers(found) == ["+1 555-010-0002"]


def test_calls_can_be_sorted_by_length(owner):
    line = factories.make_line()
    for seconds in (30, 90, 60):
        factories.make_ended_call(line=line, seconds=seconds)

    assert [row[5] for row in rows(owner.get(LIST, {"o": "5"}))] == ["0:30", "1:00", "1:30"]


def test_calls_are_picked_by_outcome_and_by_whether_somebody_should_look(owner):
    line = factories.make_line()
    factories.make_ended_call(line=line, outcome="booked")
    factories.make_ended_call(line=line, needs_review=True, from_number="+15550100002")

    page = owner.get(LIST).content.decode()

    assert re.findall(r'href="\?outcome=(\w+)"', page) == ["booked", "none"]
    assert callers(owner.get(LIST, {"outcome": "booked"})) == ["+1 555-010-0001"]
    assert callers(owner.get(LIST, {"needs_review__exact": "1"})) == ["+1 555-010-0002"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [({}, ["•••01"]), ({"tests": "too"}, ["•••01", "•••09"]), ({"tests": "only"}, ["•••09"])],
)
def test_the_doctors_test_calls_are_left_out_unless_asked_for(clerk, asked, found):
    line = factories.make_line()
    factories.make_ended_call(line=line)
    factories.make_ended_call(line=line, call_sid=f"{TEST_CALL_PREFIX}{'0' * 26}", from_number="+15550100009")

    assert sorted(callers(clerk.get(LIST, asked))) == found
