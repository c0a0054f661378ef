"""One Realtime session: takes the client's events in order and answers them as the vendor does.

Choices where the vendor's behavior is not documented: a turn that ends while another response is running and may not
be interrupted gets no response; out-of-band responses use no step of the script.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from calls.emulators import realtime_settings
from calls.emulators.realtime_events import check_event
from calls.emulators.realtime_hearing import Hearing
from calls.emulators.realtime_line import Line
from calls.emulators.realtime_record import ToolRecord, Turn, plain
from calls.emulators.realtime_schema import Refused
from calls.emulators.realtime_script import Script, caller_in
from calls.emulators.realtime_speaking import Speaking

Event = Mapping[str, Any]


class Session:
    """What stands between one socket and one script."""

    def __init__(self, line: Line, script: Script, spans: Sequence[tuple[int, int]] | None = None) -> None:
        self._line = line
        self._speaking = Speaking(line, script)
        self._hearing = Hearing(line, script, self._speaking, spans)

    def begin(self) -> None:
        self._line.emit("session.created", session=self._line.settings)
        self._line.record.settings = self._line.settings
        self._line.spawn(self._expire(), "expiry")

    async def _expire(self) -> None:
        await self._line.pause(self._line.faults.lifetime_ms)
        self._line.expire()

    def receive(self, message: str | bytes) -> None:
        """Take one frame; a refusal becomes an error event and ends nothing."""
        event: dict[str, Any] | None = None
        try:
            event = self._decoded(message)
            check_event(event, model=self._line.settings["model"])
            HANDLERS[event["type"]](self, event)
        except Refused as refused:
            given = event.get("event_id") if event else None
            self._line.emit_error(refused.body(given if isinstance(given, str) else None))

    def _decoded(self, message: str | bytes) -> dict[str, Any]:
        keep = self._line.record.keep
        if isinstance(message, bytes):
            keep("in", f"<{len(message)} bytes>", None)
            raise Refused("invalid_event", "Binary messages are not supported; send JSON in text messages.")
        event = plain(message)
        keep("in", message, event if isinstance(event, dict) else None)
        if event is message:
            raise Refused("invalid_json", "We could not parse the JSON body of your event.")
        if not isinstance(event, dict):
            raise Refused("invalid_event", "An event must be a JSON object.")
        return event

    # The session.

    def _on_session_update(self, event: Event) -> None:
        line, faults = self._line, self._line.faults
        if faults.never_updated:
            return
        if faults.reject_updates > 0:
            faults.reject_updates -= 1
            raise Refused("invalid_value", "Rejected on demand.", names_event=faults.reject_names_event)
        self._speaking.check_voice(event["session"])
        heard_before = line.settings["audio"]["input"]
        line.settings = realtime_settings.updated(line.settings, event["session"])
        line.record.settings = line.settings
        line.record.caller = caller_in(line.settings["instructions"]) or line.record.caller
        hears = line.settings["audio"]["input"]
        if any(hears[name] != heard_before[name] for name in ("format", "turn_detection")):
            self._hearing.configure()
        if faults.updated_ms:
            line.spawn(self._tell_updated_late(), "late session.updated")
        else:
            self._tell_updated()

    async def _tell_updated_late(self) -> None:
        await self._line.pause(self._line.faults.updated_ms)
        self._tell_updated()

    def _tell_updated(self) -> None:
        session = self._line.settings
        if self._line.faults.wrong_echo:
            pcm = {"format": {"type": "audio/pcm", "rate": 24000}}
            session = realtime_settings.updated(session, {"audio": {"input": pcm, "output": pcm}})
        self._line.emit("session.updated", session=session)

    # The input audio buffer.

    def _on_append(self, event: Event) -> None:
        try:
            payload = base64.b64decode(event["audio"], validate=True)
        except (binascii.Error, ValueError):
            message = "Invalid 'audio': expected base64-encoded audio bytes."
            raise Refused("invalid_value", message, "audio") from None
        self._line.record.audio_in += payload
        self._line.record.audio_in_bytes += len(payload)
        self._hearing.append(payload)

    def _on_commit(self, event: Event) -> None:
        self._hearing.commit_by_client()

    def _on_clear(self, event: Event) -> None:
        self._hearing.clear()
        self._line.emit("input_audio_buffer.cleared")

    # The conversation.

    def _on_item_create(self, event: Event) -> None:
        item = self._line.conversation.create(event["item"], after=event.get("previous_item_id"))
        record = self._line.record
        if item.role in {"user", "assistant"}:
            place = 0 if event.get("previous_item_id") == "root" else len(record.turns)
            record.turns.insert(place, Turn(str(item.role), item.text, item_id=item.id))
        self._speaking.was_told(item)
        if item.type == "function_call":
            call_id, arguments = item.body["call_id"], plain(item.body["arguments"])
            record.tools.append(ToolRecord(item.body["name"], arguments, call_id=call_id))
        for tool in record.tools:
            if item.type == "function_call_output" and tool.call_id == item.body["call_id"]:
                tool.result = plain(item.body["output"])
        self._line.tell_item(item)

    def _on_item_retrieve(self, event: Event) -> None:
        item = self._line.conversation.retrieve(event["item_id"])
        self._line.emit("conversation.item.retrieved", item=item.wire(with_audio=True))

    def _on_item_truncate(self, event: Event) -> None:
        members = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
        item = self._line.conversation.find(event["item_id"])
        whole_ms = item.audio_ms if item else 0
        self._line.conversation.truncate(**members)
        self._line.record.cut_turn(event["item_id"], event["audio_end_ms"] / whole_ms)
        self._line.emit("conversation.item.truncated", **members)

    def _on_item_delete(self, event: Event) -> None:
        item = self._line.conversation.delete(event["item_id"])
        if item.role == "assistant":
            self._line.record.cut_turn(item.id, 0)
        self._line.emit("conversation.item.deleted", item_id=item.id)

    # Responses.

    def _on_response_create(self, event: Event) -> None:
        self._speaking.create_by_client(event)

    def _on_response_cancel(self, event: Event) -> None:
        self._speaking.cancel_by_client(event)


HANDLERS: dict[str, Callable[[Session, Event], None]] = {
    "session.update": Session._on_session_update,
    "input_audio_buffer.append": Session._on_append,
    "input_audio_buffer.commit": Session._on_commit,
    "input_audio_buffer.clear": Session._on_clear,
    "conversation.item.create": Session._on_item_create,
    "conversation.item.retrieve": Session._on_item_retrieve,
    "conversation.item.truncate": Session._on_item_truncate,
    "conversation.item.delete": Session._on_item_delete,
    "response.create": Session._on_response_create,
    "response.cancel": Session._on_response_cancel,
}
