"""What falls due between calls: for each kind of it a queue, the rows that are due, and the task that does one of them.

A task takes the id of a row, asks one domain function, and gives a line on what it has done; None when there was
nothing to do. The row is claimed before it is touched, so that a task may run twice, late, or beside another worker.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.utils import timezone
from django_tasks import task
from django_tasks.base import Task

from calls import agents, mail, telephone
from calls.domain import callback_dialing, delivery, escalation, outbox
from calls.domain.callback_objections import Readiness
from calls.domain.outbox import Attempt
from calls.logs import mask_contacts


class Due(Protocol):
    """Looks up the ids of at most so many rows that are due, the oldest first."""

    def __call__(self, *, now: datetime, most: int) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Duty:
    """One kind of work: what is due of it, and the task that does it. `is_possible` says whether it can be done."""

    task: Task[[int], str | None]
    due: Due
    is_possible: Callable[[], bool] = lambda: True

    @property
    def queue(self) -> str:
        return self.task.queue_name


@task(queue_name="escalate_emergencies")
def escalate_emergency(emergency_id: int) -> str | None:
    alert = escalation.escalate(emergency_id=emergency_id, telephone=telephone.telephone(), now=timezone.now())
    return f"emergency {emergency_id}: person {alert.position} is rung" if alert else None


@task(queue_name="ring_callbacks")
def ring_callback(callback_id: int) -> str | None:
    step = callback_dialing.ring(
        callback_id=callback_id, telephone=telephone.telephone(), readiness=_readiness(), now=timezone.now()
    )
    if step is None:
        return None
    why = f" ({mask_contacts(step.why)})" if step.why else ""
    return f"callback {step.callback_id}: {step.done.replace('_', ' ')}{why}"


def _readiness() -> Readiness:
    return Readiness(obstacle=agents.obstacle(), refused_models=agents.refused_models(), limits=agents.limits())


@task(queue_name="send_emails")
def send_email(email_id: int) -> str | None:
    attempt = outbox.send_email(email_id=email_id, send=mail.send, now=timezone.now())
    return _line("e-mail", attempt) if attempt else None


@task(queue_name="send_messages")
def send_message(message_id: int) -> str | None:
    attempt = outbox.send_message(
        message_id=message_id, send=telephone.send_message, find=telephone.find_message, now=timezone.now()
    )
    if attempt is None:
        return None
    if attempt.is_given_up and attempt.letter.error_code:
        delivery.note_failure(message=attempt.letter, error_code=attempt.letter.error_code)
    return _line("text message", attempt)


def _line(kind: str, attempt: Attempt) -> str:
    """No address and no number, not even one that the other side quotes: what a worker prints ends in log files."""
    reason = mask_contacts(attempt.reason)
    letter = f"{kind} {attempt.letter.pk} ({attempt.letter.purpose})"
    if attempt.is_sent:
        return f"{letter}: sent"
    if attempt.is_given_up:
        return f"{letter}: given up. {reason}"
    return f"{letter}: not sent, again at {attempt.letter.due_at:%H:%M:%S} UTC. {reason}"


DUTIES = [
    Duty(escalate_emergency, escalation.due_emergencies),
    # Without Twilio's credentials nothing is dialed, and the promises stay due.
    Duty(ring_callback, callback_dialing.due_callbacks, is_possible=telephone.is_equipped),
    Duty(send_email, outbox.due_emails),
    Duty(send_message, outbox.due_messages),
]
