import pytest
from django.db import OperationalError

from calls.domain import history
from calls.models import CallEvent, ToolCall, Turn
from tests.factories import make_call


def turn(item_id="item_1", **fields):
    standing = {
        "item_id": item_id,
        "position": 1000,
        "role": "caller",
        "text": "Hello",
        "started_ms": 10,
        "unheard": "",
        "interrupted": False,
        "heard_ms": None,
    }
    return "turn", standing | fields


def tool(**fields):
    standing = {
        "tool_call_id": "c1",
        "position": 2000,
        "name": "take_message",
        "arguments": '{"text": "x"}',
        "started_ms": 20,
    }
    return "tool", standing | fields


@pytest.mark.django_db
def test_turn_is_written_once_and_kept_up_to_date():
    call = make_call()
    history.write(call_id=call.pk, entries=[turn(text=""), turn("item_2", position=3000), turn(text="Hello there")])

    rows = list(Turn.objects.values_list("item_id", "text"))
    assert rows == [("item_1", "Hello there"), ("item_2", "Hello")]


@pytest.mark.django_db
def test_tool_call_is_completed_by_its_result():
    call = make_call()
    history.write(call_id=call.pk, entries=[tool(status="running")])
    history.write(call_id=call.pk, entries=[tool(status="ok", result={"status": "ok"}, duration_ms=12)])

    row = ToolCall.objects.get()
    assert (row.status, row.arguments, row.result, row.duration_ms) == ("ok", {"text": "x"}, {"status": "ok"}, 12)


@pytest.mark.django_db
def test_arguments_that_are_no_json_are_shown_as_they_came():
    history.write(call_id=make_call().pk, entries=[tool(arguments='{"text": "x')])

    assert ToolCall.objects.get().arguments == {"not JSON": '{"text": "x'}


@pytest.mark.django_db
def test_what_a_peer_made_too_long_or_unprintable_is_stored_all_the_same():
    entries = [
        turn("i" * 500, text="a\0b"),
        tool(tool_call_id="c" * 500, name="n" * 500, arguments='{"text": "\\u0000"}'),
        ("event", {"kind": "line_lost", "at_ms": 5, "detail": {"why": "\0", "list": ["\0"]}}),
    ]
    history.write(call_id=make_call().pk, entries=entries)

    assert Turn.objects.get().text == "ab"
    assert len(ToolCall.objects.get().name) == 64
    assert CallEvent.objects.get().detail == {"why": "", "list": [""]}


@pytest.mark.django_db
def test_all_entries_are_written_or_none(monkeypatch):
    call = make_call()

    def locked(*args, **kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr(CallEvent.objects, "bulk_create", locked)

    with pytest.raises(history.Unavailable):
        history.write(call_id=call.pk, entries=[turn(), ("event", {"kind": "x", "at_ms": 1, "detail": {}})])
    assert Turn.objects.count() == 0


@pytest.mark.django_db
def test_a_batch_is_written_in_one_statement_a_kind_however_often_a_turn_changed(django_assert_num_queries):
    call = make_call()
    batch = [turn(f"item_{number}", text=text) for number in range(20) for text in ("", "Hello")]
    batch += [tool(), tool(status="ok", result={"a": 1}), ("event", {"kind": "x", "at_ms": 1, "detail": {}})]

    with django_assert_num_queries(5):  # three, in a transaction
        history.write(call_id=call.pk, entries=batch)

    assert set(Turn.objects.values_list("text", flat=True)) == {"Hello"}
    assert ToolCall.objects.get().status == "ok"


@pytest.mark.django_db
def test_what_was_written_is_read_in_the_order_of_the_conversation():
    call = make_call()
    first, second = turn("item_1", position=1000), turn("item_2", position=3000, role="agent")
    used = tool(position=2000, status="ok", result={"a": 1}, duration_ms=5)
    history.write(call_id=call.pk, entries=[second, used, first])

    assert history.read(call_id=call.pk) == (first, used, second)
