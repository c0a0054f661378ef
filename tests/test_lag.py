"""What holds up the loop that all calls share is told, and not more often than somebody can read."""

import logging

import pytest

from calls.lag import LoopLag


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.WARNING, logger="calls.lag")
    return lambda: [(record.message, record.ms) for record in caplog.records]


def ticked(*moments):
    """Ticks at these moments, in seconds; one is due every 0.1 s."""
    clock = iter(moments)
    lag = LoopLag(every=0.1, clock=lambda: next(clock))
    for _ in moments:
        lag.tick()


def test_a_loop_that_keeps_time_is_not_spoken_of(told):
    ticked(0.0, 0.1, 0.21, 0.34, 0.5)

    assert told() == []


def test_what_holds_the_loop_up_for_200_ms_is_told_wherever_it_falls_between_two_ticks(told):
    ticked(0.0, 0.1, 0.301)

    assert told() == [("the loop was held up", 101)]


def test_a_loop_that_was_held_up_is_told_at_once(told):
    ticked(0.0, 0.1, 0.4)

    assert told() == [("the loop was held up", 200)]


def test_the_worst_of_ten_seconds_is_told_once(told):
    ticked(0.0, 0.3, 2.3, 2.7, 2.8, 10.6, 10.7)

    assert told() == [("the loop was held up", 200), ("the loop was held up", 7700)]
