"""What the business has approved to be said when callers ask.

An answer is given only when the question holds about the same words as one that the owner has answered. Everything else
becomes an open question: the owner answers it once in the admin, and the next caller hears it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from calls.domain.words import meaning_of
from calls.models import Business, Call, KnownAnswer

# Of the words of both questions together, how many each shares with the other. At two thirds "Which brands?" is still
# "What brands do you install?", and "gift cards" is no longer "cards".
ALIKE = 0.6
MOST_OPEN_A_CALL = 10
MOST_SIMILAR = 3


class NoQuestion(Exception):
    """There are no words to look for."""


@dataclass(frozen=True, slots=True)
class Found:
    """The approved answer to a question, or, without one, the questions with answers that come near."""

    question: str = ""
    answer: str = ""
    similar: tuple[str, ...] = ()


@transaction.atomic
def answer_question(*, call_id: int, question: str, now: datetime) -> Found:
    """Look a question up. One that is unknown is kept, once, for the owner to answer."""
    asked = " ".join(question.split())[:300]
    if not meaning_of(asked):
        raise NoQuestion
    call = Call.objects.get(pk=call_id)
    if call.business_id is None:
        return Found()
    Business.objects.select_for_update(no_key=True).get(pk=call.business_id)  # one row per question, whoever asks too
    rows = list(KnownAnswer.objects.filter(business=call.business_id))
    answered = [row for row in rows if not row.is_open]
    if row := nearest(asked, answered):
        KnownAnswer.objects.filter(pk=row.pk).update(times_asked=F("times_asked") + 1)
        return Found(question=row.question, answer=row.answer)
    _keep_open(call, asked, [row for row in rows if row.is_open], now)
    return Found(similar=tuple(_similar(asked, answered)))


def nearest(asked: str, rows: Iterable[KnownAnswer]) -> KnownAnswer | None:
    """The row whose question is alike; None as well when two fit equally, since choosing would be guessing."""
    rows = list(rows)
    if same := next((row for row in rows if row.question.casefold() == asked.casefold()), None):
        return same
    ranked = sorted(((likeness(asked, row.question), row.pk, row) for row in rows), reverse=True)
    if not ranked or ranked[0][0] < ALIKE:
        return None
    if len(ranked) > 1 and ranked[1][0] == ranked[0][0] and ranked[1][2].answer != ranked[0][2].answer:
        return None
    return ranked[0][2]


def likeness(one: str, other: str) -> float:
    """From 0, no word in common, to 1, the same words."""
    a, b = meaning_of(one), meaning_of(other)
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0


def _similar(asked: str, answered: Iterable[KnownAnswer]) -> list[str]:
    near = sorted(((likeness(asked, row.question), row.question) for row in answered), reverse=True)
    return [question for how, question in near[:MOST_SIMILAR] if how > 0]


def _keep_open(call: Call, asked: str, open_rows: list[KnownAnswer], now: datetime) -> None:
    if row := nearest(asked, open_rows):
        if row.call_id != call.pk:
            KnownAnswer.objects.filter(pk=row.pk).update(times_asked=F("times_asked") + 1, call=call, asked_at=now)
        return
    if sum(row.call_id == call.pk for row in open_rows) < MOST_OPEN_A_CALL:
        KnownAnswer.objects.create(business_id=call.business_id, question=asked, times_asked=1, call=call, asked_at=now)
