"""The transcript as it grows: placed by the chain of items, not by arrival, and cut to what was heard."""

from dataclasses import dataclass, field
from typing import Literal

from calls.conversation.messages import RecordTurn

STEP = 65536  # room for sixteen items that come later behind the same one
UNINTELLIGIBLE = "[unintelligible]"
MOST_LETTERS = 1_000_000  # of all words that come; ten hours of talk without a pause
MS_PER_LETTER = 60
"""What a letter takes to say, where the words have come and not yet all of their sound."""


@dataclass(slots=True)
class _AgentTurn:
    position: int
    started_ms: int
    has_sound: bool = False
    texts: dict[int, str] = field(default_factory=dict)
    heard_ms: int | None = None
    heard_letters: int | None = None  # None: not interrupted

    @property
    def text(self) -> str:
        return " ".join(self.texts[index].strip() for index in sorted(self.texts)).strip()


class Transcript:
    def __init__(self) -> None:
        self._order: list[str] = []
        self._positions: dict[str, int] = {}
        self._agent: dict[str, _AgentTurn] = {}
        self._caller_ms: dict[str, int] = {}
        self._caller: dict[str, str] = {}
        self._awaited: dict[str, None] = {}
        self._heard_again = ""
        self._same: dict[str, str] = {}  # turns that a second session heard, and what they were called in the first
        self._room = MOST_LETTERS
        self.has_callers_words = False

    @property
    def is_complete(self) -> bool:
        """Whether the words of every caller's turn have come."""
        return not self._awaited

    def place(self, item_id: str, previous_item_id: str) -> int:
        """The place of an item behind the one it follows; at the end when that one is unknown."""
        if item_id in self._positions:
            return self._positions[item_id]
        index = len(self._order)
        if previous_item_id in self._positions:
            index = self._order.index(previous_item_id) + 1
        before = self._positions[self._order[index - 1]] if index else 0
        after = self._positions[self._order[index]] if index < len(self._order) else before + 2 * STEP
        position = (before + after) // 2
        self._order.insert(index, item_id)
        self._positions[item_id] = position
        return position

    @property
    def items(self) -> list[str]:
        """All items that have a place, in order."""
        return list(self._order)

    def words_of(self, item_id: str) -> tuple[Literal["user", "assistant"], str]:
        """Whose words an item holds, and those of them that were heard; no words where nobody knows them."""
        if item_id in self._agent:
            return "assistant", self._agent_turn(item_id).text
        text = self._caller.get(item_id, "")
        return "user", "" if text == UNINTELLIGIBLE else text

    def remember(self, item_id: str, position: int, turn: RecordTurn | None) -> None:
        """An item of a stream before, behind those that were remembered; `turn` is None for a tool call."""
        self._order.append(item_id)
        self._positions[item_id] = position
        if turn is None:
            return
        if turn.role == "caller":
            self._caller[item_id], self._caller_ms[item_id] = turn.text, turn.started_ms
            self.has_callers_words = self.has_callers_words or bool(turn.text)
        else:
            self._agent[item_id] = _AgentTurn(position, turn.started_ms, True, {0: turn.text}, turn.heard_ms)

    def session_lost(self, *, is_heard_again: bool) -> None:
        """Words that were awaited will not come any more, unless the last of these turns is heard again."""
        self._heard_again = next(reversed(self._awaited), "") if is_heard_again else ""
        self._awaited.clear()

    def caller_started(self, item_id: str, now_ms: int) -> None:
        if self._heard_again:
            self._same[item_id], self._heard_again = self._heard_again, ""
        self._caller_ms[item_id] = now_ms

    def caller_finished(self, item_id: str, previous_item_id: str, now_ms: int, *, is_awaited: bool) -> RecordTurn:
        """The caller's turn has its place; its words are awaited unless nobody writes them down."""
        self.place(item_id, previous_item_id)
        item_id = self._same.get(item_id, item_id)
        if is_awaited:
            self._awaited[item_id] = None
        return self._caller_turn(item_id, "", now_ms)

    def caller_said(self, item_id: str, text: str, now_ms: int) -> RecordTurn:
        item_id = self._same.get(item_id, item_id)
        self._awaited.pop(item_id, None)
        text = self._fitting(text)
        self._caller[item_id] = text.strip()
        self.has_callers_words = self.has_callers_words or bool(text.strip())
        return self._caller_turn(item_id, text.strip(), now_ms)

    def _caller_turn(self, item_id: str, text: str, now_ms: int) -> RecordTurn:
        started_ms = self._caller_ms.setdefault(item_id, now_ms)
        return RecordTurn(item_id, self.place(item_id, ""), "caller", text, started_ms)

    def agent_speaks(self, item_id: str, starts_ms: int) -> None:
        """The first sound of the agent's item is heard at `starts_ms`; its words may have come before."""
        turn = self._turn(item_id, starts_ms)
        if not turn.has_sound:
            turn.has_sound, turn.started_ms = True, starts_ms

    def agent_says_more(self, item_id: str, content_index: int, text: str, now_ms: int) -> None:
        texts = self._turn(item_id, now_ms).texts
        texts[content_index] = texts.get(content_index, "") + self._fitting(text)

    def agent_said(self, item_id: str, content_index: int, text: str, now_ms: int) -> RecordTurn:
        """The whole text of one part; what was cut off before stays cut off."""
        self._turn(item_id, now_ms).texts[content_index] = self._fitting(text)
        return self._agent_turn(item_id)

    def _fitting(self, text: str) -> str:
        """As much of it as there is room for in this call."""
        text = text[: self._room]
        self._room -= len(text)
        return text

    def _turn(self, item_id: str, now_ms: int) -> _AgentTurn:
        if item_id not in self._agent:
            self._agent[item_id] = _AgentTurn(self.place(item_id, ""), now_ms)
        return self._agent[item_id]

    def agent_interrupted(self, item_id: str, heard_ms: int, total_ms: int | None, now_ms: int) -> RecordTurn:
        """`heard_ms` of the item's `total_ms` were heard, and its text is cut in proportion. `total_ms` is None while
        more sound was to come: the words run ahead of it, and how long they would have taken is guessed."""
        turn = self._turn(item_id, now_ms)
        turn.heard_ms = heard_ms
        letters = len(turn.text)
        turn.heard_letters = min(letters, letters * heard_ms // max(total_ms or letters * MS_PER_LETTER, 1))
        return self._agent_turn(item_id)

    def _agent_turn(self, item_id: str) -> RecordTurn:
        turn = self._agent[item_id]
        heard, unheard = turn.text, ""
        if turn.heard_letters is not None:
            heard, unheard = _cut(turn.text, turn.heard_letters)
        return RecordTurn(
            item_id=item_id,
            position=turn.position,
            role="agent",
            text=heard,
            unheard=unheard,
            interrupted=turn.heard_letters is not None,
            started_ms=turn.started_ms,
            heard_ms=turn.heard_ms,
        )


def _cut(text: str, letters: int) -> tuple[str, str]:
    """`text` parted before the word in which the letter stands."""
    if letters >= len(text):
        return text, ""
    end = text.rfind(" ", 0, letters + 1)
    return (text[:end], text[end + 1 :]) if end > 0 else ("", text)
