"""OpenAI's part, played by an emulator: in a process of its own (`emulate_realtime`), or beside a call in this one."""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from calls.emulators import scenario
from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_server import RealtimeServer

DEFAULT_PORT = 8765
ANSWER_SECONDS = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    scenarios: Path = scenario.BUNDLED
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    rate: float = 1.0
    think_ms: int = 300


async def serve(plan: Plan, tell: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; OSError when the port is taken, ScenarioError for a file that makes no sense."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    server = RealtimeServer(
        scenarios=scenario.load_folder(plan.scenarios),
        host=plan.host,
        port=plan.port,
        rate=plan.rate,
        think_ms=plan.think_ms,
    )
    await server.start()
    tell(f"Realtime emulator on {server.url}")
    try:
        await stopping.wait()
    finally:
        await server.stop()


@contextmanager
def in_background(
    scenarios: Sequence[scenario.Scenario],
    *,
    rate: float = 1.0,
    port: int = 0,
    faults: Faults | None = None,
    **options: Any,
) -> Iterator[RealtimeServer]:
    """An emulator on a loop and in a thread of its own, so that whoever rings may block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="realtime-emulator", daemon=True)
    thread.start()

    def do(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(ANSWER_SECONDS)

    async def started() -> RealtimeServer:
        server = RealtimeServer(scenarios=list(scenarios), port=port, rate=rate, faults=faults or Faults(), **options)
        await server.start()
        return server

    try:
        server = do(started())
        try:
            yield server
        finally:
            do(server.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
