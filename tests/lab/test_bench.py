"""The measurement of how many calls a process carries: what it makes of its figures, and one small run."""

import pytest
from django.core.management import CommandError, call_command

from calls.lab import bench
from calls.lab.bench import Delays, Measured
from tests.lab.test_commands import run


def measured(calls, *, relay_ms, pipe_ms, lost=0):
    relay, pipe = ([ms / 1000] * 100 for ms in (relay_ms, pipe_ms))
    return Measured(calls, Delays(up=relay, lost=lost), Delays(down=pipe), cpu_ms=2.0)


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


@pytest.mark.proof
def test_small_run_measures_both_ways():
    done = run("bench", "--calls", "1,3", "--seconds", "1")

    rows = [line.split() for line in done.stdout.splitlines() if line.strip()[:1].isdigit()]
    assert [(row[0], row[5]) for row in rows] == [("1", "0"), ("3", "0")], done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("Up to ")


def test_steps_that_are_no_numbers_are_refused():
    with pytest.raises(CommandError, match="--calls wants numbers such as 1,10,50, not many"):
        call_command("bench", calls="many")
