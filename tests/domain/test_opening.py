"""Hours are told from the rows, with the days unlike their weekday; other questions are not taken for theirs."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from calls.domain import answers, opening
from calls.models import KnownAnswer
from tests.factories import make_agent, make_business, make_call, make_line
from tests.factories_trade import make_answer, make_exception, make_hours

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # Friday, ten in New York
WEEK = "; ".join(f"{day} 08:00 to 17:00" for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"))

ABOUT_HOURS = [
    "Are you open Thanksgiving?",
    "What are your opening hours?",
    "What are your hours?",
    "When do you close today?",
    "What time do you open tomorrow?",
    "Are you open on Sunday?",
    "Are you still open?",
    "Are you closed for Christmas?",
    "How late are you open?",
    "Do you work on Saturdays?",
    "Are you guys open right now?",
    "Is the shop open on the 26th?",
    "When are you open?",
    "Which hours are you open on holidays?",
]
ABOUT_OTHER_THINGS = [
    "Can you open a locked car?",
    "How many hours does it take to replace a water heater?",
    "Do you charge more after hours?",
    "Do you open clogged drains?",
    "Are you open to a discount?",
    "Are you licensed?",
    "Can you come within 24 hours?",
    "Is the water valve supposed to be closed by you?",
    "Do you work on boilers?",
]

pytestmark = pytest.mark.django_db


@pytest.fixture
def business():
    business = make_business(time_zone="America/New_York")
    make_hours(business=business)
    return business


def test_days_to_come_that_are_unlike_their_weekday_are_told_soonest_first(business):
    make_exception(business=business, on=date(2026, 12, 24), starts_at=time(8), ends_at=time(12), note="Christmas Eve")
    make_exception(business=business, on=date(2026, 11, 26), note="Thanksgiving")
    make_exception(business=business, on=date(2026, 11, 20))
    make_exception(business=business, on=date(2026, 11, 19), note="over")
    make_exception(business=business, on=date(2027, 1, 20), note="too far ahead")
    make_exception(business=make_business(), on=date(2026, 11, 25), note="of another business")

    assert opening.days_unlike(business=business, now=NOW) == [
        "Friday the 20th of November closed",
        "Thursday the 26th of November closed (Thanksgiving)",
        "Thursday the 24th of December open 08:00 to 12:00 only (Christmas Eve)",
    ]


def test_today_is_the_day_of_the_business(business):
    make_exception(business=business, on=date(2026, 11, 20))

    late = datetime(2026, 11, 21, 4, 30, tzinfo=UTC)  # half past eleven in New York
    assert len(opening.days_unlike(business=business, now=late)) == 1
    assert opening.days_unlike(business=business, now=late + timedelta(hours=1)) == []


def test_only_so_many_days_are_told(business):
    for day in range(1, 29):
        make_exception(business=business, on=date(2026, 12, day))

    assert len(opening.days_unlike(business=business, now=NOW)) == opening.MOST_DAYS


def test_question_about_hours_is_answered_from_the_rows_whatever_was_approved(business):
    make_exception(business=business, on=date(2026, 11, 26), note="Thanksgiving")
    make_answer(business=business, question="Are you open Thanksgiving?", answer="Every Thursday from eight to five.")
    call = make_call(line=make_line(agent=make_agent(business=business)))

    found = answers.answer_question(call_id=call.pk, question="Are you open Thanksgiving?", now=NOW)

    assert found.answer == (
        f"Now open until five. In an ordinary week: {WEEK}; otherwise closed. "
        "Unlike that: Thursday the 26th of November closed (Thanksgiving)."
    )
    assert KnownAnswer.objects.filter(answer="").count() == 0


@pytest.mark.parametrize("question", ABOUT_HOURS)
def test_question_about_hours_is_known_as_one(business, question):
    assert opening.answer(business=business, question=question, now=NOW).startswith("Now open until five.")


@pytest.mark.parametrize("question", ABOUT_OTHER_THINGS)
def test_other_question_is_none(business, question):
    assert opening.answer(business=business, question=question, now=NOW) == ""


def test_business_without_hours_leaves_the_question_to_its_answers():
    assert opening.answer(business=make_business(), question="When are you open?", now=NOW) == ""
