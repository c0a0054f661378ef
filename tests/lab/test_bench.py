"""The measurement of how many calls a process carries: what it makes of its figures, and one small run."""

import os
import time

import pytest
from django.core.management import CommandError, call_command

from calls.lab import bench
from calls.lab.bench import Delays, Measured, Processors, Spent
from tests.lab.test_commands import run

SPENT = Spent(server_ms=10.0, ends_ms=8.0, others=0.25)


def measured(calls, *, relay_ms, pipe_ms, lost=0):
    relay, pipe = ([ms / 1000] * 100 for ms in (relay_ms, pipe_ms))
    return Measured(calls, Delays(up=relay, lost=lost), Delays(down=pipe), SPENT)


def test_what_both_were_delayed_by_is_not_the_relays():
    assert measured(10, relay_ms=45, pipe_ms=30).extra_ms == pytest.approx(15)
    assert measured(10, relay_ms=45, pipe_ms=30).passed
    assert not measured(10, relay_ms=51, pipe_ms=30).passed


def test_frame_that_never_came_fails_the_step():
    assert not measured(10, relay_ms=1, pipe_ms=1, lost=1).passed


def test_slowest_hundredth_is_what_counts():
    assert Delays(up=[0.001] * 98, down=[0.5] * 2).p99_ms() == 500
    assert Delays().p99_ms() == float("inf")


def test_largest_number_of_calls_is_that_before_the_first_failure():
    steps = [measured(n, relay_ms=ms, pipe_ms=1) for n, ms in ((1, 2), (10, 5), (25, 90), (50, 2))]

    assert bench.most_calls(steps) == 10
    assert bench.most_calls(steps[2:]) == 0


def test_calls_of_one_processor_are_told_from_the_servers_own_time_alone():
    assert bench.by_processor_time(measured(10, relay_ms=45, pipe_ms=30)).startswith(
        "At 10.0 ms a call-second, 70 calls keep one processor 70% busy"
    )
    assert measured(10, relay_ms=45, pipe_ms=30).line().split()[4:] == ["10.00", "8.00", "25%", "0", "pass"]


def test_what_this_process_spends_is_told_from_what_others_do():
    processors = Processors(os.getppid())
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    spent = processors.spent(1.0)

    assert 80 <= spent.ends_ms < 1000  # the kernel tells it in steps of 10 ms
    assert (spent.server_ms < 100, 0 <= spent.others <= 1) == (True, True)


@pytest.mark.proof
def test_small_run_measures_both_ways():
    done = run("bench", "--calls", "1,3", "--seconds", "1")

    rows = [line.split() for line in done.stdout.splitlines() if line.strip()[:1].isdigit()]
    assert [(row[0], row[7]) for row in rows] == [("1", "0"), ("3", "0")], done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("Up to ")


def test_steps_that_are_no_numbers_are_refused():
    with pytest.raises(CommandError, match="--calls wants numbers such as 1,10,50, not many"):
        call_command("bench", calls="many")
