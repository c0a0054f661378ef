"""How much the agent takes on: whoever is beyond it reaches a person or the voicemail, the others notice nothing."""

from datetime import timedelta

import pytest

from calls.domain import capacity, costs, lifecycle
from calls.domain.capacity import NO_LIMITS, Limits
from calls.domain.decisions import Answer, HandOver, Transfer, Voicemail
from calls.models import Call, CallEvent
from calls.models.call import TEST_CALL_PREFIX
from tests import factories
from tests.domain.legs import leg, new_leg

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT
PERSON, DEFAULT = "+15550108000", "+15550107000"
FEW = Limits(calls_at_once=2)


def ring(line, *, limits=NO_LIMITS, now=NOW, **fields):
    return lifecycle.receive_call(
        leg=new_leg(to_number=line.number, **fields),
        obstacle="",
        default_number=DEFAULT,
        findings=[],
        limits=limits,
        now=now,
    )


def with_agent(line, minutes=0, **fields):
    began = NOW - timedelta(minutes=minutes)
    call = factories.make_call(line=line, streaming_at=began, **fields)
    factories.make_stream(call=call, started_at=began)
    return call


def spoken(line, minutes, **fields):
    began = fields.pop("began", NOW - timedelta(hours=1))
    ended = began + timedelta(minutes=minutes)
    call = factories.make_ended_call(line=line, rang_at=began, streaming_at=began, ended_at=ended, **fields)
    factories.make_stream(call=call, started_at=began, ended_at=ended)
    return call


def reached():
    return CallEvent.objects.get(kind="over_limit").detail["limit"]


def handed_over(decision, number=PERSON):
    return decision == HandOver(number=number, business="Cedar Plumbing")


def test_a_caller_beyond_the_limit_of_all_reaches_a_person():
    line = factories.make_line()
    with_agent(factories.make_line())
    with_agent(line)

    decision = ring(line, limits=FEW)

    call = Call.objects.latest("pk")
    assert handed_over(decision)
    assert (call.status, call.end_reason, call.token_nonce) == ("handed_over", "overloaded", "")
    assert reached() == capacity.ALL


def test_the_same_webhook_again_gives_the_same_answer_though_there_is_room_by_then():
    line = factories.make_line()
    others = [with_agent(line) for _ in range(2)]
    again = {"call_sid": factories.make_sid()}

    first = ring(line, limits=FEW, **again)
    Call.objects.filter(pk__in=[other.pk for other in others]).update(status="ended")

    assert ring(line, limits=FEW, **again) == first


def test_calls_with_people_and_calls_that_are_over_take_up_no_room():
    line = factories.make_line()
    factories.make_ended_call(line=line)
    factories.make_call(line=line, status="handed_over")
    factories.make_call(line=line, status="ringing", streaming_at=None)

    assert isinstance(ring(line, limits=Limits(calls_at_once=1)), Answer)


def test_a_call_whose_stream_is_awaited_takes_up_room_for_as_long_as_its_token_lives():
    line = factories.make_line()
    ring(line)

    one = Limits(calls_at_once=1)
    soon = ring(line, limits=one, now=NOW + timedelta(seconds=59), from_number="+15550100002")
    later = ring(line, limits=one, now=NOW + timedelta(seconds=61), from_number="+15550100003")

    assert (handed_over(soon), isinstance(later, Answer)) == (True, True)


def test_a_call_that_nobody_closed_does_not_take_up_room_for_ever():
    line = factories.make_line()
    with_agent(line, minutes=121)

    assert isinstance(ring(line, limits=Limits(calls_at_once=1)), Answer)


def test_a_business_has_a_limit_of_its_own_and_others_do_not_feel_it():
    small = factories.make_line(business=factories.make_business(calls_at_once=1))
    other = factories.make_line()
    with_agent(small)

    assert handed_over(ring(small))
    assert isinstance(ring(other), Answer)
    assert reached() == capacity.BUSINESS


def test_one_number_may_not_have_all_agents_and_rings_nobody_when_it_tries():
    line = factories.make_line()
    limits = Limits(calls_per_caller=2)
    storm = "+15550100066"

    decisions = [ring(line, limits=limits, from_number=storm) for _ in range(5)]

    assert [type(decision) for decision in decisions] == [Answer, Answer, Voicemail, Voicemail, Voicemail]
    assert isinstance(ring(line, limits=limits, from_number="+15550100067"), Answer)
    assert {*Call.objects.filter(token_nonce="").values_list("end_reason", flat=True)} == {"overloaded"}


def test_callers_who_hide_their_number_are_not_one_caller():
    line = factories.make_line()
    limits = Limits(calls_per_caller=1)

    assert [type(ring(line, limits=limits, from_number="anonymous")) for _ in range(3)] == [Answer] * 3


@pytest.mark.parametrize(("minutes", "is_in"), [(59, True), (60, False)])
def test_the_minutes_of_a_day_end(minutes, is_in):
    line = factories.make_line(business=factories.make_business(minutes_a_day=60))
    spoken(line, 40)
    with_agent(line, minutes=minutes - 40)

    assert isinstance(ring(line), Answer) is is_in
    assert is_in or reached() == capacity.MINUTES


def test_the_day_begins_at_the_midnight_of_the_business():
    line = factories.make_line(business=factories.make_business(minutes_a_day=60, time_zone="America/New_York"))
    midnight = NOW.replace(hour=5, minute=0, second=0)
    spoken(line, 60, began=midnight - timedelta(minutes=61))

    assert isinstance(ring(line), Answer)


def test_what_a_person_says_is_not_counted():
    line = factories.make_line(business=factories.make_business(minutes_a_day=10))
    began = NOW - timedelta(minutes=30)
    led_away = began + timedelta(minutes=1)
    call = factories.make_call(line=line, status="handed_over", streaming_at=began, handed_over_at=led_away)
    factories.make_stream(call=call, started_at=began, ended_at=led_away)

    assert isinstance(ring(line), Answer)


