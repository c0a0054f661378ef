"""The database: reachable, writable, up to date, and does it know a line that an agent answers?"""

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import available_timezones

from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from calls.doctor.aside import NoAnswer, in_database
from calls.doctor.caller import TEST_CALL_PREFIX, TEST_NUMBER
from calls.doctor.configuration import host_of
from calls.doctor.findings import FAIL, OK, WARN, Finding, saying
from calls.doctor.site import Site
from calls.doctor.visit import Visit
from calls.domain import costs, delivery
from calls.domain.persona import persona_for
from calls.logs import mask
from calls.models import Call, CallEvent, KeptGreeting, OutgoingMessage, PhoneLine, WorkerPulse
from calls.realtime.session import SessionSettings
from calls.relay.profile import session_of
from calls.twilio.addresses import webhook_url

RECENT = timedelta(days=7)
# Two attempts at connecting, as a name with two addresses makes, by the time that voiceagent/settings.py gives each.
PATIENCE_SECONDS = 8.0
_NOT_KEPT = "No call can be kept; callers get the apology and a way to a person."


def missing_migrations() -> list[str]:
    """What `migrate` would still do. Raises DatabaseError when the database cannot be asked."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


async def database(visit: Visit) -> list[Finding]:
    """The database answers, has every migration, and can be written to."""
    said = saying("database", "Database and migrations")
    if wanted := dict(visit.site.malformed).get("DATABASE_URL"):
        return [said(FAIL, "DATABASE_URL cannot be read", _NOT_KEPT, f"Set DATABASE_URL to {wanted}; or clear it.")]
    name = connection.vendor
    try:
        missing = await in_database(missing_migrations, seconds=PATIENCE_SECONDS)
        if missing:
            shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
            remedy = "Type: python manage.py migrate, then restart the server."
            return [said(FAIL, f"{name} answers; not applied: {shown}", _NOT_KEPT, remedy)]
        await in_database(_write_and_undo)
    except DatabaseError as error:
        if _is_silent(error):
            visit.has_silent_database = True
            remedy = "Start the database, or correct host and port in DATABASE_URL; look whether a firewall drops them."
            return [said(FAIL, f"{name}: the database does not answer ({_first_line(error)})", _NOT_KEPT, remedy)]
        remedy = "Correct DATABASE_URL in .env, or start the database; blank means a file beside manage.py."
        return [said(FAIL, f"{name}: {_first_line(error)}", _NOT_KEPT, remedy)]
    return [said(OK, f"{name} answers, every migration is applied")]


def _is_silent(error: DatabaseError) -> bool:
    """Whether nobody refused: what is sent gets lost on the way, or the host hangs."""
    return isinstance(error, NoAnswer) or "timeout expired" in str(error)


def _write_and_undo() -> None:
    """A file that is read-only or locked says so here, and a database that is only a copy of another."""
    now = timezone.now()
    with transaction.atomic():
        WorkerPulse.objects.create(worker_id="doctor", host="", pid=0, queues=[], started_at=now, beat_at=now)
        transaction.set_rollback(True)


LINE_IDS = ("line", "line.handover", "line.fallback", "line.prices", "line.console", "line.time-zone")


async def line(visit: Visit) -> list[Finding]:
    """At least one telephone number of ours is answered by an agent."""
    lines, visit.session = await in_database(_lines_and_session, visit.site)
    rung = _line_to_ring(lines)
    visit.line_number = rung.number if rung else ""
    visit.kept_greeting = await in_database(_kept_greeting, rung)
    habits = await in_database(_habits, lines)
    unpriced = await in_database(_unpriced, lines, visit.site)
    return [
        _agent(visit, lines),
        _handover(visit, lines),
        _elsewhere(visit, lines),
        _budget(visit, unpriced),
        _console(visit, habits),
        _time_zone(visit, lines),
    ]


def _lines_and_session(site: Site) -> tuple[list[PhoneLine], SessionSettings | None]:
    lines = list(PhoneLine.objects.select_related("agent__business", "business"))
    line = _line_to_ring(lines)
    return lines, _session(line, site) if line and line.business.time_zone in known_zones() else None


def _line_to_ring(lines: list[PhoneLine]) -> PhoneLine | None:
    """The newest with an agent: beside the line of the demonstration it is the one that was just connected."""
    return max((line for line in lines if line.agent_id), key=lambda line: line.pk, default=None)


def _kept_greeting(line: PhoneLine | None) -> bytes:
    kept = KeptGreeting.objects.filter(agent=line.agent_id).first() if line else None
    return bytes(kept.sound) if kept else b""


def _session(line: PhoneLine, site: Site) -> SessionSettings:
    """What a call to the line asks of OpenAI, made by the parts that make it for a call."""
    call = Call(business=line.business, agent=line.agent, line=line, from_number=TEST_NUMBER)
    persona = persona_for(call=call, now=timezone.now())
    return session_of(persona, model=persona.model or site.openai_model)


async def session_of_a_line(site: Site, *, seconds: float) -> SessionSettings | None:
    """The same for the first line with an agent; None when there is none to be found within `seconds`."""
    try:
        _, session = await in_database(_lines_and_session, site, seconds=seconds)
    except DatabaseError:
        return None
    return session


def _agent(visit: Visit, lines: list[PhoneLine]) -> Finding:
    said = saying("line", "A line with an agent")
    admin = f"{visit.site.public_base_url}/admin/calls/phoneline/"
    means = "Nobody answers: callers are handed over at once."
    if not lines:
        return said(FAIL, "no phone line", means, f"Add the number that you have at Twilio: {admin}add/")
    silent = [mask(line.number) for line in lines if not line.agent_id]
    if len(silent) == len(lines):
        return said(FAIL, f"{len(lines)} phone line(s), none with an agent", means, f"Choose an agent: {admin}")
    if silent:
        seen = f"{', '.join(silent[:3])} without an agent"
        return said(WARN, seen, "Callers of that number are handed over at once.", f"Choose an agent: {admin}")
    return said(OK, f"{len(lines)}, answered by {lines[0].agent.name} and others" if len(lines) > 1 else _one(lines[0]))


def _one(line: PhoneLine) -> str:
    return f"{mask(line.number)}, answered by {line.agent.name}"


def _handover(visit: Visit, lines: list[PhoneLine]) -> Finding:
    said = saying("line.handover", "A way to a person")
    common = visit.site.handover_number
    targets = {line.business.name: line.business.handover_number or common for line in lines}
    own = {line.number for line in lines}
    admin = f"{visit.site.public_base_url}/admin/calls/business/"
    if looped := [name for name, number in targets.items() if number in own]:
        means = "A call that needs a person would come back to the agent."
        return said(FAIL, f"the hand-over number of {looped[0]} is one of our own lines", means, f"Change it: {admin}")
    if missing := [name for name, number in targets.items() if not number]:
        means = "Callers who need a person, or whose agent fails, reach the voicemail alone."
        remedy = f"Enter a hand-over number: {admin} or HANDOVER_NUMBER in .env."
        return said(WARN, f"none for {missing[0]}", means, remedy)
    if not targets:
        return said(OK, "no business yet" + (", HANDOVER_NUMBER is set" if common else ""))
    return said(OK, "every business has a hand-over number")


def _elsewhere(visit: Visit, lines: list[PhoneLine]) -> Finding:
    """Believes what the owner has entered: nobody is asked, and no address of theirs is ever fetched."""
    said = saying("line.fallback", "A way while this server is off")
    here = host_of(visit.site.public_base_url)
    admin = f"{visit.site.public_base_url}/admin/calls/phoneline/"
    open_lines = [line for line in lines if host_of(line.fallback_url) in {"", here}]
    if open_lines:
        line = open_lines[0]
        means = "While it restarts or its host is down, the caller hears Twilio's apology and is cut off."
        remedy = f"Give Twilio the text to keep that stands at {admin}{line.pk}/bin/ and follow its steps."
        return said(WARN, f"{mask(line.number)}: voice and fallback are on the same host", means, remedy)
    return said(OK, "entered for every line" if lines else "no line yet")


def _time_zone(visit: Visit, lines: list[PhoneLine]) -> Finding:
    """`UTC` is what nobody has chosen; a name may be known where it was entered, and not on this machine."""
    said = saying("line.time-zone", "Time zones")
    names = {line.business.name: line.business.time_zone for line in lines}
    remedy = f"Choose the time zone of the business: {visit.site.public_base_url}/admin/calls/business/"
    if unknown := [name for name, zone in names.items() if zone not in known_zones()]:
        means = "No call of that business can be answered: its hours cannot be worked out."
        return said(FAIL, f"that of {unknown[0]} is not known here: {names[unknown[0]]}", means, remedy)
    if unset := [name for name, zone in names.items() if zone in {"UTC", "Etc/UTC"}]:
        means = "Opening hours and appointments are told hours off, unless the business is where UTC is the time."
        return said(WARN, f"{unset[0]} has UTC", means, remedy)
    return said(OK, ", ".join(sorted(set(names.values()))) or "no line yet")


@cache
def known_zones() -> set[str]:
    return available_timezones()


def _unpriced(lines: list[PhoneLine], site: Site) -> list[tuple[str, str]]:
    """Businesses with a budget whose agent's model has no price, with the model."""
    models = {
        (line.business.name, line.agent.model or site.openai_model)
        for line in lines
        if line.agent and line.business.budget_a_day is not None
    }
    unknown = costs.unpriced(models={model for _, model in models}, day=timezone.now().date())
    return sorted((name, model) for name, model in models if model in unknown)


