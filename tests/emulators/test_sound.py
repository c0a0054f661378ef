import math
import struct

import pytest

from calls.emulators import sound


def test_every_code_survives_decoding_and_encoding():
    codes = bytes(range(256))

    # 0x7F is the negative zero; it comes back as the positive one, which is 0xFF.
    assert sound.encode(sound.decode(codes)) == codes.replace(b"\x7f", b"\xff")


def test_the_table_is_that_of_g711():
    assert sound.decode(bytes([0x00, 0x80, 0xFF, 0x7F, 0xF0, 0x0F])) == [-32124, 32124, 0, 0, 120, -16764]


def test_samples_beyond_the_scale_are_clipped():
    assert sound.encode([32767, -32768]) == bytes([0x80, 0x00])


def test_silence_has_no_level():
    assert sound.level(sound.silence(20)) == -math.inf
    assert sound.level(b"") == -math.inf


@pytest.mark.parametrize("dbov", [-6.0, -15.0, -40.0])
def test_a_tone_has_the_level_that_was_asked_for(dbov):
    assert sound.level(sound.tone(1000, dbov=dbov)) == pytest.approx(dbov, abs=0.5)


def test_a_sound_is_audible_above_50_db_below_full_scale():
    assert [sound.is_audible(sound.tone(20, dbov=dbov)) for dbov in (-45, -55)] == [True, False]


def test_frames_are_20_ms_and_the_last_is_filled_up():
    assert list(sound.frames(b"a" * 200)) == [b"a" * 160, b"a" * 40 + b"\xff" * 120]


def test_the_audible_span_leaves_out_the_silence_around():
    speech = sound.silence(100) + sound.tone(60) + sound.silence(40)

    assert sound.audible_span(speech) == (100, 160)
    assert sound.audible_span(sound.silence(100)) is None


def test_a_written_file_is_read_back(tmp_path):
    spoken = sound.tone(100)

    sound.write_wav(tmp_path / "one.wav", spoken)

    assert sound.read(tmp_path / "one.wav") == spoken


def test_tracks_become_channels_of_one_length(tmp_path):
    sound.write_wav(tmp_path / "two.wav", sound.encode([1000, 2000]), sound.encode([-1000]))

    content = (tmp_path / "two.wav").read_bytes()
    left_and_right = struct.unpack("<4h", content[44:])
    assert struct.unpack("<HHIIHH", content[20:36]) == (1, 2, 8000, 32000, 4, 16)
    assert left_and_right == (
        *sound.decode(sound.encode([1000])),
        *sound.decode(sound.encode([-1000])),
        *sound.decode(sound.encode([2000])),
        0,
    )


def test_raw_files_are_taken_as_mu_law(tmp_path):
    (tmp_path / "caller.ulaw").write_bytes(b"\x01\x02")

    assert sound.read(tmp_path / "caller.ulaw") == b"\x01\x02"


def wav(path, kind, channels, rate, bits, data):
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * width, width, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"LIST\x03\0\0\0abc\0"
    body += b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def test_a_wav_of_mu_law_passes_unchanged(tmp_path):
    assert sound.read(wav(tmp_path / "a.wav", 7, 1, 8000, 8, b"\x12\x34")) == b"\x12\x34"


def test_stereo_at_another_rate_becomes_mono_at_8_khz(tmp_path):
    data = struct.pack("<8h", *[3000, 1000] * 4)

    assert sound.read(wav(tmp_path / "a.wav", 1, 2, 16000, 16, data)) == sound.encode([2000, 2000])


def test_a_lower_rate_is_stretched(tmp_path):
    data = struct.pack("<2h", 1000, 2000)

    assert sound.read(wav(tmp_path / "a.wav", 1, 1, 4000, 16, data)) == sound.encode([1000, 1000, 2000, 2000])


def test_eight_bits_are_read_as_unsigned(tmp_path):
    assert sound.read(wav(tmp_path / "a.wav", 1, 1, 8000, 8, bytes([128, 192]))) == sound.encode([0, 16384])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not a file of sound", "no WAV file"),
        (b"RIFF\0\0\0\0WAVE", "the WAV file holds no sound"),
        (b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0ab" + b"data\0\0\0\0", "unpack_from requires a buffer"),
    ],
    ids=["no file of sound", "nothing inside", "half a header"],
)
def test_a_file_without_sound_is_refused_with_its_name(tmp_path, content, why):
    (tmp_path / "bad.wav").write_bytes(content)

    with pytest.raises(sound.SoundError, match=why) as refused:
        sound.read(tmp_path / "bad.wav")

    assert str(refused.value).startswith(str(tmp_path / "bad.wav"))


def test_compressed_sound_is_refused(tmp_path):
    with pytest.raises(sound.SoundError, match="format 85 with 16 bits"):
        sound.read(wav(tmp_path / "mp3.wav", 85, 1, 8000, 16, b"\0\0"))


def test_a_wav_without_a_rate_is_refused(tmp_path):
    with pytest.raises(sound.SoundError, match="no sample rate"):
        sound.read(wav(tmp_path / "a.wav", 1, 1, 0, 16, b"\0\0"))
