"""The conversation as the model knows it: items in order, and the rules for adding, cutting and removing them."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from calls.emulators import realtime_audio
from calls.emulators.realtime_schema import Refused

LONGEST_ID = 32


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(8)}"


@dataclass(slots=True)
class Item:
    """One item; `body` is its JSON without id, object, status and audio."""

    body: dict[str, Any]
    id: str = field(default_factory=lambda: new_id("item"))
    status: str = "completed"
    audio: bytearray = field(default_factory=bytearray)
    audio_kind: str = "audio/pcm"

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def role(self) -> str | None:
        return self.body.get("role")

    @property
    def audio_ms(self) -> int:
        return realtime_audio.duration_ms(self.audio_kind, self.audio)

    @property
    def text(self) -> str:
        """All that the model can read in this item."""
        parts = [part.get("text") or part.get("transcript") or "" for part in self.body.get("content", [])]
        return " ".join(filter(None, [*parts, self.body.get("arguments", ""), self.body.get("output", "")]))

    def wire(self, *, with_audio: bool = False) -> dict[str, Any]:
        body = {"id": self.id, "object": "realtime.item", "status": self.status, **self.body}
        if "content" in body:
            body["content"] = [dict(part) for part in body["content"]]
        if with_audio and self.audio:
            for part in body["content"]:
                part["audio"] = base64.b64encode(self.audio).decode()
        return body


class Conversation:
    """The items in order."""

    def __init__(self) -> None:
        self.id = new_id("conv")
        self.items: list[Item] = []

    def find(self, item_id: str) -> Item | None:
        return next((item for item in self.items if item.id == item_id), None)

    def previous_id(self, item: Item) -> str | None:
        index = self.items.index(item)
        return self.items[index - 1].id if index else None

    def add(self, item: Item) -> None:
        """Append what the server itself made."""
        self.items.append(item)

    def create(self, body: Mapping[str, Any], *, after: str | None) -> Item:
        """Take an item of the client's; `after` is an id, `root` for the front, or None for the end."""
        members = {name: value for name, value in body.items() if name not in {"id", "object", "status"}}
        item = Item(
            _without_audio(members), id=body.get("id") or new_id("item"), status=body.get("status", "completed")
        )
        self._check_new_id(item.id)
        if item.type == "function_call":
            item.body.setdefault("call_id", new_id("call"))
        if item.type == "function_call_output" and self.call(item.body["call_id"]) is None:
            message = f"Tool call ID '{item.body['call_id']}' not found in conversation."
            raise Refused("invalid_tool_call_id", message)
        self.items.insert(self._place(after), item)
        return item

    def call(self, call_id: str) -> Item | None:
        calls = (item for item in self.items if item.type == "function_call")
        return next((item for item in calls if item.body.get("call_id") == call_id), None)

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> Item:
        """Cut the audio of an assistant's item; its transcript goes, as nobody knows which words were heard."""
        item = self.find(item_id)
        if item is None:
            message = f"Error truncating item: the item with id '{item_id}' does not exist."
            raise Refused("item_truncate_invalid_item_id", message, "item_id")
        if item.role != "assistant" or not item.audio:
            raise Refused(None, "Only model output audio messages can be truncated")
        if content_index >= len(item.body["content"]):
            message = f"Error truncating item: there is no content at index {content_index}."
            raise Refused("invalid_value", message, "content_index")
        if audio_end_ms > item.audio_ms:
            message = f"Audio content of {item.audio_ms}ms is already shorter than {audio_end_ms}ms"
            raise Refused("invalid_value", message, "audio_end_ms")
        del item.audio[audio_end_ms * realtime_audio.BYTES_PER_MS[item.audio_kind] :]
        item.body["content"][content_index].pop("transcript", None)
        return item

    def delete(self, item_id: str) -> Item:
        item = self.find(item_id)
        if item is None:
            message = f"Error deleting item: the item with id '{item_id}' does not exist."
            raise Refused("item_delete_invalid_item_id", message, "item_id")
        self.items.remove(item)
        return item

    def retrieve(self, item_id: str) -> Item:
        item = self.find(item_id)
        if item is None:
            message = f"Error retrieving item: the item with id '{item_id}' does not exist."
            raise Refused("item_retrieve_invalid_item_id", message, "item_id")
        return item

    def _check_new_id(self, item_id: str) -> None:
        if len(item_id) > LONGEST_ID:
            message = f"Invalid 'item.id': string too long. Expected at most {LONGEST_ID} characters."
            raise Refused("invalid_value", message, "item.id")
        if self.find(item_id) is not None:
            message = f"Error adding item: an item with id '{item_id}' already exists."
            raise Refused("invalid_value", message, "item.id")

    def _place(self, after: str | None) -> int:
        if after is None:
            return len(self.items)
        if after == "root":
            return 0
        previous = self.find(after)
        if previous is None:
            message = f"Error adding item: the previous item with id '{after}' does not exist."
            raise Refused("item_not_found", message, "previous_item_id")
        return self.items.index(previous) + 1


def _without_audio(body: dict[str, Any]) -> dict[str, Any]:
    if "content" in body:
        body["content"] = [{name: value for name, value in part.items() if name != "audio"} for part in body["content"]]
    return body
