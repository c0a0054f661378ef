"""A tool that the client forces is called, whatever the script says."""

import pytest

from calls.emulators.realtime_script import forced_step
from calls.emulators.scenario import Agent, ToolUse

TOOLS = [
    {
        "type": "function",
        "name": "find_slots",
        "parameters": {
            "type": "object",
            "properties": {
                "service": {"type": "string"},
                "day": {"type": "string", "enum": ["today", "tomorrow"]},
                "count": {"type": "integer", "minimum": 3},
                "note": {"type": "string"},
            },
            "required": ["service", "day", "count"],
        },
    },
    {"type": "function", "name": "list_services"},
]


def settings(choice):
    return {"tools": TOOLS, "tool_choice": choice}


@pytest.mark.parametrize("choice", ["auto", "none", {"type": "mcp", "server_label": "x"}])
def test_what_forces_no_function_leaves_the_script_alone(choice):
    assert forced_step(settings(choice), None) is None


def test_a_forced_function_gets_arguments_that_fit_its_schema():
    step = forced_step(settings({"type": "function", "name": "find_slots"}), Agent(text="Hello."))

    assert step == Agent(tools=(ToolUse("find_slots", {"service": "10001", "day": "today", "count": 3}),))
    assert forced_step(settings({"type": "function", "name": "list_services"}), None).tools[0].arguments == {}


def test_a_step_that_calls_it_anyway_is_played():
    scripted = Agent(tools=(ToolUse("find_slots", {"service": "drain"}),))

    assert forced_step(settings({"type": "function", "name": "find_slots"}), scripted) is None
