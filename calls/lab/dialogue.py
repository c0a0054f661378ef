"""Prints a call while it is spoken: the lines of both sides, tools with their results, what the caller does."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

LOOK_SECONDS = 0.2
WHO = {"user": "Caller", "assistant": "Agent "}


class Dialogue:
    """Told again and again what a Realtime emulator has seen so far, it prints what is new."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._turns = 0
        self._results = 0
        self._last_text = ""

    def on_phone_event(self, kind: str, detail: Any) -> None:
        if kind == "clear" and detail:
            self._tell("  ...    the caller speaks over the agent, who falls silent")
        elif kind == "violation":
            self._tell(f"  !      protocol violation: {detail}")

    def see(self, sessions: list[dict[str, Any]], *, last: bool = False) -> None:
        turns = [turn for session in sessions for turn in session["turns"]]
        while self._turns < len(turns) and (last or self._is_complete(turns)):
            turn = turns[self._turns]
            self._tell(f"  {WHO.get(turn['role'], turn['role'])} {' '.join(turn['text'].split())}")
            self._turns += 1
        tools = [tool for session in sessions for tool in session["tools"]]
        while self._results < len(tools) and tools[self._results]["result"] is not None:
            tool = tools[self._results]
            self._tell(f"  Tool   {tool['name']}({_brief(tool['arguments'])}) → {_brief(tool['result'])}")
            self._results += 1

    def _is_complete(self, turns: list[dict[str, Any]]) -> bool:
        """Whether the next line will not grow. A caller's line is empty until it is transcribed, an agent's grows
        word by word; what follows waits for it, so that the order stays."""
        text = turns[self._turns]["text"]
        is_still = text == self._last_text
        self._last_text = text
        return bool(text) and (is_still or len(turns) > self._turns + 1)


async def follow(look: Callable[[], Awaitable[list[dict[str, Any]]]], dialogue: Dialogue) -> NoReturn:
    while True:
        dialogue.see(await look())
        await asyncio.sleep(LOOK_SECONDS)


def _brief(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:99]}…"
