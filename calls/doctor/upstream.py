"""OpenAI as a call uses it: connect, session.created, our own session.update, sound both ways, and a tool call."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from django.db import DatabaseError
from django.utils import timezone

from calls.doctor import introduction, refusals, storage, talking
from calls.doctor.aside import in_database
from calls.doctor.causes import Cause
from calls.doctor.ear import heard_in
from calls.doctor.exchange import Unreachable, request
from calls.doctor.findings import FAIL, OK, SKIPPED, WARN, Finding, saying
from calls.doctor.refusals import CORRECT, REASONS, Refusal
from calls.doctor.site import Site
from calls.doctor.talking import Events, Talk
from calls.doctor.visit import Visit
from calls.models import PhoneLine, catalog
from calls.realtime.client import Line, LineUnavailable, open_line
from calls.realtime.reasons import RULES, Reason
from calls.realtime.session import SessionSettings

PATIENCE_SECONDS = 8.5
SLOW_MS = 3000
LEAST_SECONDS = 1.5  # less than this is no fair trial of a step
_LOOK_UP_SECONDS = 2.0
_OUR_ROWS_SECONDS = 3.0
_NO_AGENT = "No agent can speak: the caller hears a waiting sentence and is handed over."
_NO_TIME = "needs more time: the steps before took nearly all that a check has"
_PLAIN = "You answer the telephone."
IDS = tuple(f"openai.{name}" for name in ("model", "speaks", "tools", "hears", "calls"))


@dataclass(frozen=True, slots=True)
class _Session:
    """An open session of this diagnosis; it is over at `until`."""

    line: Line
    events: Events
    began: float

    @property
    def is_too_late(self) -> bool:
        return time.monotonic() - self.began > PATIENCE_SECONDS - LEAST_SECONDS


async def openai(visit: Visit) -> list[Finding]:
    """The session of a call is opened, configured, speaks, calls a tool and hears; the server lets calls try it."""
    site = visit.site
    session, models = await _asked_for(visit)
    settings = session or SessionSettings(_PLAIN, site.openai_model)
    tried, kept_away = await asyncio.gather(_try_out(site, settings), _kept_away(site))
    return [_last_day(dict.fromkeys([settings.model, *models])), *tried, *kept_away]


async def _asked_for(visit: Visit) -> tuple[SessionSettings | None, list[str]]:
    """What a call asks for, and the models of all lines, as far as the database tells: its finding says the rest."""
    if visit.has_silent_database:
        return None, []
    session = visit.session or await storage.session_of_a_line(visit.site, seconds=_OUR_ROWS_SECONDS)
    try:
        return session, await in_database(_models, visit.site, seconds=_OUR_ROWS_SECONDS)
    except DatabaseError:
        return session, []


def _models(site: Site) -> list[str]:
    """The models that agents of our lines speak with."""
    named = PhoneLine.objects.exclude(agent=None).values_list("agent__model", flat=True)
    return [model or site.openai_model for model in named]


async def _kept_away(site: Site) -> list[Finding]:
    """The server on this machine may know better than this diagnosis, and keep calls away for a while."""
    try:
        known = introduction.headers(site.secret_key)
        answer = await request(f"{site.local_base_url}/readyz", headers=known, seconds=_LOOK_UP_SECONDS)
    except Unreachable:
        return []
    if not (reason := answer.json_field("openai")):
        return []
    meaning = RULES[Reason(reason)].meaning if reason in set(Reason) else reason
    seen = f"the server puts every caller through to a person for now: {meaning} ({reason})"
    remedy = "Mend what it says; a call tries again within half a minute."
    return [saying("openai.calls", "Calls and OpenAI")(WARN, seen, "No agent answers.", remedy)]


def _last_day(models: Iterable[str]) -> Finding:
    """Until when the vendor keeps our agents' models: the first that is gone, else the first that will be."""
    findings = [_model(model) for model in models]
    return next((one for level in (FAIL, WARN) for one in findings if one.level is level), findings[0])


def _model(model: str) -> Finding:
    """One that is not known here may be newer than the list."""
    said = saying("openai.model", "The model and its last day")
    today = timezone.now().date()
    if not catalog.is_known_model(model):
        return said(OK, f"{model}: newer than the list here, or misspelt; its last day is not known")
    if refusal := catalog.refusal_of_model(model, today=today):
        return said(FAIL, refusal, _NO_AGENT, "Change the model of the agent, or OPENAI_REALTIME_MODEL in .env.")
    if warning := catalog.warning_about_model(model, today=today):
        means = "From that day on every call is handed over at once."
        return said(WARN, warning, means, "Change the model of the agent, or OPENAI_REALTIME_MODEL in .env.")
    return said(OK, f"{model}: no last day is announced")


