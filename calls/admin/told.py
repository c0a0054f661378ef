"""What an agent is told: the instructions of a session to the letter, what they cost, and the tools beside them."""

import json
from typing import Any

from django.utils import timezone

from calls.admin import display
from calls.domain import persona
from calls.models import Agent, Call
from calls.tools import registry

STRANGER = "+15550100001"  # somebody whom no business knows: nobody's bookings stand on this page


def told_to(agent: Agent) -> dict[str, Any]:
    """What a session that began now for an unknown caller would be told, and what OpenAI counted in the last one."""
    instructions = persona.instructions_for(agent=agent, caller=STRANGER, now=timezone.now())
    tools = registry.schemas()
    last = Call.objects.filter(agent=agent, input_tokens__gt=0).order_by("-rang_at").first()
    return {
        "instructions": instructions,
        "greeting": persona.greeting_of(agent),
        "tokens": persona.estimated_tokens(instructions),
        "letters": len(instructions),
        "tools": [(tool["name"], tool["description"]) for tool in tools],
        "tool_tokens": persona.estimated_tokens(json.dumps(tools)),
        "last": last,
        "last_at": display.show_moment(last.rang_at) if last else "",
    }
