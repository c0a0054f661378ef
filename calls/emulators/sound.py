"""8 kHz mu-law for the emulators: the G.711 table, tones, levels, sound files.

A second reading of the standard on purpose; the product has its own in `calls.audio`.
"""

import math
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

SAMPLE_RATE = 8000
FRAME_MS = 20
FRAME_BYTES = SAMPLE_RATE * FRAME_MS // 1000
BYTES_PER_MS = SAMPLE_RATE // 1000
SILENCE = 0xFF
AUDIBLE_DBOV = -50.0

_BIAS = 0x84
_CLIP = 32635
_PCM, _MU_LAW = 1, 7


class SoundError(ValueError):
    """A file holds no sound that these helpers can read; the message says why."""


def _decoded(code: int) -> int:
    inverted = ~code & 0xFF
    magnitude = ((((inverted & 0x0F) << 3) + _BIAS) << ((inverted & 0x70) >> 4)) - _BIAS
    return -magnitude if inverted & 0x80 else magnitude


def _encoded(magnitude: int) -> int:
    """The code of a sample that is not negative."""
    biased = min(magnitude, _CLIP) + _BIAS
    exponent = biased.bit_length() - 8
    return ~((exponent << 4) | ((biased >> (exponent + 3)) & 0x0F)) & 0xFF


_DECODE = tuple(_decoded(code) for code in range(256))
_SQUARES = tuple(sample * sample for sample in _DECODE)
# The two lowest bits of a 16-bit sample never change its code.
_ENCODE = bytes(_encoded(quarter << 2) for quarter in range(8193))


def decode(payload: bytes) -> list[int]:
    """Turn mu-law into 16-bit samples."""
    return [_DECODE[code] for code in payload]


def encode(samples: Iterable[int]) -> bytes:
    """Turn 16-bit samples into mu-law."""
    return bytes(_ENCODE[sample >> 2] if sample >= 0 else _ENCODE[-sample >> 2] & 0x7F for sample in samples)


def duration_ms(payload: bytes) -> int:
    return len(payload) // BYTES_PER_MS


def silence(ms: int) -> bytes:
    return bytes([SILENCE]) * (ms * BYTES_PER_MS)


def tone(ms: int, *, hz: float = 440.0, dbov: float = -15.0) -> bytes:
    """A sine wave; 0 dBov is the level of a square wave at full scale."""
    peak = 32768 * math.sqrt(2) * 10 ** (dbov / 20)
    step = 2 * math.pi * hz / SAMPLE_RATE
    return encode(round(peak * math.sin(step * n)) for n in range(ms * BYTES_PER_MS))


def level(payload: bytes) -> float:
    """The level in dBov; minus infinity for nothing and for digital silence."""
    power = sum(map(_SQUARES.__getitem__, payload))
    if power == 0:
        return -math.inf
    return 10 * math.log10(power / len(payload) / 32768**2)


def is_audible(payload: bytes, *, above: float = AUDIBLE_DBOV) -> bool:
    return level(payload) > above


def frames(payload: bytes) -> Iterator[bytes]:
    """Cut into pieces of 20 ms; the last one is filled up with silence."""
    for start in range(0, len(payload), FRAME_BYTES):
        yield payload[start : start + FRAME_BYTES].ljust(FRAME_BYTES, bytes([SILENCE]))


def audible_span(payload: bytes) -> tuple[int, int] | None:
    """Where the sound begins and ends, in milliseconds; None when there is none."""
    audible = [number for number, frame in enumerate(frames(payload)) if is_audible(frame)]
    if not audible:
        return None
    return audible[0] * FRAME_MS, min((audible[-1] + 1) * FRAME_MS, duration_ms(payload))


def read(path: Path | str) -> bytes:
    """Read a file as mu-law: raw 8 kHz mu-law, or WAV with PCM of 8 or 16 bits or mu-law inside."""
    path = Path(path)
    content = path.read_bytes()
    if path.suffix.lower() != ".wav":
        return content
    try:
        return _from_wav(content)
    except (struct.error, SoundError) as error:
        raise SoundError(f"{path}: {error}") from error


def write_wav(path: Path | str, *tracks: bytes) -> None:
    """Write mu-law tracks of one length or several as the channels of a 16-bit WAV."""
    length = max(map(len, tracks), default=0)
    mixed = [0] * (length * len(tracks))
    for number, track in enumerate(tracks):
        mixed[number :: len(tracks)] = decode(track.ljust(length, bytes([SILENCE])))
    width = 2 * len(tracks)
    form = struct.pack("<HHIIHH", _PCM, len(tracks), SAMPLE_RATE, SAMPLE_RATE * width, width, 16)
    body = b"WAVE" + _chunk(b"fmt ", form) + _chunk(b"data", struct.pack(f"<{len(mixed)}h", *mixed))
    Path(path).write_bytes(_chunk(b"RIFF", body))


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _chunks(content: bytes) -> dict[bytes, bytes]:
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise SoundError("no WAV file")
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(content):
        (size,) = struct.unpack_from("<I", content, at + 4)
        found.setdefault(content[at : at + 4], content[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return found


def _from_wav(content: bytes) -> bytes:
    chunks = _chunks(content)
    if b"fmt " not in chunks or b"data" not in chunks:
        raise SoundError("the WAV file holds no sound")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
    data = chunks[b"data"]
    if channels == 0 or rate == 0:
        raise SoundError("the WAV file has no channel or no sample rate")
    if (kind, channels, rate) == (_MU_LAW, 1, SAMPLE_RATE):
        return data
    samples = _samples(kind, bits, data)
    mono = [sum(samples[at : at + channels]) // channels for at in range(0, len(samples), channels)]
    return encode(_resampled(mono, rate))


def _samples(kind: int, bits: int, data: bytes) -> list[int]:
    if kind == _MU_LAW:
        return decode(data)
    if kind == _PCM and bits == 16:
        return list(struct.unpack(f"<{len(data) // 2}h", data[: len(data) // 2 * 2]))
    if kind == _PCM and bits == 8:
        return [(sample - 128) << 8 for sample in data]
    raise SoundError(f"the WAV file holds format {kind} with {bits} bits; PCM of 16 bits is wanted")


def _resampled(samples: list[int], rate: int) -> list[int]:
    """Bring to 8 kHz: the mean of the samples that fall into one, or the nearest when there are too few."""
    if rate == SAMPLE_RATE or not samples:
        return samples
    resampled = []
    for number in range(len(samples) * SAMPLE_RATE // rate):
        first = number * rate // SAMPLE_RATE
        last = max(first + 1, (number + 1) * rate // SAMPLE_RATE)
        window = samples[first:last]
        resampled.append(sum(window) // len(window))
    return resampled
