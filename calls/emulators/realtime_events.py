"""The client events of the Realtime API: which members each may have, and what the model at hand supports."""

import re
from collections.abc import Mapping
from typing import Any

from calls.emulators.realtime_schema import (
    Check,
    Refused,
    a_mapping,
    anything,
    boolean,
    decimal,
    each,
    either,
    fields,
    integer,
    invalid_value,
    missing_parameter,
    nullable,
    one_of,
    text,
    unknown_parameter,
    variants,
)

MODELS = frozenset(
    {
        "gpt-realtime",
        "gpt-realtime-2025-08-28",
        "gpt-realtime-mini",
        "gpt-realtime-mini-2025-10-06",
        "gpt-realtime-mini-2025-12-15",
        "gpt-realtime-1.5",
        "gpt-realtime-2",
        "gpt-realtime-2.1",
        "gpt-realtime-2.1-mini",
    }
)
RETIRED = re.compile(r"gpt-4o(-mini)?-realtime-preview")
TRANSCRIBERS = frozenset(
    {
        "whisper-1",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-4o-mini-transcribe-2025-12-15",
        "gpt-4o-transcribe-diarize",
        "gpt-transcribe",
        "gpt-live-transcribe",
        "gpt-realtime-whisper",
    }
)
VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
PROMPT = fields({"id": text, "version": nullable(text), "variables": nullable(a_mapping)}, required=["id"])


def reasons(model: str) -> bool:
    """Whether the model takes `reasoning` and `parallel_tool_calls`."""
    return model.startswith("gpt-realtime-2") and not model.startswith("gpt-realtime-2025")


def _pcm_rate(value: Any, path: str) -> None:
    integer(24000, 24000)(value, path)


# `rate` belongs to audio/pcm only.
FORMAT = variants(
    {
        "audio/pcm": fields({"type": text, "rate": _pcm_rate}, required=["rate"]),
        "audio/pcmu": fields({"type": text}),
        "audio/pcma": fields({"type": text}),
    }
)
VOICE = either(one_of(*VOICES), str, fields({"id": text}, required=["id"]))
MODALITIES: Check = one_of(["audio"], ["text"])
MAX_TOKENS = either(one_of("inf"), str, integer(1, 4096))
EFFORT = fields({"effort": one_of("minimal", "low", "medium", "high", "xhigh")})

SHARED_VAD: dict[str, Check] = {"type": text, "create_response": boolean, "interrupt_response": boolean}
TURN_DETECTION = variants(
    {
        "server_vad": fields(
            {
                **SHARED_VAD,
                "threshold": decimal(0, 1),
                "prefix_padding_ms": integer(0, 60_000),
                "silence_duration_ms": integer(0, 60_000),
                "idle_timeout_ms": nullable(integer(5_000, 30_000)),
            }
        ),
        "semantic_vad": fields({**SHARED_VAD, "eagerness": one_of("low", "medium", "high", "auto")}),
    }
)
TRANSCRIPTION = fields(
    {
        "model": text,
        "language": nullable(text),
        "languages": each(text),
        "keywords": each(text),
        "prompt": nullable(text),
        "delay": one_of("minimal", "low", "medium", "high", "xhigh"),
    }
)
TOOL = variants(
    {
        "function": fields(
            {"type": text, "name": text, "description": text, "parameters": a_mapping}, required=["name"]
        ),
        "mcp": anything,
    }
)
TOOL_CHOICE = either(
    one_of("auto", "none", "required"),
    str,
    variants(
        {
            "function": fields({"type": text, "name": text}, required=["name"]),
            "mcp": fields({"type": text, "server_label": text, "name": text}, required=["server_label"]),
        }
    ),
)
TRUNCATION = either(
    one_of("auto", "disabled"),
    str,
    variants(
        {
            "retention_ratio": fields(
                {
                    "type": text,
                    "retention_ratio": decimal(0, 1),
                    "token_limits": fields({"post_instructions": integer(0, 128_000)}),
                },
                required=["retention_ratio"],
            )
        }
    ),
)
TRACING = either(one_of("auto"), str, fields({"workflow_name": text, "group_id": text, "metadata": a_mapping}))
NOISE_REDUCTION = fields({"type": one_of("near_field", "far_field"), "strength": decimal(0, 1)}, required=["type"])

SESSION = fields(
    {
        "type": one_of("realtime"),
        "model": text,
        "output_modalities": MODALITIES,
        "instructions": text,
        "audio": fields(
            {
                "input": fields(
                    {
                        "format": FORMAT,
                        "noise_reduction": nullable(NOISE_REDUCTION),
                        "transcription": nullable(TRANSCRIPTION),
                        "turn_detection": nullable(TURN_DETECTION),
                    }
                ),
                "output": fields({"format": FORMAT, "voice": VOICE, "speed": decimal(0.25, 1.5)}),
            }
        ),
        "tools": each(TOOL),
        "tool_choice": TOOL_CHOICE,
        "parallel_tool_calls": boolean,
        "reasoning": EFFORT,
        "max_output_tokens": MAX_TOKENS,
        "truncation": TRUNCATION,
        "tracing": nullable(TRACING),
        "include": nullable(each(one_of("item.input_audio_transcription.logprobs"))),
        "prompt": nullable(PROMPT),
    },
    required=["type"],
)

