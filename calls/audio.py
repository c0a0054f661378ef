"""8 kHz mu-law (G.711), the sound of the telephone: 8 bytes are a millisecond, base64 is the payload on the wire."""

from base64 import b64encode
from collections import Counter
from math import log10

BYTES_PER_MS = 8
SILENCE = 0xFF
BIAS, CLIP = 0x84, 32635


def _linear(code: int) -> int:
    """The 14-bit sample, scaled to 16 bits, of one mu-law byte (ITU-T G.711)."""
    code = ~code & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return -magnitude if code & 0x80 else magnitude


MULAW_TO_LINEAR = tuple(_linear(code) for code in range(256))


def mulaw(sample: int) -> int:
    """The mu-law byte of a 16-bit sample; louder than that is cut (ITU-T G.711)."""
    magnitude = min(abs(sample), CLIP) + BIAS
    exponent = magnitude.bit_length() - 8
    code = exponent << 4 | magnitude >> exponent + 3 & 0x0F
    return ~(code | (0x80 if sample < 0 else 0)) & 0xFF


def silence_payload(ms: int) -> str:
    """A payload of `ms` milliseconds of silence."""
    return b64encode(bytes([SILENCE]) * (ms * BYTES_PER_MS)).decode("ascii")


def payload_bytes(payload: str) -> int:
    """How many bytes of mu-law a base64 payload carries, without decoding it."""
    return len(payload) * 3 // 4 - payload.count("=", -2)


def level_dbov(sound: bytes | bytearray) -> float:
    """The mean level of mu-law sound in dB below overload: about -20 for speech, -96 for silence."""
    if not sound:
        return -96.0
    power = sum(MULAW_TO_LINEAR[code] ** 2 for code in sound) / len(sound)
    return 10 * log10(power / 32768**2) if power > 8 else -96.0


_QUIET_DBOV = -30.0  # linear sound is never quiet in mu-law
_TOO_LOUD_DBOV = -6.0  # the loudest voice on a telephone has -10
_UNLIKE = 0.35  # of 50 ms of the bundled voices 0.23 at most; as 16-bit sound at 8 or 24 kHz 0.35 at least
_SHADES = 16


def is_linear(sound: bytes | bytearray) -> bool:
    """Whether what is said to be mu-law is 16-bit linear sound, which would be noise on the telephone.

    In linear samples every second byte is the high one, and those are much alike, while the bytes of mu-law are all of
    one kind; linear silence is a deafening tone in mu-law. Of less than 50 ms nothing can be told.
    """
    level = level_dbov(sound)
    if len(sound) < 50 * BYTES_PER_MS or level < _QUIET_DBOV:
        return False
    even, odd = (Counter(code // _SHADES for code in sound[start::2]) for start in (0, 1))
    half = len(sound) / 2
    unlike = sum(abs(even[shade] - odd[shade]) for shade in range(256 // _SHADES)) / half / 2
    return unlike > _UNLIKE or level > _TOO_LOUD_DBOV
