"""The body of `demo`: one call in real time against a server of its own, told as it happens, then what was measured.

The call is written to the project's own database, so that it can be looked at with `manage.py runserver` afterwards.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management import call_command
from django.db.models import Model
from django.urls import reverse

from calls import mail
from calls.domain import demo
from calls.domain.money import written_range
from calls.domain.spoken import spoken_time
from calls.emulators import scenario as scenarios
from calls.emulators.scenario import Scenario
from calls.lab import report, scratch
from calls.lab.calling import Outcome, Target, emulator_address, place
from calls.lab.judging import Limits, shortcomings
from calls.lab.processes import ChildFailed, EmulatorChild, ServerChild, WorkerChild, environment, leaving_none_behind
from calls.models import Call, OutgoingEmail
from voiceagent import settings as project

NAME = "demo"
CALLERS = 1000
LETTER_SECONDS = 20
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
    scenario = _from_a_new_number(scenarios.find(NAME))
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

        outcome = place(target, scenario, tell=tell, save=Path(settings.BASE_DIR) / "var" / "calls", demand=demand)
        _await_letters(outcome)
        return outcome


def _from_a_new_number(scenario: Scenario) -> Scenario:
    """A caller gets so many quotes a day and has so many open bookings; whoever runs this often is not refused.

    No script has such a number, so the emulator of the model plays its first one, which is this.
    """
    number = f"+1555010{6000 + Call.objects.count() % CALLERS}"
    return replace(scenario, caller=replace(scenario.caller, number=number))


def _await_letters(outcome: Outcome) -> None:
    """Give the worker time to send what the call has put into the outbox."""
    deadline = time.monotonic() + LETTER_SECONDS
    waiting = OutgoingEmail.objects.filter(call=outcome.row, status=OutgoingEmail.Status.QUEUED)
    while outcome.row is not None and waiting.exists() and time.monotonic() < deadline:
        time.sleep(0.1)


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
        _tell_of_rows(outcome.row, tell)
        tell(f"In the admin          {_page(outcome.row)} (start it with `make run`)")
    report.verdict(found, tell)


def _tell_of_rows(call: Call, tell: Tell) -> None:
    """What the call has left for the business, each with its page in the admin or its file."""
    for quote in call.quotes.select_related("service", "business"):
        price = written_range(quote.total, quote.total_to, quote.business.currency)
        tell(f"Price                 {quote.service}, {price}: {_page(quote)}")
    for booking in call.bookings.select_related("service", "technician", "business"):
        when = spoken_time(booking.starts_at, ZoneInfo(booking.business.time_zone))
        tell(f"Appointment           {booking.service}, {when}, {booking.technician}: {_page(booking)}")
    for email in call.outgoingemails.filter(status=OutgoingEmail.Status.SENT).select_related("business"):
        tell(f"E-mail                to {email.to}: {mail.path_of(email) or 'handed to the mail server'}")


def _page(row: Model) -> str:
    page = reverse(f"admin:calls_{row._meta.model_name}_change", args=[row.pk])
    return f"http://localhost:{settings.PORT}{page}"
