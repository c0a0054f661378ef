"""What a caller would hear in mu-law sound: speech, silence or noise."""

from calls.audio import MULAW_TO_LINEAR, level_dbov

QUIET_DBOV = -45.0
# Linear samples read as mu-law come out louder than any voice (-8 to -2 dBov against -25 to -14, measured on 8 and
# 24 kHz), and their neighbors resemble each other less.
_LOUDEST_VOICE_DBOV = -10.0
_LIKENESS_OF_LOUD_VOICE = 0.9
_LIKENESS_OF_VOICE = 0.3


def heard_in(sound: bytes) -> str:
    """`speech`, `silence` or `noise`; the first is anything with the level and the smoothness of a voice."""
    level = level_dbov(sound)
    if level < QUIET_DBOV:
        return "silence"
    likeness = _likeness(sound)
    if likeness < _LIKENESS_OF_VOICE or (level > _LOUDEST_VOICE_DBOV and likeness < _LIKENESS_OF_LOUD_VOICE):
        return "noise"
    return "speech"


def _likeness(sound: bytes) -> float:
    """How much each sample resembles the one before: 1 for a slow wave, 0 for white noise."""
    samples = [MULAW_TO_LINEAR[code] for code in sound]
    power = sum(sample * sample for sample in samples)
    return sum(one * next_ for one, next_ in zip(samples, samples[1:], strict=False)) / power if power else 0.0
