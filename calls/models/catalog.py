"""What OpenAI Realtime offers: its voices, and its models with the days on which they are shut down.

Read on 2026-11-20 from the vendor's pages on models and deprecations. A newer model needs a line here, or stands in
OPENAI_REALTIME_MODEL while the agent's own model is left blank.
"""

import re
from dataclasses import dataclass
from datetime import date

DEFAULT_MODEL = "gpt-realtime-2.1"

VOICES = {
    "marin": "natural, recommended",
    "cedar": "natural, recommended",
    "alloy": "neutral",
    "ash": "clear",
    "ballad": "melodic",
    "coral": "friendly",
    "echo": "resonant",
    "sage": "calm",
    "shimmer": "bright",
    "verse": "versatile",
}
SPEECH_ONLY_VOICES = {"fable", "nova", "onyx"}  # of the text-to-speech API; noise on a telephone


@dataclass(frozen=True, slots=True)
class Offer:
    """A model and, once the vendor has announced it, its last day and what takes its place."""

    about: str = ""
    shut_down_on: date | None = None
    replacement: str = DEFAULT_MODEL


_JANUARY = date(2027, 1, 20)
MODELS = {
    "gpt-realtime-2.1": Offer("the best at names, numbers and noise"),
    "gpt-realtime-2.1-mini": Offer("a third of the price"),
    "gpt-realtime-2": Offer("the one before"),
    "gpt-realtime-1.5": Offer("does not reason"),
    "gpt-realtime": Offer(shut_down_on=_JANUARY),
    "gpt-realtime-2025-08-28": Offer(shut_down_on=_JANUARY),
    "gpt-realtime-mini": Offer(shut_down_on=_JANUARY, replacement="gpt-realtime-2.1-mini"),
    "gpt-realtime-mini-2025-10-06": Offer(shut_down_on=_JANUARY, replacement="gpt-realtime-2.1-mini"),
    "gpt-realtime-mini-2025-12-15": Offer(shut_down_on=_JANUARY, replacement="gpt-realtime-2.1-mini"),
}
_RETIRED = re.compile(r"gpt-4o(-mini)?-realtime-preview")
_OTHER_PRODUCT = re.compile(r"gpt-live-|whisper|transcribe|tts")


def current_models() -> list[str]:
    return [name for name, offer in MODELS.items() if offer.shut_down_on is None]


def is_known_model(name: str) -> bool:
    """Known to answer, to be gone, or to do something else; others may be newer than this list."""
    return bool(name in MODELS or _RETIRED.match(name) or _OTHER_PRODUCT.search(name))


def refusal_of_model(name: str, *, today: date | None = None) -> str:
    """Why a call cannot be answered by this model, or "". Without `today` the announced days are left out."""
    if _RETIRED.match(name):
        return f"{name} was shut down in 2026. Use {_replacement(name)}."
    if _OTHER_PRODUCT.search(name):
        return f"{name} cannot hold a Realtime conversation. Use {DEFAULT_MODEL}."
    offer = MODELS.get(name)
    if offer is None:
        return (
            f"No Realtime model named {name} is known here. Choose one of {', '.join(current_models())}; or leave it "
            f"blank and name a newer one in OPENAI_REALTIME_MODEL."
        )
    if today and offer.shut_down_on and today >= offer.shut_down_on:
        return f"{name} was shut down on {offer.shut_down_on.isoformat()}. Use {offer.replacement}."
    return ""


def warning_about_model(name: str, *, today: date) -> str:
    """What is coming for a model that still answers, or ""."""
    offer = MODELS.get(name)
    if offer is None or offer.shut_down_on is None or today >= offer.shut_down_on:
        return ""
    day = offer.shut_down_on.isoformat()
    return f"{name} will be shut down on {day}; from then on calls would fail. Change to {offer.replacement} before."


def refusal_of_voice(name: str) -> str:
    """Why the session would be refused or spoilt by this voice, or ""."""
    if name in VOICES:
        return ""
    choice = f"Choose one of {', '.join(VOICES)}."
    if name in SPEECH_ONLY_VOICES:
        return f"{name} is a voice of the text-to-speech API; Realtime makes noise of it. {choice}"
    return f"Realtime has no voice named {name}. {choice}"


def _replacement(name: str) -> str:
    return "gpt-realtime-2.1-mini" if "-mini" in name else DEFAULT_MODEL
