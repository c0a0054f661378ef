"""The model's greeting on its way to being kept: only one that was said to the letter and heard to its end."""

import re
import unicodedata

from calls.conversation.messages import Command, KeepGreeting
from calls.realtime import wire

LONGEST_BYTES = 20 * 8000


class GreetingCapture:
    """Gathers the first item that the agent speaks; anything that is not as it should be ends it for this call."""

    def __init__(self, greeting: str, *, is_wanted: bool) -> None:
        self._greeting = greeting
        self._is_on = is_wanted
        self._item_id = ""
        self._response_id = ""
        self._payloads: list[str] = []
        self._bytes = 0
        self._was_worded = False
        self._is_whole = False

    def sound(self, delta: wire.OutputAudioDelta) -> None:
        if not self._is_on:
            return
        if not self._item_id:
            self._item_id, self._response_id = delta.item_id, delta.response_id
        if delta.item_id != self._item_id:
            if delta.response_id == self._response_id:
                self.stop()
            return
        self._payloads.append(delta.payload)
        self._bytes += delta.length
        if self._bytes > LONGEST_BYTES:
            self.stop()

    def words(self, said: wire.AgentText) -> None:
        if said.item_id == self._item_id:
            self._was_worded = normalized(said.text) == normalized(self._greeting)
            if not self._was_worded:
                self.stop()

    def done(self, response: wire.ResponseDone) -> None:
        if response.response_id == self._response_id:
            self._is_whole = response.status == "completed"
            if not self._is_whole:
                self.stop()

    def take(self) -> list[Command]:
        """The greeting, once, when it is complete; to be asked when the caller has heard all that was sent."""
        if not (self._is_on and self._was_worded and self._is_whole):
            return []
        kept = KeepGreeting(tuple(self._payloads))
        self.stop()
        return [kept]

    def stop(self) -> None:
        """The caller spoke into it, or it is not the greeting."""
        self._is_on = False
        self._payloads.clear()


def normalized(text: str) -> str:
    """The words alone: spelling of quotes, dashes and case is not heard."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))
