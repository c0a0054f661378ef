from itertools import permutations

from calls.conversation.transcript import Transcript


def test_places_follow_the_chain_and_not_the_arrival():
    transcript = Transcript()
    for item, previous in (("a", ""), ("c", "a"), ("b", "a"), ("d", "c")):
        transcript.place(item, previous)

    assert sorted("abcd", key=lambda item: transcript.place(item, "")) == ["a", "b", "c", "d"]


def test_words_may_come_in_any_order():
    orders = set()
    for arrival in permutations(["u1", "u2", "u3"]):
        transcript = Transcript()
        for item, previous in (("u1", ""), ("u2", "u1"), ("u3", "u2")):
            transcript.caller_finished(item, previous, 0, is_awaited=True)
        turns = [transcript.caller_said(item, item.upper(), 0) for item in arrival]
        orders.add(tuple(turn.text for turn in sorted(turns, key=lambda turn: turn.position)))
        assert transcript.is_complete

    assert orders == {("U1", "U2", "U3")}


def test_turn_interrupted_before_its_first_word_was_heard_is_unheard_whole():
    transcript = Transcript()
    transcript.agent_said("a", 0, "Hello there", 0)

    turn = transcript.agent_interrupted("a", 0, 500, 0)

    assert (turn.text, turn.unheard, turn.interrupted) == ("", "Hello there", True)


def test_turn_of_the_agent_begins_with_its_sound_and_not_with_its_text():
    transcript = Transcript()
    transcript.agent_says_more("a", 0, "Hel", 1000)
    transcript.agent_speaks("a", 1300)
    transcript.agent_speaks("a", 1500)

    assert transcript.agent_said("a", 0, "Hello", 1600).started_ms == 1300


def test_ten_items_behind_the_same_one_keep_their_order():
    transcript = Transcript()
    transcript.place("a", "")
    transcript.place("z", "a")
    places = [transcript.place(str(number), "a") for number in range(10)]

    assert places == sorted(places, reverse=True)
    assert len({transcript.place("a", ""), *places, transcript.place("z", "")}) == 12
