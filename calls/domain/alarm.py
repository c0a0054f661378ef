"""Hears in the caller's own words what the agent may fail to hear: that somebody is in danger."""

from datetime import datetime

from calls.domain import emergencies
from calls.domain.emergency_words import words_alarm
from calls.models import Emergency


def heed(*, call_id: int, text: str, now: datetime) -> str:
    """Raise an emergency if these words of the caller mean one that nobody has raised yet.

    Returns what the model has to be told then, "" otherwise.
    """
    kind = words_alarm(text)
    if kind is None or Emergency.objects.filter(call_id=call_id).exists():
        return ""
    try:
        emergency = emergencies.raise_by_words(call_id=call_id, kind=kind, text=text, now=now)
    except emergencies.NoBusiness:
        return ""
    safety = emergencies.safety_sentence(kind=kind, emergency_number=emergency.business.emergency_number)
    return (
        f"The caller's words mean an emergency ({emergencies.KINDS[kind]}). It has been raised, and the on-call person "
        f"is being rung. If you have not said it yet, say now: {safety} Then ask for the address and call "
        "report_emergency with it. Promise no time of arrival."
    )
