"""How many calls at once a process carries: the delay that the relay adds to each frame, at growing numbers of calls.

Everything is on loopback: callers and model are in this process, the server in one of its own, and so is the control,
a pipe that passes the same bytes between the same ends and understands none of them. Only what both measure in the
same run is compared: a machine that is busy delays both.
"""

import asyncio
import gc
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import connect

from calls.lab import load, scratch
from calls.lab.processes import ServerChild
from calls.lab.thin import APPEND, Caller, Model, client_frame, server_frame

MOST_EXTRA_MS = 20.0
FRAME_SECONDS = 0.02
TICKS = os.sysconf("SC_CLK_TCK")
BUSY_SHARE = 0.7  # of one processor: beyond that, what comes waits for what is there
PIPE = """
import asyncio, sys
async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
async def serve(reader, writer):
    there = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@dataclass
class Delays:
    """Seconds that frames were under way, and how many never came."""

    up: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    lost: int = 0

    def p99_ms(self) -> float:
        both = sorted(self.up + self.down)
        return both[int(len(both) * 0.99)] * 1000 if both else float("inf")


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor time of a second of one call, in ms: the server's, and that of callers and model beside it, who share
    its machine here and nowhere else. `others`: the share of all processors that was taken by whoever else there is."""

    server_ms: float
    ends_ms: float
    others: float


class Processors:
    """Measures what is spent from now on while a server runs beside this process."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._began = time.monotonic()
        self._before = _cpu_of_all()

    def spent(self, call_seconds: float) -> Spent:
        # Process by process: the totals of /proc/stat are sampled at ticks, with which sleepers keep step.
        spent = {pid: seconds - self._before.get(pid, 0.0) for pid, seconds in _cpu_of_all().items()}
        server, ends = spent.pop(self._server, 0.0), spent.pop(os.getpid(), 0.0)
        processors = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return Spent(server * 1000 / call_seconds, ends * 1000 / call_seconds, sum(spent.values()) / processors)


@dataclass(frozen=True, slots=True)
class Measured:
    """One step: so many calls at once, through the relay and through the pipe."""

    calls: int
    relay: Delays
    control: Delays
    spent: Spent

    @property
    def extra_ms(self) -> float:
        return self.relay.p99_ms() - self.control.p99_ms()

    @property
    def passed(self) -> bool:
        return self.extra_ms <= MOST_EXTRA_MS and not self.relay.lost

    def line(self) -> str:
        return (
            f"{self.calls:>5} {self.relay.p99_ms():>10.1f} {self.control.p99_ms():>10.1f} {self.extra_ms:>10.1f} "
            f"{self.spent.server_ms:>10.2f} {self.spent.ends_ms:>10.2f} {self.spent.others:>8.0%} "
            f"{self.relay.lost:>6}  {'pass' if self.passed else 'fail'}"
        )


HEAD = (
    f"{'calls':>5} {'relay p99':>10} {'pipe p99':>10} {'extra ms':>10} {'server':>10} {'ends':>10} {'others':>8} "
    f"{'lost':>6}   ms of delay; ms of processor time a call-second; share of the machine"
)


class Ends:
    """Both ends of one call: `say` and `speak` send a frame that is recognized where it arrives."""

    def __init__(self, say: Callable[[str], None], speak: Callable[[str], None]) -> None:
        self.say, self.speak = say, speak
        self.said: dict[str, float] = {}
        self.spoken: dict[str, float] = {}


class Meter:
    """Sends frames both ways on all calls, 50 a second each, and notes when they arrive."""

    def __init__(self) -> None:
        self._ends: list[Ends] = []
        self._delays = Delays()

    def add(self, ends: Ends) -> None:
        self._ends.append(ends)

    def heard(self, payload: str) -> None:
        """A caller's frame has arrived at the model."""
        self._arrived(payload, "u", self._delays.up)

    def played(self, payload: str) -> None:
        """A frame of the model has arrived at a caller."""
        self._arrived(payload, "d", self._delays.down)

    def _arrived(self, payload: str, side: str, delays: list[float]) -> None:
        if payload[:4] != _mark(side):
            return  # the greeting
        ends = self._ends[int(payload[4:8])]
        left = (ends.said if side == "u" else ends.spoken).pop(payload, None)
        if left is not None:
            delays.append(time.perf_counter() - left)

    async def run(self, seconds: float) -> Delays:
        self._delays = Delays()
        tasks = [self._keep_talking(index, ends, seconds) for index, ends in enumerate(self._ends)]
        await asyncio.gather(*tasks)
        await asyncio.sleep(0.5)
        self._delays.lost = sum(len(ends.said) + len(ends.spoken) for ends in self._ends)
        for ends in self._ends:
            ends.said.clear()
            ends.spoken.clear()
        return self._delays

    async def _keep_talking(self, index: int, ends: Ends, seconds: float) -> None:
        # Calls do not begin in the same moment.
        began = time.perf_counter() + FRAME_SECONDS * index / len(self._ends)
        for number in range(round(seconds / FRAME_SECONDS)):
            await asyncio.sleep(max(0.0, began + number * FRAME_SECONDS - time.perf_counter()))
            for side, send, under_way in (("u", ends.say, ends.said), ("d", ends.speak, ends.spoken)):
                payload = f"{_mark(side)}{index:04}{number:08}".ljust(216, "A")
                under_way[payload] = time.perf_counter()
                send(payload)


