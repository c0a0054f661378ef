"""What the parts of one session share: the way out, time, the settings, the conversation.

Everything that is sent goes through one queue, so the events of a sequence stay together and a break-off leaves nothing
behind it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_items import Conversation, Item, new_id
from calls.emulators.realtime_record import SessionRecord
from calls.emulators.realtime_schema import Refused
from calls.emulators.scenario import Fault

EXPIRED = "Your session hit the maximum duration of 60 minutes."


@dataclass(frozen=True, slots=True)
class Close:
    """Ends the connection once all before it was sent; without a code the TCP connection is cut."""

    code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Tempo:
    """How fast the emulator lives; `rate` divides all its waits, `pace` is how much faster than sound audio is sent."""

    rate: float = 1.0
    pace: float = 5.0
    think_ms: int = 300
    transcription_ms: int = 400


BeforeTool = Callable[[SessionRecord, str], None]
"""Told of the name of a tool right before the model calls it, in a thread, and waited for."""


class Line:
    before_tool: BeforeTool | None = None

    def __init__(self, *, settings: dict[str, Any], tempo: Tempo, faults: Faults, record: SessionRecord) -> None:
        self.settings = settings
        self.tempo = tempo
        self.faults = faults
        self.record = record
        self.conversation = Conversation()
        self.outbox: asyncio.Queue[dict[str, Any] | str | Close] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    def emit(self, kind: str, **members: Any) -> None:
        event = {"type": kind, "event_id": new_id("event"), **members}
        if self.faults.extra_keys:
            event["undocumented"] = {"nested": [1, None, "x"]}
        if self.faults.padding and kind == "response.output_audio.delta":
            event["obfuscation"] = "x" * self.faults.padding
        self.outbox.put_nowait(event)

    def tell_item(self, item: Item) -> None:
        """Announce an item that is complete from the start."""
        previous = self.conversation.previous_id(item)
        self.emit("conversation.item.added", previous_item_id=previous, item=item.wire())
        self.emit("conversation.item.done", previous_item_id=previous, item=item.wire())

    def emit_raw(self, text: str) -> None:
        self.outbox.put_nowait(text)

    def emit_error(self, body: dict[str, Any]) -> None:
        self.record.errors.append(body)
        self.emit("error", error=body)

    def close(self, code: int, reason: str) -> None:
        self.outbox.put_nowait(Close(code, reason))

    def hang_up(self, fault: Fault) -> None:
        """Do what a fault of the connection asks for."""
        if fault.name == "expire":
            self.expire()
        else:
            is_close = fault.name == "close"
            self.outbox.put_nowait(Close(int(fault.value or 1011), "on demand") if is_close else Close())

    def expire(self) -> None:
        """The session has reached its longest time."""
        self.emit_error(Refused("session_expired", EXPIRED).body(None))
        self.close(1001, EXPIRED)

    async def pause(self, ms: float) -> None:
        await asyncio.sleep(ms / 1000 / self.tempo.rate)

    def delivery_seconds(self, audio_ms: float) -> float:
        """How long the vendor takes to send so much audio."""
        return audio_ms / 1000 / self.tempo.pace / self.tempo.rate

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self.record.script_errors.append(f"{task.get_name()}: {failure!r}")
            self.close(1011, "the emulator failed")

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
