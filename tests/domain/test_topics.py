"""Callers' questions in their own words, held against the answers of a plumber, a locksmith or a towing service."""

import pytest

from calls.domain import answers
from tests.factories import RANG_AT, make_call
from tests.factories_trade import make_answer

PAYMENT, CARDS = "How can I pay?", "Do you take credit cards?"
LICENSE, WARRANTY = "Are you licensed and insured?", "Is there a warranty on your work?"
BRANDS, HOME = "What brands of water heaters do you install?", "Do I have to be at home?"
BOOK = [PAYMENT, LICENSE, WARRANTY, BRANDS, HOME]

KNOWN = {
    "Do you take Visa?": PAYMENT,
    "Do you accept credit cards?": PAYMENT,
    "Can I pay cash?": PAYMENT,
    "Do you accept American Express?": PAYMENT,
    "What forms of payment do you take?": PAYMENT,
    "What payment methods do you accept?": PAYMENT,
    "Can I pay with a check?": PAYMENT,
    "Do you take Apple Pay or Venmo?": PAYMENT,
    "Can I pay by debit card?": PAYMENT,
    "Do you guarantee your work?": WARRANTY,
    "Is your work guaranteed?": WARRANTY,
    "Do you offer a warranty on your work?": WARRANTY,
    "Are you insured?": LICENSE,
    "Are you licensed?": LICENSE,
    "Do you have a license and insurance?": LICENSE,
    "Do I need to be home?": HOME,
    "Which makes of water heaters do you install?": BRANDS,
}
UNKNOWN = [
    "What is not covered by the warranty on your work?",
    "What voids the warranty on your work?",
    "Is your work excluded from the warranty?",
    "Isn't there a warranty on your work?",
    "Has your license expired?",
    "Is your insurance suspended?",
    "Are you not licensed?",
    "Why don't you take Visa?",
    "Do you have gift cards?",
    "Do you have a business card?",
    "Do I have to be at home when you bill me?",
    "Are you bonded?",
    "Do you do background checks?",
    "Do you sell water heaters?",
    "Do you have a discount for seniors?",
    "Can you check my water heater?",
    "Do you offer financing?",
]

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask():
    call = make_call()

    def ask(question, *, book=BOOK):
        for known in book:
            make_answer(business=call.business, question=known, answer=f"Answer to {known}")
        return answers.answer_question(call_id=call.pk, question=question, now=RANG_AT)

    return ask


@pytest.mark.parametrize(("question", "known"), KNOWN.items())
def test_question_in_other_words_has_the_answer(ask, question, known):
    assert ask(question).question == known


@pytest.mark.parametrize("question", UNKNOWN)
def test_question_about_something_else_goes_to_the_owner(ask, question):
    assert ask(question).answer == ""


def test_contrary_question_is_not_even_offered_as_near(ask):
    assert WARRANTY not in ask("What is not covered by the warranty on your work?").similar


@pytest.mark.parametrize("question", ["Do you take Visa?", "Do you accept Mastercard?"])
def test_answer_about_cards_answers_for_each_card(ask, question):
    assert ask(question, book=[CARDS]).question == CARDS


@pytest.mark.parametrize("question", ["Can I pay cash?", "Do you take checks?", "How can I pay?"])
def test_answer_about_cards_says_nothing_of_other_ways_to_pay(ask, question):
    assert ask(question, book=[CARDS]).answer == ""


def test_contrary_question_that_the_owner_has_answered_is_known(ask):
    found = ask("What's not covered by your warranty?", book=["What is not covered by the warranty?", WARRANTY])

    assert found.question == "What is not covered by the warranty?"
