"""Is this process alive, is it ready, and why is a line silent: the addresses that programs and people ask."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from calls import agents, database
from calls.doctor import history, runner
from calls.doctor.findings import exit_code, summary
from calls.doctor.site import Site
from calls.doctor.storage import missing_migrations
from calls.models import DoctorRun
from calls.relay import live
from calls.views import insiders

logger = logging.getLogger(__name__)
JSON, HTML = "application/json", "text/html"


class Allowance:
    """So many diagnoses of this process in a time, one at once: each places a call and costs a little of the model."""

    def __init__(self, most: int = 6, *, seconds: float = 60, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._taken: list[float] = []
        self.running = asyncio.Lock()

    def take(self) -> int:
        """0 when one more may begin, else the seconds to wait."""
        now = self._clock()
        self._taken = [at for at in self._taken if now - at < self._seconds]
        if self.running.locked():
            return 5
        if len(self._taken) >= self._most:
            return round(self._taken[0] + self._seconds - now) or 1
        self._taken.append(now)
        return 0


allowance = Allowance()


@require_safe
@never_cache
async def healthz(request: HttpRequest) -> HttpResponse:
    """Alive, without touching the database; the instance id tells this process from another program on the port."""
    return JsonResponse({"status": "ok", "instance": settings.INSTANCE_ID})


@require_safe
@never_cache
async def readyz(request: HttpRequest) -> HttpResponse:
    """200 when new calls are welcome, else 503. Why, is for staff, for whoever holds the token, and for the log.

    These are told of a migration or a database that is missing, or that the server drains; and in `openai`, while the
    breaker is open, what OpenAI refuses for: calls are welcome all the same, this process puts them through to people.
    """
    status, missing = "draining", []
    if not live.is_draining:
        try:
            missing = await database.run(missing_migrations)
        except DatabaseError:
            missing = ["database"]
        status = "not ready" if missing else "ready"
    _note(status, missing)
    told: dict[str, object] = {"status": "ready" if status == "ready" else "not ready"}
    if await insiders.is_insider(request):
        refusal = agents.openai_refusal()
        told = {"status": status, "missing": missing} | ({"openai": refusal} if refusal else {})
    answer = JsonResponse(told, status=200 if status == "ready" else 503)
    answer._has_been_logged = True  # Django would call it an error with every probe
    return answer


_noted = ""


def _note(status: str, missing: Collection[str]) -> None:
    """Into the log once, not with every probe; what drains has said so itself."""
    global _noted
    about = ", ".join(missing)
    if about != _noted and about:
        logger.warning("not ready for calls", extra={"missing": about})
    elif about != _noted and status == "ready":
        logger.info("ready for calls again")
    _noted = about


@require_GET
@never_cache
async def line(request: HttpRequest) -> HttpResponse:
    """The road that a telephone call takes, walked from the outside."""
    return await _diagnosis(request, "The telephone line", runner.LINE)


@require_GET
@never_cache
async def openai(request: HttpRequest) -> HttpResponse:
    """The road to OpenAI, up to the first sound of the session that a call would use."""
    return await _diagnosis(request, "OpenAI Realtime", runner.OPENAI)


async def _diagnosis(request: HttpRequest, title: str, ids: Collection[str]) -> HttpResponse:
    """No parameter decides what is asked: the settings alone name the addresses."""
    if refusal := await _refusal(request):
        return refusal
    if wait := allowance.take():
        return _later(f"A diagnosis is running, or there were too many. Try again in {wait} s.\n", wait)
    async with allowance.running:
        site = Site.from_settings(settings, serving=True)
        findings, _ = await history.examine(site, ids, source=DoctorRun.Source.PAGE)
    report = {"title": title, "summary": summary(findings), "exit": exit_code(findings)}
    if _wants_page(request):
        return render(request, "calls/diagnostic.html", report | {"findings": findings})
    return JsonResponse(report | {"findings": [finding.as_dict() for finding in findings]})


async def _refusal(request: HttpRequest) -> HttpResponse | None:
    """None for staff and for whoever holds the token."""
    token = insiders.bearer(request)
    if token is not None:
        if wait := insiders.wait_for(request):
            return _later(f"Too many wrong tokens. Try again in {wait} s.\n", wait)
        return None if insiders.is_token(request, token) else _forbidden()
    if await insiders.is_staff(request):
        return None
    if _wants_page(request):
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    return _forbidden()


def _later(text: str, wait: int) -> HttpResponse:
    return HttpResponse(text, "text/plain; charset=utf-8", status=429, headers={"Retry-After": str(wait)})


def _forbidden() -> HttpResponse:
    text = "Log in as staff, or send the header Authorization: Bearer with DIAGNOSTIC_TOKEN."
    return JsonResponse({"error": text}, status=403)


def _wants_page(request: HttpRequest) -> bool:
    """A browser names text/html; a program that names nothing gets JSON."""
    if request.GET.get("format") == "json" or "text/html" not in request.headers.get("Accept", ""):
        return False
    return request.get_preferred_type([HTML, JSON]) == HTML
