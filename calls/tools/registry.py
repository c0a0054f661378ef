"""The tools that the model may call: JSON in, JSON out, one domain call each.

A new tool is one file in this folder: a function under `@tool`. It gets the ToolContext and keyword arguments that fit
its JSON schema, and returns what the model should know. `Refused` is an answer too: a sentence fit to be spoken.
"""

import asyncio
import importlib
import json
import logging
import pkgutil
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import jsonschema

import calls.tools
from calls import database
from calls.conversation.messages import Then

log = logging.getLogger(__name__)

TIME_LIMIT = 8.0
LONGEST_ARGUMENTS = 20_000
_UNFIT = re.compile("[\x00\ud800-\udfff]")  # no database keeps these
NOT_KNOWN_YET = (
    "This takes longer than it should, and whether it worked is not known yet. Say so, and that somebody will make "
    "sure. Promise nothing. To ask how it went, call this again with the very same arguments."
)
LONGEST_ANSWER = 4096  # letters of JSON
TOO_LONG = (
    "This was done, but its answer is too long to be read. Say that you cannot read it out, and offer to have someone "
    "call back."
)
MOST_KEPT = 1000
FAILED = "That did not work just now. Say so, and offer to take a message or to have someone call back."


class Refused(Exception):
    """The tool does not do what was asked for; the text tells the model what to say."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Which call the tool serves, and what time it is. The CallSid is for the log."""

    call_id: int
    now: datetime
    call_sid: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool's call came to. `then` is what the telephone call does after it.

    Whoever gets `timed_out` gets `late` too, the task whose result is the answer that the tool comes to in the end.
    """

    result: Mapping[str, Any]
    status: Literal["ok", "refused", "failed", "timed_out"] = "ok"
    then: Then = ""
    late: "asyncio.Task[Answer] | None" = field(default=None, compare=False, repr=False)

    @property
    def text(self) -> str:
        """The result as JSON, for the model."""
        return json.dumps(self.result, default=str)


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str
    parameters: Mapping[str, Any]
    function: Callable[..., Mapping[str, Any]]
    then: Then
    failed: str
    """What the model is told when it broke, or gave no answer in time."""


_tools: dict[str, Tool] = {}
# What is still running after its time, or has ended since, by call and by what it was asked.
_late: "OrderedDict[tuple[int, str], asyncio.Task[Answer]]" = OrderedDict()


def tool(
    *,
    description: str,
    properties: Mapping[str, Any],
    required: tuple[str, ...] = (),
    then: Then = "",
    failed: str = "",
) -> Callable[[Callable[..., Mapping[str, Any]]], Callable[..., Mapping[str, Any]]]:
    """Register the function under its own name. `properties` is JSON schema; every string in it needs a maxLength.
    `failed` is what the model is told when the tool broke or is late, where that is not what it is told of all."""

    def register(function: Callable[..., Mapping[str, Any]]) -> Callable[..., Mapping[str, Any]]:
        name = function.__name__
        if name in _tools:
            raise ValueError(f"two tools are named {name}")
        for key, schema in properties.items():
            if schema.get("type") == "string" and "maxLength" not in schema and "enum" not in schema:
                raise ValueError(f"{name}: {key} has no maxLength")
        parameters = {
            "type": "object",
            "properties": dict(properties),
            "required": list(required),
            "additionalProperties": False,
        }
        _tools[name] = Tool(name, description, parameters, function, then, failed)
        return function

    return register


def load() -> None:
    """Import every module of this package, so that its tools are registered; done once, at start."""
    for module in pkgutil.iter_modules(calls.tools.__path__):
        importlib.import_module(f"calls.tools.{module.name}")


def schemas() -> list[dict[str, Any]]:
    """The tools as OpenAI wants them."""
    return [
        {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters}
        for tool in _tools.values()
    ]


async def run(context: ToolContext, name: str, arguments: str, *, tool_call_id: str = "") -> Answer:
    """The answer of a tool to the model's JSON text. Never raises: whatever happens becomes an answer.

    A thread cannot be stopped: a tool whose time is up runs on. Until it has ended, the same call, by its id or by its
    arguments, waits for it instead of starting it again; the same id has its late answer for good.
    """
    found = _tools.get(name)
    if found is None:
        return Answer({"error": f"There is no tool {name[:64]!r}. The tools are: {', '.join(_tools)}."}, "refused")
    by_words = (context.call_id, f"{name} {''.join(arguments.split())}")
    by_id = (context.call_id, tool_call_id) if tool_call_id else by_words
    work = _late.get(by_id) or _late.pop(by_words, None) or asyncio.create_task(_answer(found, context, arguments))
    done, _ = await asyncio.wait({work}, timeout=TIME_LIMIT)
    if done:
        return work.result()
    log.error("tool took too long", extra={"tool": name, "call_sid": context.call_sid})
    _late.update({by_id: work, by_words: work})
    while len(_late) > MOST_KEPT:
        _late.popitem(last=False)
    return Answer({"error": f"{found.failed} {NOT_KNOWN_YET}".strip()}, "timed_out", late=work)


async def _answer(tool: Tool, context: ToolContext, arguments: str) -> Answer:
    """What the tool comes to, however long it takes. Never raises."""
    try:
        values = _read(tool, arguments)
        result = await database.run(tool.function, context, **values)
    except Refused as refusal:
        return Answer({"error": str(refusal)}, "refused")
    except Exception:
        # Bulkhead: a tool never raises into the call.
        log.exception("tool failed", extra={"tool": tool.name, "call_sid": context.call_sid})
        return Answer({"error": tool.failed or FAILED}, "failed")
    answer = Answer(_shortened(result), then=tool.then)
    if len(answer.text) > LONGEST_ANSWER:
        log.error("the answer of a tool is too long", extra={"tool": tool.name, "letters": len(answer.text)})
        return Answer({"error": TOO_LONG}, "failed")
    return answer


def _shortened(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The result with as much of its longest list as there is room for; it says how much was left out."""
    shorter = dict(result)
    while len(Answer(shorter).text) > LONGEST_ANSWER:
        lists = [name for name, value in shorter.items() if isinstance(value, list) and value]
        if not lists:
            break
        longest = max(lists, key=lambda name: len(str(shorter[name])))
        shorter |= {longest: shorter[longest][:-1], "left_out": shorter.get("left_out", 0) + 1}
    return shorter


