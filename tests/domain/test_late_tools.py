"""What a tool did after its time stays done, and a person is told where the caller was not."""

from datetime import timedelta

import pytest

from calls.domain import late_tools, summaries
from calls.models import OutgoingEmail, Turn
from tests.factories import RANG_AT, make_call, make_event, make_tool_call, make_turn

NOW = RANG_AT + timedelta(seconds=30)

pytestmark = pytest.mark.django_db


@pytest.fixture
def call():
    call = make_call()
    make_tool_call(call=call, tool_call_id="call_1", name="book_appointment", status="timed_out", result={"error": "?"})
    return call


def note(call, *, is_done=True):
    late_tools.note_late_result(
        call_id=call.pk, tool_call_id="call_1", tool="book_appointment", result={"x": 1}, is_done=is_done, at_ms=30_000
    )


def test_late_result_stands_on_the_tool_call_and_among_the_events(call):
    note(call)

    assert call.tool_calls.get().result == {"x": 1}
    assert list(call.events.values_list("kind", "at_ms", "detail")) == [
        ("tool_done_late", 30_000, {"tool": "book_appointment", "tool_call_id": "call_1"})
    ]


@pytest.mark.parametrize(
    ("is_done", "reason", "action"),
    [
        (
            True,
            "“book appointment” was done late, and the caller was not told.",
            "Tell the caller: “book appointment” went through.",
        ),
        (
            False,
            "“book appointment” failed late, and the caller was not told.",
            "Tell the caller: “book appointment” did not go through.",
        ),
        (
            None,
            "“book appointment” gave no answer in time.",
            "Find out whether “book appointment” went through, and tell the caller.",
        ),
    ],
)
def test_call_whose_caller_knows_nothing_of_it_is_for_a_person(call, is_done, reason, action):
    make_turn(call=call, role=Turn.Role.AGENT, text="I do not know yet.", started_ms=29_000)
    if is_done is not None:
        note(call, is_done=is_done)

    summaries.conclude_call(call_id=call.pk, model_text="", now=NOW)

    call.refresh_from_db()
    assert (call.needs_review, call.review_reason, call.next_action) == (True, reason, action)


def test_owner_hears_of_the_end_although_the_first_letter_has_left(call):
    call.business.email = "owner@example.com"
    call.business.save()
    for _ in range(2):
        summaries.conclude_call(call_id=call.pk, model_text="", now=NOW)
    note(call)
    for _ in range(2):
        summaries.conclude_call(call_id=call.pk, model_text="", now=NOW)

    assert [letter.body.splitlines()[0] for letter in OutgoingEmail.objects.order_by("pk")] == [
        "Find out whether “book appointment” went through, and tell the caller.",
        "Tell the caller: “book appointment” went through.",
    ]


def test_what_the_agent_could_still_tell_is_nobodys_work(call):
    note(call)
    make_turn(call=call, role=Turn.Role.AGENT, text="It has gone through.", started_ms=31_000)

    assert late_tools.untold(call=call) == ("", "")


def test_what_only_looks_something_up_is_nobodys_work_either():
    call = make_call()
    make_tool_call(call=call, name="find_slots", status="timed_out")
    make_tool_call(call=call, name="book_appointment", status="ok")
    make_event(call=call, kind="tool_done_late")

    assert late_tools.untold(call=call) == ("", "")


def test_late_tool_and_false_claim_are_both_told(call):
    make_turn(call=call, role=Turn.Role.AGENT, text="You're booked for Tuesday.")

    assert summaries.conclude_call(call_id=call.pk, model_text="", now=NOW).review_reason == (
        "“book appointment” gave no answer in time. The agent spoke of a booking, but there is none."
    )
