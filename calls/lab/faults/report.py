"""The verdicts of the laboratory as lines, as JSON and as the page docs/reliability.md."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from calls.lab.faults.laboratory import RATE, Verdict, seconds
from calls.lab.faults.table import FIRST_SOUND_MS, RECOVERY_MS, SILENCE_MS

HEAD = "Per row: first sound, longest silence, time to recovery or hand-over, whom the caller reached."

INTRODUCTION = f"""\
# Reliability: what the caller hears when something goes wrong

Written by `make faults` (`manage.py fault_lab --write docs/reliability.md`). Each row is a call over real sockets to a
real server process of its own; the telephone network and OpenAI are emulators with the fault switched on, time runs
{RATE:g} times as fast. Judged is what reached the caller's ear, in seconds of the call.

A row passes when the caller hears a first sound within {FIRST_SOUND_MS / 1000:g} s, never more than
{SILENCE_MS / 1000:g} s of silence while a sound is owed, and has within {RECOVERY_MS / 1000:g} s either the agent
again, a person, or a voicemail; when what is stored and what was opened at OpenAI is as it must be; and when nothing
is left behind. Rows are played side by side; one that fails among others is played again alone, and says so. "Logged"
is what the server said of it as a warning or worse. What takes the server's own time, such as a tool's limit, is played
at the speed of the world.

Where a row has a limit of its own, the fault leaves no choice: until `start` there is no stream to play anything on, so
T8 is heard when the 5 s are over that Twilio has to send it; a caller's side that reads nothing (T16) hears nothing
until it reads again; nobody is heard while the loop is held up (P6c).

Two rows are played here in part, and at their full size by `make proof` (docs/performance.md): memory over four hours
of sound (P3), and over many calls in a row (P4).

| row | fault | first sound | longest silence | recovered or handed over | whom the caller reached | stored | logged | |
|---|---|---|---|---|---|---|---|---|
"""


def summary(verdicts: Sequence[Verdict], took: int) -> str:
    failed = [verdict.number for verdict in verdicts if not verdict.passed]
    impossible = [verdict.number for verdict in verdicts if verdict.seen.impossible]
    told = f"{len(verdicts) - len(failed) - len(impossible)} of {len(verdicts)} rows passed in {took} s."
    told += f" Cannot be played here: {', '.join(impossible)}." if impossible else ""
    return f"{told} Failed: {', '.join(failed)}." if failed else told


def document(verdicts: Sequence[Verdict], took: int) -> dict[str, Any]:
    return {
        "passed": all(verdict.passed for verdict in verdicts),
        "seconds": took,
        "rows": [
            {
                "row": verdict.number,
                "fault": verdict.fault,
                "passed": verdict.passed,
                "tries": verdict.tries,
                "first_sound_ms": verdict.seen.first_sound_ms,
                "longest_silence_ms": verdict.seen.longest_silence_ms,
                "recovery_ms": verdict.seen.recovery_ms,
                **{
                    name: asdict(verdict.seen)[name]
                    for name in ("reached", "stored", "logged", "shortcomings", "impossible")
                },
            }
            for verdict in verdicts
        ],
    }


def page(verdicts: Sequence[Verdict]) -> str:
    return INTRODUCTION + "".join(f"| {' | '.join(_cells(verdict))} |\n" for verdict in verdicts)


def _cells(verdict: Verdict) -> list[str]:
    seen = verdict.seen
    figures = [seconds(ms) for ms in (seen.first_sound_ms, seen.longest_silence_ms, seen.recovery_ms)]
    if verdict.seen.impossible:
        verdict_cell = f"cannot be played here: {verdict.seen.impossible}"
    else:
        verdict_cell = "pass" if verdict.passed else "**fail**: " + " ".join(seen.shortcomings)
    verdict_cell += "" if verdict.tries == 1 else " (alone)"
    return [verdict.number, verdict.fault, *figures, seen.reached, seen.stored, seen.logged, verdict_cell]
