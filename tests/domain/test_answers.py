"""Approved answers are given to the same question in other words; nothing else is."""

import threading

import pytest
from django.db import connection

from calls.domain import answers, summaries
from calls.domain.answers import Found, NoQuestion
from calls.models import KnownAnswer
from tests.factories import RANG_AT, make_call
from tests.factories_trade import make_answer

pytestmark = pytest.mark.django_db

BOOK = {
    "Are you licensed?": "Yes, in New York.",
    "Do you take credit cards?": "Yes, and checks.",
    "What brands do you install?": "Rheem and Bradford White.",
    "Is there a warranty on your work?": "One year.",
    "What are your opening hours?": "Eight to five on weekdays.",
}


@pytest.fixture
def call():
    call = make_call()
    for question, answer in BOOK.items():
        make_answer(business=call.business, question=question, answer=answer)
    return call


def ask(call, question):
    return answers.answer_question(call_id=call.pk, question=question, now=RANG_AT)


def open_rows():
    return list(KnownAnswer.objects.filter(answer="").values_list("question", "times_asked"))


@pytest.mark.parametrize(
    ("asked", "question"),
    [
        ("are you LICENSED", "Are you licensed?"),
        ("Could you tell me if you're licensed, please?", "Are you licensed?"),
        ("Do you take a credit card?", "Do you take credit cards?"),
        ("Which brands?", "What brands do you install?"),
        ("warranty work", "Is there a warranty on your work?"),
        ("When are your hours?", "What are your opening hours?"),
    ],
)
def test_the_same_question_in_other_words_has_its_answer(call, asked, question):
    assert ask(call, asked) == Found(question=question, answer=BOOK[question])
    assert open_rows() == []
    assert KnownAnswer.objects.get(question=question).times_asked == 1


@pytest.mark.parametrize(
    ("asked", "similar"),
    [
        ("Do you sell gift cards at the counter?", ()),
        ("Are you bonded?", ()),
        ("Do you clear snow?", ()),
        ("Are your plumbers licensed and insured in Vermont?", ("Are you licensed?",)),
    ],
)
def test_another_question_is_kept_open_and_not_answered(call, asked, similar):
    assert ask(call, asked) == Found(similar=similar)
    assert open_rows() == [(asked, 1)]


def test_two_answers_that_fit_equally_are_none(call):
    make_answer(business=call.business, question="Are your people licensed?", answer="Each of them.")
    make_answer(business=call.business, question="Are your vans licensed?", answer="All three.")

    assert ask(call, "Are your drivers and people and vans licensed?").answer == ""


def test_of_two_answers_that_fit_equally_the_very_same_question_wins(call):
    make_answer(business=call.business, question="Is he licensed?", answer="Robert is.")

    assert ask(call, "are you licensed?").answer == "Yes, in New York."
    assert ask(call, "is it licensed").answer == ""


def test_an_unknown_question_is_one_row_however_often_it_is_asked(call):
    ask(call, "Do you clear snow?")
    ask(call, "do you CLEAR   snow")
    ask(make_call(line=call.line), "Could you clear some snow?")

    assert open_rows() == [("Do you clear snow?", 2)]


def test_what_the_owner_has_answered_is_known_from_then_on(call):
    ask(call, "Do you clear snow?")
    KnownAnswer.objects.filter(answer="").update(answer="No, we do not.")

    assert ask(call, "do you clear snow") == Found("Do you clear snow?", "No, we do not.")


def test_other_businesses_answers_say_nothing(call):
    make_answer(question="Do you clear snow?", answer="Yes.")

    assert ask(call, "Do you clear snow?").answer == ""


@pytest.mark.parametrize("asked", ["", "   ", "?!", "…"])
def test_without_words_there_is_no_question(call, asked):
    with pytest.raises(NoQuestion):
        ask(call, asked)


def test_a_call_leaves_only_so_many_open_questions(call):
    for number in range(30):
        ask(call, f"subject{number} detail{number}")

    assert len(open_rows()) == answers.MOST_OPEN_A_CALL


def test_a_long_question_is_kept_as_far_as_it_fits(call):
    ask(call, "snow " * 100)

    assert len(KnownAnswer.objects.get(answer="").question) <= 300


@pytest.mark.django_db(transaction=True)
def test_many_callers_with_one_question_at_once_make_one_row():
    line = make_call().line
    calls = [make_call(line=line) for _ in range(6)]
    together = threading.Barrier(len(calls))

    def work(call):
        together.wait()
        try:
            ask(call, "Do you clear snow?")
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert open_rows() == [("Do you clear snow?", 6)]


def test_each_caller_who_asked_is_owed_the_answer(call):
    second = make_call(line=call.line)
    ask(call, "Do you clear snow?")
    ask(second, "Could you clear some snow?")
    ask(second, "do you clear snow")

    row = KnownAnswer.objects.get(answer="")
    assert [answers.open_questions(call=each) for each in (call, second)] == [[row], [row]]
    assert set(answers.askers(row=row)) == {call, second}
    for each in (call, second):
        conclusion = summaries.conclude_call(call_id=each.pk, model_text="", now=RANG_AT)
        assert conclusion.next_action == "Answer the question that the agent could not answer."


def test_once_it_is_answered_nothing_is_open_and_the_askers_are_still_known(call):
    ask(call, "Do you clear snow?")
    KnownAnswer.objects.filter(answer="").update(answer="No.")

    row = KnownAnswer.objects.get(question="Do you clear snow?")
    assert (answers.open_questions(call=call), answers.asked(call=call)) == ([], [row])
    assert list(answers.askers(row=row)) == [call]


def test_call_that_asked_nothing_is_owed_nothing(call):
    ask(call, "Are you licensed?")

    assert answers.asked(call=call) == []
