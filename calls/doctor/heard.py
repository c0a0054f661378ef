"""What a caller hears on a stream: the model's voice, apart from the sound that the server plays of its own.

A caller who hears a kept greeting, or a clip that asks to wait, has heard nothing of OpenAI: it may be dead.
"""

from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path

from calls.audio import BYTES_PER_MS
from calls.doctor.ear import heard_in
from calls.relay import clips

ENOUGH_MS = 800


def own_clips(data_folder: str) -> list[bytes]:
    """The clips of a server with this DATA_DIR, the owner's among them. It reads files: not for the loop."""
    folder = Path(data_folder, "clips") if data_folder else None
    if folder:
        clips.load(folder)
    return [
        b64decode(payload) for name in clips.NAMES for payload in {clips.payload(name), clips.payload(name, folder)}
    ]


@dataclass(slots=True)
class Heard:
    """What came back on the stream, and after how many milliseconds each of it: of the model, or a sound of ours."""

    clips: list[bytes]
    kept: bytes = b""
    """The greeting of this line as kept sound; blank when the model greets."""
    agent_ms: int | None = None
    clip_ms: int | None = None
    kept_ms: int | None = None
    agent: bytes = b""
    close_code: int | None = None
    closed_after_ms: int = 0
    foreign: bool = False
    """Something was sent that Twilio would not play: another streamSid, bytes that are no base64, a binary frame."""
    _pending: bytes = field(default=b"", repr=False)
    _pending_ms: int = 0

    def take(self, sound: bytes, now_ms: int) -> None:
        """A sound of ours is known by its bytes, once it is whole: before that it may still become the agent's, whose
        first moment is often the same silence."""
        if not self._pending:
            self._pending_ms = now_ms
        self._pending += sound
        while own := next((one for one in self._ours if self._pending.startswith(one)), b""):
            self._note(own)
            self._pending, self._pending_ms = self._pending[len(own) :], now_ms
        if self._pending and not any(one.startswith(self._pending) for one in self._ours):
            self.agent_ms = self._pending_ms if self.agent_ms is None else self.agent_ms
            self.agent += self._pending
            self._pending = b""

    @property
    def _ours(self) -> list[bytes]:
        return [self.kept, *self.clips] if self.kept else self.clips

    def _note(self, own: bytes) -> None:
        if own == self.kept:
            self.kept_ms = self._pending_ms if self.kept_ms is None else self.kept_ms
        else:
            self.clip_ms = self._pending_ms if self.clip_ms is None else self.clip_ms

    def cleared(self) -> None:
        self._pending = b""

    @property
    def is_enough(self) -> bool:
        """Speech, or so much sound that it will not become any."""
        milliseconds = len(self.agent) // BYTES_PER_MS
        return milliseconds >= 3 * ENOUGH_MS or (milliseconds >= ENOUGH_MS and heard_in(self.agent) != "silence")
