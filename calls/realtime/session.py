"""The body of session.update from an agent's settings, and the simpler ones to fall back on when it is refused."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PHONE = {"type": "audio/pcmu"}  # mu-law both ways; the vendor's schema has no `rate` beside it
TRANSCRIPTION_MODEL = "gpt-transcribe"
REASONING_MODELS = re.compile(r"gpt-realtime-2(?!\d)")  # others refuse to be asked; gpt-realtime-2025-08-28 is no 2
LONGEST_ANSWER = 1024  # tokens, about 50 s of speech: a lower bound would cut sentences


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What an agent's row says about its session. `silence_ms` of quiet end the caller's turn (server VAD)."""

    instructions: str
    model: str
    voice: str = "marin"
    language: str = "en"
    semantic_vad: bool = False
    vad_threshold: float = 0.5
    silence_ms: int = 500
    tools: Sequence[dict[str, Any]] = ()


def update_ladder(settings: SessionSettings) -> list[dict[str, Any]]:
    """Three sessions to ask for, each with less that could be refused.

    An update is atomic: a single field that the model does not know rejects it whole, and the session would go on
    speaking 24 kHz PCM under the vendor's own persona.
    """
    full = _plain(settings)
    full["audio"]["input"] |= {
        "turn_detection": _turn_detection(settings),
        "noise_reduction": {"type": "near_field"},
        "transcription": {"model": TRANSCRIPTION_MODEL, "languages": [settings.language]},
    }
    full |= {
        "max_output_tokens": LONGEST_ANSWER,
        "truncation": {
            "type": "retention_ratio",
            "retention_ratio": 0.8,
            "token_limits": {"post_instructions": 12000},
        },
    }
    if REASONING_MODELS.match(settings.model):
        full["reasoning"] = {"effort": "low"}
    simpler = _plain(settings)
    simpler["audio"]["input"]["turn_detection"] = _turn_detection(settings)
    return [full, simpler, _plain(settings)]


def _plain(settings: SessionSettings) -> dict[str, Any]:
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": settings.instructions,
        "audio": {"input": {"format": PHONE}, "output": {"format": PHONE, "voice": settings.voice}},
        "tools": list(settings.tools),
        "tool_choice": "auto",
    }


def _turn_detection(settings: SessionSettings) -> dict[str, Any]:
    if settings.semantic_vad:
        return {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}
    return {
        "type": "server_vad",
        "threshold": settings.vad_threshold,
        "prefix_padding_ms": 300,
        "silence_duration_ms": settings.silence_ms,
        "create_response": True,
        "interrupt_response": True,
        "idle_timeout_ms": None,
    }
