"""The body of `fault_lab`: plays rows side by side, tells each verdict, and writes them down."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import django
from django.db import connections

from calls.lab import scratch
from calls.lab.faults import (
    rows_database,
    rows_forged,
    rows_house,
    rows_load,
    rows_openai,
    rows_ours,
    rows_process,
    rows_rest,
    rows_tools,
    rows_twilio,
    rows_unbegun,
    weakened,
)
from calls.lab.faults.stage import Stage
from calls.lab.faults.table import Row, Seen

LANES = 3
RATE = 2.0

Tell = Callable[[str], None]


class UnknownRow(Exception):
    """The message names what was asked for and what there is."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`tries`: 2 for a row that passed, or failed again, when it had the machine to itself."""

    number: str
    fault: str
    seconds: float
    seen: Seen
    tries: int = 1

    @property
    def passed(self) -> bool:
        return not self.seen.shortcomings


def _place(row: Row) -> tuple[int, int, str]:
    side, number = row.number[0], row.number[1:].rstrip("bcdef")
    return "TODP".index(side), int(number), row.number


TABLE: tuple[Row, ...] = tuple(
    sorted(
        [
            *rows_twilio.ROWS,
            *rows_forged.ROWS,
            *rows_rest.ROWS,
            *rows_openai.ROWS,
            *rows_unbegun.ROWS,
            *rows_tools.ROWS,
            *rows_house.ROWS,
            *rows_process.ROWS,
            *rows_load.ROWS,
            *rows_database.ROWS,
            *rows_ours.ROWS,
        ],
        key=_place,
    )
)


def chosen(only: Sequence[str]) -> list[str]:
    """The numbers of the rows to play, in the table's order. `O5` means O5b too, and `O` every row of OpenAI's side.

    Raises UnknownRow.
    """
    numbers = [row.number for row in TABLE]
    for name in only:
        if not any(_is_meant(name, number) for number in numbers):
            raise UnknownRow(f"There is no row {name}. There are: {', '.join(numbers)}.")
    return [number for number in numbers if not only or any(_is_meant(name, number) for name in only)]


def _is_meant(name: str, number: str) -> bool:
    return number == name or (number.startswith(name) and (name.isalpha() or not number[len(name)].isdigit()))


def guarded_by(guard: str, numbers: Sequence[str] = ()) -> list[str]:
    """The rows that have to turn red without `guard`, or else those of `numbers`. Raises weakened.UnknownGuard."""
    weakened.demand(guard)
    return [*numbers] or [row.number for row in TABLE if guard in row.guards]


def play_all(numbers: Sequence[str], *, without: str = "", lanes: int = LANES, tell: Tell) -> list[Verdict]:
    """Play rows, several at a time. `tell` hears of each as it ends; the verdicts come in the order of `numbers`."""
    verdicts: dict[str, Verdict] = {}
    with scratch.database() as template:
        connections.close_all()  # the rows copy its file alone, so everything has to be in there
        for part in in_turn(numbers):
            for verdict in _played(part, template, without, lanes):
                verdicts[verdict.number] = verdict
                tell(f"{len(verdicts):3}/{len(numbers)}  {told(verdict)}")
        # Rows that are played side by side slow each other down: what fails among others is judged alone.
        again = [] if without or lanes == 1 else [number for number in numbers if not verdicts[number].passed]
        for verdict in _played(again, template, without, lanes=1):
            verdicts[verdict.number] = replace(verdict, tries=2)
            tell(f"again    {told(verdict)}")
    return [verdicts[number] for number in numbers]


def in_turn(numbers: Sequence[str]) -> list[list[str]]:
    """The rows that are played side by side, and those that come behind them."""
    load = [number for number in numbers if _row(number).is_load]
    return [part for part in ([number for number in numbers if number not in load], load) if part]


def _played(numbers: Sequence[str], template: Path, without: str, lanes: int) -> Iterator[Verdict]:
    """The verdicts in the order in which the rows end."""
    with ProcessPoolExecutor(lanes, mp_context=get_context("spawn"), initializer=django.setup) as pool:
        playing = {pool.submit(play, number, template, without): number for number in numbers}
        for done in as_completed(playing):
            problem = done.exception()
            yield _broken(playing[done], problem) if problem else done.result()


def play(number: str, template: Path, without: str = "") -> Verdict:
    """Play one row on a copy of the database in the folder `template`, without the guard of that name."""
    row = _row(number)
    began = time.monotonic()
    with scratch.database(copy_of=template) as folder:
        seen = row.act(Stage(folder, RATE, without))
    return Verdict(row.number, row.fault, round(time.monotonic() - began, 1), seen)


def _row(number: str) -> Row:
    return next(row for row in TABLE if row.number == number)


def _broken(number: str, problem: BaseException) -> Verdict:
    """A row that could not be played to its end has not passed."""
    return Verdict(number, _row(number).fault, 0, Seen([f"Broke with {type(problem).__name__}: {problem}"]))


def told(verdict: Verdict) -> str:
    seen = verdict.seen
    figures = "  ".join(f"{seconds(ms):>6}" for ms in (seen.first_sound_ms, seen.longest_silence_ms, seen.recovery_ms))
    state = "–   " if seen.impossible else "pass" if verdict.passed else "FAIL"
    if seen.impossible:
        return f"{state}  {verdict.number:5}  cannot be played here: {seen.impossible}"
    problems = "".join(f"\n           {sentence}" for sentence in seen.shortcomings)
    return f"{state}  {verdict.number:5}{figures}  {seen.reached:11}  {verdict.fault}{problems}"


def seconds(ms: int | None) -> str:
    return "–" if ms is None else f"{ms / 1000:.1f} s"
