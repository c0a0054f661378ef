"""The model's part in a scripted call: which step comes next, and what it sounds like."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from calls.emulators import realtime_audio, sound
from calls.emulators.scenario import Agent, Scenario, ToolUse, for_caller

MS_PER_CHARACTER = 60
SPEECH_HZ = 220.0
DELTA_MS = (100, 200, 300, 400)
# The transcript runs a little ahead of the sound.
LEAD_MS = 200
AFTERWARDS = Agent(text="Is there anything else I can help you with?")
OUT_OF_BAND = Agent(text="The caller and the agent spoke with each other.")
UNHEARD = "(inaudible)"


@dataclass(frozen=True, slots=True)
class Piece:
    """One delta of audio with the words that go before it."""

    at_ms: int
    words: tuple[str, ...]
    audio: bytes


def forced_step(settings: Mapping[str, Any], scripted: Agent | None) -> Agent | None:
    """The call of a tool that the client forces, with arguments that fit its schema; None when it forces nothing, or
    when the next step of the script calls it anyway."""
    choice = settings["tool_choice"]
    name = choice.get("name") if isinstance(choice, Mapping) and choice["type"] == "function" else None
    if name is None or (scripted and name in {use.name for use in scripted.tools}):
        return None
    tool: Mapping[str, Any] = next((tool for tool in settings["tools"] if tool.get("name") == name), {})
    schema = tool.get("parameters") or {}
    properties = schema.get("properties") or {}
    return Agent(tools=(ToolUse(name, {key: _fitting(properties.get(key, {})) for key in schema.get("required", [])}),))


def _fitting(schema: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    plain: dict[str, Any] = {"boolean": True, "integer": schema.get("minimum", 1), "number": schema.get("minimum", 1)}
    return plain.get(schema.get("type", "string"), "10001")


class Script:
    """Hands out the agent's steps of the scenario that fits the instructions, one for each response."""

    def __init__(self, scenarios: Sequence[Scenario], default: str | None = None) -> None:
        self._scenarios = scenarios
        self._default = default
        self._steps: list[Agent] = []
        self._transcripts: list[str] = []
        self.scenario: Scenario | None = None

    @property
    def steps_left(self) -> int:
        return len(self._steps)

    def choose(self, instructions: str) -> None:
        """Settle on a scenario; once one is chosen, it stays."""
        if self.scenario is None:
            self.scenario = for_caller(self._scenarios, instructions, default=self._default)
            if self.scenario is not None:
                self._steps = list(self.scenario.agent_steps)
                self._transcripts = list(self.scenario.transcripts)

    @property
    def scripted(self) -> Agent | None:
        return self._steps[0] if self._steps else None

    def next_step(self) -> Agent:
        return self._steps.pop(0) if self._steps else AFTERWARDS

    def was_said(self, text: str) -> None:
        """The client tells that the agent has said this before: a step that begins so is not said again."""
        if self._steps and text.strip() and self._steps[0].text.startswith(text.strip()):
            self._steps.pop(0)

    def was_called(self, name: str) -> None:
        """The same for a tool; a step that speaks first is known by its words."""
        if self._steps and not self._steps[0].text and name in {use.name for use in self._steps[0].tools}:
            self._steps.pop(0)

    def was_heard(self, text: str) -> None:
        """The client tells what the caller has said before."""
        if self._transcripts and self._transcripts[0].strip() == text.strip():
            self._transcripts.pop(0)

    def next_transcript(self) -> str:
        """What the transcription of the caller's next turn returns."""
        return self._transcripts.pop(0) if self._transcripts else UNHEARD

    def sound_of(self, step: Agent) -> bytes:
        return speech_of(self.scenario, step)


def speech_of(script: Scenario | None, step: Agent) -> bytes:
    """The speech of a step in 8 kHz mu-law: its recording, or a tone as long as its text."""
    if step.audio is not None and script is not None:
        return _recording(script.audio_path(step.audio))
    return _tone(len(step.text) * MS_PER_CHARACTER)


# Making a tone takes as long as a pause that a caller would notice, so each is made once.
@cache
def _tone(ms: int) -> bytes:
    return sound.tone(ms, hz=SPEECH_HZ)


@cache
def _recording(path: Path) -> bytes:
    return sound.read(path)


def caller_in(instructions: str) -> str | None:
    """Whom the instructions name in their line `Caller: …`."""
    found = re.search(r"^\s*Caller:\s*(\S.*?)\s*$", instructions, re.MULTILINE)
    return found[1] if found else None


def tokens(text: str) -> list[str]:
    """Words with the space before them, as a model emits them."""
    return re.findall(r"\s*\S+", text)


def pieces(text: str, mulaw: bytes, kind: str) -> Iterator[Piece]:
    """Cut speech into deltas of `kind`, words slightly ahead of the sound."""
    words = tokens(text)
    total_ms = sound.duration_ms(mulaw)
    spoken = at_ms = 0
    for length_ms in chain(DELTA_MS, repeat(DELTA_MS[-1])):
        if at_ms >= total_ms:
            break
        until_ms = min(at_ms + length_ms, total_ms)
        upto = len(words) if until_ms == total_ms else math.ceil(len(words) * (until_ms + LEAD_MS) / total_ms)
        audio = mulaw[at_ms * sound.BYTES_PER_MS : until_ms * sound.BYTES_PER_MS]
        if until_ms == total_ms:
            audio = mulaw[at_ms * sound.BYTES_PER_MS :]
        yield Piece(at_ms, tuple(words[spoken:upto]), realtime_audio.from_mulaw(kind, audio))
        spoken, at_ms = max(spoken, min(upto, len(words))), until_ms