MESSAGE: dict[str, Check] = {
    "id": text,
    "type": text,
    "object": one_of("realtime.item"),
    "status": one_of("completed", "incomplete", "in_progress"),
}
INPUT_TEXT = fields({"type": text, "text": text}, required=["text"])
CONTENT_BY_ROLE = {
    "user": variants(
        {
            "input_text": INPUT_TEXT,
            "input_audio": fields({"type": text, "audio": text, "transcript": text}, required=["audio"]),
            "input_image": fields({"type": text, "image_url": text, "detail": text}, required=["image_url"]),
        }
    ),
    "system": variants({"input_text": INPUT_TEXT}),
    # Assistant audio is made by the model only; a restored history is text.
    "assistant": variants({"output_text": INPUT_TEXT}),
}
ITEM = variants(
    {
        "message": variants(
            {
                role: fields({**MESSAGE, "role": text, "content": each(content)}, required=["content"])
                for role, content in CONTENT_BY_ROLE.items()
            },
            by="role",
        ),
        "function_call": fields(
            {**MESSAGE, "call_id": text, "name": text, "arguments": text}, required=["name", "arguments"]
        ),
        "function_call_output": fields({**MESSAGE, "call_id": text, "output": text}, required=["call_id", "output"]),
    }
)
METADATA_PAIRS = 16


def _metadata(value: Any, path: str) -> None:
    a_mapping(value, path)
    for name, member in value.items():
        text(member, f"{path}.{name}")
    if len(value) > METADATA_PAIRS:
        raise Refused("invalid_value", f"Invalid '{path}': at most {METADATA_PAIRS} pairs.", path)


def _context_item(value: Any, path: str) -> None:
    if isinstance(value, dict) and value.get("type") == "item_reference":
        fields({"type": text, "id": text}, required=["id"])(value, path)
    else:
        ITEM(value, path)


RESPONSE = fields(
    {
        "conversation": one_of("auto", "none"),
        "input": each(_context_item),
        "instructions": text,
        "output_modalities": MODALITIES,
        "audio": fields({"output": fields({"format": FORMAT, "voice": VOICE})}),
        "tools": each(TOOL),
        "tool_choice": TOOL_CHOICE,
        "parallel_tool_calls": boolean,
        "reasoning": EFFORT,
        "max_output_tokens": MAX_TOKENS,
        "metadata": nullable(_metadata),
        "prompt": nullable(PROMPT),
    }
)

# The accepted types in the order of the vendor's own error message; what stands beside each are its members.
EVENTS: dict[str, tuple[dict[str, Check], tuple[str, ...]]] = {
    "session.update": ({"session": SESSION}, ("session",)),
    "input_audio_buffer.append": ({"audio": text}, ("audio",)),
    "input_audio_buffer.commit": ({}, ()),
    "input_audio_buffer.clear": ({}, ()),
    "conversation.item.create": ({"item": ITEM, "previous_item_id": nullable(text)}, ("item",)),
    "conversation.item.retrieve": ({"item_id": text}, ("item_id",)),
    "conversation.item.truncate": (
        {"item_id": text, "content_index": integer(0, 1_000), "audio_end_ms": integer(0, 86_400_000)},
        ("item_id", "content_index", "audio_end_ms"),
    ),
    "conversation.item.delete": ({"item_id": text}, ("item_id",)),
    "response.create": ({"response": nullable(RESPONSE)}, ()),
    "response.cancel": ({"response_id": nullable(text)}, ()),
}


def check_event(event: Mapping[str, Any], *, model: str) -> None:
    """Raise Refused when the vendor would answer `event` with an error, as far as its shape alone tells."""
    kind = event.get("type")
    if kind is None:
        raise missing_parameter("type")
    if not isinstance(kind, str) or kind not in EVENTS:
        raise invalid_value("type", kind, EVENTS)
    members, required = EVENTS[kind]
    fields({"type": text, "event_id": text, **members}, required=required)(event, "")
    for name in ("session", "response"):
        if isinstance(event.get(name), dict):
            _check_model_support(event[name], name, model)
    if kind == "session.update":
        _check_session(event["session"], model)


def _check_model_support(body: Mapping[str, Any], path: str, model: str) -> None:
    for name in ("reasoning", "parallel_tool_calls"):
        if name in body and not reasons(model):
            # Seen on the wire: this refusal names neither the event nor the parameter.
            message = f"Unsupported parameter: '{path}.{name}' is not supported with the '{model}' model."
            raise Refused("unsupported_parameter", message, names_event=False)


def _check_session(session: Mapping[str, Any], model: str) -> None:
    if session.get("model", model) != model:
        raise Refused("invalid_value", "Cannot change the model of a session.", "session.model")
    path = "session.audio.input.transcription"
    transcription = session.get("audio", {}).get("input", {}).get("transcription")
    if transcription:
        _check_transcription(transcription, path)


def _check_transcription(transcription: Mapping[str, Any], path: str) -> None:
    model = transcription.get("model")
    if model is None:
        raise missing_parameter(f"{path}.model")
    wanted = {
        "languages": model in {"gpt-transcribe", "gpt-live-transcribe"},
        "keywords": model in {"gpt-transcribe", "gpt-live-transcribe"},
        "delay": model == "gpt-realtime-whisper",
        "prompt": model != "gpt-realtime-whisper",
    }
    for name, supported in wanted.items():
        if transcription.get(name) is not None and not supported:
            raise unknown_parameter(f"{path}.{name}")
