"""What happened in a call, written in order and off the audio path."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any

from calls.conversation.messages import Record, RecordEvent, RecordTool, RecordTurn
from calls.domain import history
from calls.logs import CallLogger

LIMIT = 20_000
BATCH = 200
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0

KINDS: dict[type, str] = {RecordTurn: "turn", RecordTool: "tool", RecordEvent: "event"}


class Journal:
    """Takes records at once, writes them in batches while the call goes on, and waits for a database that is away."""

    def __init__(
        self, write: Callable[[Sequence[tuple[str, dict[str, Any]]]], Awaitable[None]], log: CallLogger
    ) -> None:
        self._write = write
        self._log = log
        self._records: list[Record] = []
        self._filled = asyncio.Event()
        self._is_closing = False
        self.dropped = 0

    def put(self, record: Record) -> None:
        if len(self._records) < LIMIT:
            self._records.append(record)
        else:
            self.dropped += 1
        self._filled.set()

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

    def close(self) -> None:
        """Nothing more will come: `run` returns when all is written."""
        self._is_closing = True
        self._filled.set()
