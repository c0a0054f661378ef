"""The calls in progress in this process, whether it still takes new ones, and what Twilio still asks of it."""

import asyncio
import time
from collections.abc import Callable

from calls.conversation.messages import ClosingTime
from calls.relay import clips, expected

ACTION_SECONDS = 3.0  # Twilio asks what follows at once; what it has not asked by then it will not ask

Tell = Callable[[ClosingTime], None]

is_draining = False
"""Set by the server when it shuts down: running calls finish, new ones are handed over."""

_closing: ClosingTime | None = None
_calls: dict[str, tuple[asyncio.AbstractEventLoop, Tell]] = {}
_actions: dict[str, float] = {}


def stream_sids() -> list[str]:
    """Of the calls that this process carries; from any thread."""
    return [*_calls]


def count() -> int:
    return len(_calls)


def awaited() -> int:
    """Callers who are on their way between Twilio and us: streams that were announced, and actions not asked yet."""
    _forget_unasked()
    return len(_actions) + expected.coming()


def add(stream_sid: str, tell: Tell) -> None:
    """A call begins, and `tell` tells it something; on its loop."""
    loop = asyncio.get_running_loop()
    _calls[stream_sid] = loop, tell
    if _closing is not None:
        loop.call_soon(tell, _closing)


def remove(stream_sid: str) -> None:
    _calls.pop(stream_sid, None)


def await_action(call_sid: str) -> None:
    """A stream is closed on our side: Twilio asks `/twilio/after` what the caller hears next."""
    _forget_unasked()
    _actions[call_sid] = time.monotonic() + ACTION_SECONDS


def _forget_unasked() -> None:
    """Another process may have been asked."""
    now = time.monotonic()
    for call_sid in [call_sid for call_sid, until in [*_actions.items()] if now >= until]:
        _actions.pop(call_sid, None)


def action_came(call_sid: str) -> None:
    _actions.pop(call_sid, None)


def last_sentence_seconds() -> float:
    """How long what callers hear takes when they are ended."""
    return clips.longest_seconds("closing")


def end_all(reason: str) -> None:
    """Take no new calls, and have every one say its last sentence; from any thread, or a signal's handler."""
    global is_draining, _closing
    is_draining, _closing = True, ClosingTime(reason)
    for loop, tell in [*_calls.values()]:
        loop.call_soon_threadsafe(tell, _closing)