def test_what_is_said_to_a_person_before_a_call_comes_back_is_not_counted():
    line = factories.make_line(business=factories.make_business(minutes_a_day=10))
    began = NOW - timedelta(minutes=30)
    call = factories.make_call(line=line, status="ringing", streaming_at=began)
    factories.make_stream(call=call, started_at=began, ended_at=began + timedelta(minutes=1))

    assert isinstance(ring(line), Answer)


def test_the_minutes_of_one_number_end_too():
    line = factories.make_line()
    spoken(line, 30, from_number="+15550100066")
    limits = Limits(caller_minutes_a_day=30)

    assert isinstance(ring(line, limits=limits, from_number="+15550100066"), Voicemail)
    assert isinstance(ring(line, limits=limits, from_number="+15550100067"), Answer)
    assert reached() == capacity.CALLER_MINUTES


@pytest.mark.parametrize(("before", "is_in"), [(29, True), (30, False)])
@pytest.mark.parametrize("limit", ["of the business", "of the caller"])
def test_a_call_that_came_back_counts_with_all_its_streams(limit, before, is_in):
    """It was led away after `before` minutes with the agent, and has had ten more since it is back."""
    of_business = limit == "of the business"
    line = factories.make_line(business=factories.make_business(minutes_a_day=40 if of_business else None))
    back_at = NOW - timedelta(minutes=10)
    call = with_agent(line, minutes=10, rang_at=NOW - timedelta(hours=2), from_number="+15550100066")
    led_away_at = back_at - timedelta(minutes=20)
    factories.make_stream(call=call, started_at=led_away_at - timedelta(minutes=before), ended_at=led_away_at)
    limits = NO_LIMITS if of_business else Limits(caller_minutes_a_day=40)

    assert isinstance(ring(line, limits=limits, from_number="+15550100066"), Answer) is is_in


@pytest.mark.parametrize(("cost", "is_in"), [("4.99", True), ("5.00", False)])
def test_the_budget_of_a_day_ends(cost, is_in):
    line = factories.make_line(business=factories.make_business(budget_a_day="5.00"))
    spoken(line, 1, model_cost=cost, telephone_cost=0)

    assert isinstance(ring(line), Answer) is is_in
    assert is_in or reached() == capacity.BUDGET


def test_the_budget_ends_though_the_model_has_no_price():
    line = factories.make_line(business=factories.make_business(budget_a_day="1.00"))
    call = spoken(line, 30, model="gpt-realtime-9", output_tokens=10_000_000)
    costs.settle_cost(call_id=call.pk)

    assert handed_over(ring(line))
    assert (Call.objects.get(pk=call.pk).model_cost, reached()) == (None, capacity.BUDGET)


@pytest.mark.parametrize(("minutes", "is_in"), [(6, True), (7, False)])
def test_the_calls_that_go_on_count_toward_the_budget(minutes, is_in):
    line = factories.make_line(business=factories.make_business(budget_a_day="0.90"))
    with_agent(line, minutes=minutes, rang_at=NOW - timedelta(minutes=minutes))

    assert isinstance(ring(line), Answer) is is_in


@pytest.mark.parametrize(("minutes", "is_in"), [(6, True), (7, False)])
def test_a_call_that_came_back_counts_toward_the_budget_though_its_first_stream_is_settled(minutes, is_in):
    line = factories.make_line(business=factories.make_business(budget_a_day="0.90"))
    with_agent(line, minutes=minutes, rang_at=NOW - timedelta(minutes=minutes), model_cost="0.01")

    assert isinstance(ring(line), Answer) is is_in


def test_a_limit_of_nothing_lets_nobody_in():
    for field in ("calls_at_once", "minutes_a_day", "budget_a_day"):
        assert handed_over(ring(factories.make_line(business=factories.make_business(**{field: 0}))))


def test_without_a_person_the_voicemail_answers():
    line = factories.make_line(business=factories.make_business(calls_at_once=0, handover_number=""))
    decision = lifecycle.receive_call(
        leg=new_leg(to_number=line.number), obstacle="", default_number="", findings=[], now=NOW
    )

    assert decision == Voicemail(business="Cedar Plumbing")
    assert Call.objects.get().end_reason == "overloaded"


def test_a_line_that_rings_a_person_first_takes_up_no_room_and_needs_none_until_nobody_answers():
    business = factories.make_business(calls_at_once=0)
    line = factories.make_line(business=business, answers="after_ringing")

    first = ring(line)
    after = lifecycle.finish_dial(leg=leg(Call.objects.get()), result="no-answer", seconds=None, now=NOW)

    assert isinstance(first, Transfer)
    assert after == Voicemail(business="Cedar Plumbing")
    assert Call.objects.get().end_reason == "overloaded"


def test_calls_of_the_doctor_take_up_no_room_no_minutes_and_no_budget():
    business = factories.make_business(calls_at_once=1, minutes_a_day=10, budget_a_day="5.00")
    line = factories.make_line(business=business)
    with_agent(line, call_sid=f"{TEST_CALL_PREFIX}{'0' * 26}")
    spoken(line, 600, model_cost="9.00", call_sid=f"{TEST_CALL_PREFIX}{'1' * 26}")

    assert isinstance(ring(line, limits=Limits(calls_at_once=1, caller_minutes_a_day=10)), Answer)


def test_a_call_of_the_doctor_meets_the_limits_that_a_caller_meets():
    line = factories.make_line(business=factories.make_business(calls_at_once=0))

    assert handed_over(ring(line, call_sid=f"{TEST_CALL_PREFIX}{'0' * 26}"))
