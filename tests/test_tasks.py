"""Each task says in a line what it has done, and names nobody."""

from datetime import timedelta

import pytest

from calls import mail, tasks
from calls.domain.outbox import NotSent
from tests.domain.test_outbox import write
from tests.factories import RANG_AT, make_business

pytestmark = pytest.mark.django_db


def test_letters_are_sent_one_at_a_time_and_told(mailoutbox):
    business = make_business()
    first, second = write("quote:A1", business=business), write("quote:A2", business=business)

    assert [list(tasks.send_emails(RANG_AT)) for _ in range(3)] == [
        [f"e-mail {first.pk} (quote): sent"],
        [f"e-mail {second.pk} (quote): sent"],
        [],
    ]
    assert len(mailoutbox) == 2


@pytest.mark.parametrize(
    ("is_permanent", "line"),
    [(False, "not sent, again at 15:04:35 UTC. It is full."), (True, "given up. It is full.")],
)
def test_a_letter_that_was_refused_is_told_with_the_reason(monkeypatch, is_permanent, line):
    def refuse(email):
        raise NotSent("It is full.", permanent=is_permanent)

    monkeypatch.setattr(mail, "send", refuse)
    letter = write()

    assert list(tasks.send_emails(RANG_AT + timedelta(seconds=0))) == [f"e-mail {letter.pk} (quote): {line}"]


def test_every_task_of_the_worker_finds_nothing_due_in_an_empty_house():
    assert [list(task(RANG_AT)) for task in tasks.DUE] == [[] for _ in tasks.DUE]
