"""What a new session has to know of the call so far, as items: words as text, tool calls with their answers."""

from collections.abc import Mapping
from typing import Literal

from calls.conversation.tool_calls import LONGEST_ID, ToolCalls
from calls.conversation.transcript import Transcript
from calls.realtime.wire import AddText, AddToolCall, ToolOutput

LONGEST = 30
"""Turns and tool calls that are told again."""

Told = tuple[Literal["user", "system"], str]
Item = AddText | AddToolCall | ToolOutput


def items(transcript: Transcript, tools: ToolCalls, told: Mapping[str, Told]) -> list[Item]:
    """The last turns and tool calls in order, under the ids that they had; `told` are words of ours by item.

    Sound cannot be given back to OpenAI, so of the agent's words those are told that were heard. A tool that still runs
    stands there without an answer, so that it is not called a second time.
    """
    entries = [entry for item_id in transcript.items if (entry := _entry(item_id, transcript, tools, told))]
    return [item for entry in entries[-LONGEST:] for item in entry]


def _entry(item_id: str, transcript: Transcript, tools: ToolCalls, told: Mapping[str, Told]) -> list[Item]:
    if item_id in told:
        role, text = told[item_id]
        return [AddText(item_id, role, text)]
    if called := tools.again(item_id):
        return [*called]
    who, words = transcript.words_of(item_id)
    return [AddText(item_id[:LONGEST_ID], who, words)] if words else []
