"""Hears in the caller's own words what the agent may fail to hear: that somebody is in danger."""

from datetime import datetime

from calls.domain import emergencies


def warning(*, kind: str, emergency_number: str) -> str:
    """What the model is told as long as nothing could be written down: what keeps people safe waits for no database."""
    safety = emergencies.safety_sentence(kind=kind, emergency_number=emergency_number)
    return (
        f"The caller's words mean an emergency ({emergencies.KINDS[kind]}). Say now: {safety} Promise nothing else yet."
    )


def raise_alarm(*, call_id: int, kind: str, text: str, now: datetime) -> str:
    """Raise an emergency of the kind that the caller's words mean, unless somebody has raised it.

    Returns what the model has to be told then, "" otherwise.
    """
    try:
        emergency = emergencies.raise_by_words(call_id=call_id, kind=kind, text=text, now=now)
    except emergencies.NoBusiness:
        return ""
    if emergency is None:
        return ""
    safety = emergencies.safety_sentence(kind=kind, emergency_number=emergency.business.emergency_number)
    return (
        f"The caller's words mean an emergency ({emergencies.KINDS[kind]}). It has been raised, and the on-call person "
        f"is being rung. If you have not said it yet, say now: {safety} Then ask for the address and call "
        "report_emergency with it. Promise no time of arrival."
    )
