"""What falls due between calls. Each task is given the time, does what one domain function finds due, and says so.

A task gives a line for each thing that it has done, and nothing when nothing was due; it is then asked again after a
short pause. Every row is claimed before it is touched, so any number of workers may run the same task.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from calls import mail, telephone
from calls.domain import callback_dialing, delivery, escalation, outbox
from calls.domain.outbox import Attempt

Task = Callable[[datetime], Iterable[str]]


def send_emails(now: datetime) -> Iterator[str]:
    """One letter at a time, so that the time by which it is claimed is never an old one."""
    for attempt in outbox.send_due_emails(send=mail.send, now=now, most=1):
        yield _line("e-mail", attempt)


def send_messages(now: datetime) -> Iterator[str]:
    for attempt in outbox.send_due_messages(send=telephone.send_message, find=telephone.find_message, now=now, most=1):
        if attempt.is_given_up and attempt.letter.error_code:
            delivery.note_failure(message=attempt.letter, error_code=attempt.letter.error_code)
        yield _line("text message", attempt)


def escalate_emergencies(now: datetime) -> Iterator[str]:
    for alert in escalation.escalate_due(telephone=telephone.telephone(), now=now):
        yield f"emergency {alert.emergency_id}: person {alert.position} is rung"


def ring_callbacks(now: datetime) -> Iterator[str]:
    """One at a time. Without Twilio's credentials nothing is dialed, and the promises stay due."""
    if not telephone.is_equipped():
        return
    for step in callback_dialing.ring_due(telephone=telephone.telephone(), now=now, most=1):
        yield f"callback {step.callback_id}: {step.done.replace('_', ' ')}{f' ({step.why})' if step.why else ''}"


def _line(kind: str, attempt: Attempt) -> str:
    """No address and no number: what a worker prints ends in log files."""
    letter = f"{kind} {attempt.letter.pk} ({attempt.letter.purpose})"
    if attempt.is_sent:
        return f"{letter}: sent"
    if attempt.is_given_up:
        return f"{letter}: given up. {attempt.reason}"
    return f"{letter}: not sent, again at {attempt.letter.due_at:%H:%M:%S} UTC. {attempt.reason}"


DUE: list[Task] = [escalate_emergencies, ring_callbacks, send_emails, send_messages]
