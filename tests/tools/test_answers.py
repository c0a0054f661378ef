import pytest

from calls.models import KnownAnswer
from tests.factories import make_call
from tests.factories_trade import make_answer
from tests.tools.kit import ask, make, refusal

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


def call_about_the_house():
    call = make_call()
    make_answer(business=call.business, question="Are you licensed?", answer="Yes, in New York.")
    return call


async def test_an_approved_answer_is_given_word_for_word():
    answer = await ask(await make(call_about_the_house), "answer_question", question="you're licensed, are you?")

    assert answer.result == {"known": True, "question": "Are you licensed?", "answer": "Yes, in New York."}


async def test_an_unknown_question_is_left_for_the_owner():
    answer = await ask(await make(call_about_the_house), "answer_question", question="Do you clear snow?")

    assert answer.result == {
        "known": False,
        "next": "Say that you do not know, and that somebody will tell them. Offer to take a message. Guess nothing.",
    }
    assert [row async for row in KnownAnswer.objects.filter(answer="").values_list("question", flat=True)] == [
        "Do you clear snow?"
    ]


async def test_questions_that_come_near_are_named_without_their_answers():
    call = await make(call_about_the_house)

    answer = await ask(call, "answer_question", question="Are the plumbers licensed and bonded in Vermont?")

    assert (answer.result["known"], answer.result["answered_questions"]) == (False, ["Are you licensed?"])
    assert "answer" not in answer.result


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("", "question: '' should be non-empty"),
        ("?!", "There is no question in that. Ask what the caller would like to know."),
    ],
)
async def test_without_words_the_caller_is_asked_again(question, sentence):
    call = await make(call_about_the_house)

    assert await refusal(call, "answer_question", question=question) == sentence
