"""Stories that need nothing but the demonstration's rows; eight callers ring at the same time."""

import pytest

from calls.models import KnownAnswer

# Together they speak with three voices, from a kitchen, a van and through a speakerphone.
NAMES = [
    "quote_and_email",
    "price_range",
    "outside_the_area",
    "question_known",
    "question_unknown",
    "wrong_number",
    "shouting",
    "think_about_it",
]


@pytest.mark.proof
def test_callers_who_ask_are_answered(stage):
    stage.play_all(NAMES)


@pytest.mark.proof
def test_what_the_owner_answers_once_is_known_from_the_next_call_on(stage):
    stage.play("question_unknown")
    KnownAnswer.objects.filter(question="Do you sell gift cards?").update(answer="Yes, at the office.")

    [again] = stage.ring_all([stage.story("question_unknown")])

    [asked, _] = again.session.tools
    assert (asked.result["known"], asked.result["answer"]) == (True, "Yes, at the office.")


@pytest.mark.proof
def test_a_message_is_taken_from_a_caller_who_speaks_over_the_agent(stage):
    stage.play("message")
