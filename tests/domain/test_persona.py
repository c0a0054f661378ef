from datetime import UTC, datetime

import pytest

from calls.domain.persona import greeting_of, persona_for
from tests.factories import make_agent, make_business, make_call, make_line

NOW = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)


@pytest.mark.django_db
def test_greeting_says_the_business_and_that_it_is_automated():
    agent = make_agent(business=make_business(name="Cedar {agent} Plumbing"), name="Cortana")

    assert greeting_of(agent) == (
        "Thanks for calling Cedar Cortana Plumbing. This is Cortana, an automated assistant. How can I help you today?"
    )


@pytest.mark.django_db
def test_instructions_end_with_what_differs_from_call_to_call():
    business = make_business(time_zone="America/New_York")
    agent = make_agent(business=business, instructions="We do not repair gas boilers.", language="es")
    call = make_call(line=make_line(agent=agent), from_number="+15550100001")

    persona = persona_for(call=call, now=NOW)

    parts = persona.instructions.split("\n\n")
    assert parts[-1] == ("# This call\nNow: Monday, November 23, 2026, 22:30 (America/New_York)\nCaller: +15550100001")
    assert "# About the business\nWe do not repair gas boilers." in parts
    assert "Speak es." in persona.instructions
    assert parts[-2] == f"# Greeting\nIf you have not greeted the caller yet, begin with: {persona.greeting}"


@pytest.mark.django_db
def test_settings_of_the_agent_reach_the_session():
    agent = make_agent(
        voice="cedar", model="gpt-realtime-2", turn_detection="semantic_vad", vad_threshold=0.7, silence_ms=600
    )

    persona = persona_for(call=make_call(line=make_line(agent=agent)), now=NOW)

    assert (persona.voice, persona.model, persona.has_semantic_vad) == ("cedar", "gpt-realtime-2", True)
    assert (persona.vad_threshold, persona.silence_ms, persona.language) == (0.7, 600, "en")
