"""Wordings are compared by the words that carry the meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.domain.words import meaning_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Drain  Cleaning!", ["drain", "cleaning"]),
        ("Water-heaters, batteries & glass", ["water", "heater", "battery", "glass"]),
        ("Café owner’s gas", ["cafe", "owner", "gas"]),
        ("¿?", []),
    ],
)
def test_case_accents_punctuation_and_the_plural_do_not_count(text, words):
    assert words_of(text) == words


def test_small_words_carry_no_meaning():
    assert meaning_of("Could you tell me if you are licensed, please?") == {"licensed"}


def test_small_words_count_where_there_are_no_others():
    assert meaning_of("Who are you?") == {"who", "are", "you"}


@given(st.text(max_size=60))
def test_words_of_words_are_the_same_words(text):
    again = words_of(" ".join(words_of(text)))

    assert len(again) == len(words_of(text))
    assert words_of(" ".join(words_of(text).__reversed__())) == again[::-1]
