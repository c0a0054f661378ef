"""A tool answers, whatever happens."""

import asyncio
import json
import logging
import time
from collections import OrderedDict

import pytest

from calls.logs import LineFormatter
from calls.tools import registry
from calls.tools.registry import Answer, Refused, ToolContext, tool
from tests.factories import RANG_AT

CONTEXT = ToolContext(call_id=1, now=RANG_AT, call_sid="CA1")

pytestmark = pytest.mark.asyncio


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.setattr(registry, "_tools", {})
    monkeypatch.setattr(registry, "_late", OrderedDict())

    @tool(description="Add.", properties={"a": {"type": "integer"}, "b": {"type": "integer"}}, required=("a",))
    def add(context, *, a, b=1):
        return {"sum": a + b}

    @tool(description="Refuse.", properties={})
    def refuse(context):
        raise Refused("We do not do that.")

    @tool(description="Break.", properties={}, then="end_call")
    def broken(context):
        raise RuntimeError("secret detail")

    @tool(description="Sleep.", properties={})
    def slow(context):
        time.sleep(0.3)
        return {}

    @tool(description="Note.", properties={"note": {}})
    def note(context, *, note):
        return {}

    @tool(description="Leave.", properties={}, then="end_call")
    def leave(context):
        return {"status": "ok"}


async def test_answer_is_json_for_the_model(tools):
    answer = await registry.run(CONTEXT, "add", '{"a": 2}')

    assert (answer.result, answer.status, answer.then, json.loads(answer.text)) == ({"sum": 3}, "ok", "", {"sum": 3})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ('{"a": 2', "The arguments are not valid JSON. Call the tool again."),
        ("[]", "arguments: [] is not of type 'object'"),
        ("{}", "arguments: 'a' is a required property"),
        ('{"a": "x"}', "a: 'x' is not of type 'integer'"),
        (
            '{"a": 1, "price": 0}',
            "arguments: Additional properties are not allowed ('price' was unexpected)",
        ),
        ('{"a": 1, "b": ' + "9" * 30_000 + "}", "The arguments are too long."),
        ("[" * 19_000, "The arguments are not valid JSON. Call the tool again."),
        ('{"a": NaN}', "The arguments are not valid JSON. Call the tool again."),
    ],
)
async def test_arguments_that_do_not_fit_are_answered_so_that_the_model_can_mend_them(tools, arguments, error):
    assert await registry.run(CONTEXT, "add", arguments) == Answer({"error": error}, "refused")


@pytest.mark.parametrize("text", ["\x00", "before\x00after", "\ud800"])
async def test_characters_that_no_database_keeps_are_refused(tools, text):
    for note in (text, [text], {"deep": [text]}):
        answer = await registry.run(CONTEXT, "note", json.dumps({"note": note}))

        assert answer.result == {
            "error": "The arguments hold characters that cannot be written down. Call the tool again without them."
        }


async def test_tool_that_does_not_exist_is_answered_with_those_that_do(tools):
    answer = await registry.run(CONTEXT, "fly", "{}")

    assert answer.result == {"error": "There is no tool 'fly'. The tools are: add, refuse, broken, slow, note, leave."}


async def test_refusal_is_a_sentence_to_be_spoken(tools):
    assert await registry.run(CONTEXT, "refuse", "") == Answer({"error": "We do not do that."}, "refused")


async def test_failure_stays_out_of_the_call_and_says_nothing_of_its_inside(tools, caplog):
    assert await registry.run(CONTEXT, "broken", "{}") == Answer({"error": registry.FAILED}, "failed")
    assert [(record.message, record.call_sid) for record in caplog.records] == [("tool failed", "CA1")]


@pytest.fixture
def late_tools(tools, monkeypatch):
    """Tools that end after their time, and how often they have been started."""
    monkeypatch.setattr(registry, "TIME_LIMIT", 0.05)
    started = []

    @tool(description="Write.", properties={"what": {"type": "string", "maxLength": 9}})
    def write(context, *, what=""):
        started.append(what)
        time.sleep(0.15)
        return {"written": what}

    @tool(description="Break late.", properties={})
    def break_late(context):
        time.sleep(0.15)
        raise RuntimeError

    return started


async def test_tool_whose_time_is_up_has_an_unknown_end_and_is_followed_to_it(late_tools):
    answer = await registry.run(CONTEXT, "write", '{"what": "a"}', tool_call_id="call_1")

    assert (answer.result, answer.status) == ({"error": registry.NOT_KNOWN_YET}, "timed_out")
    assert await answer.late == Answer({"written": "a"})


