"""The body of `simulate_call`: against a running server, against one of its own, or with the real model behind it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from calls.emulators import scenario as scenarios
from calls.emulators import sound
from calls.emulators.scenario import Say, Scenario
from calls.lab import emulation, local, report, scratch
from calls.lab.calling import Outcome, Target, emulator_address, place
from calls.lab.judging import Limits, shortcomings, shortcomings_of_model
from calls.lab.processes import ServerChild, fetch_json, leaving_none_behind

FAST_RATE = 4.0
DEFAULT_SCENARIO = "message"  # can be played any number of times: nothing of it is limited
NO_KEY = "not run: OPENAI_API_KEY is not set, so there is no real model to call."


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What `simulate_call` was asked for."""

    url: str | None = None
    public_url: str | None = None
    scenario: str | None = None  # None: demo, or with the real model every bundled caller
    audio: Path | None = None
    save: Path | None = None
    fast: bool = False
    json: bool = False
    realtime: str = "emulator"
    repeat: int = 1


class Impossible(Exception):
    """The options contradict each other, or something they name does not exist."""


@dataclass(frozen=True, slots=True)
class Run:
    """All calls of one request: whether they passed, and what to say of them as JSON."""

    passed: bool
    document: dict[str, Any]


def run(request: Request, tell: Callable[[str], None]) -> Run:
    real = request.realtime == "openai"
    if real and not settings.OPENAI_API_KEY:
        tell(NO_KEY)
        return Run(True, {"run": False, "reason": NO_KEY})
    if request.url and (real or request.fast):
        raise Impossible("--fast and --realtime are for a server that this command starts: leave out --url.")
    stories = _stories(request)
    judge = shortcomings_of_model if real else shortcomings
    limits = Limits().times(FAST_RATE if request.fast else 1)
    calls: list[tuple[Outcome, list[str]]] = []
    with leaving_none_behind(), _target(request, stories) as target:
        for scenario in stories * request.repeat:
            tell(f"{scenario.caller.number} rings {scenario.caller.to} at {target.base_url} ({scenario.name})")
            outcome = place(target, scenario, tell=tell, save=request.save, scripted=not real)
            found = judge(outcome, scenario, limits)
            report.figures(outcome, tell)
            report.verdict(found, tell)
            calls.append((outcome, found))
    return _summed_up(calls, tell, as_series=real or len(calls) > 1)


def _summed_up(calls: list[tuple[Outcome, list[str]]], tell: Callable[[str], None], *, as_series: bool) -> Run:
    passed = not any(found for _, found in calls)
    if not as_series:
        return Run(passed, report.one(*calls[0]))
    summary = report.several(calls)
    report.series(summary, tell)
    return Run(passed, summary)


def _stories(request: Request) -> list[Scenario]:
    try:
        if request.scenario is None and request.realtime == "openai":
            found = scenarios.load_folder()
        else:
            found = [scenarios.find(request.scenario or DEFAULT_SCENARIO)]
    except (OSError, scenarios.ScenarioError) as error:
        raise Impossible(str(error)) from None
    return found if request.audio is None else [with_audio(scenario, request.audio) for scenario in found]


def with_audio(scenario: Scenario, path: Path) -> Scenario:
    """The scenario with the caller's first words replaced by a recording."""
    try:
        sound.read(path)
    except (OSError, sound.SoundError) as error:
        raise Impossible(f"{path} is no sound that can be played: {error}") from None
    steps = list(scenario.steps)
    at = next((number for number, step in enumerate(steps) if isinstance(step, Say)), None)
    if at is None:
        raise Impossible(f"The caller of scenario {scenario.name} says nothing that {path} could replace.")
    steps[at] = replace(steps[at], audio=str(path.resolve()))
    return replace(scenario, steps=tuple(steps))


@contextmanager
def _target(request: Request, stories: list[Scenario]) -> Iterator[Target]:
    if request.url:
        yield _running(request.url, request.public_url)
        return
    with ExitStack() as stack:
        folder = stack.enter_context(scratch.database())
        if request.realtime == "openai":
            real = {name: getattr(settings, name) for name in ("OPENAI_API_KEY", "OPENAI_REALTIME_MODEL")}
            yield stack.enter_context(_server(folder, stories, settings.OPENAI_REALTIME_URL, **real))
            return
        rate = FAST_RATE if request.fast else 1.0
        emulator = stack.enter_context(emulation.in_background(stories, rate=rate))
        target = stack.enter_context(_server(folder, stories, emulator.url, rate))
        yield replace(target, emulator=emulator_address(emulator.url))


def _running(url: str, public_url: str | None) -> Target:
    base = Path(settings.BASE_DIR)
    url = url.rstrip("/")
    try:
        fetch_json(f"{url}/healthz")
    except (OSError, ValueError) as error:
        raise Impossible(
            f"{url}/healthz does not answer as our server does ({error}). Start it with `make run`."
        ) from None
    return Target(
        base_url=url,
        public_url=(public_url or settings.PUBLIC_BASE_URL).rstrip("/"),
        auth_token=local.auth_token(settings.TWILIO_AUTH_TOKENS, settings.SECRET_KEY),
        account_sid=settings.TWILIO_ACCOUNT_SID or scratch.ACCOUNT_SID,
        emulator=emulator_address(settings.OPENAI_REALTIME_URL) or emulator_address(local.noted_emulator(base)),
    )


@contextmanager
def _server(
    folder: Path, stories: list[Scenario], realtime_url: str, rate: float = 1.0, **more: str
) -> Iterator[Target]:
    """A server of our own on the scratch database."""
    for scenario in stories:
        scratch.ensure_line(scenario)
    token = scratch.auth_token()
    environment = scratch.server_environment(
        token=token, database_url=scratch.url(folder), realtime_url=realtime_url, rate=rate, **more
    )
    with ServerChild(environment=environment, log=folder / "server.log") as server:
        yield Target(server.base_url, scratch.PUBLIC_URL, token, scratch.ACCOUNT_SID, rate=rate)
        server.demand()
