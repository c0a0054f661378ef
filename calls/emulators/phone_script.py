"""The person who rings: speaks, waits for the agent, presses keys and hangs up as the scenario says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from calls.emulators import sound
from calls.emulators.phone_line import Line
from calls.emulators.phone_options import SURELY_FINISHED_MS
from calls.emulators.scenario import Agent, Dtmf, HangUp, Say, Scenario, Step, Wait

STEP_MS = 20
FINISHED_MS = 400
# A real model pauses between its sentences, and nothing tells how long it will speak.
UNSCRIPTED_FINISHED_MS = 1200
# How much of what the script announces must have been heard before quiet means the end.
ENOUGH = 0.98
TONE_MS_PER_LETTER = 60
SPEAKS_ON = frozenset({"malformed", "unknown_event"})
# A sound so short ago still counts as going on.
SOUNDING_MS = 100
KEY_MS = 250
PAUSE_KEY_MS = 500


@dataclass(frozen=True, slots=True)
class Moment:
    at_ms: float
    heard_ms: float  # how much sound of the agent had been played by then


class Handset(Protocol):
    """What a person can do and hear while a stream is open."""

    @property
    def now_ms(self) -> float: ...

    @property
    def heard_ms(self) -> float:
        """How much sound of the agent has been played so far."""

    @property
    def quiet_ms(self) -> float | None:
        """How long the agent has been silent; None before the first sound."""

    @property
    def last_word(self) -> Moment:
        """When the caller last stopped speaking or pressed a key; at first, the start."""

    def say(self, speech: bytes, text: str) -> None: ...

    @property
    def is_speaking(self) -> bool: ...

    def press(self, digit: str) -> None: ...


class Script:
    """Walks a scenario; survives the end of a stream, because the next document may open another."""

    def __init__(
        self,
        scenario: Scenario,
        line: Line,
        *,
        scripted: bool,
        patience_ms: int,
        surely_finished_ms: int = SURELY_FINISHED_MS,
    ) -> None:
        self.scenario = scenario
        self.line = line
        self.scripted = scripted
        self.patience_ms = patience_ms
        self.surely_finished_ms = surely_finished_ms
        self.left: list[Step] = list(scenario.steps)
        self.listened = Moment(0.0, 0.0)
        self.undone = sum(not isinstance(step, Agent) for step in scenario.steps)

    async def run(self, handset: Handset) -> None:
        """Perform what is left; then wait for the end of the call, but not for ever."""
        self.listened = handset.last_word
        while self.left:
            expected = [self._length_ms(agent) for agent in self._take_agent() if not _is_silent(agent)]
            step = self.left[0] if self.left else None
            await self._wait_for_agent(handset, expected, step)  # a stream that ends meanwhile leaves the step undone
            if step is not None:
                del self.left[0]
                await self._perform(step, handset)
                self.undone -= 1
        await self._wait_until_quiet(handset, self.patience_ms)
        self.line.tell("patience", f"nothing happened for {self.patience_ms} ms")
        self.line.hang_up()

    def take_speech(self) -> tuple[bytes, str] | None:
        """What the caller would say next, for a moment without an agent, as after the tone of a voicemail."""
        self._take_agent()
        if self.left and isinstance(say := self.left[0], Say):
            del self.left[0]
            self.undone -= 1
            return self._speech(say), say.text
        return None

    def take_keys(self) -> str:
        """The keys that the caller would press next, the same way."""
        self._take_agent()
        if self.left and isinstance(keys := self.left[0], Dtmf):
            del self.left[0]
            self.undone -= 1
            return keys.digits.replace("w", "")
        return ""

    def take_hang_up(self) -> bool:
        self._take_agent()
        if self.left and isinstance(self.left[0], HangUp):
            del self.left[0]
            self.undone -= 1
            return True
        return False

    def _take_agent(self) -> list[Agent]:
        """The agent's steps that come next; they are not the caller's to perform."""
        taken = []
        while self.left and isinstance(step := self.left[0], Agent):
            taken.append(step)
            del self.left[0]
        return taken

    async def _perform(self, step: Step, handset: Handset) -> None:
        match step:
            case Say():
                handset.say(self._speech(step), step.text)
                while handset.is_speaking:
                    await self.line.pause(STEP_MS)
            case Dtmf():
                for digit in step.digits:
                    if digit != "w":
                        handset.press(digit)
                    await self.line.pause(PAUSE_KEY_MS if digit == "w" else KEY_MS)
            case Wait():
                await self.line.pause(step.ms)
            case HangUp():
                self.line.hang_up()

    async def _wait_for_agent(self, handset: Handset, expected: Sequence[int], step: Step | None) -> None:
        """Wait for what was not heard yet of the answers that the script announces."""
        if not expected:
            return
        since = max(self.listened, handset.last_word, key=lambda moment: moment.at_ms)
        if isinstance(step, Say) and step.barge_in_ms is not None:
            await self._wait_for_sound(handset, since, since.heard_ms + sum(expected[:-1]))
            await self.line.pause(step.barge_in_ms)
        else:
            await self._wait_for_sound(handset, since, since.heard_ms)
            await self._wait_for_end(handset, since.heard_ms + ENOUGH * sum(expected))
        self.listened = Moment(handset.now_ms, handset.heard_ms)

    async def _wait_for_sound(self, handset: Handset, since: Moment, heard_ms: float) -> None:
        """Until the agent is heard beyond `heard_ms`, has surely finished without, or patience is at its end."""
        until = handset.now_ms + self.patience_ms
        while handset.now_ms < until:
            quiet = handset.quiet_ms
            # A sound from before is no answer; an answer's first frames may be inaudible.
            if quiet is not None and quiet < handset.now_ms - since.at_ms:
                if handset.heard_ms > heard_ms and (quiet <= SOUNDING_MS or heard_ms == since.heard_ms):
                    return
                if quiet >= self.surely_finished_ms:
                    return
            await self.line.pause(STEP_MS)

    async def _wait_for_end(self, handset: Handset, heard_ms: float) -> None:
        """Until the agent has finished: all that the script announced was heard, and then quiet."""
        while True:
            quiet = handset.quiet_ms
            wanted = FINISHED_MS if heard_ms <= handset.heard_ms else self.surely_finished_ms
            if quiet is None or quiet >= (wanted if self.scripted else UNSCRIPTED_FINISHED_MS):
                return
            await self.line.pause(STEP_MS)

    async def _wait_until_quiet(self, handset: Handset, ms: int) -> None:
        since = handset.now_ms
        while handset.now_ms - since < ms or (handset.quiet_ms is not None and handset.quiet_ms < ms):
            await self.line.pause(STEP_MS)

    def _length_ms(self, agent: Agent) -> int:
        if agent.fault is not None and agent.fault.name not in SPEAKS_ON:
            return 0
        if agent.audio is not None:
            return sound.duration_ms(sound.read(self.scenario.audio_path(agent.audio)))
        return len(agent.text) * TONE_MS_PER_LETTER

    def _speech(self, say: Say) -> bytes:
        if say.audio is not None:
            return sound.read(self.scenario.audio_path(say.audio))
        return sound.tone(len(say.text) * TONE_MS_PER_LETTER, hz=300)


def _is_silent(agent: Agent) -> bool:
    """Whether nothing is to be heard of this answer: it only calls tools, as one that waits for the caller does."""
    return agent.fault is None and not agent.text and not agent.audio
