"""A tool that failed leaves something to be done, unless it worked when it was asked for again."""

import pytest

from calls.domain import failed_tools, summaries
from tests.factories import RANG_AT, make_call, make_message, make_tool_call

pytestmark = pytest.mark.django_db

REASON, ACTION = "“book appointment” failed.", "Call back: “book appointment” did not work."


def failed(name="book_appointment", **fields):
    return make_tool_call(tool_call_id="call_1", name=name, status="failed", started_ms=5000, **fields)


def test_what_failed_is_for_a_person():
    assert failed_tools.unmended(call=failed().call) == (REASON, ACTION)


def test_what_worked_the_second_time_is_mended():
    call = failed().call
    make_tool_call(call=call, tool_call_id="call_2", name="book_appointment", status="ok", started_ms=9000)

    assert failed_tools.unmended(call=call) == ("", "")


def test_what_only_looks_something_up_leaves_nothing_to_be_done():
    assert failed_tools.unmended(call=failed("find_slots").call) == ("", "")


def test_the_call_is_to_be_looked_at_and_called_back():
    conclusion = summaries.conclude_call(call_id=failed().call.pk, model_text="", now=RANG_AT)

    assert (conclusion.review_reason, conclusion.next_action) == (REASON, ACTION)


def test_a_message_that_was_taken_instead_comes_first():
    call = make_call()
    failed(call=call)
    make_message(call=call, caller_name="Ann")

    conclusion = summaries.conclude_call(call_id=call.pk, model_text="", now=RANG_AT)

    assert (conclusion.review_reason, conclusion.next_action) == (REASON, "Answer the message from Ann.")
