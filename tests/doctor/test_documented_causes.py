"""docs/doctor.md names each cause that the doctor tells apart, and the questions that are left to a real account."""

import re

import pytest

from calls.doctor import account, causes, probe, refusals, testimony
from calls.domain import capacity
from calls.domain.explanation import explain
from calls.models import Business
from tests.doctor.test_documented import PAGE, SECTIONS
from tests.domain.stories import RANG, a_call
from voiceagent import settings


@pytest.mark.parametrize("code", account.TEXT_CAUSES)
def test_every_reason_of_an_undelivered_text_has_its_row(code):
    assert re.search(rf"^\| WARN \| [^|]*\b{code}\b", SECTIONS["twilio.texts"], re.MULTILINE)


@pytest.mark.parametrize("status", sorted({*causes._PLAIN, *causes._REDIRECTS, 403, 404, 500, 502, 503, 504}))
def test_every_answer_that_is_told_apart_stands_at_the_webhook(status):
    assert re.search(rf"\b{status}\b", SECTIONS["webhook"])


@pytest.mark.parametrize("cause", refusals.REASONS.values(), ids=refusals.REASONS)
def test_every_refusal_of_openai_is_named(cause):
    words = cause.seen.partition(":")[0]

    assert words in SECTIONS["openai"]


def test_every_reason_to_have_no_stream_has_its_row():
    row = next(line for line in SECTIONS["webhook"].splitlines() if "TwiML without a stream:" in line)

    assert row.count(",") >= len(testimony._NO_STREAM) - 1


LIMITS = [capacity.ALL, capacity.BUSINESS, capacity.CALLER, capacity.MINUTES, capacity.CALLER_MINUTES, capacity.BUDGET]
SET_BY = set(settings.env.scheme) | {str(field.verbose_name).partition(" (")[0] for field in Business._meta.fields}


@pytest.mark.django_db
@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_that_is_reached_is_told_by_the_name_under_which_it_is_set(limit):
    """A variable of the environment, or a field as the admin calls it: by the doctor, its page, and the explanation."""
    cause = testimony.LIMITS[limit]
    row = next(line for line in SECTIONS["webhook"].splitlines() if "a limit or the budget" in line)
    call = a_call(RANG, ("over_limit", 5, {"limit": limit}), reason="overloaded", spoke=False, streamed=False)
    said = explain(call, now=call.ended_at)

    (name,) = re.findall(r"[A-Z]+(?:_[A-Z]+)+|(?<=“)[^”]+", cause.seen)

    assert name in SET_BY
    assert [name in text for text in (cause.remedy, row, said.said, said.remedy)] == [True] * 4


def test_the_questions_that_are_left_stand_there_as_they_are_put():
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", PAGE, re.MULTILINE)

    assert rows == [(step.name, step.question) for step in probe.STEPS]
