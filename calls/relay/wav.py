"""A WAV that somebody recorded, as sound for the telephone: 8 kHz mu-law, as loud as speech, no longer than a clip."""

import io
import struct
import wave
from collections.abc import Sequence
from itertools import pairwise

from calls.audio import level_dbov, mulaw

RATE = 8000
SHORTEST_MS, LONGEST_MS = 200, 5000
SPEECH_DBOV = -19.0
QUIETEST_DBOV = -45.0


class Unusable(Exception):
    """Says why, for whoever recorded it."""


def to_mulaw(data: bytes) -> bytes:
    """Raises Unusable for what is no PCM WAV of 8 or 16 bits, is too short, too long, or all but silent."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            seconds = file.getnframes() / max(rate, 1)
            if width not in (1, 2) or not RATE <= rate <= 96_000 or channels not in (1, 2):
                raise Unusable("it has to be PCM of 8 or 16 bits, mono or stereo, at 8 to 96 kHz")
            if not SHORTEST_MS <= seconds * 1000 <= LONGEST_MS:
                raise Unusable(
                    f"it lasts {seconds:.1f} s; between {SHORTEST_MS} ms and {LONGEST_MS // 1000} s are fine"
                )
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, struct.error, RuntimeError) as error:  # the last: a chunk beyond its file
        raise Unusable("it is no WAV file of PCM") from error
    samples = _slower(_mono(frames, width=width, channels=channels), rate)
    return _as_loud_as_speech(samples)


def _mono(frames: bytes, *, width: int, channels: int) -> list[int]:
    count = len(frames) // width
    if width == 1:
        values: Sequence[int] = [(value - 128) << 8 for value in frames[:count]]
    else:
        values = struct.unpack(f"<{count}h", frames[: 2 * count])
    if channels == 1:
        return list(values)
    return [(left + right) // 2 for left, right in zip(values[::2], values[1::2], strict=False)]


def _slower(samples: list[int], rate: int) -> list[int]:
    """At 8 kHz: each sample the mean of those it stands for, which also keeps out most of what lies above 4 kHz."""
    if rate == RATE:
        return samples
    edges = [i * rate // RATE for i in range(len(samples) * RATE // rate + 1)]
    return [sum(samples[start:end]) // (end - start) for start, end in pairwise(edges)]


def _as_loud_as_speech(samples: list[int]) -> bytes:
    sound = bytes(map(mulaw, samples))
    level = level_dbov(sound)
    if level < QUIETEST_DBOV:
        raise Unusable("nothing can be heard in it")
    gain = 10 ** ((SPEECH_DBOV - level) / 20)
    return bytes(mulaw(round(sample * gain)) for sample in samples)
