"""What waits to be sent on a socket: one writer a socket, so that a slow peer holds up nobody else."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

MOST_FRAMES = 10_000
"""Of all kinds. Whoever has left so many untaken is not there any more, and `Stalled` says so soon."""


class Stalled(Exception):
    """The peer takes nothing any more."""


class Outbox:
    """Frames in order. Of sound `limit` frames and `most_letters` may wait: then the oldest is dropped and counted."""

    def __init__(self, limit: int, most_letters: int = 1_400_000) -> None:
        self.dropped = 0
        self._limit = limit
        self._most_letters = most_letters
        self._frames: deque[tuple[str | Callable[[], None], int]] = deque()  # and how many letters of sound it is
        self._sounds = 0
        self._letters = 0
        self._filled = asyncio.Event()

    def put(self, frame: str, *, is_sound: bool = False) -> None:
        if len(self._frames) >= MOST_FRAMES:
            self.dropped += 1
            return
        self._frames.append((frame, len(frame) if is_sound else 0))
        if is_sound:
            self._sounds += 1
            self._letters += len(frame)
            while self._sounds > self._limit or (self._letters > self._most_letters and self._sounds > 1):
                self._drop_oldest_sound()
        self._filled.set()

    def when_sent(self, do: Callable[[], None]) -> None:
        """Call `do` as soon as all that waits now is sent; never if it is cleared before."""
        self._frames.append((do, 0))
        self._filled.set()

    def clear(self) -> None:
        """Forget everything that was not sent yet."""
        self._frames.clear()
        self._sounds = self._letters = 0

    async def write(self, send: Callable[[str], Awaitable[object]], *, within: float | None = None) -> None:
        """Send for ever, in order; ends only by cancellation, by what `send` raises, or by Stalled: no frame was taken
        for so many seconds."""
        while True:
            try:
                async with asyncio.timeout(within) as patience:
                    while self._frames:
                        await self._send_next(send)
                        if within is not None:
                            patience.reschedule(asyncio.get_running_loop().time() + within)
            except TimeoutError:
                if patience.expired():
                    raise Stalled from None
                raise
            self._filled.clear()
            await self._filled.wait()

    async def _send_next(self, send: Callable[[str], Awaitable[object]]) -> None:
        frame, letters = self._frames.popleft()
        self._sounds -= letters > 0
        self._letters -= letters
        if isinstance(frame, str):
            await send(frame)
        else:
            frame()

    def _drop_oldest_sound(self) -> None:
        oldest = next(index for index, (_, letters) in enumerate(self._frames) if letters)
        self._letters -= self._frames[oldest][1]
        del self._frames[oldest]
        self._sounds -= 1
        self.dropped += 1
