"""The guards that a server can be robbed of (`calls.lab.faults.server`).

What a guard is good for shows when it is gone: its rows have to turn red. The product knows nothing of this.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Any

from channels.db import database_sync_to_async


class UnknownGuard(Exception):
    """The message names what was asked for and what there is."""


class _Forgetful(set[str]):
    """A set that never knows what is in it."""

    def __contains__(self, item: object) -> bool:
        return False


def _as(value: Any) -> Callable[[Any], Any]:
    return lambda original: value


def _hearing_everything(original: Any) -> Any:
    codec = resolve_name("calls.realtime.codec")
    return lambda self, held, frame: self._hear_event(held, codec.parse(frame))


def _muting_nothing(original: Any) -> Any:
    def init(self: Any, transcript: Any) -> None:
        original(self, transcript)
        self._muted = _Forgetful()

    return init


def _on_the_loop(original: Any) -> Any:
    os.environ.update(DJANGO_ALLOW_ASYNC_UNSAFE="1")  # else Django itself would refuse

    async def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return SimpleNamespace(run=run)


def _in_threads_of_their_own(original: Any) -> Any:
    threads: list[ThreadPoolExecutor] = []

    async def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        threads.append(ThreadPoolExecutor(1))
        return await database_sync_to_async(function, thread_sensitive=False, executor=threads[-1])(*args, **kwargs)

    return run


@dataclass(frozen=True, slots=True)
class Guard:
    """`owner` as `module` or `module:Class`, its attribute that guards, and what makes a stand-in of the original."""

    owner: str
    attribute: str
    instead: Callable[[Any], Any]

    def take_away(self) -> None:
        """Raises AttributeError when there is nothing to take away, as after the guard was renamed."""
        owner = resolve_name(self.owner)
        setattr(owner, self.attribute, self.instead(getattr(owner, self.attribute)))


GUARDS: Mapping[str, Guard] = {
    "filler": Guard("calls.conversation.company:Company", "keep", _as(lambda self, now, *, is_first: [])),
    "limit": Guard("calls.conversation.patience:Patience", "exhausted_after", _as(lambda self, now: None)),
    "malformed_events": Guard("calls.relay.lines:Lines", "_hear", _hearing_everything),
    "session_format": Guard(
        "calls.conversation.session_setup:SessionSetup", "is_met_by", _as(staticmethod(lambda updated: True))
    ),
    "sound_format": Guard("calls.conversation.sound_check", "is_linear", _as(lambda payload: False)),
    "resume": Guard("calls.conversation.renewal:Resumes", "take", _as(lambda self, now: False)),
    "late_sound": Guard("calls.conversation.voice:AgentVoice", "__init__", _muting_nothing),
    "signature": Guard("calls.twilio.signature:Verifier", "accepts", _as(lambda *given: True)),
    "token": Guard("calls.domain.tokens", "matches", _as(lambda **given: True)),
    "start_limit": Guard("calls.relay.relay", "START_TIMEOUT", _as(3600.0)),
    "gap_padding": Guard("calls.conversation.caller_audio", "SMALLEST_GAP_MS", _as(10**9)),
    "stall": Guard("calls.conversation.caller_audio:CallerAudio", "stalled", _as(lambda self, now: [])),
    "drain": Guard("calls.serving:DrainingServer", "_is_drained", _as(lambda self: True)),
    "last_sentence": Guard("calls.conversation.voice:AgentVoice", "say_last", _as(lambda self, payload, now: [])),
    "closing_time": Guard("calls.relay.live", "end_all", _as(lambda reason: None)),
    "calls_of_the_dead": Guard("calls.domain.cut_off", "close_streams", _as(lambda **given: [])),
    "media_watch": Guard("calls.conversation.watch:MediaWatch", "is_lost", _as(lambda self, now: False)),
    "return": Guard("calls.domain.returning", "has_come_back", _as(lambda *, call, leg: False)),
    "unbegun_session": Guard("calls.realtime.reasons", "is_passing", _as(lambda reason: False)),
    "soundless": Guard("calls.conversation.agents_turn:AgentsTurn", "_is_soundless", _as(lambda self, message: False)),
    "failed_tools": Guard("calls.domain.failed_tools", "unmended", _as(lambda *, call: ("", ""))),
    "tool_limit": Guard("calls.tools.registry", "TIME_LIMIT", _as(3600.0)),
    "answer_size": Guard("calls.tools.registry", "LONGEST_ANSWER", _as(10**9)),
    "tool_threads": Guard("calls.tools.registry", "database", _on_the_loop),
    "loop_lag": Guard("calls.lag:LoopLag", "tick", _as(lambda self: None)),
    "calls_at_once": Guard("calls.domain.capacity", "_too_many", _as(lambda *given: "")),
    "connection_check": Guard(
        "django.db.backends.base.base:BaseDatabaseWrapper", "close_if_unusable_or_obsolete", _as(lambda self: None)
    ),
    "writers_line": Guard(  # what is left is how Django begins by itself: deferred, and whoever comes first
        "voiceagent.sqlite.base:DatabaseWrapper",
        "_start_transaction_under_autocommit",
        _as(lambda self: self.cursor().execute("BEGIN")),
    ),
    "pools": Guard("calls.database", "run", _in_threads_of_their_own),
    "relay_end": Guard("calls.consumers:TwilioStream", "_carry", _as(lambda self, relay: relay.run())),
    "mark_clock": Guard("calls.conversation.playback:Playback", "ends_at", _as(lambda self: 0.0)),
}


def demand(name: str) -> None:
    """Raises UnknownGuard."""
    if name not in GUARDS:
        raise UnknownGuard(f"There is no guard {name}. There are: {', '.join(GUARDS)}.")