def _mark(side: str) -> str:
    return "upup" if side == "u" else "down"


async def run(steps: Sequence[int], seconds: float, tell: Callable[[str], None], folder: Path) -> list[Measured]:
    """Measure each step, through the relay and through the pipe, one after the other."""
    found = []
    gc.collect()
    gc.freeze()  # a pause of this process to look through all that is loaded would be measured as the relay's
    tell(HEAD)
    for calls in steps:
        control = await _through_the_pipe(calls, seconds)
        relay, spent = await _through_the_relay(calls, seconds, folder)
        found.append(Measured(calls, relay, control, spent))
        tell(found[-1].line())
    return found


async def _through_the_relay(calls: int, seconds: float, folder: Path) -> tuple[Delays, Spent]:
    async with Model().serving() as model, _server(folder, model.url) as (server, token):
        meter = Meter()
        model.on_sound = lambda payload: meter.heard(payload.decode())
        callers = []
        for index in range(calls):
            model.is_ready.clear()
            caller = await Caller(server.base_url, token, number=f"+1555010{index:04}", on_media=meter.played).ring()
            await asyncio.wait_for(caller.first_sound.wait(), 20)
            callers.append(caller)
            meter.add(Ends(caller.say, _speaker(model, model.connections[-1])))
        await meter.run(1.0)
        processors = Processors(server.pid)
        delays = await meter.run(seconds)
        spent = processors.spent(seconds * calls)
        await asyncio.gather(*(caller.hang_up() for caller in callers))
    return delays, spent


def _speaker(model: Model, connection: object) -> Callable[[str], None]:
    def speak(payload: str) -> None:
        model.put(
            '{"type":"response.output_audio.delta","response_id":"resp_0","item_id":"item_0","content_index":0,'
            f'"delta":"{payload}"}}',
            connection,
        )

    return speak


async def _through_the_pipe(calls: int, seconds: float) -> Delays:
    meter = Meter()
    async with Model().serving() as model, _pipe(int(model.url.split(":")[2].split("/")[0])) as port:
        model.on_sound = lambda payload: meter.heard(payload.decode())
        readers, sockets = [], []
        for _ in range(calls):
            socket = await connect(f"ws://127.0.0.1:{port}/", compression=None, max_queue=None, proxy=None)
            await socket.recv()  # session.created
            sockets.append(socket)
            readers.append(asyncio.create_task(_read(socket, meter.played)))
            meter.add(Ends(_sayer(socket), _speaker_of_the_pipe(model.connections[-1])))
        await meter.run(1.0)
        delays = await meter.run(seconds)
        await asyncio.gather(*(socket.close() for socket in sockets))
        await asyncio.gather(*readers, return_exceptions=True)
    return delays


def _sayer(socket: object) -> Callable[[str], None]:
    return lambda payload: socket.transport.write(client_frame(APPEND + payload.encode() + b'"}'))  # type: ignore[attr-defined]


def _speaker_of_the_pipe(connection: object) -> Callable[[str], None]:
    return lambda payload: connection.transport.write(server_frame(payload.encode()))  # type: ignore[attr-defined]


async def _read(socket: object, played: Callable[[str], None]) -> None:
    async for frame in socket:  # type: ignore[attr-defined]
        played(frame)


@asynccontextmanager
async def _pipe(port: int) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PIPE, str(port), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _server(folder: Path, realtime_url: str) -> AsyncIterator[tuple[ServerChild, str]]:
    token = scratch.auth_token()
    settings = scratch.server_environment(
        token=token, database_url=scratch.url(folder), realtime_url=realtime_url, DATA_DIR=str(folder / "data")
    )
    async with load.beside_the_loop(ServerChild(environment=settings, log=folder / "server.log")) as child:
        yield child, token


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _cpu_of_all() -> dict[int, float]:
    """Of all processes that can be seen, by id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile
            found[int(folder.name)] = _cpu_seconds(int(folder.name))
    return found


def by_processor_time(measured: Measured) -> str:
    """What the step says of a machine on which callers and model are elsewhere: the server has one processor."""
    calls = int(BUSY_SHARE * 1000 / measured.spent.server_ms) if measured.spent.server_ms else 0
    return (
        f"At {measured.spent.server_ms:.1f} ms a call-second, {calls} calls keep one processor {BUSY_SHARE:.0%} busy, "
        "where callers and model are on another machine."
    )


def most_calls(found: Sequence[Measured]) -> int:
    """The largest step before the first that fails; 0 when the first one does."""
    most = 0
    for measured in found:
        if not measured.passed:
            break
        most = measured.calls
    return most
