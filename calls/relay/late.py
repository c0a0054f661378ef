"""Tools that end after their time was up, sometimes after their call: what they did is written down all the same."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from calls.conversation.messages import RunTool, Then, to_ms
from calls.domain import late_tools
from calls.logs import CallLogger
from calls.tools.registry import Answer

_following: set[asyncio.Task[None]] = set()  # the loop alone would not keep what outlives its call


class LateTools:
    """Follows the late tools of one call. `now` gives seconds since the ring. `conclude` sums the call up: once more
    for each that ends after that."""

    def __init__(
        self,
        call_id: int,
        *,
        now: Callable[[], float],
        persist: Callable[[Callable[[], object]], Awaitable[None]],
        advise: Callable[[str, Then], None],
        conclude: Callable[[], object],
        log: CallLogger,
    ) -> None:
        self._call_id = call_id
        self._now = now
        self._persist = persist
        self._advise = advise
        self._conclude = conclude
        self._log = log
        self._is_over = False
        self._told: set[asyncio.Task[Answer]] = set()
        self._one_at_a_time = asyncio.Lock()

    def follow(self, command: RunTool, late: "asyncio.Task[Answer]") -> None:
        task = asyncio.create_task(self._follow(command, late), name=f"late {command.name[:40]}")
        _following.add(task)
        task.add_done_callback(_following.discard)

    async def conclude(self) -> None:
        """Sum the call up. Nothing is told to it any more."""
        self._is_over = True
        async with self._one_at_a_time:
            await self._persist(self._conclude)

    async def _follow(self, command: RunTool, late: "asyncio.Task[Answer]") -> None:
        is_told = late in self._told  # the model has asked for the same work twice, and hears of it once
        self._told.add(late)
        answer = await late
        note = partial(
            late_tools.note_late_result,
            call_id=self._call_id,
            tool_call_id=command.tool_call_id,
            tool=command.name,
            result=answer.result,
            is_done=answer.status == "ok",
            at_ms=to_ms(self._now()),
        )
        await self._persist(note)
        self._log.info("tool ended late", extra={"tool": command.name, "status": answer.status})
        if self._is_over:
            await self.conclude()
        elif not is_told:
            told = f"{command.name} has ended after all. Tell the caller what came of it: {answer.text}"
            self._advise(told, answer.then)
