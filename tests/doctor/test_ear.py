import struct
from pathlib import Path

import pytest

from calls.doctor.ear import heard_in
from calls.emulators import sound
from calls.emulators.scenario import BUNDLED

VOICES = sorted((Path(BUNDLED).parent / "audio").glob("*.ulaw")) + sorted(Path("calls/relay/clips").glob("*.ulaw"))


def pcm16(mulaw, *, times=1):
    samples = [sample for sample in sound.decode(mulaw) for _ in range(times)]
    return struct.pack(f"<{len(samples)}h", *samples)


@pytest.mark.parametrize("path", VOICES, ids=lambda path: path.stem)
def test_a_voice_is_speech_and_the_same_as_linear_samples_is_noise(path):
    voice = path.read_bytes()[:6400]

    assert [heard_in(voice), heard_in(pcm16(voice)), heard_in(pcm16(voice, times=3))] == ["speech", "noise", "noise"]


@pytest.mark.parametrize(
    "mulaw", [b"", sound.silence(800), sound.tone(800, dbov=-60)], ids=["none", "digital", "faint"]
)
def test_nothing_that_could_be_heard_is_silence(mulaw):
    assert heard_in(mulaw) == "silence"


def test_an_emulated_tone_counts_as_speech():
    assert heard_in(sound.tone(800)) == "speech"


def test_random_bytes_are_noise():
    assert heard_in(bytes((number * 7919 + number * number) % 256 for number in range(6400))) == "noise"
