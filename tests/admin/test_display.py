"""How numbers, times and values are written."""

import pytest

from calls.admin import display, happenings


@pytest.mark.parametrize(
    ("number", "whole", "masked"),
    [
        ("+15550100001", "+1 555-010-0001", "•••01"),
        ("+442079460123", "+44 20 7946 0123", "•••23"),
        ("", "Unknown", "Unknown"),
        ("anonymous", "Anonymous", "Anonymous"),
        ("+86282452253", "Unavailable", "Unavailable"),
        ("sip:alice@example.com", "sip:alice@example.com", "Sip:alice@example.com"),
        ("client:15550100001", "client:15550100001", "•••01"),
    ],
)
def test_a_number_is_written_for_people_whole_or_masked(number, whole, masked):
    assert display.show_number(number, whole=True) == whole
    assert display.show_number(number, whole=False) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Call +1 (555) 010-0001 or 555.010.0001.", "Call •••01 or •••01."),
        ("5 5 5 0 1 0 0 0 0 1", "•••01"),
        ("010-0001", "•••01"),
        ("2026-11-20, 10:30, 12207, $1,250.00", "2026-11-20, 10:30, 12207, $1,250.00"),
        ("CA8f1c03b7d2e94a56b1c7720e5d9a3f64", "CA8f1c03b7d2e94a56b1c7720e5d9a3f64"),
    ],
)
def test_numbers_inside_of_a_text_are_masked_and_nothing_else(text, masked):
    assert display.masked(text, whole=False) == masked
    assert display.masked(text, whole=True) == text


def test_numbers_are_masked_wherever_they_stand_in_json():
    value = {"+15550100001": [5550100001, {"n": "555 010 0001"}], "amount": 999_999, "ok": True, "none": None}

    assert display.masked(value, whole=False) == {
        "•••01": ["•••01", {"n": "•••01"}],
        "amount": 999_999,
        "ok": True,
        "none": None,
    }


@pytest.mark.parametrize(
    ("ms", "offset", "exact"),
    [(-5, "0:00", "0:00.0"), (999, "0:00", "0:00.9"), (83_450, "1:23", "1:23.4"), (3_723_000, "1:02:03", "1:02:03.0")],
)
def test_time_since_the_ring(ms, offset, exact):
    assert (display.show_offset(ms), display.show_exact_offset(ms)) == (offset, exact)


@pytest.mark.parametrize(("ms", "shown"), [(None, ""), (14, "14 ms"), (99, "99 ms"), (640, "0.6 s"), (3520, "3.5 s")])
def test_a_span_is_shown_in_its_own_unit(ms, shown):
    assert display.show_milliseconds(ms) == shown


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        (None, []),
        ({}, []),
        ("words", [("", "words")]),
        (
            {"took_ms": 640, "rest_seconds": 31, "is_done": True, "was": False, "list": [], "deep": [{"b": 2, "a": 1}]},
            [
                ("deep", '[\n  {\n    "a": 1,\n    "b": 2\n  }\n]'),
                ("is done", "yes"),
                ("list", "–"),
                ("rest", "31 s"),
                ("took", "0.6 s"),
                ("was", "no"),
            ],
        ),
    ],
)
def test_json_becomes_names_and_readable_values_in_the_order_of_the_names(value, pairs):
    assert display.pairs(value) == pairs


def test_an_event_keeps_what_is_worth_reading():
    detail = {"reason": "silence", "stream_sid": "MZ1", "seconds": None, "code": 1011}

    assert happenings.worth_reading(detail) == {"reason": "The caller stayed silent", "code": 1011}
    assert happenings.worth_reading("words") == "words"


def test_every_kind_that_means_trouble_has_its_words():
    assert {*happenings.WORDS} >= happenings.TROUBLE
