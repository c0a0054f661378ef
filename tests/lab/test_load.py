"""What the measurements of load make of their figures."""

import asyncio

import pytest

from calls.lab import load
from calls.lab.faults import rows_load
from calls.lab.load import MIB, Sounded
from calls.lab.watched import Held

IDLE = Held(tasks=3, threads=9, files=20, calls=0, rss=80 * MIB)


def sounded(*growth, is_open=True, is_whole=True):
    return Sounded([round(part * MIB) for part in growth], 1.0, is_open, is_whole)


def test_an_hour_that_costs_little_is_no_fault():
    assert rows_load.judged_sound(sounded(5, 0.2, 0.1, 0.2)) == []


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (sounded(0.5, 0.3, 0.3, 0.3), "It grows by 1.2 MiB an hour."),
        (sounded(10.5, 0, 0, 0), "The server has grown by +10.50, +0.00, +0.00, +0.00 MiB in 1 s."),
        (sounded(0, 0, 0, 0, is_open=False), "Not every frame arrived as it was sent."),
        (sounded(0, 0, 0, 0, is_whole=False), "Not every frame arrived as it was sent."),
    ],
)
def test_what_grows_or_is_lost_is_told(heard, told):
    assert rows_load.judged_sound(heard) == [told]


def test_what_a_server_still_holds_is_told():
    left = Held(tasks=4, threads=load.MOST_THREADS + 1, files=19, calls=0, rss=0)

    assert load.not_back(IDLE, IDLE) == []
    assert load.not_back(IDLE, left) == ["tasks were 3, and are 4.", f"There are {load.MOST_THREADS + 1} threads."]


def test_many_calls_are_placed_so_many_at_a_time():
    now, most = 0, 0

    async def place(number):
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0)
        now -= 1
        return number

    assert sorted(load.ring_many(20, at_once=3, place=place)) == list(range(20))
    assert most == 3
