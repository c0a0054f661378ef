"""What falls due between calls. Each task is given the time, does what one domain function finds due, and says so.

A task gives a line for each thing that it has done, and nothing when nothing was due; it is then asked again after a
short pause. Every row is claimed before it is touched, so any number of workers may run the same task.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from calls import mail
from calls.domain import outbox
from calls.domain.outbox import Attempt

Task = Callable[[datetime], Iterable[str]]


def send_emails(now: datetime) -> Iterator[str]:
    """One letter at a time, so that the time by which it is claimed is never an old one."""
    for attempt in outbox.send_due_emails(send=mail.send, now=now, most=1):
        yield _line("e-mail", attempt)


def _line(kind: str, attempt: Attempt) -> str:
    """No address and no number: what a worker prints ends in log files."""
    letter = f"{kind} {attempt.letter.pk} ({attempt.letter.purpose})"
    if attempt.is_sent:
        return f"{letter}: sent"
    if attempt.is_given_up:
        return f"{letter}: given up. {attempt.reason}"
    return f"{letter}: not sent, again at {attempt.letter.due_at:%H:%M:%S} UTC. {attempt.reason}"


DUE: list[Task] = [send_emails]
