"""What is judged of a call is its first play; a second one has to be earned by a machine that was late."""

from concurrent.futures import Future

import pytest

from tests.collection import calls
from tests.collection.conftest import TOO_LATE_MS, Explanations

WANTED = ("no_key", "our configuration")
RIGHT = '{"cause": "no_key", "party": "our configuration"}'
WRONG = '{"cause": "none", "party": "nobody"}'


class Pool:
    """Plays nothing: each play has been told already."""

    def __init__(self, *plays):
        self._plays = iter(plays)

    def submit(self, play, act, template, **how):
        future = Future()
        future.set_result({act: next(self._plays)})
        return future


def judged(*plays):
    said = []
    return Explanations(Pool(*plays), None, ["no_key"], said.append).of("no_key", WANTED).out, said


@pytest.mark.parametrize(
    ("first", "late_ms", "told", "said"),
    [
        (RIGHT, TOO_LATE_MS, RIGHT, []),
        (WRONG, TOO_LATE_MS - 1, WRONG, []),
        (WRONG, TOO_LATE_MS, RIGHT, ["no_key: ('none', 'nobody') where the machine was 150 ms late; played again"]),
    ],
    ids=["right", "wrong", "wrong on a late machine"],
)
def test_a_wrong_explanation_stands_unless_the_machine_was_late(first, late_ms, told, said):
    assert judged(calls.Told(0, first, "", late_ms), calls.Told(0, RIGHT, "")) == (told, said)
