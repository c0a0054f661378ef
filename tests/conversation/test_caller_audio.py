from calls.conversation.caller_audio import CallerAudio
from calls.realtime.wire import AppendAudio
from tests.conversation.kit import sound

FRAME = sound(20)


def silence(ms: int) -> AppendAudio:
    return AppendAudio(sound(ms, 0xFF))


def ready() -> CallerAudio:
    audio = CallerAudio()
    audio.release()
    return audio


def test_oldest_sound_is_dropped_when_the_session_takes_too_long():
    audio = CallerAudio()
    frames = [sound(20, code) for code in range(110)]
    for frame in frames:
        audio.receive(frame, None, 0.0)

    assert audio.release() == [AppendAudio(frame) for frame in frames[10:]]
    assert audio.dropped == 10


def test_missing_frames_become_silence_of_the_same_length():
    audio = ready()
    audio.receive(FRAME, 155, 0.0)

    assert audio.receive(FRAME, 175, 0.02) == [AppendAudio(FRAME)]
    assert audio.receive(FRAME, 2195, 2.04) == [silence(2000), AppendAudio(FRAME)]
    assert audio.receive(FRAME, 2215, 2.06) == [AppendAudio(FRAME)]


def test_jitter_of_twilios_clock_is_no_gap():
    audio = ready()
    for timestamp in (155, 171, 204, 215, 235):
        assert audio.receive(FRAME, timestamp, 0.0) == [AppendAudio(FRAME)]


def test_gap_is_never_padded_beyond_ten_seconds_and_only_once():
    audio = ready()
    audio.receive(FRAME, 0, 0.0)

    assert audio.receive(FRAME, 60_020, 60.0) == [silence(10_000), AppendAudio(FRAME)]
    assert audio.receive(FRAME, 60_040, 60.02) == [AppendAudio(FRAME)]


def test_clients_without_timestamps_are_passed_on_as_they_are():
    audio = ready()

    assert [audio.receive(FRAME, None, now) for now in (0.0, 5.0)] == [[AppendAudio(FRAME)], [AppendAudio(FRAME)]]


def test_silence_of_a_stall_is_not_padded_again():
    audio = ready()
    audio.speaking(True, 0.0)
    audio.receive(FRAME, 0, 0.0)

    assert audio.stalled(0.75) == [silence(1000)]
    assert audio.receive(FRAME, 3020, 3.0) == [silence(2000), AppendAudio(FRAME)]


def test_nothing_is_injected_while_the_caller_is_silent():
    audio = ready()
    audio.receive(FRAME, 0, 0.0)

    assert (audio.stall_at, audio.stalled(5.0)) == (None, [])


def frames(*codes: int) -> list[AppendAudio]:
    return [AppendAudio(sound(20, code)) for code in codes]


def hear(audio: CallerAudio, *codes: int) -> None:
    for code in codes:
        audio.receive(sound(20, code), None, 0.0)


def test_lost_session_gives_back_the_turn_that_was_not_understood_with_its_beginning():
    audio = ready()
    hear(audio, *range(1, 41))
    audio.speaking(True, 0.8)
    hear(audio, 41, 42)
    audio.hold()
    hear(audio, 43)

    assert audio.release() == frames(*range(11, 44))  # 600 ms before OpenAI noticed it


def test_lost_session_gives_back_nothing_of_a_turn_that_was_understood():
    audio = ready()
    audio.speaking(True, 0.0)
    hear(audio, 1)
    audio.speaking(False, 0.1)
    audio.understood()
    hear(audio, 2)
    audio.hold()
    hear(audio, 3)

    assert audio.release() == frames(3)


def test_words_of_an_earlier_turn_do_not_make_this_one_understood():
    audio = ready()
    audio.speaking(True, 0.0)
    hear(audio, 1)
    audio.understood()
    audio.hold()

    assert audio.release() == frames(1)


def test_what_is_held_of_a_lost_session_is_bounded():
    audio = ready()
    audio.speaking(True, 0.0)
    hear(audio, *[1] * 500)
    audio.hold()
    hear(audio, *[2] * 100)

    assert audio.release() == frames(*[1] * 140, *[2] * 100)
    assert audio.dropped == 100


def test_lost_session_expects_no_more_of_a_turn():
    audio = ready()
    audio.speaking(True, 0.0)
    hear(audio, 1)
    audio.hold()

    assert (audio.is_speaking, audio.stall_at) == (False, None)


def stalled_call() -> CallerAudio:
    """The caller speaks, and after 20 ms of it nothing comes for 2 s."""
    audio = ready()
    audio.speaking(True, 0.0)
    audio.receive(FRAME, 0, 0.0)
    audio.stalled(0.75)
    audio.stalled(1.75)
    return audio


def test_sound_that_never_came_is_counted_apart_from_sound_that_came_late():
    lost, late, gap = stalled_call(), stalled_call(), ready()
    lost.receive(FRAME, 2020, 2.0)
    lost.receive(FRAME, 2040, 2.02)
    for number in range(100):
        late.receive(FRAME, 20 + 20 * number, 2.0)
    gap.receive(FRAME, 155, 0.0)
    gap.receive(FRAME, 2175, 2.04)

    assert [(audio.lost_ms, audio.padded_ms) for audio in (lost, late, gap)] == [(2000, 2000), (0, 2000), (2000, 2000)]
