"""Each task does one row and says in a line what it has done, and names nobody."""

import pytest
from django.utils import timezone

from calls import mail, tasks
from calls.domain.outbox import NotSent
from calls.models import Callback
from tests import factories
from tests.domain.test_outbox import write
from tests.factories import RANG_AT

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_the_time_of_the_call(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: RANG_AT)


def test_a_letter_is_sent_once_and_told(mailoutbox):
    letter = write()

    assert [tasks.send_email.call(letter.pk) for _ in range(2)] == [f"e-mail {letter.pk} (quote): sent", None]
    assert len(mailoutbox) == 1


@pytest.mark.parametrize(
    ("is_permanent", "line"),
    [(False, "not sent, again at 15:04:35 UTC. It is full."), (True, "given up. It is full.")],
)
def test_a_letter_that_was_refused_is_told_with_the_reason(monkeypatch, is_permanent, line):
    def refuse(email):
        raise NotSent("It is full.", permanent=is_permanent)

    monkeypatch.setattr(mail, "send", refuse)
    letter = write()

    assert tasks.send_email.call(letter.pk) == f"e-mail {letter.pk} (quote): {line}"


def test_addresses_and_numbers_in_a_refusal_of_the_other_side_are_not_told(monkeypatch):
    def refuse(email):
        raise NotSent("550 <ann.lee@example.com>: unknown; 'To' +15550100001 is not valid", permanent=True)

    monkeypatch.setattr(mail, "send", refuse)
    letter = write()

    told = tasks.send_email.call(letter.pk)

    assert told == f"e-mail {letter.pk} (quote): given up. 550 <•••@•••>: unknown; 'To' •••01 is not valid"
    letter.refresh_from_db()
    assert "ann.lee@example.com" in letter.error  # whoever looks at the row needs it


def test_nobody_is_rung_back_while_this_process_knows_that_no_agent_could_talk(settings):
    settings.OPENAI_API_KEY = ""
    line = factories.make_line()
    words = {"reason": "a quote", "consent": "Yes.", "asked_at": RANG_AT, "due_at": RANG_AT}
    callback = Callback.objects.create(business=line.business, number="+15550100001", **words)

    told = tasks.ring_callback.call(callback.pk)

    assert told == f"callback {callback.pk}: put off (no agent can talk: no_openai_key)"


def test_nothing_is_due_in_an_empty_house_and_a_row_that_is_gone_is_nothing_to_do():
    assert [duty.due(now=RANG_AT, most=9) for duty in tasks.DUTIES] == [[] for _ in tasks.DUTIES]
    assert [duty.task.call(404) for duty in tasks.DUTIES] == [None for _ in tasks.DUTIES]


def test_each_duty_has_a_queue_of_its_own():
    assert [duty.queue for duty in tasks.DUTIES] == [
        "escalate_emergencies",
        "ring_callbacks",
        "send_emails",
        "send_messages",
    ]
