"""The body of `demo`: one call in real time against a server of its own, told as it happens, then what was measured.

The call is written to the project's own database, so that it can be looked at with `manage.py runserver` afterwards.
"""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.urls import reverse

from calls.domain import demo
from calls.emulators import scenario as scenarios
from calls.emulators.scenario import Scenario
from calls.lab import report, scratch
from calls.lab.calling import Outcome, Target, emulator_address, place
from calls.lab.judging import Limits, shortcomings
from calls.lab.processes import ChildFailed, EmulatorChild, ServerChild, WorkerChild, environment, leaving_none_behind
from voiceagent import settings as project

NAME = "demo"
SCRIPTED = "The agent in this demonstration is scripted: no model is asked, no telephone network and no key is used."

Tell = Callable[[str], None]


def run(tell: Tell) -> list[str]:
    """Hold the demonstration; gives what fell short."""
    tell(SCRIPTED)
    try:
        return _hold(tell)
    except ChildFailed as error:
        tell(f"The demonstration failed. {error}")
        return [str(error)]
    finally:
        tell(SCRIPTED)


def _hold(tell: Tell) -> list[str]:
    call_command("migrate", verbosity=0)
    _prepare(tell)
    scenario = scenarios.find(NAME)
    outcome = _call(scenario, tell)
    found = shortcomings(outcome, scenario, Limits())
    if outcome.row is None:
        found.append("The call is not in the database.")
    _tell_what_came_of_it(outcome, found, tell)
    return found


def _call(scenario: Scenario, tell: Tell) -> Outcome:
    token = scratch.auth_token()
    with ExitStack() as stack:
        stack.enter_context(leaving_none_behind())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voiceagent-demo-")))
        model = stack.enter_context(EmulatorChild(environment=environment(), log=folder / "model.log"))
        ours = _environment(token, model.url)
        server = stack.enter_context(ServerChild(environment=ours, log=folder / "server.log"))
        # Letters alone: what else is due in this database is not the demonstration's to do.
        letters = ("--task", "send_emails")
        worker = stack.enter_context(WorkerChild(*letters, environment=ours, log=folder / "worker.log"))
        tell(f"Server at {server.base_url}, scripted model at {model.url}. The telephone rings; listen along:")
        tell("")
        target = Target(server.base_url, scratch.PUBLIC_URL, token, scratch.ACCOUNT_SID, emulator_address(model.url))

        def demand() -> None:
            server.demand()
            model.demand()
            worker.demand()

        return place(target, scenario, tell=tell, save=Path(settings.BASE_DIR) / "var" / "calls", demand=demand)


def _prepare(tell: Tell) -> None:
    made = demo.load_demo()
    if made.password:
        tell(f"Staff login (shown only this once): {made.username} / {made.password}")


def _environment(token: str, realtime_url: str) -> dict[str, str]:
    """The project's own database, secret and mail server, and otherwise nothing of .env: it needs no settings."""
    return scratch.server_environment(
        token=token,
        realtime_url=realtime_url,
        database_url=project.env("DATABASE_URL"),
        SECRET_KEY=settings.SECRET_KEY,
        EMAIL_URL=project.env("EMAIL_URL"),
        DEFAULT_FROM_EMAIL=project.env("DEFAULT_FROM_EMAIL"),
    )


def _tell_what_came_of_it(outcome: Outcome, found: list[str], tell: Tell) -> None:
    tell("")
    report.figures(outcome, tell)
    if outcome.row is not None:
        page = reverse("admin:calls_call_change", args=[outcome.row.pk])
        tell(f"In the admin          http://localhost:{settings.PORT}{page} (start it with `make run`)")
    report.verdict(found, tell)
