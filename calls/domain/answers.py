"""What the business has approved to be said when callers ask.

Questions about opening hours are answered from the rows. Another has its answer only when it is about the same things
as one that the owner has answered. Everything else becomes an open question: the owner answers it once in the admin,
and the next caller hears it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet

from calls.domain import history, opening
from calls.domain.topics import in_general, is_turned_round, topics_of
from calls.domain.words import meaning_of
from calls.models import Business, Call, KnownAnswer

# Of the words of both questions together, how many each shares with the other. At two thirds "Which brands?" is still
# "What brands do you install?", and "gift cards" is no longer "cards".
ALIKE = 0.6
MORE_ALIKE = 0.7  # where the caller asks of something that the other question does not name
MOST_OPEN_A_CALL = 10
MOST_SIMILAR = 3
ASKED = "question_asked"
HOURS = "What are the opening hours?"


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
    call = Call.objects.select_related("business").get(pk=call_id)
    if call.business_id is None:
        return Found()
    if told := opening.answer(business=call.business, question=asked, now=now):
        return Found(question=HOURS, answer=told)
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
    if not ranked or ranked[0][0] < _needed(asked, ranked[0][2].question):
        return None
    if len(ranked) > 1 and ranked[1][0] == ranked[0][0] and ranked[1][2].answer != ranked[0][2].answer:
        return None
    return ranked[0][2]


def _needed(asked: str, known: str) -> float:
    more = in_general(topics_of(asked)) - in_general(topics_of(known))
    return MORE_ALIKE if more else ALIKE


def likeness(one: str, other: str) -> float:
    """From 0, nothing in common, to 1, the same. `other` may be the more general of the two."""
    if is_turned_round(one) != is_turned_round(other):
        return 0.0  # "what is not covered" is no question for the answer to "what is covered"
    a, b = topics_of(one), topics_of(other)
    general = in_general(a)
    return max(_share(a, b), _share(general, b) if general == in_general(b) == b else 0.0)


def _share(a: frozenset[str], b: frozenset[str]) -> float:
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0


def _similar(asked: str, answered: Iterable[KnownAnswer]) -> list[str]:
    near = sorted(((likeness(asked, row.question), row.question) for row in answered), reverse=True)
    return [question for how, question in near[:MOST_SIMILAR] if how > 0]


def asked(*, call: Call) -> list[KnownAnswer]:
    """The questions of a call that had no answer then, whoever has asked the same since."""
    return list(KnownAnswer.objects.filter(Q(pk__in=_asked_in(call)) | Q(call=call)))


def open_questions(*, call: Call) -> list[KnownAnswer]:
    """Those of them that still have none."""
    return [row for row in asked(call=call) if row.is_open]


def askers(*, row: KnownAnswer) -> QuerySet[Call]:
    """The calls in which a question was asked and not known, the newest first: these wait for the answer."""
    asked = Q(events__kind=ASKED, events__detail__question=row.pk) | Q(pk=row.call_id)
    return Call.objects.filter(asked).distinct().order_by("-rang_at")


def _asked_in(call: Call) -> set[int]:
    details = call.events.filter(kind=ASKED).values_list("detail", flat=True)
    return {detail["question"] for detail in details}


def _keep_open(call: Call, asked: str, open_rows: list[KnownAnswer], now: datetime) -> None:
    """One row a question, however many ask; each call that asked is known by an event."""
    before = _asked_in(call)
    row = nearest(asked, open_rows)
    if row is None:
        if len(before) >= MOST_OPEN_A_CALL:
            return
        row = KnownAnswer.objects.create(business_id=call.business_id, question=asked)
    if row.pk not in before:
        KnownAnswer.objects.filter(pk=row.pk).update(times_asked=F("times_asked") + 1, call=call, asked_at=now)
        at_ms = max(0, int((now - call.rang_at).total_seconds() * 1000))
        history.record_event(call_id=call.pk, kind=ASKED, at_ms=at_ms, detail={"question": row.pk})
