"""The model's tool calls of one telephone call: each runs once, and one response follows when all are answered."""

import json
from dataclasses import replace

from calls.conversation.messages import RecordTool, ToolFinished
from calls.realtime.wire import AddToolCall, ToolCalled, ToolOutput

LONGEST_ID = 32
MOST = 200
"""Tool calls of one telephone call; a model that asks for more is in a loop."""
NO_RESULT = {"error": "What came of it is not known."}


def answer_id(tool_call_id: str) -> str:
    """The id of the item that answers a tool call."""
    return f"answer-{tool_call_id}"[:LONGEST_ID]


class ToolCalls:
    def __init__(self) -> None:
        self._records: dict[str, RecordTool] = {}
        self._by_item: dict[str, str] = {}
        self._outputs: dict[str, str] = {}
        self._response_of: dict[str, str] = {}
        self._running: dict[str, set[str]] = {}
        self._over: set[str] = set()
        self._unspoken: set[str] = set()  # responses some answer of which is still to be spoken of

    @property
    def is_running(self) -> bool:
        return any(self._running.values())

    def begin(self, called: ToolCalled, position: int, now_ms: int) -> RecordTool | None:
        """The record of a new tool call; None for one that was seen before, or one too many."""
        if len(self._records) >= MOST or not called.tool_call_id or called.tool_call_id in self._records:
            return None
        record = RecordTool(called.tool_call_id, position, called.name, called.arguments, now_ms)
        self._records[called.tool_call_id] = record
        self._by_item[called.item_id] = called.tool_call_id
        self._response_of[called.tool_call_id] = called.response_id
        self._running.setdefault(called.response_id, set()).add(called.tool_call_id)
        return record

    def remember(self, item_id: str, record: RecordTool) -> None:
        """A tool call of a stream before; one that has no result there is not known to have done anything."""
        self._records[record.tool_call_id] = record
        self._by_item[item_id] = record.tool_call_id
        self._outputs[record.tool_call_id] = json.dumps(record.result or NO_RESULT, default=str)

    def finish(self, finished: ToolFinished) -> RecordTool:
        record = replace(
            self._records[finished.tool_call_id],
            status=finished.status,
            result=finished.result,
            duration_ms=finished.duration_ms,
        )
        response_id = self.response_of(finished.tool_call_id)
        self._running[response_id].discard(finished.tool_call_id)
        if finished.then != "wait":
            self._unspoken.add(response_id)
        return record

    def keep_answer(self, tool_call_id: str, output: str) -> None:
        """What the model is told, should it have to be told again."""
        self._outputs[tool_call_id] = output

    def response_of(self, tool_call_id: str) -> str:
        return self._response_of[tool_call_id]

    def were_called_by(self, response_id: str) -> bool:
        return response_id in self._response_of.values()

    def again(self, item_id: str) -> list[AddToolCall | ToolOutput]:
        """The call that was this item, and its answer if there is one, for a new session; nothing for other items."""
        tool_call_id = self._by_item.get(item_id)
        if tool_call_id is None:
            return []
        record = self._records[tool_call_id]
        call = AddToolCall(item_id[:LONGEST_ID], tool_call_id, record.name, record.arguments)
        output = self._outputs.get(tool_call_id)
        return [call] if output is None else [call, ToolOutput(answer_id(tool_call_id), tool_call_id, output)]

    def session_lost(self) -> None:
        """Every response is over; what still runs is answered in the next session."""
        self._over.update(self._running)

    def response_done(self, response_id: str) -> None:
        self._over.add(response_id)

    def take_answered(self) -> set[str]:
        """Responses that are over, whose tool calls all have answers, and of which something is to be said."""
        answered = {id_ for id_, running in self._running.items() if id_ in self._over and not running}
        for response_id in answered:
            del self._running[response_id]
        spoken_of = answered & self._unspoken
        self._unspoken -= answered
        return spoken_of
