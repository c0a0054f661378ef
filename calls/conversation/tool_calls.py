"""The model's tool calls of one telephone call: each runs once, and one response follows when all are answered."""

from dataclasses import replace

from calls.conversation.messages import RecordTool, ToolFinished
from calls.realtime.wire import ToolCalled


class ToolCalls:
    def __init__(self) -> None:
        self._records: dict[str, RecordTool] = {}
        self._response_of: dict[str, str] = {}
        self._running: dict[str, set[str]] = {}
        self._over: set[str] = set()
        self._unspoken: set[str] = set()  # responses some answer of which is still to be spoken of

    def begin(self, called: ToolCalled, position: int, now_ms: int) -> RecordTool | None:
        """The record of a new tool call; None for one that was seen before."""
        if not called.tool_call_id or called.tool_call_id in self._records:
            return None
        record = RecordTool(called.tool_call_id, position, called.name, called.arguments, now_ms)
        self._records[called.tool_call_id] = record
        self._response_of[called.tool_call_id] = called.response_id
        self._running.setdefault(called.response_id, set()).add(called.tool_call_id)
        return record

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

    def response_of(self, tool_call_id: str) -> str:
        return self._response_of[tool_call_id]

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
