"""One emulated call, seen from three sides: what the caller heard, what the model was told, what the database kept."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import DatabaseError

from calls.emulators.phone import Phone
from calls.emulators.phone_result import CallResult
from calls.emulators.scenario import Scenario
from calls.lab import scratch
from calls.lab.dialogue import Dialogue, follow
from calls.lab.processes import fetch_json
from calls.models import Call

SETTLE_SECONDS = 6  # late transcripts are waited for up to 2 s after the end
LOOK_SECONDS = 0.25
FINISHED = {Call.Status.ENDED, Call.Status.HANDED_OVER}

# Realtime's words for the two sides, and ours.
ROLES = {"user": "caller", "assistant": "agent"}

Digest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """The server that is rung, and how it expects to be rung."""

    base_url: str
    public_url: str
    auth_token: str
    account_sid: str
    emulator: str | None = None  # http://host:port of the Realtime emulator behind it, if there is one that is known
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    heard: CallResult
    sessions: list[Digest] | None  # None: the model behind the server cannot be asked
    row: Call | None  # None: the server keeps its rows in another database
    wav: Path | None = None

    @property
    def turns(self) -> list[dict[str, Any]] | None:
        if self.sessions is None:
            return None
        turns = [turn for session in self.sessions for turn in session["turns"]]
        return [{**turn, "role": ROLES.get(turn["role"], turn["role"])} for turn in turns]

    @property
    def tools(self) -> list[dict[str, Any]] | None:
        return None if self.sessions is None else [tool for session in self.sessions for tool in session["tools"]]

    def as_json(self) -> dict[str, Any]:
        return {
            "call_sid": self.heard.call_sid,
            "status": self.row.status if self.row else None,
            "end_reason": self.row.end_reason if self.row else None,
            "first_audio_ms": self.heard.first_audio_ms,
            "longest_silence_ms": self.heard.longest_silence_ms,
            "barge_in_ms": self.heard.barge_in_ms,
            "turns": self.turns,
            "tools": self.tools,
            "protocol_violations": self.heard.protocol_violations,
            "heard_wav": str(self.wav) if self.wav else None,
        }


def phone(**options: Any) -> Phone:
    """A telephone for a server that has the settings of `scratch.server_environment`; `options` as of Phone."""
    return Phone(**{"public_url": scratch.PUBLIC_URL, "account_sid": scratch.ACCOUNT_SID} | options)


def emulator_address(realtime_url: str) -> str | None:
    """Where to ask an emulator that is told by its Realtime address; None when that is no address of this machine."""
    parts = urlsplit(realtime_url)
    return f"http://{parts.netloc}" if parts.hostname in {"127.0.0.1", "localhost", "::1"} else None


def place(
    target: Target,
    scenario: Scenario,
    *,
    tell: Callable[[str], None] = lambda line: None,
    save: Path | None = None,
    scripted: bool = True,
    demand: Callable[[], None] = lambda: None,
) -> Outcome:
    """Ring, play the scenario, wait until everything about the call is written down.

    `demand` is asked right after the call, and raises when what was rung is not there any more.
    """
    before = len(_sessions(target) or [])
    heard = asyncio.run(_ring(target, scenario, Dialogue(tell), before, scripted))
    demand()
    sessions = _settled_sessions(target, scenario, before)
    row = settled_row(heard.call_sid)
    return Outcome(heard, sessions, row, _saved(heard, save))


async def _ring(target: Target, scenario: Scenario, dialogue: Dialogue, before: int, scripted: bool) -> CallResult:
    phone = Phone(
        base_url=target.base_url,
        public_url=target.public_url,
        auth_token=target.auth_token,
        account_sid=target.account_sid,
        rate=target.rate,
        scripted=scripted,
        on_event=dialogue.on_phone_event,
    )
    if target.emulator is None:
        return await phone.call(scenario)

    async def look() -> list[Digest]:
        return _of(await asyncio.to_thread(_sessions, target), scenario, before)

    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(follow(look, dialogue))
        heard = await phone.call(scenario)
        following.cancel()
    dialogue.see(await look(), last=True)
    return heard


def _sessions(target: Target) -> list[Digest] | None:
    if target.emulator is None:
        return None
    try:
        found = fetch_json(f"{target.emulator}/_emulator/sessions", seconds=2)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, list) else None


def _of(sessions: list[Digest] | None, scenario: Scenario, before: int) -> list[Digest]:
    """The sessions of this call: opened since, for this caller."""
    return [session for session in (sessions or [])[before:] if session["caller"] in {scenario.caller.number, None}]


def _settled_sessions(target: Target, scenario: Scenario, before: int) -> list[Digest] | None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        found = _sessions(target)
        if found is None:
            return None
        mine = _of(found, scenario, before)
        if not any(session["open"] for session in mine) or time.monotonic() > deadline:
            return mine
        time.sleep(LOOK_SECONDS)


def settled_row(
    call_sid: str, *, look_seconds: float = LOOK_SECONDS, patience_seconds: float = SETTLE_SECONDS
) -> Call | None:
    """The row of the call, once it says how the call ended and nothing more is added to it, or as it stands then."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            row = Call.objects.filter(call_sid=call_sid).first()
            is_settled = row is None or _is_settled(row)
        except DatabaseError:  # not migrated, or gone: then the server's rows are elsewhere
            return None
        if is_settled or time.monotonic() > deadline:
            return row
        time.sleep(look_seconds)


def _is_settled(row: Call) -> bool:
    # The model is written down last of all, when the journal of the call's stream is complete.
    return row.status in FINISHED and (row.model != "" or not row.streams.exists())


def _saved(heard: CallResult, folder: Path | None) -> Path | None:
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{heard.call_sid}.wav"
    heard.save_wav(path)
    return path
