"""One response: played by a task step by step, or broken off at once, in the order of the vendor's events."""

import asyncio
import base64
import json
import math
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from calls.emulators import realtime_answers, realtime_script
from calls.emulators.realtime_items import Item, new_id
from calls.emulators.realtime_line import Line
from calls.emulators.realtime_record import ToolRecord, Turn
from calls.emulators.realtime_script import Piece
from calls.emulators.scenario import Agent, Fault, ToolUse

ARGUMENT_PIECE = 12
NO_FAULT = Fault("")
CONNECTION_FAULTS = {"drop", "close", "expire"}
CUTTING_FAULTS = CONNECTION_FAULTS | {"incomplete"}


class Director(Protocol):
    """Whoever runs the responses of a session."""

    def finished(self, response: "Response") -> None: ...
    def spoke(self) -> None: ...
    def usage(self, response: "Response") -> dict[str, Any]: ...


class Response:
    """The life of one response; `settings` are the session's with the overrides of response.create."""

    def __init__(self, line: Line, director: Director, settings: Mapping[str, Any], step: Agent, speech: bytes) -> None:
        self.line = line
        self.director = director
        self.settings = settings
        self.step = step
        self.speech = speech
        self.id = new_id("resp")
        self.in_conversation = settings.get("conversation", "auto") != "none"
        self.status = "in_progress"
        self.status_details: dict[str, Any] | None = None
        self.items: list[Item] = []
        self.task: asyncio.Task[None] | None = None
        self.text_only = settings["output_modalities"] == ["text"] or (step.fault or NO_FAULT).name == "text"
        self._open: Item | None = None  # the item between its added and its done
        self._part_open = False
        self._pieces: deque[Piece] = deque()
        self._turn: Turn | None = None

    @property
    def audio_kind(self) -> str:
        return str(self.settings["audio"]["output"]["format"]["type"])

    @property
    def audio_ms(self) -> int:
        return sum(item.audio_ms for item in self.items)

    def wire(self) -> dict[str, Any]:
        output = self.settings["audio"]["output"]
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self.status,
            "status_details": self.status_details,
            "output": [item.wire() for item in self.items if item is not self._open],
            "conversation_id": self.line.conversation.id if self.in_conversation else None,
            "output_modalities": self.settings["output_modalities"],
            "max_output_tokens": self.settings["max_output_tokens"],
            "audio": {"output": {"format": output["format"], "voice": output["voice"]}},
            "usage": None if self.status == "in_progress" else self.director.usage(self),
            "metadata": self.settings.get("metadata"),
        }

    async def play(self) -> None:
        """Go through the step; response.created has been sent."""
        fault = self.step.fault or NO_FAULT
        think_ms = self.line.tempo.think_ms if self.step.think_ms is None else self.step.think_ms
        await self.line.pause(think_ms + self.line.faults.first_delta_ms)
        if fault.name == "stall":
            await asyncio.Event().wait()
        error = fault.value if fault.name == "error" else self.line.faults.response_error
        if error is not None:
            return self._fail(str(error))
        if self.step.text or self.speech:
            await self._speak(cut=fault.name in CUTTING_FAULTS)
        if fault.name in CONNECTION_FAULTS:
            return self.line.hang_up(fault)
        if fault.name == "incomplete":
            return self._break_off("incomplete", {"type": "incomplete", "reason": fault.value})
        for use in self._callable_tools():
            await self._call(use)
        if fault.name == "drop_in_tool":
            return self.line.hang_up(fault)
        return self._finish("completed", None)

    def cancel(self, reason: str) -> None:
        """Break off; nothing of this response follows afterwards."""
        if self.task is not None:
            self.task.cancel()
        self._break_off("cancelled", {"type": "cancelled", "reason": reason})

    def leak(self, deltas: int) -> None:
        """Send some audio that was already on its way."""
        for _ in range(min(deltas, len(self._pieces))):
            self._say(self._pieces.popleft())

    def _callable_tools(self) -> Iterator[ToolUse]:
        if not self.step.tools:
            return
        declared = {tool.get("name") for tool in self.settings["tools"]}
        for use in self.step.tools:
            if self.settings["tool_choice"] == "none":
                self.line.record.script_errors.append(f"the script calls {use.name}, but tool_choice is none")
            elif use.name not in declared:
                self.line.record.script_errors.append(f"the script calls {use.name}, which is not declared")
            else:
                yield use

    # One message item.

    async def _speak(self, *, cut: bool) -> None:
        self._open_message()
        if self.text_only:
            self._write(self.step.text)
        else:
            kind = "audio/pcm" if self.line.faults.linear_deltas else self.audio_kind
            pieces = list(realtime_script.pieces(self.step.text, self.speech, kind))
            self._pieces.extend(pieces[: math.ceil(len(pieces) / 2)] if cut else pieces)
            await self._say_all()
        if not cut:
            self._close_message("completed")

    async def _say_all(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self._pieces:
            due = began + self.line.delivery_seconds(self._pieces[0].at_ms)
            await asyncio.sleep(max(0.0, due - loop.time()))
            if self._pieces:
                self._say(self._pieces.popleft())

    def _open_message(self) -> None:
        body: dict[str, Any] = {"type": "message", "role": "assistant", "content": []}
        if "reasoning" in self.settings:
            body["phase"] = "commentary" if self.step.tools else "final_answer"
        item = self._open_item(body)
        part = {"type": "output_text", "text": ""} if self.text_only else {"type": "output_audio", "transcript": ""}
        item.body["content"].append(part)
        item.audio_kind = self.audio_kind
        self._part_open = True
        self._emit_part("response.content_part.added", part=self._short_part(item))
        if self.in_conversation:
            self._turn = Turn("assistant", "", item_id=item.id)
            self.line.record.turns.append(self._turn)

    def _say(self, piece: Piece) -> None:
        item = self._open_one()
        part = item.body["content"][0]
        for word in piece.words:
            part["transcript"] = part.get("transcript", "") + word
            self._emit_part("response.output_audio_transcript.delta", delta=word, obfuscation=new_id("x"))
        item.audio += piece.audio
        if self._turn is not None:
            self._turn.text = item.text
            self.director.spoke()
        self._emit_part("response.output_audio.delta", delta=base64.b64encode(piece.audio).decode())

    def _write(self, text: str) -> None:
        item = self._open_one()
        for word in realtime_script.tokens(text):
            item.body["content"][0]["text"] += word
            self._emit_part("response.output_text.delta", delta=word)
        if self._turn is not None:
            self._turn.text = item.text

    def _close_message(self, status: str) -> None:
        item = self._open_one()
        if self._part_open:
            self._part_open = False
            if self.text_only:
                self._emit_part("response.output_text.done", text=item.text)
            else:
                self._emit_part("response.output_audio.done")
                self._emit_part("response.output_audio_transcript.done", transcript=item.text)
            self._emit_part("response.content_part.done", part=self._short_part(item))
        self._close_item(status)

    @staticmethod
    def _short_part(item: Item) -> dict[str, Any]:
        """A content part as response.content_part.* name it, by its old short names."""
        part = item.body["content"][0]
        if part["type"] == "output_text":
            return {"type": "text", "text": part["text"]}
        return {"type": "audio", "transcript": part.get("transcript", "")}

    # One function call.

    async def _call(self, use: ToolUse) -> None:
        try:
            filled = realtime_answers.filled(use.arguments, self.line.record.tools)
        except realtime_answers.NotAnswered as error:
            self.line.record.script_errors.append(str(error))
            return
        call_id = new_id("call")
        if self.line.before_tool is not None:
            await asyncio.to_thread(self.line.before_tool, self.line.record, use.name)
        await self._call_by(use.name, json.dumps(filled), call_id)
        if self.in_conversation:
            self.line.record.tools.append(ToolRecord(use.name, filled, call_id=call_id))
        self._close_item("completed")
        if use.twice:
            await self._call_by(use.name, json.dumps(filled), call_id)
            self._close_item("completed")

    async def _call_by(self, name: str, arguments: str, call_id: str) -> None:
        item = self._open_item({"type": "function_call", "name": name, "call_id": call_id, "arguments": ""})
        for start in range(0, len(arguments), ARGUMENT_PIECE):
            await asyncio.sleep(0)
            delta = arguments[start : start + ARGUMENT_PIECE]
            item.body["arguments"] += delta
            self._emit_item("response.function_call_arguments.delta", call_id=call_id, delta=delta)
        self._emit_item("response.function_call_arguments.done", call_id=call_id, name=name, arguments=arguments)

    # What all items share.

    def _open_item(self, body: dict[str, Any]) -> Item:
        item = Item(body, status="in_progress")
        self._open = item
        self.items.append(item)
        self.line.emit(
            "response.output_item.added",
            response_id=self.id,
            output_index=len(self.items) - 1,
            item=item.wire(),
        )
        if self.in_conversation:
            conversation = self.line.conversation
            conversation.add(item)
            self.line.emit("conversation.item.added", previous_item_id=conversation.previous_id(item), item=item.wire())
        return item

    def _close_item(self, status: str) -> None:
        item = self._open_one()
        item.status = status
        conversation = self.line.conversation
        # An item that was deleted while it was being made does not come back.
        if self.in_conversation and conversation.find(item.id) is not None:
            self.line.emit("conversation.item.done", previous_item_id=conversation.previous_id(item), item=item.wire())
        self.line.emit(
            "response.output_item.done", response_id=self.id, output_index=len(self.items) - 1, item=item.wire()
        )
        self._open = None

    def _open_one(self) -> Item:
        if self._open is None:
            raise AssertionError("no item is open")
        return self._open

    def _emit_item(self, kind: str, **members: Any) -> None:
        item_id, index = self._open_one().id, len(self.items) - 1
        self.line.emit(kind, response_id=self.id, item_id=item_id, output_index=index, **members)

    def _emit_part(self, kind: str, **members: Any) -> None:
        self._emit_item(kind, content_index=0, **members)

    # The end.

    def _fail(self, code: str) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": f"The response failed: {code}."}
        self._finish("failed", {"type": "failed", "error": error})

    def _break_off(self, status: str, details: dict[str, Any]) -> None:
        self._pieces.clear()
        if self._turn is not None and self._open is not None:
            self._turn.interrupted = status == "cancelled"
        if self._open is not None and self._open.type == "message":
            self._close_message("incomplete")
        elif self._open is not None:
            self._close_item("incomplete")
        self._finish(status, details)

    def _finish(self, status: str, details: dict[str, Any] | None) -> None:
        self.status = status
        self.status_details = details
        self.director.finished(self)
