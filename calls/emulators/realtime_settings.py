"""The effective session object: the vendor's defaults, and how an update changes them."""

import copy
from collections.abc import Mapping
from typing import Any

from calls.emulators.realtime_events import reasons

PERSONA = "You are a helpful, witty, and friendly AI. Act like a human, but remember that you are not one."
SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
SEMANTIC_VAD = {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}
DEFAULT_VAD = {"server_vad": SERVER_VAD, "semantic_vad": SEMANTIC_VAD}


def defaults(*, model: str, session_id: str, expires_at: int) -> dict[str, Any]:
    """What session.created tells."""
    session: dict[str, Any] = {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": PERSONA,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at,
        "include": None,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": dict(SERVER_VAD),
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy", "speed": 1},
        },
    }
    if reasons(model):
        session["reasoning"] = {"effort": "low"}
    return session


def updated(session: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The session after a checked change; what is not named stays as it was."""
    result = copy.deepcopy(dict(session))
    given = copy.deepcopy(dict(change))
    audio = given.pop("audio", {})
    result.update(given)
    result["audio"]["output"].update(audio.get("output", {}))
    hearing = result["audio"]["input"]
    for name, value in audio.get("input", {}).items():
        hearing[name] = _COMPLETED[name](hearing[name], value) if name in _COMPLETED else value
    return result


def _turn_detection(before: Mapping[str, Any] | None, value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if value is None:
        return None
    base = before if before and before["type"] == value["type"] else DEFAULT_VAD[value["type"]]
    return {**base, **value}


def _transcription(before: Mapping[str, Any] | None, value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return None if value is None else {"language": None, "prompt": None, **value}


_COMPLETED = {"turn_detection": _turn_detection, "transcription": _transcription}
