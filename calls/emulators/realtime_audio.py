"""The audio formats of a Realtime session, and how loud something is in each."""

import math
from array import array
from functools import cache

from calls.emulators import sound

BYTES_PER_MS = {"audio/pcmu": 8, "audio/pcma": 8, "audio/pcm": 48}
PCM_OVERSAMPLING = 3


def duration_ms(kind: str, payload: bytes | bytearray) -> int:
    return len(payload) // BYTES_PER_MS[kind]


def level(kind: str, payload: bytes) -> float:
    """The level in dBov of `payload`, taken for what the session believes it to be."""
    if kind == "audio/pcmu":
        return sound.level(payload)
    if kind == "audio/pcma":
        table = _alaw()
        samples = [table[code] for code in payload]
    else:
        samples = array("h", payload[: len(payload) // 2 * 2]).tolist()
    power = sum(sample * sample for sample in samples)
    return 10 * math.log10(power / len(samples) / 32768**2) if power else -math.inf


def from_mulaw(kind: str, payload: bytes) -> bytes:
    """Bring 8 kHz mu-law into the format `kind`."""
    if kind == "audio/pcma":
        return payload.translate(_mulaw_to_alaw())
    if kind == "audio/pcm":
        return array("h", (sample for sample in sound.decode(payload) for _ in range(PCM_OVERSAMPLING))).tobytes()
    return payload


@cache
def _alaw() -> tuple[int, ...]:
    return tuple(map(_decoded_alaw, range(256)))


@cache
def _mulaw_to_alaw() -> bytes:
    alaw = _alaw()
    return bytes(
        min(range(256), key=lambda code: abs(alaw[code] - sample)) for sample in sound.decode(bytes(range(256)))
    )


def _decoded_alaw(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = (code & 0x70) >> 4, code & 0x0F
    magnitude = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude
