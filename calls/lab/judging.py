"""What an emulated call fell short of: each shortcoming one sentence, none when all is well."""

from collections.abc import Iterator
from dataclasses import dataclass

from calls.emulators import sound
from calls.emulators.scenario import Agent, Say, Scenario
from calls.lab import rows
from calls.lab.calling import Outcome
from calls.models import ToolCall, Turn


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the caller may be kept waiting, in milliseconds of the call."""

    first_audio_ms: int = 1500
    silence_ms: int = 3000
    barge_in_ms: int = 1000

    def times(self, factor: float) -> "Limits":
        """Room for a call that runs `factor` times as fast: a pause of this machine is that much longer in it."""
        return Limits(*(round(limit * factor) for limit in (self.first_audio_ms, self.silence_ms, self.barge_in_ms)))


def shortcomings(outcome: Outcome, scenario: Scenario, limits: Limits) -> list[str]:
    """Judge a call whose model played the scenario's script."""
    return [
        *_heard(outcome, scenario, limits),
        *_unheard(outcome, scenario),
        *_expected(outcome, scenario),
        *_model(outcome),
        *_transcript(outcome, scenario),
    ]


def shortcomings_of_model(outcome: Outcome, scenario: Scenario, limits: Limits) -> list[str]:
    """Judge a call whose model was a real one: it chooses its words, but not whether the work gets done."""
    ran = set(outcome.row.tool_calls.values_list("name", flat=True)) if outcome.row else set()
    missing = set(scenario.expect.get("tools") or []) - ran
    return [*_heard(outcome, scenario, limits), *(f"The model never called {name}." for name in sorted(missing))]


def _heard(outcome: Outcome, scenario: Scenario, limits: Limits) -> Iterator[str]:
    heard = outcome.heard
    if heard.first_audio_ms is None:
        yield "The caller heard nothing of the agent."
    elif heard.first_audio_ms > limits.first_audio_ms:
        yield f"The first sound came after {heard.first_audio_ms} ms; {limits.first_audio_ms} are allowed."
    if heard.longest_silence_ms > limits.silence_ms:
        yield f"The caller waited {heard.longest_silence_ms} ms for a sound; {limits.silence_ms} are allowed."
    yield from (f"Protocol violation: {violation}" for violation in heard.protocol_violations)
    if heard.apology:
        yield "The caller heard Twilio's apology: a webhook failed."
    if not heard.completed:
        yield f"The caller's script was not played to its end (ended by: {heard.ended_by or 'nobody'})."
    wanted = sum(isinstance(step, Say) and step.barge_in_ms is not None for step in scenario.steps)
    if len(heard.barge_in_ms) < wanted:
        yield f"The caller spoke over the agent {len(heard.barge_in_ms)} times, not {wanted}."
    late = [ms for ms in heard.barge_in_ms if ms > limits.barge_in_ms]
    yield from (f"The agent talked on for {ms} ms over the caller; {limits.barge_in_ms} are allowed." for ms in late)


def _unheard(outcome: Outcome, scenario: Scenario) -> Iterator[str]:
    """Every recorded line of the agent that nobody spoke over has to be in the caller's ear, byte for byte."""
    heard = outcome.heard.heard_audio
    for step, after in zip(scenario.steps, [*scenario.steps[1:], None], strict=True):
        is_recorded = isinstance(step, Agent) and step.audio and step.fault is None
        is_spoken_over = isinstance(after, Say) and after.barge_in_ms is not None
        if is_recorded and not is_spoken_over and sound.read(scenario.audio_path(step.audio)) not in heard:
            yield f"The caller did not hear to its end: {step.text!r}"


def _expected(outcome: Outcome, scenario: Scenario) -> Iterator[str]:
    """What the scenario's `expect` says, as far as this database knows of the call."""
    if outcome.row is None:
        return
    for name in ("status", "end_reason", "outcome"):
        seen = getattr(outcome.row, name)
        if name in scenario.expect and seen != scenario.expect[name]:
            yield f"The call's {name} is {seen or 'blank'}, not {scenario.expect[name]}."
    tools = [*outcome.row.tool_calls.filter(status=ToolCall.Status.OK).values_list("name", flat=True)]
    wanted = scenario.expect.get("tools")
    if wanted is not None and tools != wanted:
        yield f"The tools that ran are {tools}, not {wanted}."
    yield from rows.missing(outcome.row, scenario.expect.get("rows") or {})


def _model(outcome: Outcome) -> Iterator[str]:
    """What the Realtime emulator had to refuse, and what of its script was never reached."""
    for session in outcome.sessions or []:
        yield from (f"OpenAI would refuse: {error.get('message', error)}" for error in session["errors"])
        yield from (f"The Realtime emulator failed: {error}" for error in session["script_errors"])
    if outcome.sessions == []:
        yield "No Realtime session was opened."
    elif outcome.sessions and outcome.sessions[-1]["steps_left"]:
        yield f"Answers of the script that were never asked for: {outcome.sessions[-1]['steps_left']}."


def _transcript(outcome: Outcome, scenario: Scenario) -> Iterator[str]:
    """Every scripted line that must stand in the call's transcript."""
    if outcome.row is None:
        return
    kept = {Turn.Role.CALLER: [""], Turn.Role.AGENT: [""]}
    turns = [*outcome.row.turns.all()]
    for turn in turns:
        kept[Turn.Role(turn.role)].append(_plain(turn.text + turn.unheard))
    for role, texts in (
        (Turn.Role.CALLER, scenario.transcripts),
        (Turn.Role.AGENT, [step.text for step in scenario.agent_steps if step.fault is None]),
    ):
        missing = [text for text in texts if _plain(text) not in kept[role]]
        yield from (f"The transcript lacks a line of the {role}: {text!r}" for text in missing)
    barge_ins = sum(isinstance(step, Say) and step.barge_in_ms is not None for step in scenario.steps)
    interrupted = sum(turn.interrupted for turn in turns)
    if interrupted < barge_ins:
        yield f"{interrupted} turns of the transcript are marked as interrupted, not {barge_ins}."


def _plain(text: str) -> str:
    return "".join(text.split())
