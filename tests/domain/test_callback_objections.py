"""What speaks against ringing back just now: who is still on the line, and that nobody could talk to them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from calls.domain import callback_dialing
from calls.domain.callback_objections import READY, Readiness
from calls.domain.capacity import Limits
from calls.models import Callback, CallbackAttempt
from tests import factories
from tests.domain.telephones import Telephone

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT
NUMBER, OTHER = "+15550100001", "+15550100002"


@pytest.fixture
def line():
    return factories.make_line()


def promise(line, **fields):
    standing = {"business": line.business, "number": NUMBER, "reason": "a quote", "consent": "Yes."}
    call = factories.make_ended_call(line=line, rang_at=NOW - timedelta(days=2))
    return Callback.objects.create(**standing | {"call": call, "asked_at": NOW, "due_at": NOW} | fields)


def rung(callback, readiness=READY):
    """How often it rings, why not, and by how many minutes it is put off; no attempt is spent on what does not ring."""
    telephone = Telephone()
    step = callback_dialing.ring(callback_id=callback.pk, telephone=telephone, readiness=readiness, now=NOW)
    callback.refresh_from_db()
    assert CallbackAttempt.objects.count() == callback.attempts == len(telephone.rung)
    minutes = (callback.due_at - NOW) / timedelta(minutes=1)
    return (len(telephone.rung), step.why, minutes)


DIALED = (1, "", 0)
ON_THE_LINE = (0, "they are still on the line", 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "ringing", "streaming_at": None},
        {"status": "streaming"},
        {"status": "handed_over", "handed_over_at": NOW},
        {"direction": "outbound", "from_number": "+15550109999", "to_number": NUMBER},
    ],
    ids=["ringing", "with the agent", "with a person", "rung by us"],
)
def test_who_is_still_on_the_line_is_rung_when_they_are_not(line, fields):
    callback = promise(line)
    call = factories.make_call(line=line, **fields)

    assert rung(callback) == ON_THE_LINE
    call.status, call.ended_at = "ended", NOW
    call.save()
    Callback.objects.update(due_at=NOW)
    assert rung(callback) == DIALED


def test_a_caller_of_another_business_is_on_the_line_all_the_same(line):
    factories.make_call(line=factories.make_line())

    assert rung(promise(line)) == ON_THE_LINE


@pytest.mark.parametrize(
    "fields",
    [
        {"from_number": OTHER},
        {"from_number": "anonymous"},
        {"status": "queued"},
        {"status": "ended", "ended_at": NOW},
        {"rang_at": NOW - timedelta(hours=2, seconds=1)},
    ],
    ids=["somebody else", "who knows who", "not placed yet", "over", "never closed"],
)
def test_other_calls_keep_no_promise_waiting(line, fields):
    factories.make_call(line=line, **fields)

    assert rung(promise(line)) == DIALED


@pytest.mark.parametrize("obstacle", ["draining", "no_openai_key", "openai_refuses"])
def test_nobody_is_rung_whom_no_agent_could_talk_to(line, obstacle):
    assert rung(promise(line), Readiness(obstacle=obstacle)) == (0, f"no agent can talk: {obstacle}", 5)


@pytest.mark.parametrize(("refused", "told"), [("gpt-realtime-9", (0, "OpenAI refuses the model of the agent", 5))])
def test_nobody_is_rung_whose_agent_has_a_model_that_is_refused(refused, told):
    readiness = Readiness(refused_models={refused})

    assert rung(promise(factories.make_line(agent=factories.make_agent(model=refused))), readiness) == told
    assert rung(promise(factories.make_line(), number=OTHER), readiness)[0] == 1


def used_up(line):
    factories.make_ended_call(line=line, from_number=OTHER, rang_at=NOW - timedelta(hours=1), model_cost=Decimal(5))


def test_with_the_budget_of_the_day_used_up_nobody_is_rung():
    line = factories.make_line(business=factories.make_business(budget_a_day="5.00"))
    used_up(line)

    assert rung(promise(line)) == (0, "a limit is reached: budget_of_the_day", 60)


def test_a_business_whose_agents_all_talk_rings_a_little_later():
    line = factories.make_line(business=factories.make_business(calls_at_once=1))
    talking = factories.make_call(line=line, from_number=OTHER, streaming_at=NOW)

    assert rung(promise(line)) == (0, "a limit is reached: calls_of_the_business", 2)
    talking.delete()
    Callback.objects.update(due_at=NOW)
    assert rung(Callback.objects.get()) == DIALED


def test_the_limits_of_the_deployment_count_too(line):
    factories.make_call(line=line, from_number=OTHER, streaming_at=NOW)

    told = rung(promise(line), Readiness(limits=Limits(calls_at_once=1)))

    assert told == (0, "a limit is reached: calls_at_once", 2)
