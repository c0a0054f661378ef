"""The greeting that is kept as sound: which one fits a call, and the keeping of a new one.

It fits when words, voice and model are exactly those that the call would have; whatever changes, the model speaks again
and its sound takes the old one's place.
"""

import hashlib
from datetime import datetime

from calls.models import KeptGreeting


def digest_of(*, text: str, voice: str, model: str) -> str:
    return hashlib.sha256("\0".join([text, voice, model]).encode()).hexdigest()


def sound_for(*, agent_id: int, text: str, voice: str, model: str) -> bytes:
    """The kept greeting in 8 kHz mu-law; empty when none fits."""
    fitting = KeptGreeting.objects.filter(agent_id=agent_id, digest=digest_of(text=text, voice=voice, model=model))
    return bytes(fitting.values_list("sound", flat=True).first() or b"")


def keep(*, agent_id: int, text: str, voice: str, model: str, sound: bytes, ms: int, now: datetime) -> None:
    """Keep a greeting in place of the agent's earlier one; the first of several calls at once wins."""
    digest = digest_of(text=text, voice=voice, model=model)
    if KeptGreeting.objects.filter(agent_id=agent_id, digest=digest).exists():
        return
    recorded = {"digest": digest, "text": text, "voice": voice, "model": model, "sound": sound, "ms": ms}
    KeptGreeting.objects.update_or_create(agent_id=agent_id, defaults=recorded | {"made_at": now})


def remove(*, agent_id: int) -> bool:
    """Forget the kept greeting, so that the next call records a new one; whether there was one."""
    removed, _ = KeptGreeting.objects.filter(agent_id=agent_id).delete()
    return bool(removed)
