import json

import pytest
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

from calls.realtime import codec, wire
from calls.realtime.session import SessionSettings, update_ladder
from calls.tools import registry

PHONE = {"type": "audio/pcmu"}


def settings(**fields) -> SessionSettings:
    return SessionSettings(**{"instructions": "Be kind.", "model": "gpt-realtime-2.1", **fields})


@pytest.mark.parametrize("semantic_vad", [False, True])
@pytest.mark.parametrize("rung", [0, 1, 2])
def test_update_is_valid_by_openais_own_types(rung, semantic_vad):
    session = update_ladder(settings(semantic_vad=semantic_vad, tools=registry.schemas()))[rung]
    frame = json.loads(codec.serialize(wire.UpdateSession("session-0", session)))

    event = TypeAdapter(RealtimeClientEvent).validate_python(frame)

    assert event.model_dump(exclude_unset=True, mode="json") == frame


def test_every_rung_speaks_mu_law_both_ways_with_voice_instructions_and_tools():
    tools = [{"type": "function", "name": "x", "description": "d", "parameters": {}}]
    for session in update_ladder(settings(voice="cedar", tools=tools)):
        assert session["audio"]["input"]["format"] == session["audio"]["output"]["format"] == PHONE
        assert session["audio"]["output"]["voice"] == "cedar"
        assert (session["instructions"], session["tools"]) == ("Be kind.", tools)


def test_turn_detection_numbers_are_explicit_and_the_vendors_idle_prompt_is_off():
    full = update_ladder(settings(vad_threshold=0.6, silence_ms=650))[0]

    assert full["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.6,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 650,
        "create_response": True,
        "interrupt_response": True,
        "idle_timeout_ms": None,
    }


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("gpt-realtime-2", True),
        ("gpt-realtime-2.1-mini", True),
        ("gpt-realtime-1.5", False),
        ("gpt-realtime-2025-08-28", False),
    ],
)
def test_reasoning_is_asked_for_only_where_the_model_reasons(model, reasons):
    assert ("reasoning" in update_ladder(settings(model=model))[0]) is reasons


def test_rungs_ask_for_less_and_less():
    full, simpler, plain = update_ladder(settings())

    assert set(full) > set(simpler) == set(plain)
    assert set(full["audio"]["input"]) > set(simpler["audio"]["input"]) > set(plain["audio"]["input"])
