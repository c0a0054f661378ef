"""What is printed after emulated calls, for a person and as JSON."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from calls.lab.calling import Outcome

Tell = Callable[[str], None]


def figures(outcome: Outcome, tell: Tell) -> None:
    heard, row = outcome.heard, outcome.row
    tell(f"Time to first audio   {_ms(heard.first_audio_ms)}")
    tell(f"Longest silence       {_ms(heard.longest_silence_ms)}")
    tell(f"Barge-in reaction     {', '.join(map(_ms, heard.barge_in_ms)) or 'the caller never spoke over the agent'}")
    if row is not None:
        tell(f"How it ended          {row.get_status_display().lower()}: {row.get_end_reason_display() or 'no reason'}")
    if outcome.wav is not None:
        tell(f"Recording             {outcome.wav} (caller left, agent right)")


def verdict(shortcomings: Sequence[str], tell: Tell) -> None:
    tell("All went well." if not shortcomings else "What fell short:")
    for sentence in shortcomings:
        tell(f"  - {sentence}")


def one(outcome: Outcome, shortcomings: Sequence[str]) -> dict[str, Any]:
    return {**outcome.as_json(), "passed": not shortcomings, "shortcomings": [*shortcomings]}


def several(runs: Sequence[tuple[Outcome, Sequence[str]]]) -> dict[str, Any]:
    outcomes = [outcome for outcome, _ in runs]
    rows = [outcome.row for outcome in outcomes if outcome.row is not None]
    passed = sum(not shortcomings for _, shortcomings in runs)
    return {
        "passed": passed,
        "of": len(runs),
        "pass_rate": passed / len(runs),
        "first_audio_ms": _spread(outcome.heard.first_audio_ms for outcome in outcomes),
        "longest_silence_ms": _spread(outcome.heard.longest_silence_ms for outcome in outcomes),
        "barge_in_ms": _spread(ms for outcome in outcomes for ms in outcome.heard.barge_in_ms),
        "tokens": {name: sum(getattr(row, f"{name}_tokens") for row in rows) for name in ("input", "cached", "output")},
        "runs": [one(outcome, shortcomings) for outcome, shortcomings in runs],
    }


def series(summary: dict[str, Any], tell: Tell) -> None:
    tell(f"Passed                {summary['passed']} of {summary['of']} ({summary['pass_rate']:.0%})")
    for name, label in (
        ("first_audio_ms", "Time to first audio  "),
        ("longest_silence_ms", "Longest silence      "),
        ("barge_in_ms", "Barge-in reaction    "),
    ):
        spread = summary[name]
        tell(f"{label} median {_ms(spread['median'])}, worst {_ms(spread['worst'])}")
    tokens = summary["tokens"]
    tell(f"Tokens                {tokens['input']} in ({tokens['cached']} cached), {tokens['output']} out")


def _spread(values: Iterable[int | None]) -> dict[str, int | None]:
    known = [value for value in values if value is not None]
    return {"median": round(median(known)) if known else None, "worst": max(known, default=None)}


def _ms(value: int | None) -> str:
    return "none" if value is None else f"{value} ms"
