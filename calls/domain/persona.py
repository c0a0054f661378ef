"""Who answers a call: the first sentence and the instructions, from the rows of the agent and its business."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from calls.models import Agent, Call

RULES = """\
# Manner
Speak as on the telephone: one or two short sentences, one question at a time. Be warm, calm and plain.
Speak {language}. Change the language only when the caller asks for it or speaks a whole sentence in another one.

# Unclear audio
When you did not understand, say so and ask again in other words. Never guess and never call a tool on a guess.

# Exact data
Ask for one thing at a time. Read telephone numbers back digit by digit and e-mail addresses letter by letter, and go on
only after a yes.

# Tools
Say only what a tool has confirmed. Never say that something is done before its tool has answered. When a tool fails,
say so plainly and offer to take a message.
Take a message with take_message when the caller wants something that you cannot do: ask for the name and what it is
about, repeat it in one sentence, and call the tool after a yes.
When the caller has nothing more, say goodbye and call end_call.

# Danger
If anyone is in danger (gas, fire, carbon monoxide, water near electricity), first tell them to leave and to dial the
emergency number, then go on."""


@dataclass(frozen=True, slots=True)
class Persona:
    greeting: str
    instructions: str
    voice: str
    model: str
    language: str
    has_semantic_vad: bool
    vad_threshold: float
    silence_ms: int


def greeting_of(agent: Agent) -> str:
    """The agent's first sentence with the names filled in; other braces stay as they are."""
    return agent.greeting.replace("{business}", agent.business.name).replace("{agent}", agent.name)


def persona_for(*, call: Call, now: datetime) -> Persona:
    """The persona for a call that has an agent. What differs from call to call stands last, so that OpenAI's cache
    can keep the rest."""
    agent, business = call.agent, call.business
    greeting = greeting_of(agent)
    local = now.astimezone(ZoneInfo(business.time_zone))
    instructions = "\n\n".join(
        part
        for part in (
            f"# Role\nYou are {agent.name}, the automated telephone assistant of {business.name}.",
            RULES.format(language=agent.language),
            f"# About the business\n{agent.instructions.strip()}" if agent.instructions.strip() else "",
            f"# Greeting\nIf you have not greeted the caller yet, begin with: {greeting}",
            f"# This call\nNow: {local:%A, %B %-d, %Y, %H:%M} ({business.time_zone})\nCaller: {call.from_number}",
        )
        if part
    )
    return Persona(
        greeting=greeting,
        instructions=instructions,
        voice=agent.voice,
        model=agent.model,
        language=agent.language,
        has_semantic_vad=agent.turn_detection == Agent.TurnDetection.SEMANTIC_VAD,
        vad_threshold=agent.vad_threshold,
        silence_ms=agent.silence_ms,
    )
