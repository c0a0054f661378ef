import pytest

from calls.emulators import sound
from calls.emulators.phone_result import CallResult, Piece, Speech, StreamRecord
from calls.lab.faults.ear import Ear, Wait
from calls.relay import clips

CLIP = (clips.FOLDER / "one_moment.ulaw").read_bytes()
VOICE = sound.tone(1000)


def call(*heard, speeches=(), ended_ms=20_000, started_ms=100):
    result = CallResult("CA1", ended_ms=ended_ms)
    result.streams.append(StreamRecord("MZ1", "wss://x", started_ms=started_ms))
    result.ear += [Piece(at_ms, payload, source) for at_ms, payload, source in heard]
    result.speeches += [Speech("?", start, end, False) for start, end in speeches]
    return Ear(result)


def test_the_wait_for_the_first_sound_begins_with_the_stream():
    assert call((500, VOICE, "stream")).waits() == [Wait(100, 400, 400, 400)]


def test_a_filler_ends_a_silence_but_recovers_nothing():
    [wait] = call((1600, CLIP, "stream"), (5000, VOICE, "stream")).waits()

    assert (wait.first_sound_ms, wait.recovered_ms) == (pytest.approx(1500, abs=20), 4900)
    assert 5000 - 1600 - sound.duration_ms(CLIP) <= wait.longest_silence_ms < 5000 - 1600


def test_silence_behind_a_filler_counts():
    [wait] = call((600, CLIP, "stream"), ended_ms=9000).waits()

    assert wait.recovered_ms is None
    assert wait.longest_silence_ms > 7000


def test_twilios_own_voice_is_a_recovery():
    assert call((8200, VOICE, "say")).waits() == [Wait(100, 8100, 8100, 8100)]


def test_each_thing_that_the_caller_says_is_waited_for():
    ear = call((300, VOICE, "stream"), (4000, VOICE, "stream"), speeches=[(2000, 3000)])

    assert ear.waits() == [Wait(100, 200, 200, 200), Wait(3000, 1000, 1000, 1000)]


def test_nobody_waits_who_goes_on_speaking_or_hangs_up_at_once():
    ear = call((300, VOICE, "stream"), (6000, VOICE, "stream"), speeches=[(2000, 3000), (3200, 5000)], ended_ms=7000)

    assert [wait.since for wait in ear.waits()] == [100, 5000]


def test_an_answer_that_was_broken_off_is_waited_for_from_where_it_stopped():
    ear = call((300, VOICE, "stream"), (3000, VOICE, "stream"), (6000, VOICE, "stream"), speeches=[(2000, 2500)])

    assert ear.waits(broken_off=True)[-1] == Wait(4000, 2000, 2000, 2000)


def test_a_call_without_a_stream_is_waited_for_from_its_first_answer():
    result = CallResult("CA1", ended_ms=5000)
    result.ear.append(Piece(700, VOICE, "say"))

    assert Ear(result).waits() == [Wait(0, 700, 700, 700)]
