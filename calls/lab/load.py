"""Much at a time: hours of sound through one call, and many calls in a row. For the laboratory and for the proofs."""

import asyncio
import random
import time
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from calls.lab.faults.stage import House
from calls.lab.thin import HALF_SECOND, Model
from calls.lab.watched import Held

MIB = 2**20
FRAMES_AN_HOUR = 3600 * 50
UNDER_WAY = 100
EVERY_SPEECH = 500  # frames between two answers of the agent: a second of its voice for ten of the caller's
SOUND_SECONDS = 20.0

# All pools of the process full: they grow as they are needed, and have an end.
MOST_THREADS = 24

SHORT = """
- agent: {text: "Hello."}
- hang_up: true
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sounded:
    """What a long call has cost: `growth` in bytes for each of its parts, and the real seconds that all of it took."""

    growth: list[int]
    seconds: float
    is_open: bool
    is_whole: bool
    """Whether every frame arrived, byte for byte and in order."""

    def told(self) -> str:
        parts = ", ".join(f"{growth / MIB:+.2f}" for growth in self.growth)
        return f"{parts} MiB in {self.seconds:.0f} s"


async def long_call(house: House, model: Model, *, frames: int, parts: int) -> Sounded:
    """`frames` of the caller's sound through one call of a `watched` house, as fast as both ends go, each 20 ms of
    Twilio's clock."""
    count, heard, said = 0, 0, 0

    def hear(payload: bytes) -> None:
        nonlocal count, heard
        count += 1
        heard = zlib.crc32(payload, heard)

    model.on_sound = hear
    model.is_ready.clear()
    caller = await house.caller().ring()
    await asyncio.wait_for(caller.first_sound.wait(), SOUND_SECONDS)
    sounds = [b64encode(random.Random(number).randbytes(160)).decode() for number in range(EVERY_SPEECH)]
    began, sizes = time.monotonic(), []
    for number in range(frames):
        if number % (frames // parts) == 0:
            sizes.append((await asyncio.to_thread(house.watch.held)).rss)
        payload = sounds[number % len(sounds)]
        said = zlib.crc32(payload.encode(), said)
        caller.say(payload, timestamp_ms=number * 20)
        if number % EVERY_SPEECH == 0:
            model.speak(f"resp_{number % 2000}", f"item_{number % 2000}", [HALF_SECOND] * 2)
        if number % 50 == 0 and not await _comes(lambda least=number - UNDER_WAY: count >= least):
            break
    await _comes(lambda: count >= frames)
    seconds = time.monotonic() - began
    sizes.append((await asyncio.to_thread(house.watch.held)).rss)
    is_open = caller.is_open
    await caller.hang_up()
    growth = [after - before for before, after in pairwise(sizes)]
    return Sounded(growth, seconds, is_open, (count, heard) == (frames, said))


async def _comes(is_so: Callable[[], bool]) -> bool:
    """Whether it is so before patience is over."""
    deadline = time.monotonic() + SOUND_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0)
    return True


def ring_many(calls: int, *, at_once: int, place: Callable[[int], Awaitable[T]]) -> list[T]:
    """Place `calls` calls, so many at a time; `place(number)` places one."""

    async def ring() -> list[T]:
        waiting = iter(range(calls))

        async def caller() -> list[T]:
            return [await place(number) for number in waiting]

        return [result for part in await asyncio.gather(*(caller() for _ in range(at_once))) for result in part]

    return asyncio.run(ring())


def not_back(first: Held, last: Held) -> list[str]:
    """What a server holds at rest of calls that are long over, a sentence each."""
    found = [
        f"{name} were {before}, and are {last.counted[name]}."
        for name, before in first.counted.items()
        if last.counted[name] > before
    ]
    return found + ([f"There are {last.threads} threads."] if last.threads > MOST_THREADS else [])


@asynccontextmanager
async def beside_the_loop(blocking: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave what takes its time while the loop goes on."""
    entered = await asyncio.to_thread(blocking.__enter__)
    try:
        yield entered
    finally:
        await asyncio.to_thread(blocking.__exit__, None, None, None)
