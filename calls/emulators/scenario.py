"""A scripted call: who rings, what the caller does, what the agent answers, what must come of it.

One YAML file drives both emulators. The phone takes the caller's steps and treats a run of agent steps as
"wait for the agent"; the Realtime emulator takes the agent's steps, one for each response.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

BUNDLED = Path(__file__).parent / "scenarios"
AUDIO = Path(__file__).parent / "audio"
FAULTS = frozenset(
    {
        "stall",  # response.created, then nothing for ever
        "silent",  # no response at all
        "text",  # the words as text, and no sound of them
        "drop",  # the TCP connection is cut in the middle of the words, and before any function call
        "drop_in_tool",  # the TCP connection is cut when all was said and called, before response.done
        "expire",  # the hour is over in the middle of the words: session_expired, close 1001
        "close",  # value: the WebSocket close code
        "error",  # value: an error code; response.done says failed
        "incomplete",  # value: the reason (max_output_tokens); the text is cut in the middle
        "malformed",  # a frame that is not JSON, then the response goes on
        "unknown_event",  # an event of a type that nobody knows, then the response goes on
    }
)
FAULTS_WITH_VALUE: dict[str, str | int] = {
    "close": 1011,
    "error": "server_error",
    "incomplete": "max_output_tokens",
}


class ScenarioError(ValueError):
    """A scenario file says something that this format does not know; the message names the place."""


@dataclass(frozen=True, slots=True)
class Caller:
    number: str = "+15550100001"
    to: str = "+15550109999"


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    value: str | int | None = None


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One function call of the model; an argument such as `$find_slots.slots[0].slot` comes from an earlier answer.

    `twice`: the call comes a second time under the same id, as after a lost event.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    twice: bool = False


@dataclass(frozen=True, slots=True)
class Agent:
    """One response of the model: speech, function calls, both, or a fault."""

    text: str = ""
    audio: str | None = None
    tools: tuple[ToolUse, ...] = ()
    fault: Fault | None = None
    think_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """The caller speaks; `text` is what a transcription of it returns."""

    audio: str | None = None
    text: str = ""
    barge_in_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Dtmf:
    digits: str


@dataclass(frozen=True, slots=True)
class Wait:
    ms: int


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


Step = Agent | Say | Dtmf | Wait | HangUp


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    caller: Caller = field(default_factory=Caller)
    steps: tuple[Step, ...] = ()
    expect: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = BUNDLED

    @property
    def agent_steps(self) -> tuple[Agent, ...]:
        return tuple(step for step in self.steps if isinstance(step, Agent))

    @property
    def transcripts(self) -> tuple[str, ...]:
        """What the first, second, … transcription of the caller returns."""
        return tuple(step.text for step in self.steps if isinstance(step, Say))

    def audio_path(self, name: str) -> Path:
        """The file of a sound: beside the scenario, in an `audio` folder near it, or a bundled one."""
        folders = (self.folder, self.folder / "audio", self.folder.parent / "audio", AUDIO)
        candidates = [folder / name for folder in folders]
        for path in candidates:
            if path.is_file():
                return path
        raise ScenarioError(f"{self.name}: no sound {name!r} in {', '.join(str(path.parent) for path in candidates)}")


def load(path: Path | str) -> Scenario:
    """Read one file."""
    path = Path(path)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: {error}") from error
    return parse(document, source=str(path), folder=path.parent, name=path.stem)


def load_folder(folder: Path | str = BUNDLED) -> list[Scenario]:
    """Read every *.yaml of a folder and of those in it, in the order of their paths."""
    folder = Path(folder)
    return [load(path) for path in sorted(chain(folder.rglob("*.yaml"), folder.rglob("*.yml")))]


def find(name: str, *, folder: Path | str = BUNDLED) -> Scenario:
    """A scenario by its name in `folder`, or by the path of its file."""
    if Path(name).suffix in {".yaml", ".yml"}:
        return load(name)
    scenarios = load_folder(folder)
    for scenario in scenarios:
        if scenario.name == name:
            return scenario
    known = ", ".join(scenario.name for scenario in scenarios)
    raise ScenarioError(f"no scenario {name!r} in {folder}; there are: {known}")


def for_caller(scenarios: Iterable[Scenario], text: str, *, default: str | None = None) -> Scenario | None:
    """The scenario whose caller's number stands in `text`, else the one named `default`, else the first."""
    scenarios = list(scenarios)
    for scenario in scenarios:
        # A number must not be found inside a longer one.
        if re.search(rf"{re.escape(scenario.caller.number)}(?!\d)", text):
            return scenario
    named = [scenario for scenario in scenarios if scenario.name == default]
    return next(iter(named or scenarios), None)