async def _try_out(site: Site, settings: SessionSettings) -> list[Finding]:
    said = saying("openai", "OpenAI Realtime")
    if not site.openai_key:
        return [said(FAIL, REASONS["no_key"].seen, _NO_AGENT, REASONS["no_key"].remedy), *_skipped("openai")]
    talk = Talk()
    try:
        async with _opened(site, settings, talk) as session:
            return [_configured(settings, talk), *await _talk(session, settings, talk)]
    except Refusal as error:
        return [said(FAIL, error.cause.seen, _NO_AGENT, error.cause.remedy), *_skipped("openai")]


def _skipped(cause: str) -> list[Finding]:
    titles = {"openai.speaks": "The agent's voice", "openai.tools": "A tool call", "openai.hears": "The agent's ear"}
    return [
        saying(id, title)(SKIPPED, f"needs {cause}, which did not succeed")
        for id, title in titles.items()
        if id != cause
    ]


@contextlib.asynccontextmanager
async def _opened(site: Site, settings: SessionSettings, talk: Talk) -> AsyncIterator[_Session]:
    """A session that is configured as a call's. Raises Refusal."""
    began = time.monotonic()
    await refusals.look_up(site.openai_url)
    try:
        line = await open_line(url=site.openai_url, model=settings.model, api_key=site.openai_key)
    except LineUnavailable as error:
        raise Refusal(refusals.of_opening(error, site.openai_url)) from error
    try:
        talk.opened_ms = _ms_since(began)
        events = Events(line, until=began + PATIENCE_SECONDS, patience_seconds=PATIENCE_SECONDS)
        await events.next("session.created")
        talk.created_ms = _ms_since(began)
        talk.refused = await talking.configure(line, events, settings)
        talk.updated_ms = _ms_since(began)
        yield _Session(line, events, began)
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await line.close()


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _configured(settings: SessionSettings, talk: Talk) -> Finding:
    said = saying("openai", "OpenAI Realtime")
    seen = (
        f"{settings.model}: open after {talk.opened_ms} ms, session.created {talk.created_ms}, session.updated "
        f"{talk.updated_ms} with {talking.PHONE} both ways and {len(settings.tools)} tools"
    )
    if talk.refused:
        means = "Calls go on with a simpler session: perhaps without transcripts of the caller, or with more noise."
        return said(WARN, f"{seen}. {talk.refused}", means, CORRECT)
    return said(OK, seen)


async def _talk(session: _Session, settings: SessionSettings, talk: Talk) -> list[Finding]:
    said = saying("openai.speaks", "The agent's voice")
    try:
        await talking.speak(session.line, session.events, talk, session.began)
    except Refusal as error:
        return [said(FAIL, error.cause.seen, _NO_AGENT, error.cause.remedy), *_skipped("openai.speaks")]
    return [_spoken(talk), await _tool(session, settings), await _ear(session)]


def _spoken(talk: Talk) -> Finding:
    said = saying("openai.speaks", "The agent's voice")
    kind = heard_in(talk.sound)
    seen = f"first sound after {talk.spoke_ms} ms: {kind} in {talking.PHONE}"
    if kind == "noise":
        means, remedy = "The caller hears loud noise.", "Set the agent's model to one that speaks audio/pcmu."
        return said(FAIL, f"first sound after {talk.spoke_ms} ms, but it is noise and no mu-law", means, remedy)
    if kind == "silence":
        return said(FAIL, seen, "The caller hears silence.", "Set the agent's model to another Realtime model.")
    if talk.spoke_ms > SLOW_MS:
        means = "The caller is asked to wait before the greeting."
        return said(WARN, seen, means, "Run the server nearer to OpenAI's, or look at https://status.openai.com")
    return said(OK, seen)


async def _tool(session: _Session, settings: SessionSettings) -> Finding:
    said = saying("openai.tools", "A tool call")
    if not settings.tools:
        return said(SKIPPED, "needs a line with an agent: without one there are no tools to call")
    if session.is_too_late:
        return said(SKIPPED, _NO_TIME)
    began = time.monotonic()
    try:
        name = await talking.call_tool(session.line, session.events, settings.tools)
    except Refusal as error:
        means = "The agent talks, and can look nothing up: no price, no appointment, no hand-over."
        return said(FAIL, error.cause.seen, means, error.cause.remedy)
    return said(OK, f"{name} was called within {_ms_since(began)} ms")


async def _ear(session: _Session) -> Finding:
    said = saying("openai.hears", "The agent's ear")
    if session.is_too_late:
        return said(SKIPPED, _NO_TIME)
    began = time.monotonic()
    try:
        await talking.hear(session.line, session.events)
    except Refusal as error:
        cause: Cause = error.cause
        means = "The agent greets, and never notices that the caller answers."
        return said(FAIL, cause.seen, means, cause.remedy)
    return said(OK, f"speech in {talking.PHONE} was noticed within {_ms_since(began)} ms")
