"""The wording of letters: fixed templates under templates/emails, a text and a page for each, filled in with rows.

Nothing that the model or a caller has worded becomes part of one, but for names that stand in the book, and of what the
business itself is told.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from django.template.loader import render_to_string

# What mail programs make a link of: www., a scheme, or a dot between a word and what could be a domain.
_LINK = re.compile(r"www\.|//|@|\w\.(?:[^\W\d_]{2,}|xn--)", re.IGNORECASE)
_DOTS = str.maketrans("。．｡․", "....")


class NotPlain(Exception):
    """The words could carry a link to somebody who never asked for it; the text says what to do."""


class Wording(NamedTuple):
    body: str
    html: str


def read_plain(*texts: str) -> None:
    """Let what a caller has said into a letter. Raises NotPlain where a mail program could make a link of it."""
    for text in texts:
        if link := _LINK.search(unicodedata.normalize("NFKC", text.translate(_DOTS))):
            raise NotPlain(
                f"Web and e-mail addresses cannot be written into a booking ({link[0]}). Leave that out; put a space "
                "after the dot of an abbreviation."
            )


def wording(*, name: str, facts: Mapping[str, object]) -> Wording:
    """The letter of that name as text and as a page. Both templates have to exist."""
    return Wording(
        body=render_to_string(f"emails/{name}.txt", dict(facts)).strip() + "\n",
        html=render_to_string(f"emails/{name}.html", dict(facts)),
    )
