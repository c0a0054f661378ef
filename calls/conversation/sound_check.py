"""Whether a session speaks what it has promised: the first sound of each is looked at before anybody hears it."""

from base64 import b64decode

from calls.audio import is_linear
from calls.realtime import wire

ENOUGH_BYTES = 1600
LEAST_BYTES = 160
"""Less than that tells nothing, and is over before it hurts."""


class SoundCheck:
    def __init__(self) -> None:
        self._left = ENOUGH_BYTES

    def begin(self) -> None:
        """A new session."""
        self._left = ENOUGH_BYTES

    def is_noise(self, delta: wire.OutputAudioDelta) -> bool:
        """Whether the sound is no mu-law, in the first fifth of a second of a session."""
        if self._left <= 0 or delta.length < LEAST_BYTES:
            return False
        self._left -= delta.length
        return is_linear(b64decode(delta.payload))
