import math

import pytest

from calls.emulators import realtime_audio, sound
from calls.emulators.realtime_settings import SEMANTIC_VAD, SERVER_VAD
from calls.emulators.realtime_vad import EnergyDetector, InputBuffer, ScriptedDetector, Started, Stopped, detector


def heard(found, payload, *, kind="audio/pcmu", piece=160):
    buffer = InputBuffer()
    buffer.change_format(kind)
    reports = []
    for start in range(0, len(payload), piece):
        for level in buffer.append(payload[start : start + piece]):
            reports.append(found.hear(level, buffer.clock_ms))
    return [report for report in reports if report]


def energy(**members):
    return EnergyDetector(**{"threshold": 0.5, "prefix_ms": 300, "silence_ms": 500, **members})


def test_speech_begins_before_it_is_loud_and_ends_after_the_silence():
    payload = sound.silence(1000) + sound.tone(600) + sound.silence(800)

    assert heard(energy(), payload) == [Started(700), Stopped(2100)]


def test_the_clock_is_the_audio_that_was_received_however_it_is_cut():
    payload = sound.silence(1000) + sound.tone(600) + sound.silence(800)

    assert [heard(energy(), payload, piece=piece) for piece in (7, 160, 4000, 100_000)] == [
        [Started(700), Stopped(2100)]
    ] * 4


def test_a_pause_shorter_than_the_silence_is_part_of_the_turn():
    payload = sound.tone(300) + sound.silence(480) + sound.tone(300) + sound.silence(600)

    assert heard(energy(), payload) == [Started(0), Stopped(1580)]


def test_padding_never_reaches_back_into_the_turn_before():
    payload = sound.tone(200) + sound.silence(200) + sound.tone(200) + sound.silence(200)

    assert heard(energy(silence_ms=200), payload) == [Started(0), Stopped(400), Started(400), Stopped(800)]


def test_a_click_is_no_speech():
    assert heard(energy(), sound.silence(200) + sound.tone(40) + sound.silence(600)) == []


@pytest.mark.parametrize(("threshold", "reports"), [(0.5, [Started(0)]), (0.9, [])])
def test_a_higher_threshold_wants_a_louder_caller(threshold, reports):
    assert heard(energy(threshold=threshold), sound.tone(400, dbov=-35)) == reports


def test_a_whisper_below_the_threshold_is_silence():
    assert heard(energy(), sound.tone(400, dbov=-45)) == []


def test_a_scripted_detector_obeys_its_spans_and_nothing_else():
    found = ScriptedDetector([(100, 400), (500, 600)])

    assert heard(found, sound.silence(700)) == [Started(100), Stopped(400), Started(500), Stopped(600)]


def test_a_commit_in_scripted_speech_ends_that_span():
    found = ScriptedDetector([(0, 400), (500, 600)])

    assert found.hear(0.0, 20) == Started(0)
    found.reset(20)
    assert [found.hear(0.0, ms) for ms in (400, 500)] == [None, Started(500)]


def test_the_session_says_which_detector():
    assert detector(None, now_ms=0) is None
    server = detector({**SERVER_VAD, "silence_duration_ms": 100, "prefix_padding_ms": 0}, now_ms=0)
    eager = detector({**SEMANTIC_VAD, "eagerness": "high"}, now_ms=0)
    payload = sound.silence(400) + sound.tone(200) + sound.silence(2000)

    assert heard(server, payload) == [Started(400), Stopped(700)]
    assert heard(eager, payload) == [Started(100), Stopped(1000)]


def test_the_buffer_forgets_old_silence_and_keeps_its_clock():
    buffer = InputBuffer()
    buffer.change_format("audio/pcmu")
    for _ in range(500):
        list(buffer.append(sound.silence(20)))
        buffer.forget_silence(300)

    assert buffer.clock_ms == 10_000
    assert 1_000 <= buffer.duration_ms <= 2_020


def test_what_was_heard_is_taken_and_the_rest_stays():
    buffer = InputBuffer()
    buffer.change_format("audio/pcmu")
    windows = buffer.append(sound.silence(50))
    next(windows)

    assert (buffer.take_heard(), buffer.duration_ms) == (sound.silence(20), 30)
    assert len(list(windows)) == 1
    assert (buffer.take_all(), buffer.clock_ms) == (sound.silence(30), 50)


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma", "audio/pcm"])
def test_a_sound_is_as_loud_in_each_format(kind):
    payload = realtime_audio.from_mulaw(kind, sound.tone(200, dbov=-20))

    assert realtime_audio.duration_ms(kind, payload) == 200
    assert round(realtime_audio.level(kind, payload)) == -20


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcm"])
def test_silence_has_no_level(kind):
    payload = realtime_audio.from_mulaw(kind, sound.silence(20))

    assert realtime_audio.level(kind, payload) == -math.inf
