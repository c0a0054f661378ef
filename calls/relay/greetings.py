"""The greeting that the model has said, on its way to the calls to come: checked, trimmed, kept."""

from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from calls import database
from calls.audio import BYTES_PER_MS, level_dbov
from calls.domain import greetings
from calls.domain.streams import AdmittedStream
from calls.logs import CallLogger

QUIET_DBOV = -50.0
WINDOW = 20 * BYTES_PER_MS
MS_PER_LETTER = (20, 250)
"""Speech takes 60 to 90; sound in another format than mu-law would take six times as long."""


async def keep(admitted: AdmittedStream, payloads: Sequence[str], log: CallLogger) -> None:
    """Keep the greeting for the agent's next call, unless it cannot be one."""
    refusal = await database.run(_keep, admitted=admitted, payloads=payloads, now=timezone.now())
    if refusal:
        log.warning("the greeting is not kept", extra={"why": refusal})
    else:
        log.info("the greeting is kept")


def _keep(*, admitted: AdmittedStream, payloads: Sequence[str], now: datetime) -> str:
    persona = admitted.persona
    sound = without_lead(b"".join(map(b64decode, payloads)))
    ms = len(sound) // BYTES_PER_MS
    if refusal := refusal_of(sound, persona.greeting):
        return refusal
    words = {"text": persona.greeting, "voice": persona.voice, "model": admitted.model, "host": admitted.realtime_host}
    greetings.keep(agent_id=admitted.agent_id, **words, sound=sound, ms=ms, now=now)
    return ""


def without_lead(sound: bytes) -> bytes:
    """`sound` from 20 ms before its first audible moment: a caller shall not wait for a breath."""
    audible = (i for i in range(0, len(sound), WINDOW) if level_dbov(sound[i : i + WINDOW]) > QUIET_DBOV)
    return sound[max(0, next(audible, len(sound)) - WINDOW) :]


def refusal_of(sound: bytes, text: str) -> str:
    """Why this cannot be somebody who says `text`; empty when it can."""
    if level_dbov(sound) <= QUIET_DBOV:
        return "it is silent"
    shortest, longest = (per_letter * len(text) for per_letter in MS_PER_LETTER)
    ms = len(sound) // BYTES_PER_MS
    return "" if shortest <= ms <= longest else f"{ms} ms do not fit {len(text)} letters"
