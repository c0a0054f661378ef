"""What a scripted model passes on of what a tool has answered: `$find_slots.slots[0].slot` in its next arguments.

A slot, a reference or a name is known only when the call is held; the script says where it stands in the latest answer
of a tool. A text that begins with `$$` stands for itself, with one `$`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from calls.emulators.realtime_record import ToolRecord

_PLACE = re.compile(r"\$(\w+)((?:\.\w+|\[\d+\])*)")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


class NotAnswered(Exception):
    """The script wants something that no tool has answered."""


def filled(arguments: Mapping[str, Any], tools: Iterable[ToolRecord]) -> dict[str, Any]:
    """The arguments with every such place taken from the answers. Raises NotAnswered."""
    tools = list(tools)
    return {name: _filled(value, tools) for name, value in arguments.items()}


def _filled(value: Any, tools: list[ToolRecord]) -> Any:
    match value:
        case str() if value.startswith("$$"):
            return value[1:]
        case str() if value.startswith("$"):
            return _looked_up(value, tools)
        case dict():
            return {key: _filled(item, tools) for key, item in value.items()}
        case list():
            return [_filled(item, tools) for item in value]
    return value


def _looked_up(place: str, tools: list[ToolRecord]) -> Any:
    named = _PLACE.fullmatch(place)
    if named is None:
        raise NotAnswered(f"{place} names no answer of a tool")
    answers = [tool.result for tool in tools if tool.name == named[1] and tool.result is not None]
    if not answers:
        raise NotAnswered(f"{place}: {named[1]} has not answered")
    found = answers[-1]
    for key, index in _STEP.findall(named[2]):
        try:
            found = found[int(index)] if index else found[key]
        except (LookupError, TypeError):
            raise NotAnswered(f"{place} is not in the answer {answers[-1]!r}") from None
    return found
