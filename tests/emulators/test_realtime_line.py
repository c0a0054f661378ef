import asyncio

import pytest

from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_line import Close, Line, Tempo
from calls.emulators.realtime_record import SessionRecord


def line():
    return Line(settings={}, tempo=Tempo(rate=4, pace=5), faults=Faults(), record=SessionRecord(index=0))


@pytest.mark.asyncio
async def test_a_failing_task_ends_the_session_and_is_told():
    async def fail():
        raise LookupError("lost")

    kept = line()
    kept.spawn(fail(), "response")

    assert await kept.outbox.get() == Close(1011, "the emulator failed")
    assert kept.record.script_errors == ["response: LookupError('lost')"]


@pytest.mark.asyncio
async def test_nothing_runs_after_the_stop():
    kept = line()
    task = kept.spawn(asyncio.sleep(60), "waiting")

    await kept.stop()

    assert task.cancelled()
    assert kept.outbox.empty()


def test_audio_is_sent_faster_than_it_sounds():
    assert line().delivery_seconds(2000) == 0.1
