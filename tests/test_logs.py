import logging

import pytest

from calls.logs import LineFormatter, WithoutTraceback, mask, mask_numbers


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("ring +15550100001 now", "ring •••01 now"),
        ("number 5551234567.", "number •••67."),
        ("(555) 123-4567", "(•••67"),
        ("/twilio/voice?From=%2B15550100001&To=%2b15550109999", "/twilio/voice?From=%2B•••01&To=%2b•••99"),
        ("From=+15550100001&To=15550109999", "From=•••01&To=•••99"),
        ("From=%2B1%20555%20010-0001", "From=%2B•••01"),
        ("From=%2B1+(555)+010+0001", "From=%2B•••01"),
        ("From=1%28555%290100001", "From=•••01"),
        ("next=%3FFrom%3D%252B15550100001", "next=%3FFrom%3D%252B•••01"),
        (r'{"from": "\u002b15550100001"}', r'{"from": "\u002b•••01"}'),
        ("took 1234 ms at 12:30", "took 1234 ms at 12:30"),
        ("CA0123456789abcdef0123456789abcdef", "CA0123456789abcdef0123456789abcdef"),
    ],
)
def test_only_telephone_numbers_are_masked(text, masked):
    assert mask_numbers(text) == masked


@pytest.mark.parametrize(("number", "masked"), [("+15550100001", "•••01"), ("anonymous", "anonymous"), ("", "")])
def test_mask_leaves_two_digits_and_names(number, masked):
    assert mask(number) == masked


def record(message, **fields):
    made = logging.LogRecord("calls.x", logging.INFO, "x.py", 1, message, None, None)
    vars(made).update(fields)
    return made


def line(made):
    return LineFormatter().format(made).split(" ", 2)[2]


def test_fields_stand_behind_the_message_and_numbers_in_them_are_masked():
    assert line(record("call started", call_sid="CA1", number="+15550100001")) == (
        'INFO calls.x call started call_sid="CA1" number="•••01"'
    )


def test_line_break_that_was_sent_to_us_forges_no_line():
    assert "\n" not in line(record("path\nERROR forged", path="a\nb"))


def test_time_stamp_is_no_telephone_number():
    assert LineFormatter().format(record("x"))[:2] == "20"


def test_what_strangers_cause_is_one_line_and_no_error():
    made = record("Invalid HTTP_HOST header")
    made.levelno, made.exc_info = logging.ERROR, (ValueError, ValueError("x"), None)
    WithoutTraceback().filter(made)

    assert line(made) == "WARNING calls.x Invalid HTTP_HOST header"


def raised(error, cause=None):
    try:
        raise error from cause
    except Exception as caught:
        return caught


def test_exception_is_told_by_kind_and_place_and_never_by_its_message():
    group = ExceptionGroup("canary one", [raised(KeyError("canary two"), ValueError("canary three"))])
    made = record("work failed")
    made.exc_info = (ExceptionGroup, raised(group, OSError("canary four")), None)

    text = LineFormatter().format(made)

    assert "canary" not in text
    kinds = [line for line in text.splitlines()[2:] if not line.startswith(" ")]
    assert kinds == ["OSError", "then", "ExceptionGroup", "of it", "ValueError", "then", "KeyError"]
    assert "in raised\n    raise error from cause" in text


def test_exception_without_a_place_is_told_all_the_same():
    made = record("work failed")
    made.exc_info = (None, None, None)

    assert LineFormatter().format(made).endswith("work failed\n")