def _budget(visit: Visit, unpriced: list[tuple[str, str]]) -> Finding:
    said = saying("line.prices", "Prices for the budget")
    if not unpriced:
        return said(OK, "every budget can be counted")
    business, model = unpriced[0]
    means = f"What its calls cost is guessed by the minute: the budget of {business} ends too early, or too late."
    remedy = f"Enter the six prices of {model}: {visit.site.public_base_url}/admin/calls/price/add/"
    return said(WARN, f"no price of {model}", means, remedy)


def _habits(lines: list[PhoneLine]) -> dict[str, list[str]]:
    """What was odd about the way in which the newest real call of each line came, by number."""
    real = Call.objects.filter(line=OuterRef("pk")).exclude(call_sid__startswith=TEST_CALL_PREFIX)
    newest = Subquery(real.order_by("-rang_at").values("pk")[:1])
    calls = dict(PhoneLine.objects.annotate(newest=newest).values_list("pk", "newest"))
    odd = CallEvent.objects.filter(kind__in=_ODD, call__in=[call for call in calls.values() if call])
    found: dict[str, list[str]] = {line.number: [] for line in lines if calls.get(line.pk)}
    numbers = {calls[line.pk]: line.number for line in lines if calls.get(line.pk)}
    for call, kind in odd.order_by("pk").values_list("call", "kind"):
        found[numbers[call]].append(kind)
    return found


