from calls.emulators.phone_playback import CAPACITY, Playback


def test_sound_leaves_in_order_160_bytes_at_a_time():
    playback = Playback()
    playback.media(b"a" * 200)
    playback.media(b"b" * 40)

    chunks = [playback.advance()[1] for _ in range(3)]

    assert chunks == [b"a" * 160, b"a" * 40 + b"b" * 40, b""]


def test_a_mark_comes_back_when_the_sound_before_it_has_been_played_to_its_end():
    playback = Playback()
    playback.media(b"a" * 320)
    queued = playback.mark("end")

    assert (queued, [playback.advance()[0] for _ in range(4)]) == (True, [[], [], ["end"], []])


def test_marks_within_one_frame_come_back_together_and_in_order():
    playback = Playback()
    playback.media(b"a" * 80)
    playback.mark("one")
    playback.media(b"a" * 80)
    playback.mark("two")

    assert [playback.advance()[0] for _ in range(2)] == [[], ["one", "two"]]


def test_a_mark_with_nothing_before_it_is_answered_at_once():
    assert Playback().mark("now") is False


def test_a_mark_waits_for_the_frame_that_is_being_played():
    playback = Playback()
    playback.media(b"a" * 160)
    playback.advance()

    assert (playback.mark("end"), playback.advance()[0]) == (True, ["end"])


def test_clear_drops_the_rest_and_gives_all_marks_back_in_order():
    playback = Playback()
    playback.media(b"a" * 480)
    playback.mark("one")
    playback.media(b"b" * 160)
    playback.mark("two")
    playback.advance()

    assert playback.clear() == (480, ["one", "two"])
    assert (playback.advance(), playback.heard, playback.is_idle) == (([], b""), 160, True)


def test_what_comes_after_a_clear_is_played():
    playback = Playback()
    playback.media(b"a" * 480)
    playback.clear()
    playback.media(b"b" * 160)
    playback.mark("end")

    assert [playback.advance() for _ in range(2)] == [([], b"b" * 160), (["end"], b"")]


def test_ten_minutes_are_held_and_no_byte_more():
    playback = Playback()

    assert [playback.media(b"a" * CAPACITY), playback.media(b"a")] == [True, False]
    playback.advance()
    assert playback.media(b"a" * 160) is True
