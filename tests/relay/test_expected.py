"""Who goes first at the door: the streams that were announced here a moment ago, with their token."""

import pytest

from calls.relay import expected


@pytest.fixture(autouse=True)
def nobody_yet(monkeypatch):
    monkeypatch.setattr(expected, "_tokens", type(expected._tokens)())


@pytest.mark.parametrize(
    ("call_sid", "token", "is_first"),
    [("CA1", "right", True), ("CA1", "wrong", False), ("CA1", "", False), ("CA1", "\ud800", False), ("CA2", "", False)],
)
def test_a_stream_is_known_by_its_call_and_its_token(call_sid, token, is_first):
    expected.expect("CA1", "right")

    assert expected.is_expected(call_sid, token) is is_first


def test_nobody_is_expected_for_longer_than_a_token_lives(monkeypatch):
    expected.expect("CA1", "right")
    at = expected.time.monotonic()
    answers = []
    for seconds in (59, 61):
        monkeypatch.setattr(expected.time, "monotonic", lambda seconds=seconds: at + seconds)
        answers.append(expected.is_expected("CA1", "right"))

    assert answers == [True, False]


def test_what_is_remembered_is_bounded():
    for number in range(expected.MOST + 1):
        expected.expect(f"CA{number}", "right")

    assert (expected.is_expected("CA0", "right"), expected.is_expected(f"CA{expected.MOST}", "right")) == (False, True)
    assert len(expected._tokens) == expected.MOST
