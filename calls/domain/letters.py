"""The wording of letters: fixed templates under templates/emails, a text and a page for each, filled in with rows.

Nothing that the model or a caller has worded becomes part of one, but for names that stand in the book, and of what the
business itself is told.
"""

from collections.abc import Mapping
from typing import NamedTuple

from django.template.loader import render_to_string


class Wording(NamedTuple):
    body: str
    html: str


def wording(*, name: str, facts: Mapping[str, object]) -> Wording:
    """The letter of that name as text and as a page. Both templates have to exist."""
    return Wording(
        body=render_to_string(f"emails/{name}.txt", dict(facts)).strip() + "\n",
        html=render_to_string(f"emails/{name}.html", dict(facts)),
    )
