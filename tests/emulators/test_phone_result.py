import struct

import pytest

from calls.emulators import sound
from calls.emulators.phone_result import CallResult, Clear, Piece, Speech, StreamRecord

TONE = sound.tone(20)
QUIET = sound.tone(20, dbov=-60)


def a_call(*, start=100, ear=(), mouth=(), speeches=(), clears=(), ended=10_000):
    """A call whose stream began at `start`; `ear` holds (from, to) of agent's sound, in ms since start."""
    result = CallResult("CA1", ended_ms=ended)
    result.streams.append(StreamRecord("MZ1", "wss://h/s", started_ms=start))
    for begin, end in ear:
        for at in range(begin, end, 20):
            result.ear.append(Piece(start + at, TONE, "stream"))
    for begin, end in mouth:
        result.mouth.append(Piece(start + begin, sound.tone(end - begin), "caller"))
    for begin, end, over in speeches:
        result.speeches.append(Speech("words", start + begin, start + end, over))
    for at, dropped in clears:
        result.clears.append(Clear(start + at, dropped))
    return result


def test_first_audio_counts_from_start_and_skips_what_cannot_be_heard():
    call = a_call(ear=[(300, 400)])
    call.ear.insert(0, Piece(100, sound.silence(20), "stream"))
    call.ear.insert(1, Piece(120, QUIET, "stream"))

    assert call.first_audio_ms == 300


def test_without_a_stream_there_is_no_first_audio():
    call = CallResult("CA1")
    call.ear.append(Piece(0, TONE, "say"))

    assert (call.first_audio_ms, call.stream_sid, call.start_ms) == (None, "", None)


def test_without_any_sound_there_is_no_first_audio_and_all_is_silence():
    call = a_call(ended=5100)

    assert (call.first_audio_ms, call.longest_silence_ms) == (None, 5000)


@pytest.mark.parametrize(
    ("story", "silence"),
    [
        ({"ear": [(400, 1000)]}, 400),
        ({"ear": [(20, 1000)], "ended": 20_000}, 20),
        ({"ear": [(20, 1000), (2700, 3000)], "speeches": [(1500, 2000, False)]}, 700),
        # He goes on before anything was owed for long.
        ({"ear": [(20, 1000), (3000, 3400)], "speeches": [(1500, 2000, False), (2200, 2600, False)]}, 400),
        # The agent talks while he ends: nothing is owed.
        ({"ear": [(20, 1000)], "speeches": [(500, 800, True)]}, 20),
        # A cleared answer is owed again: from the end of his words, or from the clear when he is silent.
        ({"ear": [(20, 820), (2200, 2400)], "speeches": [(600, 1300, True)], "clears": [(820, 4000)]}, 900),
        ({"ear": [(20, 820), (2200, 2400)], "clears": [(820, 4000)]}, 1380),
        ({"ear": [(20, 820), (2200, 2400)], "clears": [(820, 0)]}, 20),
    ],
)
def test_the_longest_silence_is_what_the_agent_owed(story, silence):
    assert a_call(**story).longest_silence_ms == silence


def test_a_spoken_sentence_of_twiml_ends_a_silence():
    call = a_call(ear=[(20, 100)], speeches=[(500, 1000, False)])
    call.ear.append(Piece(100 + 1900, TONE, "say"))

    assert call.longest_silence_ms == 900


def test_barge_in_is_how_long_the_agent_went_on():
    call = a_call(ear=[(20, 820), (1600, 1800)], speeches=[(600, 1300, True)], clears=[(810, 4000)])

    [barge_in] = call.barge_ins
    assert (call.barge_in_ms, barge_in.clear_ms, barge_in.quiet_ms) == ([220], 210, 220)


def test_sound_that_leaks_after_the_clear_counts():
    call = a_call(ear=[(20, 820), (1000, 1200)], speeches=[(600, 1300, True)], clears=[(810, 4000)])

    assert call.barge_in_ms == [600]


def test_a_barge_in_without_a_clear_lasts_as_long_as_the_answer():
    call = a_call(ear=[(20, 5000)], speeches=[(600, 1300, True)])

    [barge_in] = call.barge_ins
    assert (barge_in.clear_ms, barge_in.quiet_ms) == (None, 4400)


@pytest.mark.parametrize(
    ("ear", "clear", "reaction"),
    [
        # He begins in a pause between two words, and `clear` comes before the next one: the agent would have gone on.
        ([(20, 580)], (680, 4000), (80, 80)),
        ([(20, 580)], (601, 4000), (1, 1)),
        # The next word begins before it.
        ([(20, 580), (680, 740)], (730, 4000), (130, 140)),
        # The pause is longer than any that one utterance has.
        ([(20, 580), (1080, 1400)], (1390, 4000), (790, 790)),
    ],
)
def test_pause_between_two_words_is_no_quick_reaction(ear, clear, reaction):
    call = a_call(ear=ear, speeches=[(600, 1300, True)], clears=[clear])

    [barge_in] = call.barge_ins
    assert (barge_in.clear_ms, barge_in.quiet_ms) == reaction


def test_agent_that_had_just_ended_by_itself_was_not_spoken_over():
    assert a_call(ear=[(20, 580)], speeches=[(600, 1300, True)]).barge_ins == []


def test_speech_into_silence_is_no_barge_in():
    assert a_call(ear=[(20, 500)], speeches=[(1000, 1300, False)]).barge_in_ms == []


def test_what_was_heard_counts_from_start_and_holds_only_the_stream():
    call = a_call(ear=[(20, 60)], mouth=[(500, 520)])
    call.ear.append(Piece(900, TONE, "say"))

    assert call.heard == [(20, TONE), (40, TONE)]
    assert call.heard_audio == TONE * 2
    assert call.spoken == [(500, sound.tone(20))]


def test_the_wav_has_the_caller_left_and_the_agent_right(tmp_path):
    call = a_call(start=0, ear=[(20, 40)], mouth=[(0, 20)])

    call.save_wav(tmp_path / "call.wav")

    samples = struct.unpack("<640h", (tmp_path / "call.wav").read_bytes()[44:])
    heard = sound.decode(TONE)
    assert list(samples[0::2]) == heard + [0] * 160
    assert list(samples[1::2]) == [0] * 160 + heard
