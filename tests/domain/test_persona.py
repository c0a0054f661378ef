import re
from datetime import UTC, date, datetime, time, timedelta

import pytest

from calls.domain.persona import estimated_tokens, greeting_of, instructions_for, persona_for
from calls.tools import registry
from tests.factories import make_agent, make_business, make_call, make_line
from tests.factories_trade import (
    make_booking,
    make_customer,
    make_exception,
    make_hours,
    make_open_business,
    make_quote,
    make_service,
)

NOW = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
CALLER = "+15550100001"

pytestmark = pytest.mark.django_db


def told(agent, caller=CALLER, now=NOW):
    return instructions_for(agent=agent, caller=caller, now=now)


def last_part(text):
    return text.split("# This call\n")[1].splitlines()


def test_greeting_says_the_business_and_that_it_is_automated():
    agent = make_agent(business=make_business(name="Cedar {agent} Plumbing"), name="Cortana")

    assert greeting_of(agent) == (
        "Thanks for calling Cedar Cortana Plumbing. This is Cortana, an automated assistant. How can I help you today?"
    )


def test_consent_to_a_recording_comes_before_everything_else():
    agent = make_agent(records_calls=True, greeting="Hello.")

    assert greeting_of(agent) == "This call is being recorded. Hello."


def test_instructions_end_with_what_differs_from_call_to_call():
    agent = make_agent(business=make_open_business(time_zone="America/New_York"))

    assert last_part(told(agent)) == [
        "Now: Monday, November 23, 2026, 22:30 (America/New_York). The business is closed until tomorrow at eight.",
        "Caller: +15550100001",
    ]


def test_instructions_are_the_same_for_every_caller_up_to_that():
    agent = make_agent(business=make_open_business())
    make_customer(business=agent.business, number="+15550100002", name="Ann")

    first, second = (
        text.split("# This call")[0] for text in (told(agent), told(agent, "+15550100002", NOW + timedelta(days=3)))
    )

    assert first == second


def test_business_is_described_by_its_rows_and_without_a_price():
    business = make_business(address="12 Elm Street, Albany")
    make_hours(business=business, weekdays=[0], starts_at=time(8), ends_at=time(12))
    make_hours(business=business, weekdays=[0], starts_at=time(13), ends_at=time(17))
    make_service(business=business, name="Drain cleaning", price="123.45")
    make_service(business=business, name="Retired", is_active=False)
    agent = make_agent(business=business, instructions="We do not repair gas boilers.", language="es")

    about = told(agent).split("# About the business\n")[1].split("\n\n#")[0]

    assert about == (
        "Address: 12 Elm Street, Albany\n"
        "Opening hours: Monday 08:00 to 12:00 and 13:00 to 17:00; otherwise closed.\n"
        "Services: Drain cleaning\n"
        "We do not repair gas boilers."
    )
    assert "Speak Spanish." in told(agent)
    assert "123" not in told(agent)


def test_words_of_the_owner_are_passed_on_as_they_are():
    agent = make_agent(business=make_business(name="Smith & Sons <plumbers>"), instructions="{{ agent }} & {% x %}")

    assert "the automated telephone assistant of Smith & Sons <plumbers>." in told(agent)
    assert "{{ agent }} & {% x %}" in told(agent)


def test_returning_caller_is_known_by_the_number_and_by_no_other():
    agent = make_agent(business=make_open_business())
    mine = make_customer(business=agent.business, number=CALLER, name="Robert Miller")
    service = make_service(business=agent.business, name="Drain cleaning")
    booking = make_booking(service=service, customer=mine)
    make_booking(service=service, customer=make_customer(business=agent.business, name="Ann Other"))
    elsewhere = make_customer(number=CALLER, name="Robert at another business")

    lines = last_part(told(agent))

    assert lines[1:] == [
        "Caller: +15550100001",
        "Known as: Robert Miller",
        f"Open booking {booking.reference}: Drain cleaning, Tuesday the 24th at nine",
    ]
    assert elsewhere.name not in told(agent)


def test_caller_who_has_only_asked_for_a_price_is_known_by_the_number_of_that_call():
    agent = make_agent(business=make_open_business())
    line, service = make_line(business=agent.business), make_service(business=agent.business, name="Drain cleaning")
    quote = make_quote(call=make_call(line=line, from_number=CALLER), service=service)
    make_quote(call=make_call(line=line, from_number="+15550100002"), service=service)
    for hidden in ("anonymous", "+86282452253"):
        make_quote(call=make_call(line=line, from_number=hidden), service=service)

    assert last_part(told(agent))[1:] == ["Caller: +15550100001", f"Quote {quote.reference}: Drain cleaning"]
    assert [line for hidden in ("anonymous", "+86282452253") for line in last_part(told(agent, hidden))[2:]] == []


def test_caller_without_a_number_is_nobody_we_know():
    assert last_part(told(make_agent(business=make_open_business()), caller=""))[1] == "Caller: number unknown"


def test_instructions_name_only_tools_that_exist():
    names = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", told(make_agent(instructions=""))))

    assert names - {tool["name"] for tool in registry.schemas()} == set()


def test_settings_of_the_agent_reach_the_session():
    agent = make_agent(
        voice="cedar", model="gpt-realtime-2", turn_detection="semantic_vad", vad_threshold=0.7, silence_ms=600
    )

    persona = persona_for(call=make_call(line=make_line(agent=agent)), now=NOW)

    assert (persona.voice, persona.model, persona.has_semantic_vad) == ("cedar", "gpt-realtime-2", True)
    assert (persona.vad_threshold, persona.silence_ms, persona.language) == (0.7, 600, "en")


def test_tokens_are_estimated_by_letters():
    assert estimated_tokens("x" * 401) == 100


def test_days_unlike_their_weekday_are_told_with_what_changes():
    business = make_open_business(time_zone="America/New_York")
    make_exception(business=business, on=date(2026, 11, 26), note="Thanksgiving")

    text = told(make_agent(business=business))

    assert last_part(text)[1] == (
        "Days unlike the opening hours above: Thursday the 26th of November closed (Thanksgiving)."
    )
    assert "Thanksgiving" not in text.split("# This call")[0]
