"""The architecture as a test: imports only go down, and what decides knows neither clock nor socket.

The floors are described in docs/architecture.md.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CALLS = ROOT / "calls"

WIRES = ("calls.twilio.stream", "calls.twilio.webhook", "calls.realtime.wire", "calls.realtime.session", "calls.audio")
ADAPTERS = ("calls.twilio", "calls.realtime", "calls.models", "calls.logs", "calls.database")

# From the most particular prefix to the most general: the first that fits a module says what it may import of ours.
FLOORS: list[tuple[str, tuple[str, ...]]] = [
    ("calls.emulators", ("calls.emulators",)),
    ("calls.audio", ()),
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
    ("calls.twilio", ("calls.twilio", *WIRES)),
    ("calls.realtime", ("calls.realtime", *WIRES)),
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
PURE = (
    "calls.audio",
    "calls.twilio.stream",
    "calls.twilio.webhook",
    "calls.realtime.wire",
    "calls.realtime.session",
    "calls.realtime.reasons",
    "calls.conversation",
)
PURE_FORBIDS = {"django", "channels", "asyncio", "websockets", "socket", "time", "random", "os", "logging", "threading"}
ENTRIES_WITH_EMULATORS = ("calls.doctor", "calls.lab", "calls.management", "calls.emulators")
BULKHEADS = {
    "calls/relay/relay.py",  # admission: without a database Twilio asks what follows
    "calls/relay/carried.py",  # the relay's task supervisor
    "calls/relay/journal.py",  # the journal writer
    "calls/tools/registry.py",  # the tool runner
    "calls/worker.py",  # the task loop
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


def allowed(name: str) -> tuple[str, ...] | None:
    return next((below for prefix, below in FLOORS if is_in(name, (prefix,))), None)


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_point_down(name, path):
    ours = {imported for imported in imports(path) if is_in(imported, ("calls", "voiceagent"))}
    below = allowed(name)
    if below is None:  # an entry: all below, but the emulators only from where they are started
        wrong = {i for i in ours if is_in(i, ("calls.emulators",)) and not is_in(name, ENTRIES_WITH_EMULATORS)}
    else:
        wrong = {i for i in ours if not is_in(i, below)}

    assert wrong == set()


@pytest.mark.parametrize(
    ("name", "path"),
    [m for m in modules() if is_in(m[0], PURE)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_decides_knows_neither_clock_nor_socket(name, path):
    assert {imported.split(".")[0] for imported in imports(path)} & PURE_FORBIDS == set()


def text_of(path: Path) -> str:
    return path.read_text()


def calls_of(path: Path) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(ast.parse(text_of(path))) if isinstance(node, ast.Call)}


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_settings_environment_and_clock_are_asked_where_they_may_be(name, path):
    below_entries = allowed(name) is not None and not is_in(name, ("calls.emulators",))
    if below_entries:
        assert "django.conf.settings" not in imports(path)
    if below_entries and not is_in(name, ("calls.relay",)):
        assert "timezone.now" not in calls_of(path)


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
