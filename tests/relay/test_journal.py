import asyncio
import logging

import pytest

from calls.conversation.messages import RecordEvent
from calls.domain import history
from calls.logs import CallLogger
from calls.relay import journal
from calls.relay.journal import Journal

pytestmark = pytest.mark.asyncio
LOG = CallLogger(logging.getLogger("calls.test"), {})


def records(*numbers: int) -> list[RecordEvent]:
    return [RecordEvent("x", number) for number in numbers]


class Written(list):
    """A `write` that fails as told before it works."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    async def __call__(self, entries) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self += [fields["at_ms"] for _, fields in entries]


async def written_by(write: Written, *numbers: int) -> Written:
    book = Journal(write, LOG)
    for record in records(*numbers):
        book.put(record)
    book.close()
    await asyncio.wait_for(book.run(), 2)
    return write


async def test_records_are_written_in_order_to_the_last(monkeypatch):
    monkeypatch.setattr(journal, "BATCH", 2)

    assert await written_by(Written(), 1, 2, 3, 4, 5) == [1, 2, 3, 4, 5]


async def test_database_that_is_away_is_waited_for_and_nothing_is_lost(monkeypatch, caplog):
    monkeypatch.setattr(journal, "FIRST_PAUSE", 0.01)

    assert await written_by(Written(history.Unavailable(), history.Unavailable()), 1, 2) == [1, 2]
    assert [record.message for record in caplog.records] == ["journal waits for the database"] * 2


async def test_records_that_cannot_be_written_do_not_hold_up_those_behind(monkeypatch, caplog):
    monkeypatch.setattr(journal, "BATCH", 1)

    assert await written_by(Written(ValueError("no")), 1, 2) == [2]
    assert [record.message for record in caplog.records] == ["journal records lost"]


async def test_records_are_written_while_the_call_goes_on():
    write = Written()
    book = Journal(write, LOG)
    running = asyncio.create_task(book.run())
    book.put(RecordEvent("x", 1))
    async with asyncio.timeout(1):
        while write != [1]:
            await asyncio.sleep(0)
    book.close()
    await running
