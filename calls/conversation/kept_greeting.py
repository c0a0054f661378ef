"""The greeting as kept sound: played without waiting for OpenAI, and told to OpenAI as words once it is over.

OpenAI takes no sound that is not its own, and text cannot be cut afterwards: so it learns the words when it is known
which of them were heard. Who has to speak of something before that is told all of them first.
"""

from collections.abc import Sequence

from calls.audio import payload_bytes
from calls.conversation.messages import Command, RecordTurn, to_ms
from calls.conversation.playback import MARK_GRACE
from calls.conversation.profile import Profile
from calls.conversation.transcript import Transcript
from calls.conversation.voice import AgentVoice
from calls.realtime import wire
from calls.twilio import stream

GREETING = "greeting"
HEARD_GREETING = "greeting-heard"


class KeptGreeting:
    """`wake_at` is when something is to be done about it: to play it, or to take it for heard without its mark."""

    def __init__(self, profile: Profile, voice: AgentVoice, transcript: Transcript) -> None:
        self.wake_at: float | None = None
        self._text = profile.greeting
        self._payloads = profile.kept_greeting
        self._voice = voice
        self._transcript = transcript
        self._is_waiting = False
        self._last_mark = ""
        self._heard: str | None = None  # None: it is not over yet
        self._is_open = False
        self._is_told = False

    @property
    def is_kept(self) -> bool:
        """Whether there is one; without it the model greets."""
        return bool(self._payloads)

    def play_at(self, now: float) -> None:
        if self._payloads:
            self._is_waiting, self.wake_at = True, now

    def play(self, now: float) -> list[Command]:
        """To be called at `wake_at`: the sound, if it is time for it. It is never played twice."""
        if not self._is_waiting:
            return []
        self._is_waiting = False
        self._transcript.agent_speaks(GREETING, to_ms(now))
        turn = self._transcript.agent_said(GREETING, 0, self._text, to_ms(now))
        commands: list[Command] = []
        for payload in self._payloads:
            commands += self._voice.play_own(GREETING, payload, now)
        self._voice.finished(GREETING, 0)
        self._last_mark = next(c.name for c in reversed(commands) if isinstance(c, stream.Mark))
        self.wake_at = now + sum(map(payload_bytes, self._payloads)) / 8000 + MARK_GRACE
        return [*commands, turn]

    def open(self) -> list[Command]:
        """OpenAI listens from now on."""
        self._is_open = True
        return self._tell()

    def session_lost(self) -> None:
        """Until the next session is ready, nobody can be told anything."""
        self._is_open = False

    def told_again(self) -> None:
        """A new session was told the words of the call so far, and this greeting among them."""
        self._is_open = self._is_told = True

    def acknowledged(self, mark: str) -> list[Command]:
        return self._over(self._text) if mark and mark == self._last_mark else []

    def overdue(self, now: float) -> list[Command]:
        """To be called at `wake_at`: some clients never echo a mark."""
        return self._over(self._text) if self.wake_at is not None and now >= self.wake_at else []

    def interrupted(self, cut: Sequence[Command]) -> list[Command]:
        """The caller spoke; `cut` is what the voice said to that."""
        if not self._last_mark or self._heard is not None:
            return []
        heard = (c.text for c in cut if isinstance(c, RecordTurn) and c.item_id == GREETING)
        return self._over(next(heard, self._text))

    def tell_all(self) -> list[Command]:
        """Something is about to be answered behind the greeting: OpenAI has to know that the caller was greeted."""
        if not self._last_mark or self._is_told or not self._is_open:
            return []
        self._is_told = True
        return [wire.AddText(GREETING, "assistant", self._text, "root")]

    def _over(self, heard: str) -> list[Command]:
        if self._heard is not None:
            return []
        self._heard, self.wake_at = heard, None
        return self._tell()

    def _tell(self) -> list[Command]:
        if self._heard is None or not self._is_open:
            return []
        was_told, self._is_told = self._is_told, True
        if was_told and self._heard == self._text:
            return []
        taken_back: list[Command] = [wire.DeleteItem(GREETING)] if was_told else []
        item_id = HEARD_GREETING if was_told else GREETING
        return taken_back + ([wire.AddText(item_id, "assistant", self._heard, "root")] if self._heard else [])
