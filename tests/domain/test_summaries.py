from datetime import timedelta

import pytest

from calls.domain import summaries
from calls.models import Call, Callback, Emergency, KnownAnswer, OutgoingEmail, Turn
from tests.factories import RANG_AT, make_business, make_call, make_ended_call, make_line, make_message, make_turn

NOW = RANG_AT + timedelta(minutes=2)

pytestmark = pytest.mark.django_db


def conclude(call, model_text=""):
    return summaries.conclude_call(call_id=call.pk, model_text=model_text, now=NOW)


def make_emergency(call, **fields):
    standing = {"business": call.business, "call": call, "raised_by": "tool", "kind": "gas", "raised_at": NOW}
    return Emergency.objects.create(**standing | fields)


def test_model_tells_the_story_and_the_rows_say_what_came_of_it():
    call = make_call()
    make_turn(call=call)
    make_message(call=call)

    conclude(call, 'Here it is: {"summary": " A tap drips. ", "outcome": "booked"}')

    call.refresh_from_db()
    assert (call.summary, call.outcome) == ("A tap drips.", Call.Outcome.MESSAGE)
    assert (call.next_action, call.needs_review) == ("Answer the message from Robert Miller.", False)


@pytest.mark.parametrize("text", ["", "no JSON", "{", "[]", '{"summary": 7}', '{"note": "x"}'])
def test_without_a_story_of_the_model_the_rows_tell_it(text):
    call = make_call()
    make_turn(call=call)
    make_message(call=call)

    assert conclude(call, text).summary == (
        "The caller began with: “My kitchen tap is dripping.” Message from Robert Miller: The kitchen tap is dripping."
    )


def test_call_without_a_word_is_told_as_such():
    conclusion = conclude(make_ended_call())

    assert (conclusion.summary, conclusion.outcome, conclusion.next_action) == (
        "The caller said nothing.",
        "hung_up",
        "",
    )


def test_claim_without_a_row_sends_the_call_to_review():
    call = make_call()
    make_turn(call=call, role=Turn.Role.AGENT, text="You're booked for Tuesday.")

    conclude(call)

    call.refresh_from_db()
    assert (call.needs_review, call.review_reason) == (True, "The agent spoke of a booking, but there is none.")


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (Emergency.Status.OPEN, "Ring the caller now: nobody has accepted the emergency."),
        (Emergency.Status.UNANSWERED, "Ring the caller now: nobody has accepted the emergency."),
        (Emergency.Status.ACCEPTED, ""),
    ],
)
def test_emergency_comes_before_everything_else(status, action):
    call = make_call()
    make_emergency(call, status=status)

    conclusion = conclude(call)

    assert (conclusion.outcome, conclusion.next_action) == (Call.Outcome.EMERGENCY, action)


def test_callback_that_was_given_up_and_open_question_are_told():
    call = make_call()
    Callback.objects.create(
        business=call.business,
        call=call,
        number="+15550100001",
        reason="Tap",
        consent="Yes.",
        asked_at=NOW,
        due_at=NOW,
        status=Callback.Status.FAILED,
    )
    assert conclude(call).next_action == "Call back: the caller could not be reached."

    other = make_call()
    KnownAnswer.objects.create(business=other.business, call=other, question="Do you fix boats?")
    assert conclude(other).next_action == "Answer the question that the agent could not answer."


@pytest.mark.parametrize(
    ("fields", "letters"),
    [
        ({"email": "owner@example.com"}, 1),
        ({"email": "owner@example.com", "emails_summaries": False}, 0),
        ({"email": ""}, 0),
    ],
)
def test_owner_is_told_once_of_a_call_that_needs_a_person(fields, letters):
    call = make_call(line=make_line(business=make_business(**fields)))
    make_message(call=call)

    conclude(call)
    conclude(call)

    subjects = list(OutgoingEmail.objects.values_list("to", "subject"))
    assert subjects == [("owner@example.com", "A call to Cedar Plumbing needs you: Robert Miller")] * letters


def test_owner_is_not_told_of_a_call_that_needs_nobody():
    call = make_ended_call(line=make_line(business=make_business(email="owner@example.com")))
    make_turn(call=call)

    assert conclude(call).outcome == Call.Outcome.ANSWERED
    assert OutgoingEmail.objects.count() == 0


def test_what_the_hand_over_left_to_do_is_not_forgotten():
    call = make_call(next_action="Listen to the voicemail, and call back.")

    assert conclude(call).next_action == "Listen to the voicemail, and call back."