def parse(document: object, *, source: str = "scenario", folder: Path = BUNDLED, name: str = "") -> Scenario:
    """Build a Scenario from what a YAML file holds; raises ScenarioError for anything unknown."""
    body = _mapping(document, source, {"name", "caller", "steps", "expect", "description"})
    caller = _mapping(body.get("caller", {}), f"{source}: caller", {"from", "to"})
    steps = body.get("steps", [])
    if not isinstance(steps, list):
        raise ScenarioError(f"{source}: steps must be a list")
    return Scenario(
        name=str(body.get("name", name)),
        caller=Caller(str(caller.get("from", Caller().number)), str(caller.get("to", Caller().to))),
        steps=tuple(_step(step, f"{source}: step {number}") for number, step in enumerate(steps, start=1)),
        expect=_mapping(body.get("expect", {}), f"{source}: expect"),
        folder=folder,
    )


def _step(document: object, where: str) -> Step:
    body = _mapping(document, where, STEPS.keys())
    if len(body) != 1:
        raise ScenarioError(f"{where}: one of {', '.join(STEPS)} is wanted, found {sorted(body) or 'nothing'}")
    [(kind, value)] = body.items()
    return STEPS[kind](value, f"{where} ({kind})")


def _agent(document: object, where: str) -> Agent:
    keys = {"text", "audio", "tool", "arguments", "twice", "tools", "fault", "think_ms", "close", "error"}
    body = _mapping(document, where, keys)
    step = Agent(
        text=str(body.get("text", "")),
        audio=_optional_text(body.get("audio")),
        tools=tuple(_tools(body, where)),
        fault=_fault(body, where),
        think_ms=_optional_ms(body.get("think_ms"), where),
    )
    if not (step.text or step.audio or step.tools or step.fault):
        raise ScenarioError(f"{where}: says nothing, calls nothing and fails at nothing")
    return step


def _tools(body: Mapping[str, Any], where: str) -> Iterator[ToolUse]:
    if "tool" in body:
        yield _tool({key: body[key] for key in ("tool", "arguments", "twice") if key in body}, where)
    elif "arguments" in body or "twice" in body:
        raise ScenarioError(f"{where}: arguments without a tool")
    for use in body.get("tools", []):
        yield _tool(use, f"{where}: tools")


def _tool(document: object, where: str) -> ToolUse:
    use = _mapping(document, where, {"tool", "arguments", "twice"})
    arguments = _mapping(use.get("arguments", {}), f"{where}: arguments")
    return ToolUse(str(use.get("tool", "")), arguments, use.get("twice", False) is True)


def _fault(body: Mapping[str, Any], where: str) -> Fault | None:
    """Understand `fault: stall`, `fault: {close: 1001}`, `fault: "close: 1001"` and plain `close: 1001`."""
    spoken: object = body.get("fault")
    for name in ("close", "error"):
        if name in body:
            spoken = {name: body[name]}
    if spoken is None:
        return None
    if isinstance(spoken, str):
        name, _, text = spoken.partition(":")
        spoken = {name.strip(): yaml.safe_load(text) if text else None}
    faults = _mapping(spoken, f"{where}: fault", FAULTS)
    if len(faults) != 1:
        raise ScenarioError(f"{where}: one fault at a time")
    [(name, value)] = faults.items()
    return Fault(name, value if isinstance(value, (str, int)) else FAULTS_WITH_VALUE.get(name))


def _say(document: object, where: str) -> Say:
    body = _mapping(document, where, {"audio", "text", "barge_in_ms"})
    say = Say(
        _optional_text(body.get("audio")),
        str(body.get("text", "")),
        _optional_ms(body.get("barge_in_ms"), where),
    )
    if not (say.audio or say.text):
        raise ScenarioError(f"{where}: neither audio nor text")
    return say


def _dtmf(document: object, where: str) -> Dtmf:
    if not re.fullmatch(r"[0-9A-Dw#*]+", str(document)):
        raise ScenarioError(f"{where}: {document!r} are no keys of a telephone")
    return Dtmf(str(document))


def _wait(document: object, where: str) -> Wait:
    ms = _optional_ms(document, where)
    if ms is None:
        raise ScenarioError(f"{where}: milliseconds are wanted")
    return Wait(ms)


def _hang_up(document: object, where: str) -> HangUp:
    if document is not True:
        raise ScenarioError(f"{where}: only `hang_up: true` means something")
    return HangUp()


STEPS: dict[str, Callable[[object, str], Step]] = {
    "agent": _agent,
    "say": _say,
    "dtmf": _dtmf,
    "wait_ms": _wait,
    "hang_up": _hang_up,
}


def _mapping(value: object, where: str, allowed: Iterable[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ScenarioError(f"{where}: a mapping is wanted, found {value!r}")
    unknown = [] if allowed is None else sorted(set(map(str, value)) - set(allowed))
    if unknown:
        raise ScenarioError(f"{where}: unknown {', '.join(unknown)}")
    return {str(key): item for key, item in value.items()}


def _optional_text(value: object) -> str | None:
    return None if value is None else str(value)


def _optional_ms(value: object, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ScenarioError(f"{where}: {value!r} is no number of milliseconds")
    return value
