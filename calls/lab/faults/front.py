"""What stands in front of a server: it passes everything on, and holds whoever comes while nobody listens behind it."""

import asyncio
import threading
from contextlib import suppress
from typing import Self

HOLD_SECONDS = 10.0
AGAIN_SECONDS = 0.05
CHUNK = 65536


class Front:
    """On a loop and in a thread of its own, before `port` of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="front", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(5)
        return self

    def __exit__(self, *reason: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            inside, outside = await self._reach()
            ways = [asyncio.create_task(_pass(reader, outside)), asyncio.create_task(_pass(inside, writer))]
            try:
                await asyncio.wait(ways)
            finally:
                for way in ways:
                    way.cancel()
                outside.close()
        except (OSError, asyncio.CancelledError):
            pass  # nobody came, or the show is over
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        deadline = self._loop.time() + HOLD_SECONDS
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                if self._loop.time() > deadline:
                    raise
                await asyncio.sleep(AGAIN_SECONDS)


async def _pass(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(CHUNK):
            to.write(piece)
            await to.drain()
    with suppress(OSError):
        to.close()
