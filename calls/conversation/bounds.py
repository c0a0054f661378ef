"""How much a call keeps of what OpenAI names: an upstream that has gone wrong must not cost memory without end."""

from calls.conversation.messages import Message

MOST_NAMES = 5000
"""Items, responses and tool calls of one call, at once; half an hour of quick talk has some hundreds."""
NAMES_A_SECOND = 2.0
"""How many more there may be for each second of a call: however long it is, it never becomes deaf to its own talk."""
LONGEST_NAME = 256
MOST_PARTS = 32


class Names:
    def __init__(self) -> None:
        self._known: set[str] = set()

    def has_room_for(self, message: Message, now: float) -> bool:
        """Whether what the message names is known, or may still become so `now` seconds after the ring."""
        if not 0 <= getattr(message, "content_index", 0) < MOST_PARTS:
            return False
        named = (getattr(message, attribute, "") for attribute in ("item_id", "response_id", "tool_call_id"))
        return all(self._knows(name, now) for name in named if name)

    def _knows(self, name: str, now: float) -> bool:
        if name not in self._known:
            if len(self._known) >= MOST_NAMES + NAMES_A_SECOND * now or len(name) > LONGEST_NAME:
                return False
            self._known.add(name)
        return True