async def test_tool_that_breaks_after_its_time_is_an_answer_too(late_tools):
    answer = await registry.run(CONTEXT, "break_late", "{}")

    assert await answer.late == Answer({"error": registry.FAILED}, "failed")


async def test_repeated_call_has_the_late_answer_and_starts_nothing(late_tools):
    first = await registry.run(CONTEXT, "write", '{"what": "a"}', tool_call_id="call_1")
    assert (await registry.run(CONTEXT, "write", '{"what": "a"}', tool_call_id="call_1")).status == "timed_out"
    await first.late

    for _ in range(2):
        again = await registry.run(CONTEXT, "write", '{"what": "a"}', tool_call_id="call_1")
        assert again == Answer({"written": "a"})
    assert late_tools == ["a"]


async def test_same_arguments_under_another_id_wait_for_what_is_running_already(late_tools):
    first = await registry.run(CONTEXT, "write", '{"what": "a"}', tool_call_id="call_1")
    second = await registry.run(CONTEXT, "write", '{"what":"a"}', tool_call_id="call_2")
    assert second.late is first.late
    await first.late

    assert await registry.run(CONTEXT, "write", '{ "what": "a" }', tool_call_id="call_3") == Answer({"written": "a"})
    assert late_tools == ["a"]


@pytest.mark.parametrize(
    ("context", "arguments"),
    [(CONTEXT, '{"what": "b"}'), (ToolContext(call_id=2, now=RANG_AT), '{"what": "a"}')],
    ids=["other arguments", "another call"],
)
async def test_another_question_has_an_answer_of_its_own(late_tools, context, arguments):
    first = await registry.run(CONTEXT, "write", '{"what": "a"}', tool_call_id="call_1")
    other = await registry.run(context, "write", arguments, tool_call_id="call_1" if context.call_id == 2 else "call_2")

    await asyncio.gather(first.late, other.late)
    assert len(late_tools) == 2


async def test_what_is_kept_of_late_tools_is_bounded(late_tools, monkeypatch):
    monkeypatch.setattr(registry, "MOST_KEPT", 3)
    answers = [await registry.run(CONTEXT, "write", json.dumps({"what": what})) for what in "abcde"]
    await asyncio.gather(*(answer.late for answer in answers))

    assert len(registry._late) == 3


async def test_log_of_a_failure_names_its_place_and_nothing_that_a_caller_said(tools, caplog):
    canary = "robert.canary@example.com says my basement floods"

    @tool(description="Quote.", properties={"text": {"type": "string", "maxLength": 99}})
    def quoting(context, *, text):
        raise ValueError(f"no such address: {text}") from KeyError(text)

    with caplog.at_level(logging.DEBUG):
        await registry.run(CONTEXT, "quoting", json.dumps({"text": canary}))

    lines = "\n".join(LineFormatter().format(record) for record in caplog.records)
    assert "KeyError" in lines
    assert lines.endswith("ValueError")
    assert "test_registry.py" in lines
    assert "canary" not in lines
    assert "basement" not in lines


async def test_tool_may_say_what_the_call_does_next(tools):
    assert (await registry.run(CONTEXT, "leave", "{}")).then == "end_call"


async def test_two_tools_of_one_name_are_an_error_at_import(tools):
    with pytest.raises(ValueError, match="^two tools are named add$"):

        @tool(description="Again.", properties={})
        def add(context):
            return {}


async def test_string_without_a_limit_is_an_error_at_import(tools):
    with pytest.raises(ValueError, match="^endless: text has no maxLength$"):

        @tool(description="Endless.", properties={"text": {"type": "string"}})
        def endless(context, *, text):
            return {}


async def test_a_list_that_is_too_long_for_the_model_is_shortened_and_says_so(tools):
    @tool(description="List.", properties={})
    def listing(context):
        return {"names": [f"name {number:03}" for number in range(1000)], "next": "Name one."}

    answer = await registry.run(CONTEXT, "listing", "{}")

    shown = len(answer.result["names"])
    assert (answer.status, answer.result["left_out"], answer.result["next"]) == ("ok", 1000 - shown, "Name one.")
    assert 3900 < len(answer.text) <= 4096


async def test_an_answer_that_cannot_be_shortened_is_a_failure_and_is_not_given_to_the_model(tools, caplog):
    @tool(description="Talk.", properties={}, then="end_call")
    def talk(context):
        return {"text": "x" * (1 << 20)}

    answer = await registry.run(CONTEXT, "talk", "{}")

    assert answer == Answer({"error": registry.TOO_LONG}, "failed")
    assert [(record.message, record.tool) for record in caplog.records] == [
        ("the answer of a tool is too long", "talk")
    ]
