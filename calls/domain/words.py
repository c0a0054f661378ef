"""Words as they are compared when a caller's or the model's wording has to be found among ours."""

import re
import unicodedata

# Words that questions and names share whatever they are about.
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """
        a an the and or of for to in on at by with from do does did is are was be am can could will would
        should have has had i we you he she it they me us my our your their this that these those there here
        what which who how when please tell know about any some also just if so as thing guy folk really
        actually maybe
        """,
    )
)
_BREAK = re.compile(r"[\W_]+")


def words_of(text: str) -> list[str]:
    """The words without case, accents, punctuation and the plural's s."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("’", "'").replace("'", ""))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [_singular(word) for word in _BREAK.split(letters) if word]


def meaning_of(text: str) -> frozenset[str]:
    """The words that carry the meaning; those that carry none only where there are no others."""
    words = frozenset(words_of(text))
    return words - _EMPTY or words


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
