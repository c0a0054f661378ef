"""The architecture as a test: imports only go down, and what decides knows neither clock nor socket.

The floors are described in docs/architecture.md.
"""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CALLS = ROOT / "calls"

TWILIO_WIRES = ("calls.twilio.addresses", "calls.twilio.stream", "calls.twilio.webhook")
REALTIME_WIRES = ("calls.realtime.codec", "calls.realtime.reasons", "calls.realtime.session", "calls.realtime.wire")
PURE = ("calls.audio", *TWILIO_WIRES, *REALTIME_WIRES, "calls.conversation")

# From the most particular prefix to the most general: the first that fits a module says what it may import of ours.
FLOORS: list[tuple[str, tuple[str, ...]]] = [
    ("calls.emulators", ("calls.emulators",)),
    ("calls.audio", ()),
    ("calls.twilio.addresses", ()),
    ("calls.twilio.stream", ()),
    ("calls.twilio.webhook", ()),
    ("calls.realtime.wire", ()),
    ("calls.realtime.codec", ("calls.realtime.wire",)),
    ("calls.realtime.session", ()),
    ("calls.realtime.reasons", ()),
    (
        "calls.conversation",
        (
            "calls.conversation",
            "calls.twilio.stream",
            "calls.realtime.wire",
            "calls.realtime.session",
            "calls.realtime.reasons",
            "calls.audio",
        ),
    ),
    # Adapters know the wires of their own vendor, and neither each other nor the rows.
    ("calls.twilio", TWILIO_WIRES),
    ("calls.realtime", REALTIME_WIRES),
    ("calls.models", ("calls.models",)),
    ("calls.logs", ()),
    ("calls.database", ()),
    ("calls.domain", ("calls.domain", "calls.models")),
    ("calls.tools", ("calls.tools", "calls.domain", "calls.models", "calls.conversation.messages", "calls.database")),
    (
        "calls.relay",
        (
            "calls.relay",
            "calls.tools",
            "calls.domain",
            "calls.conversation",
            "calls.realtime",
            "calls.twilio.stream",
            "calls.audio",
            "calls.logs",
            "calls.database",
        ),
    ),
    ("calls.migrations", ("calls.migrations", "calls.models")),
]
PURE_FORBIDS = {"django", "channels", "asyncio", "websockets", "socket", "time", "random", "os", "logging", "threading"}
# What these import of others: the pure floors a reader of JSON, the rows their database and the reader of numbers.
FOREIGN: list[tuple[str, set[str]]] = [
    *((name, {"orjson"}) for name in PURE),
    ("calls.models", {"django", "phonenumbers"}),
]
CLOCKS = {
    "django.utils.timezone.now",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    *(f"time.{name}{unit}" for name in ("time", "monotonic", "perf_counter") for unit in ("", "_ns")),
}
CLOCKS_UNLESS_TOLD = {"django.utils.timezone.localtime", "django.utils.timezone.localdate"}
ENTRIES_WITH_EMULATORS = ("calls.doctor", "calls.lab", "calls.management", "calls.emulators")
BULKHEADS = {
    "calls/relay/relay.py",  # admission: without a database Twilio asks what follows
    "calls/relay/carried.py",  # the relay's task supervisor
    "calls/relay/journal.py",  # the journal writer
    "calls/tools/registry.py",  # the tool runner
    "calls/worker.py",  # the task loop
    "calls/heartbeat.py",  # the heartbeat: without it this server is taken for dead, and nobody looks after the dead
    "calls/standby.py",  # the thread that takes the snapshot: without it callers are answered from an old one
    "calls/views/guard.py",  # the voice view: it answers with the apology TwiML
    "calls/doctor/runner.py",  # a check that breaks is a finding, and the next ones still run
    "calls/doctor/aside.py",  # carries an exception from a thread to whoever awaits it
}


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(CALLS.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found.append((name, path))
    return found


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def is_in(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def foreign(path: Path) -> set[str]:
    """The top-level names of others' packages that a file imports."""
    tops = {imported.partition(".")[0] for imported in imports(path)}
    return tops - sys.stdlib_module_names - {"calls", "voiceagent"}


def allowed(name: str) -> tuple[str, ...] | None:
    return next((below for prefix, below in FLOORS if is_in(name, (prefix,))), None)


def wrong_in(name: str, imported: set[str]) -> set[str]:
    """Which of its imports a module may not have."""
    ours = {i for i in imported if is_in(i, ("calls", "voiceagent"))}
    below = allowed(name)
    if below is None:  # an entry: all below, but the emulators only from where they are started
        return {i for i in ours if is_in(i, ("calls.emulators",)) and not is_in(name, ENTRIES_WITH_EMULATORS)}
    return {i for i in ours if not is_in(i, below)}


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_point_down(name, path):
    assert wrong_in(name, imports(path)) == set()


@pytest.mark.parametrize(
    ("name", "imported"),
    [
        ("calls.twilio.twiml", "calls.twilio.rest.Failed"),
        ("calls.twilio.signature", "calls.realtime.wire"),
        ("calls.realtime.client", "calls.models.Call"),
        ("calls.realtime.client", "calls.logs.CallLogger"),
        ("calls.models.call", "calls.database.run"),
        ("calls.logs", "calls.twilio.stream"),
    ],
)
def test_adapters_know_neither_each_other_nor_the_rows(name, imported):
    assert wrong_in(name, {imported}) == {imported}


def test_adapters_know_the_wires_of_their_vendor():
    assert wrong_in("calls.twilio.twiml", {*TWILIO_WIRES}) == set()
    assert wrong_in("calls.realtime.client", {*REALTIME_WIRES}) == set()


@pytest.mark.parametrize(
    ("name", "path"),
    [m for m in modules() if is_in(m[0], PURE)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_decides_knows_neither_clock_nor_socket(name, path):
    assert {imported.split(".")[0] for imported in imports(path)} & PURE_FORBIDS == set()


@pytest.mark.parametrize(("prefix", "theirs"), FOREIGN, ids=lambda value: value if isinstance(value, str) else "")
def test_the_lowest_floors_import_little_of_others(prefix, theirs):
    assert {found for name, path in modules() if is_in(name, (prefix,)) for found in foreign(path)} - theirs == set()


def test_every_module_that_could_be_pure_is_held_to_it():
    vendors = [(name, path) for name, path in modules() if is_in(name, ("calls.twilio", "calls.realtime"))]
    could_be = {
        name
        for name, path in vendors
        if text_of(path)
        and not foreign(path) - {"orjson"}
        and not {i.split(".")[0] for i in imports(path)} & PURE_FORBIDS
    }

    assert could_be == {*TWILIO_WIRES, *REALTIME_WIRES}


def test_what_is_pure_is_strictly_typed():
    strict = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["files"]

    typed = {entry.removesuffix(".py").replace("/", ".") for entry in strict}
    assert typed == {*PURE, "calls.emulators"}


def text_of(path: Path) -> str:
    return path.read_text()


def clocks_in(source: str) -> set[str]:
    """Where a source reads the time, or hands on a function that does, as it is written there."""
    tree = ast.parse(source)
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}

    def is_one_of(node: ast.AST, clocks: set[str]) -> bool:
        if not isinstance(node, ast.Name | ast.Attribute):
            return False
        head, _, rest = ast.unparse(node).partition(".")
        return ".".join(filter(None, (names.get(head, head), rest))) in clocks

    read = {ast.unparse(node) for node in ast.walk(tree) if is_one_of(node, CLOCKS)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_one_of(node.func, CLOCKS_UNLESS_TOLD):
            is_told = node.args or any(keyword.arg in {"value", None} for keyword in node.keywords)
            read |= set() if is_told else {ast.unparse(node.func)}
    return read


@pytest.mark.parametrize(
    ("source", "clocks"),
    [
        ("from django.utils import timezone\ntimezone.now()", {"timezone.now"}),
        ("from django.utils.timezone import now\nnow()", {"now"}),
        ("from datetime import datetime\ndatetime.now(UTC)", {"datetime.now"}),
        ("from datetime import datetime as moment\nmoment.utcnow()", {"moment.utcnow"}),
        ("import datetime\ndatetime.datetime.today()", {"datetime.datetime.today"}),
        ("from datetime import date\ndate.today()", {"date.today"}),
        ("import time\ntime.time()", {"time.time"}),
        ("from time import monotonic\ndef wait(clock=monotonic): ...", {"monotonic"}),
        ("import time as clock\nclock.perf_counter_ns()", {"clock.perf_counter_ns"}),
        ("from django.utils import timezone\ntimezone.localtime()", {"timezone.localtime"}),
        ("from django.utils import timezone\ntimezone.localdate(timezone=zone)", {"timezone.localdate"}),
        ("from django.utils import timezone\ntimezone.localtime(moment, zone)", set()),
        ("from django.utils import timezone\ntimezone.localdate(value=moment)", set()),
        ("from datetime import time\ntime(8)", set()),
    ],
)
def test_every_way_to_read_the_time_is_seen(source, clocks):
    assert clocks_in(source) == clocks


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_settings_environment_and_clock_are_asked_where_they_may_be(name, path):
    below_entries = allowed(name) is not None and not is_in(name, ("calls.emulators",))
    if below_entries:
        assert "django.conf.settings" not in imports(path)
    if below_entries and not is_in(name, ("calls.relay",)):
        assert clocks_in(text_of(path)) == set()


def test_environment_is_read_in_the_settings_alone():
    readers = [name for name, path in modules() if "os.environ[" in text_of(path) or "getenv" in text_of(path)]

    assert readers == []


def test_broad_excepts_stand_in_the_named_bulkheads_only():
    broad = set()
    for _, path in modules():
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
            ):
                broad.add(str(path.relative_to(ROOT)))

    assert broad == BULKHEADS


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_files_and_functions_stay_within_their_budget(name, path):
    if is_in(name, ("calls.migrations",)):
        return
    tree = ast.parse(text_of(path))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert text_of(path).count("\n") <= 400
    assert [f.name for f in functions if f.end_lineno - f.lineno + 1 > 60] == []
