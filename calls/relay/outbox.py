"""What waits to be sent on a socket: one writer a socket, so that a slow peer holds up nobody else."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable


class Outbox:
    """Frames in order. Of sound at most `limit` frames wait: then the oldest is dropped and counted."""

    def __init__(self, limit: int) -> None:
        self.dropped = 0
        self._limit = limit
        self._frames: deque[tuple[str | Callable[[], None], bool]] = deque()
        self._sounds = 0
        self._filled = asyncio.Event()

    def put(self, frame: str, *, is_sound: bool = False) -> None:
        self._frames.append((frame, is_sound))
        self._sounds += is_sound
        if self._sounds > self._limit:
            self._drop_oldest_sound()
        self._filled.set()

    def when_sent(self, do: Callable[[], None]) -> None:
        """Call `do` as soon as all that waits now is sent; never if it is cleared before."""
        self._frames.append((do, False))
        self._filled.set()

    def clear(self) -> None:
        """Forget everything that was not sent yet."""
        self._frames.clear()
        self._sounds = 0

    async def write(self, send: Callable[[str], Awaitable[object]]) -> None:
        """Send for ever, in order; ends only by cancellation or by what `send` raises."""
        while True:
            while self._frames:
                frame, is_sound = self._frames.popleft()
                self._sounds -= is_sound
                if isinstance(frame, str):
                    await send(frame)
                else:
                    frame()
            self._filled.clear()
            await self._filled.wait()

    def _drop_oldest_sound(self) -> None:
        oldest = next(index for index, (_, is_sound) in enumerate(self._frames) if is_sound)
        del self._frames[oldest]
        self._sounds -= 1
        self.dropped += 1
