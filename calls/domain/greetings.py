"""The greeting that is kept as sound: which one fits a call, and the keeping of a new one.

It fits when words, voice, model and the host that speaks for OpenAI are exactly those that the call would have;
whatever changes, the model speaks again and its sound takes the old one's place. So what an emulator said while
somebody tried the product is never played to a caller.
"""

import hashlib
from datetime import datetime

from calls.models import KeptGreeting


def digest_of(*, text: str, voice: str, model: str, host: str) -> str:
    return hashlib.sha256("\0".join([text, voice, model, host]).encode()).hexdigest()


def sound_for(*, agent_id: int, text: str, voice: str, model: str, host: str) -> bytes:
    """The kept greeting in 8 kHz mu-law; empty when none fits."""
    digest = digest_of(text=text, voice=voice, model=model, host=host)
    fitting = KeptGreeting.objects.filter(agent_id=agent_id, digest=digest)
    return bytes(fitting.values_list("sound", flat=True).first() or b"")


def keep(*, agent_id: int, text: str, voice: str, model: str, host: str, sound: bytes, ms: int, now: datetime) -> None:
    """Keep a greeting in place of the agent's earlier one; the first of several calls at once wins."""
    digest = digest_of(text=text, voice=voice, model=model, host=host)
    if KeptGreeting.objects.filter(agent_id=agent_id, digest=digest).exists():
        return
    recorded = {"digest": digest, "text": text, "voice": voice, "model": model, "sound": sound, "ms": ms}
    KeptGreeting.objects.update_or_create(agent_id=agent_id, defaults=recorded | {"made_at": now})


def remove(*, agent_id: int) -> bool:
    """Forget the kept greeting, so that the next call records a new one; whether there was one."""
    removed, _ = KeptGreeting.objects.filter(agent_id=agent_id).delete()
    return bool(removed)
