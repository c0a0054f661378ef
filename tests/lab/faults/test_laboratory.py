import json
import re
import subprocess
import sys
from pkgutil import resolve_name

import pytest
from django.conf import settings

from calls.lab import postgres
from calls.lab.faults import broken, laboratory, report, rows_database, table, weakened
from calls.lab.faults.laboratory import TABLE
from calls.lab.faults.stage import Stage

QUICK = ["T4b", "O2"]
MOST_IMPOSSIBLE = 5


def lab(*arguments):
    run = subprocess.run(
        [sys.executable, "manage.py", "fault_lab", "--json", *arguments],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert run.stdout, run.stderr
    return run.returncode, {row["row"]: row for row in json.loads(run.stdout)["rows"]}


def shortcomings(rows):
    return {number: row["shortcomings"] for number, row in rows.items() if not row["passed"]}


def test_a_few_faults_end_as_they_have_to():
    code, rows = lab("--only", ",".join(QUICK))

    assert (code, [*rows], shortcomings(rows)) == (0, QUICK, {})


def test_rows_are_chosen_by_number_and_by_side():
    numbers = [row.number for row in TABLE]

    assert laboratory.chosen([]) == numbers
    assert laboratory.chosen(["O1", "T4"]) == ["T4", "T4b", "T4c", "O1"]
    assert laboratory.chosen(["D"]) == [number for number in numbers if number.startswith("D")]
    assert laboratory.chosen(["T1"]) == ["T1", "T1b"]


def test_what_takes_all_processors_comes_behind_what_is_timed():
    assert laboratory.in_turn(["T1", "P3", "P4", "P5"]) == [["T1", "P5"], ["P3", "P4"]]
    assert (laboratory.in_turn(["P4"]), laboratory.in_turn(["O2"]), laboratory.in_turn([])) == ([["P4"]], [["O2"]], [])


@pytest.mark.parametrize("name", ["X1", "T99", "t"])
def test_a_row_that_does_not_exist_is_told_with_those_that_do(name):
    with pytest.raises(laboratory.UnknownRow, match=f"There is no row {name}. There are: T1, "):
        laboratory.chosen([name])


def test_each_row_has_a_number_of_its_own_and_guards_that_exist():
    numbers = [row.number for row in TABLE]

    assert sorted(set(numbers)) == sorted(numbers)
    assert [number for number in numbers if not re.fullmatch(r"[TODP]\d+[b-f]?", number)] == []
    assert {guard for row in TABLE for guard in row.guards} == set(weakened.GUARDS)


def test_an_unknown_guard_is_told_with_those_that_exist():
    with pytest.raises(weakened.UnknownGuard, match="There is no guard hope. There are: filler, "):
        laboratory.guarded_by("hope")


@pytest.mark.parametrize("name", weakened.GUARDS)
def test_a_guard_stands_where_it_is_looked_for(name):
    guard = weakened.GUARDS[name]

    assert hasattr(resolve_name(guard.owner), guard.attribute)


@pytest.mark.parametrize("point", broken.POINTS)
def test_a_step_that_can_be_broken_is_a_step_of_the_product(point):
    place, _, attribute = point.rpartition("." if "." in point.partition(":")[2] else ":")

    assert callable(getattr(resolve_name(place), attribute))


def test_a_row_that_cannot_be_played_here_says_why_and_is_no_failure():
    why = "PostgreSQL's initdb is not installed (Debian: apt-get install postgresql)"
    verdict = laboratory.Verdict("D2", "a fault", 0.0, table.impossible(why))

    assert laboratory.told(verdict) == f"–     D2     cannot be played here: {why}"
    assert report.summary([verdict], 3) == "0 of 1 rows passed in 3 s. Cannot be played here: D2."
    assert report.page([verdict]).endswith(f"| cannot be played here: {why} |\n")
    assert [row["impossible"] for row in report.document([verdict], 3)["rows"]] == [why]


def test_without_its_programs_postgresql_is_told_as_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres.shutil, "which", lambda name: None)
    monkeypatch.setattr(postgres, "PROGRAMS", tmp_path)

    seen = rows_database.if_installed(rows_database.many_calls)(Stage(tmp_path, 1.0))

    assert (seen.shortcomings, "initdb is not installed" in seen.impossible) == ([], True)


@pytest.mark.proof
def test_every_fault_ends_as_it_has_to():
    code, rows = lab()

    assert (code, shortcomings(rows)) == (0, {})
    assert len(rows) == len(TABLE)
    assert len([number for number, row in rows.items() if row["impossible"]]) <= MOST_IMPOSSIBLE


@pytest.mark.proof
@pytest.mark.parametrize("name", weakened.GUARDS)
def test_every_guard_is_needed_by_each_of_its_rows(name):
    code, rows = lab("--without", name)

    assert (code, [number for number, row in rows.items() if row["passed"]]) == (1, [])
