import math
from array import array
from base64 import b64encode
from pathlib import Path

import pytest

from calls import audio
from calls.emulators import realtime_audio, sound


def test_mu_law_is_g711():
    # The ends, the zeros and the sign of the curve as ITU-T G.711 tabulates them (scaled to 16 bits).
    assert [audio.MULAW_TO_LINEAR[code] for code in (0x00, 0x7F, 0x80, 0xFF, 0x2F, 0xAF)] == [
        -32124,
        0,
        32124,
        0,
        -4092,
        4092,
    ]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 160, 161])
def test_length_of_a_payload_is_known_without_decoding_it(length):
    assert audio.payload_bytes(b64encode(bytes(length)).decode()) == length


def test_silence_is_silent_and_as_long_as_asked():
    payload = audio.silence_payload(20)

    assert audio.payload_bytes(payload) == 160
    assert audio.level_dbov(bytes([audio.SILENCE]) * 160) == -96.0
    assert math.isclose(audio.level_dbov(bytes([0x00, 0x80]) * 80), 0, abs_tol=0.2)


def test_both_readings_of_mu_law_agree():
    assert tuple(sound.decode(bytes(range(256)))) == audio.MULAW_TO_LINEAR


def test_what_was_heard_is_said_again_to_the_bit():
    heard = [code for code in range(256) if code != 0x7F]  # 0x7F and 0xFF are both silence

    assert [audio.mulaw(audio.MULAW_TO_LINEAR[code]) for code in heard] == heard


def test_mu_law_is_as_the_other_reading_has_it_and_cuts_what_is_too_loud():
    samples = [*range(-32768, 32768, 37), -32768, 32767]

    assert bytes(map(audio.mulaw, samples)) == sound.encode(samples)
    assert audio.mulaw(99_000) == audio.mulaw(32_767)


VOICES = sorted((Path(sound.__file__).parent / "audio").glob("*.ulaw"))


@pytest.mark.parametrize("voice", VOICES, ids=lambda path: path.stem)
def test_voices_of_the_telephone_are_told_from_linear_sound(voice):
    spoken = voice.read_bytes()[:3200]
    linear = array("h", (audio.MULAW_TO_LINEAR[code] for code in spoken)).tobytes()
    wide = realtime_audio.from_mulaw("audio/pcm", spoken)

    assert [audio.is_linear(spoken[start : start + 400]) for start in range(0, len(spoken) - 400, 400)].count(True) == 0
    assert (audio.is_linear(linear[:1600]), audio.is_linear(wide[:1600])) == (True, True)


def test_silence_of_each_kind_is_known():
    assert audio.is_linear(bytes([audio.SILENCE]) * 800) is False
    assert audio.is_linear(bytes([0x7F, 0xFF]) * 400) is False
    assert audio.is_linear(bytes(800)) is True


def test_of_too_little_sound_nothing_is_said():
    assert audio.is_linear(bytes(399)) is False