def _console(visit: Visit, habits: dict[str, list[str]]) -> Finding:
    said = saying("line.console", "Fields in Twilio's console")
    odd = [(number, kinds[0]) for number, kinds in habits.items() if kinds]
    if not odd:
        return said(OK, "the newest call of each line came as it should" if habits else "no real call yet")
    number, kind = odd[0]
    means = "It is answered all the same; a slip of the same kind in another field would not be."
    remedy = (
        "In https://console.twilio.com, Phone Numbers, the number, A call comes in: Webhook, "
        f"{webhook_url(visit.site.public_base_url, 'voice')}, HTTP POST."
    )
    return said(WARN, f"{mask(number)}: {_ODD[kind]}", means, remedy)


_ODD = {
    "webhook_by_get": "Twilio is told to use HTTP GET",
    "webhook_at_stream_address": "Twilio is told the address of the stream instead of the webhook's",
}


def _first_line(error: DatabaseError) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


async def text_messages(visit: Visit) -> list[Finding]:
    """Text messages that carriers do not deliver until the number is registered with them."""
    said = saying("text-messages", "Text messages")
    since = timezone.now() - RECENT
    blocked = await in_database(_blocked_messages, since)
    if not blocked:
        return [said(OK, "none blocked by carriers in the last week")]
    return [
        said(
            WARN,
            f"{blocked} blocked by carriers in the last week (error 30034)",
            "Customers and technicians do not get the text messages that the agent speaks of.",
            "Register the number for A2P 10DLC in Twilio's console: docs/deploy.md, Text messages.",
        )
    ]


def _blocked_messages(since: datetime) -> int:
    return OutgoingMessage.objects.filter(error_code=delivery.UNREGISTERED, written_at__gte=since).count()
