"""docs/doctor.md is complete: each finding that any check can give has its section, with what it means and remedies."""

import re
from pathlib import Path

import pytest

from calls.doctor import runner
from tests.doctor import given

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "doctor.md").read_text()
GROUPS = ["Configuration", "The house", "The road that Twilio takes", "OpenAI", "The Twilio account"]
GIVEN = [id for check in runner.CHECKS for id in check.ids]
SECTIONS = dict(re.findall(r"^### `([\w.-]+)`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
ROW = re.compile(r"^\| (WARN|FAIL|SKIPPED) (\| \S.* \| \S.* \|)$", re.MULTILINE)


def test_every_finding_has_one_section_and_every_section_a_finding():
    headings = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)

    assert sorted(headings) == sorted(f"`{id}`" for id in set(GIVEN))


def test_the_groups_stand_in_the_order_of_a_call():
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)

    assert [heading for heading in headings if heading in GROUPS] == GROUPS


@pytest.mark.parametrize("id", sorted(set(GIVEN)))
def test_a_section_says_what_it_means_and_what_to_do(id):
    """A sentence for the caller's side, and a row for each thing that may be seen, with its remedy."""
    section = SECTIONS[id]

    assert re.search(r"^Means: \S", section, re.MULTILINE)
    assert ROW.findall(section) != []


def test_each_level_of_each_finding_has_its_row_and_each_row_a_finding():
    """In both directions; `settings` alone is never found, and fails like every check when it breaks."""
    rows = {(id, row[0]) for id, section in SECTIONS.items() for row in ROW.findall(section)}

    assert rows - {("settings", "FAIL")} == {(id, level) for id, level in given.findings() if level != "OK"}


def test_no_id_is_given_by_two_checks():
    assert sorted(set(GIVEN)) == sorted(GIVEN)


def test_no_id_is_declared_that_no_check_gives():
    """The other direction: a name in the list that no source writes down would be explained and never seen."""
    sources = "".join(path.read_text() for path in (ROOT / "calls" / "doctor").glob("*.py") if path.stem != "runner")

    never = [id for id in GIVEN if f'saying("{id}"' not in sources and f'Finding("{id}"' not in sources]
    assert [id for id in never if id not in GATHERED] == []


GATHERED = {"settings"}  # entries whose findings all have longer names: seen when they are skipped or break
