"""Whether a session speaks what it has promised: the first sound of each is looked at before anybody hears it."""

from base64 import b64decode

from calls.audio import is_linear
from calls.realtime import wire

ENOUGH_BYTES = 1600
_LETTERS = 2136  # of base64, for as many bytes


class SoundCheck:
    def __init__(self) -> None:
        self._seen = bytearray()

    def begin(self) -> None:
        """A new session."""
        self._seen.clear()

    def is_noise(self, delta: wire.OutputAudioDelta) -> bool:
        """Whether the sound is no mu-law, in the first fifth of a second of a session."""
        if len(self._seen) >= ENOUGH_BYTES:
            return False
        self._seen += b64decode(delta.payload[:_LETTERS])
        return is_linear(self._seen)
