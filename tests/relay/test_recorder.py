import wave
from base64 import b64encode

from calls.relay.recorder import Recorder

LOUD, SOFT = 0x80, 0xA0  # 32124 and 7932 as samples


def sound(ms: int, code: int = LOUD) -> str:
    return b64encode(bytes([code]) * (8 * ms)).decode()


def tracks(recorder: Recorder) -> tuple[list[int], list[int]]:
    """Left and right of the file, one sample a 10 ms."""
    with wave.open(str(recorder.path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        samples = memoryview(file.readframes(file.getnframes())).cast("h").tolist()
    return samples[0::160], samples[1::160]


def recorded(tmp_path, now: float, *steps) -> tuple[list[int], list[int]]:
    recorder = Recorder(tmp_path / "calls" / "CA1.wav", began=1.0)
    for name, *arguments in steps:
        getattr(recorder, name)(*arguments)
    recorder.write(recorder.take(now))
    return tracks(recorder)


def test_caller_is_left_and_agent_is_right_each_in_its_time(tmp_path):
    left, right = recorded(tmp_path, 1.1, ("caller", sound(20), 1.02), ("agent", sound(30, SOFT), 1.05))

    assert left == [32124] * 2 + [0] * 8
    assert right == [0] * 5 + [7932] * 3 + [0] * 2


def test_sound_of_the_agent_plays_behind_what_still_plays(tmp_path):
    _, right = recorded(tmp_path, 1.1, ("agent", sound(40), 1.0), ("agent", sound(40, SOFT), 1.01))

    assert right == [32124] * 4 + [7932] * 4 + [0] * 2


def test_what_was_cut_off_is_left_out(tmp_path):
    _, right = recorded(tmp_path, 1.1, ("agent", sound(90), 1.0), ("clear", 1.03), ("agent", sound(20, SOFT), 1.05))

    assert right == [32124] * 3 + [0] * 2 + [7932] * 2 + [0] * 3


def test_sound_that_the_carrier_lost_is_silence(tmp_path):
    left, _ = recorded(tmp_path, 1.2, ("caller", sound(20), 1.02), ("caller", sound(20, SOFT), 1.2))

    assert left == [32124] * 2 + [0] * 16 + [7932] * 2


def test_file_grows_piece_by_piece_and_plays_at_any_time(tmp_path):
    recorder = Recorder(tmp_path / "CA1.wav", began=0.0)
    recorder.agent(sound(50), 0.0)
    recorder.write(recorder.take(0.03))
    assert tracks(recorder)[1] == [32124] * 3

    recorder.write(recorder.take(0.08))
    assert tracks(recorder)[1] == [32124] * 5 + [0] * 3


def test_file_is_for_its_owner_alone(tmp_path):
    recorder = Recorder(tmp_path / "CA1.wav", began=0.0)
    recorder.write(b"")

    assert recorder.path.stat().st_mode & 0o777 == 0o600
