"""A WAV of the owner's becomes sound for the telephone, or the reason is told."""

import io
import math
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.audio import MULAW_TO_LINEAR, level_dbov
from calls.relay import wav


def recorded(*, ms=500, rate=8000, width=2, channels=1, hz=440, peak=0.3):
    """A tone as a WAV."""
    values = [peak * math.sin(2 * math.pi * hz * i / rate) for i in range(rate * ms // 1000)]
    packed = [round(v * 32767) if width == 2 else round(v * 127) + 128 for v in values for _ in range(channels)]
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(struct.pack(f"<{len(packed)}{'h' if width == 2 else 'B'}", *packed))
    return data.getvalue()


def with_a_chunk_longer_than_its_file():
    """As a program leaves it that was stopped while it wrote the tags before the sound."""
    whole = recorded()
    return whole[:36] + b"LIST" + struct.pack("<I", 50_000) + b"INFO" + bytes(20) + whole[36:]


def cycles(sound):
    """How often the tone swings up through zero."""
    values = [MULAW_TO_LINEAR[code] for code in sound]
    return sum(1 for a, b in zip(values, values[1:], strict=False) if a <= 0 < b)


SHORT = recorded(ms=200)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"rate": 16_000},
        {"rate": 44_100, "channels": 2},
        {"rate": 48_000},
        {"width": 1},
        {"peak": 0.02},
        {"peak": 0.9},
    ],
    ids=str,
)
def test_any_plain_wav_becomes_the_same_tone_as_loud_as_speech(how):
    sound = wav.to_mulaw(recorded(**how))

    assert len(sound) == pytest.approx(4000, abs=1)
    assert cycles(sound) == pytest.approx(220, abs=2)
    assert level_dbov(sound) == pytest.approx(wav.SPEECH_DBOV, abs=0.5)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no sound", "it is no WAV file"),
        (recorded()[:30], "it is no WAV file"),
        (with_a_chunk_longer_than_its_file(), "it is no WAV file"),
        (recorded(ms=100), "it lasts 0.1 s"),
        (recorded(ms=5100), "it lasts 5.1 s"),
        (recorded(peak=0.001), "nothing can be heard in it"),
        (recorded(peak=0.0), "nothing can be heard in it"),
        (recorded(rate=6000), "it has to be PCM"),
        (recorded(rate=192_000, ms=300), "it has to be PCM"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_refused_with_the_reason(data, why):
    with pytest.raises(wav.Unusable, match=f"^{why}"):
        wav.to_mulaw(data)


def test_a_file_that_is_cut_off_in_the_middle_is_as_long_as_what_is_there():
    whole = recorded(ms=1000)

    assert len(wav.to_mulaw(whole[: len(whole) // 2])) == pytest.approx(4000, abs=40)


@given(changed=st.dictionaries(st.integers(0, 63), st.integers(0, 255), max_size=6), length=st.integers(0, 3400))
def test_whatever_a_header_says_a_file_is_a_clip_or_refused(changed, length):
    data = bytearray(SHORT)
    for at, value in changed.items():
        data[at] = value

    try:
        sound = wav.to_mulaw(bytes(data[:length]))
    except wav.Unusable:
        return
    assert sound
