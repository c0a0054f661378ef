"""The list of checks, and the visit that walks it: one after the other, each in its time, none ever raising."""

import asyncio
import contextlib
import logging
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, replace

from calls.doctor import (
    account,
    configuration,
    due,
    letters,
    listening,
    local,
    machine,
    remote,
    storage,
    upstream,
)
from calls.doctor.exchange import Unreachable
from calls.doctor.findings import FAIL, SKIPPED, Finding, hide, saying
from calls.doctor.site import Site
from calls.doctor.visit import Visit

STEP_SECONDS = 10.0
FAREWELL_SECONDS = 3.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One entry of the list. `needs` names findings without which it would only repeat what is already known.

    `gives`: the ids of all its findings, where they are others than its own. A finding under another id is an error of
    the check, so that what docs/doctor.md is held to is complete.
    """

    id: str
    title: str
    run: Callable[[Visit], Awaitable[list[Finding]]]
    needs: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all findings that it can give, its own among them: what is skipped or broken says so under it."""
        return tuple(dict.fromkeys((self.id, *self.gives)))


class Undeclared(Exception):
    """A check gave a finding under an id that its entry in the list does not name."""


async def _settings(visit: Visit) -> list[Finding]:
    return configuration.examine(visit.site)


CHECKS: tuple[Check, ...] = (
    Check("settings", "Settings", _settings, gives=configuration.IDS),
    Check("database", "Database and migrations", storage.database),
    Check("line", "A line with an agent", storage.line, needs=("database",), gives=storage.LINE_IDS),
    Check("text-messages", "Text messages", storage.text_messages, needs=("database",)),
    Check("emergencies", "Emergencies", due.emergencies, needs=("database",), gives=due.EMERGENCY_IDS),
    Check("worker", "The worker", due.worker, needs=("database",)),
    Check("email", "E-mail", letters.email),
    Check("disk", "Disk", machine.disk),
    Check("clock", "Clock", machine.clock),
    Check("channel-layer", "Channel layer", machine.channel_layer),
    Check("routes", "Routes", local.routes),
    Check("port", "Who owns the port", local.port),
    Check("asgi", "A server that takes sockets", local.asgi, needs=("port",)),
    # Before the road, which stops where OpenAI refuses and knows less of the reason.
    Check(
        "openai",
        "OpenAI Realtime",
        upstream.openai,
        needs=("settings.openai-key", "settings.openai-url"),
        gives=upstream.IDS,
    ),
    Check(
        "webhook",
        "Webhook over the public address",
        remote.webhook,
        needs=("settings.twilio-token", "database", "line"),
    ),
    Check("upgrade", "WebSocket upgrade over the public address", remote.upgrade, needs=("webhook",)),
    Check(
        "first-audio",
        "First sound of the agent",
        listening.first_audio,
        needs=("upgrade", "settings.openai-key"),
    ),
    Check("twilio", "The Twilio account", account.account, gives=account.IDS),
)
LINE = tuple(check.id for check in CHECKS if check.id != "openai")
OPENAI = ("openai",)


def with_needs(ids: Collection[str], checks: Collection[Check] = CHECKS) -> list[Check]:
    """The checks named, and those that they stand on, in the order of the list. Raises KeyError for a foreign name."""
    by_id = {check.id: check for check in checks}
    wanted: set[str] = set()
    waiting = [by_id[id] for id in ids]
    while waiting:
        check = waiting.pop()
        if check.id not in wanted:
            wanted.add(check.id)
            waiting += [by_id[need.partition(".")[0]] for need in check.needs]
    return [check for check in checks if check.id in wanted]


async def diagnose(
    site: Site,
    ids: Collection[str] | None = None,
    *,
    checks: Collection[Check] = CHECKS,
    step_seconds: float = STEP_SECONDS,
) -> AsyncIterator[Finding]:
    """The findings, each as soon as it is known, without any secret.

    `ids`: these checks, and of those that they stand on what they stand on.
    """
    visit = Visit(site)
    asked = [check.id for check in checks] if ids is None else ids
    walked = with_needs(asked, checks)
    needed = {need for check in walked for need in check.needs}
    broken: set[str] = set()
    try:
        for check in walked:
            if missing := [need for need in check.needs if need in broken]:
                findings = [saying(check.id, check.title)(SKIPPED, f"needs {missing[0]}, which did not succeed")]
            else:
                findings = await _run(check, visit, step_seconds)
            broken |= {finding.id for finding in findings if finding.level in {FAIL, SKIPPED}}
            for finding in findings:
                if check.id in asked or finding.id in needed:
                    yield hide(finding, site.secrets)
    finally:
        await _say_farewell(visit)


async def _run(check: Check, visit: Visit, seconds: float) -> list[Finding]:
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            findings = await check.run(visit)
        if foreign := {finding.id for finding in findings} - set(check.ids):
            raise Undeclared(f"{check.id} gives {', '.join(sorted(foreign))}")
    except TimeoutError:
        findings = [saying(check.id, check.title)(FAIL, f"no end within {seconds:g} s", "", "Try again.")]
    except Exception as error:  # the doctor itself must never be what fails: the next checks still have to run
        # No traceback and no message of the error: they may quote an address with its password.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename}:{frame.lineno}"
        logger.error("a check of the doctor failed", extra={"check": check.id, "error": repr(type(error)), "at": where})
        seen = f"the check itself failed: {type(error).__name__} at {frame.name}"
        remedy = "Read the error in the log of the doctor, and report it."
        findings = [saying(check.id, check.title)(FAIL, seen, "", remedy)]
    took_ms = round((time.monotonic() - began) * 1000)
    return [replace(finding, ms=took_ms) for finding in findings]


async def _say_farewell(visit: Visit) -> None:
    """Tell the server that the test call is over, as Twilio would: no hand-over stays open, the row is closed."""
    if visit.call is None:
        return
    with contextlib.suppress(Unreachable, TimeoutError):
        async with asyncio.timeout(FAREWELL_SECONDS):
            await visit.call.hang_up()
