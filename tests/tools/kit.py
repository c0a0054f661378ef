"""Calling a tool as the model does: by its name, with JSON."""

import json

from calls import database
from calls.tools import registry
from calls.tools.registry import ToolContext
from tests.factories import RANG_AT


async def ask(call, tool, *, now=RANG_AT, **arguments):
    return await registry.run(ToolContext(call.pk, now), tool, json.dumps(arguments))


async def refusal(call, tool, **arguments):
    """What the tool says when it refuses."""
    answer = await ask(call, tool, **arguments)
    assert answer.status == "refused", answer
    return answer.result["error"]


async def make(function, *args, **fields):
    """A row of a factory, from a test that runs in a loop."""
    return await database.run(function, *args, **fields)
