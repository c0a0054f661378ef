import asyncio
import logging

import pytest

from calls.conversation.messages import RecordEvent, RecordTurn
from calls.domain import history
from calls.logs import CallLogger
from calls.relay import journal
from calls.relay.journal import Journal

pytestmark = pytest.mark.asyncio
LOG = CallLogger(logging.getLogger("calls.test"), {})


def records(*numbers: int) -> list[RecordEvent]:
    return [RecordEvent("x", number) for number in numbers]


class Said(list):
    """A `write` that keeps the kinds and details of events."""

    async def __call__(self, entries) -> None:
        self += [(fields.get("kind"), fields.get("detail")) for _, fields in entries]


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


class Choosy(Written):
    """A `write` that cannot store one of the records, as a database that refuses a value."""

    async def __call__(self, entries) -> None:
        if any(fields["at_ms"] == 2 for _, fields in entries):
            raise ValueError("Failing row contains (what the caller said)")
        await super().__call__(entries)


async def test_record_that_cannot_be_written_takes_no_other_with_it_and_is_not_quoted(caplog):
    assert await written_by(Choosy(), 1, 2, 3) == [1, 3]
    assert [(record.message, record.error) for record in caplog.records] == [
        ("a record of the journal is lost", "ValueError")
    ]


async def test_journal_has_a_bound_and_counts_what_it_drops(monkeypatch):
    monkeypatch.setattr(journal, "LIMIT", 2)
    book = Journal(Written(), LOG)
    for record in records(1, 2, 3):
        book.put(record)

    assert book.dropped == 1


async def test_what_was_lost_is_said_once_in_the_log_and_last_in_the_history(monkeypatch, caplog):
    monkeypatch.setattr(journal, "LIMIT", 2)
    write = Said()
    book = Journal(write, LOG)
    for record in records(1, 2, 3, 4):
        book.put(record)
    book.close()
    await asyncio.wait_for(book.run(), 2)

    assert write == [("x", {}), ("x", {}), ("records_lost", {"records": 2})]
    assert [(r.levelname, r.message) for r in caplog.records] == [("ERROR", "records of the call are lost: too many")]


async def test_words_that_wait_are_bounded_in_letters_and_room_comes_back(monkeypatch):
    monkeypatch.setattr(journal, "LETTERS", 10)
    book = Journal(Said(), LOG)
    running = asyncio.create_task(book.run())
    for text in ("12345678", "123"):
        book.put(RecordTurn("item", 0, "agent", text, 0))
    async with asyncio.timeout(1):
        while book.waiting:
            await asyncio.sleep(0)
    book.put(RecordTurn("item", 0, "agent", "12345678", 0))
    book.close()
    await running

    assert book.dropped == 1


async def test_fault_that_repeats_itself_fills_no_table(monkeypatch):
    monkeypatch.setattr(journal, "OF_A_KIND", 2)
    write = Said()
    book = Journal(write, LOG)
    for kind in ("openai_error",) * 5 + ("ended",):
        book.put(RecordEvent(kind, 1))
    book.close()
    await book.run()

    assert [kind for kind, _ in write] == ["openai_error", "openai_error", "ended", "records_lost"]


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