def _read(tool: Tool, arguments: str) -> dict[str, Any]:
    """The arguments as they fit the tool's schema. Raises Refused with what is wrong, so that the model can mend it."""
    if len(arguments) > LONGEST_ARGUMENTS:
        raise Refused("The arguments are too long.")
    try:
        values = json.loads(arguments or "{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # brackets nested by the thousand are a RecursionError
        raise Refused("The arguments are not valid JSON. Call the tool again.") from None
    problem = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(tool.parameters).iter_errors(values))
    if problem is not None:
        where = ".".join(str(step) for step in problem.absolute_path) or "arguments"
        raise Refused(f"{where}: {_in_words(problem)}")
    if any(_UNFIT.search(text) for text in _strings(values)):
        raise Refused("The arguments hold characters that cannot be written down. Call the tool again without them.")
    return values


def _in_words(problem: jsonschema.ValidationError) -> str:
    """What is wrong with an argument, without regular expressions and without repeating what was far too long."""
    if problem.validator == "maxLength":
        return f"That is too long; at most {problem.validator_value} characters."
    if problem.validator == "pattern":
        wanted = problem.schema.get("description", "")
        return f"That is not written as it has to be. {wanted or 'Ask for it again.'}"
    return problem.message[:200]


def _refuse_constant(name: str) -> None:
    """NaN and Infinity, which Python reads and JSON does not know."""
    raise ValueError(name)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
