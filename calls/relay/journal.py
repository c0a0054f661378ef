"""What happened in a call, written in order and off the audio path."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any

from calls.conversation.messages import Record, RecordEvent, RecordTool, RecordTurn
from calls.domain import history
from calls.logs import CallLogger

LIMIT = 20_000
LETTERS = 2_000_000
OF_A_KIND = 3000
"""Events of one kind in a call: beyond that a fault repeats itself, and another row tells nobody anything."""
BATCH = 200
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
LOST = "records_lost"

KINDS: dict[type, str] = {RecordTurn: "turn", RecordTool: "tool", RecordEvent: "event"}


class Journal:
    """Takes records at once, writes them in batches while the call goes on, and waits for a database that is away.

    So many records and letters may wait for it; what finds no room then is counted, logged once, and told by the
    last event of the call.
    """

    def __init__(
        self, write: Callable[[Sequence[tuple[str, dict[str, Any]]]], Awaitable[None]], log: CallLogger
    ) -> None:
        self._write = write
        self._log = log
        self._records: list[Record] = []
        self._letters = 0
        self._kinds: Counter[str] = Counter()
        self._filled = asyncio.Event()
        self._is_closing = False
        self._dropped_at_ms = 0
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Records that are not written yet."""
        return len(self._records)

    def put(self, record: Record) -> None:
        letters = _letters(record)
        if self._has_room(record, letters):
            self._letters += letters
            self._records.append(record)
        else:
            self._drop(record)
        self._filled.set()

    def _has_room(self, record: Record, letters: int) -> bool:
        if isinstance(record, RecordEvent):
            self._kinds[record.kind] += 1
            if self._kinds[record.kind] > OF_A_KIND:
                return False
        return len(self._records) < LIMIT and self._letters + letters <= LETTERS

    def _drop(self, record: Record) -> None:
        if not self.dropped:
            self._log.error("records of the call are lost: too many", extra={"waiting": len(self._records)})
        self.dropped += 1
        self._dropped_at_ms = record.at_ms if isinstance(record, RecordEvent) else record.started_ms

    async def run(self) -> None:
        """Write until `close` was called and everything is written."""
        pause, singly = FIRST_PAUSE, 0
        while self._records or not self._is_closing:
            if not self._records:
                self._filled.clear()
                await self._filled.wait()
                continue
            batch = self._records[: 1 if singly else BATCH]
            try:
                await self._write([(KINDS[type(record)], asdict(record)) for record in batch])
            except history.Unavailable:
                self._log.warning("journal waits for the database", extra={"records": len(self._records)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            except Exception as error:
                # Bulkhead: what cannot be written must not hold up what is behind it, nor the call. The message of
                # the error may quote the caller's words, so only its type is told.
                if len(batch) > 1:
                    singly = len(batch)
                    continue
                self._log.error("a record of the journal is lost", extra={"error": type(error).__name__})
            pause, singly = FIRST_PAUSE, max(0, singly - 1)
            del self._records[: len(batch)]
            self._letters -= sum(map(_letters, batch))

    def close(self) -> None:
        """Nothing more will come: `run` returns when all is written."""
        self._is_closing = True
        if self.dropped:
            self._records.append(RecordEvent(LOST, self._dropped_at_ms, {"records": self.dropped}))
        self._filled.set()


def _letters(record: Record) -> int:
    match record:
        case RecordTurn():
            return len(record.text) + len(record.unheard)
        case RecordTool():
            return len(record.arguments)
    return sum(len(str(value)) for value in record.detail.values())
