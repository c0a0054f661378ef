"""A tool answers, whatever happens."""

import asyncio
import json
import time

import pytest

from calls.tools import registry
from calls.tools.registry import Answer, Refused, ToolContext, tool
from tests.factories import RANG_AT

CONTEXT = ToolContext(call_id=1, now=RANG_AT)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.setattr(registry, "_tools", {})

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
    assert [record.message for record in caplog.records] == ["tool failed"]


async def test_slow_tool_is_given_up(tools, monkeypatch):
    monkeypatch.setattr(registry, "TIME_LIMIT", 0.05)

    assert await registry.run(CONTEXT, "slow", "{}") == Answer({"error": registry.FAILED}, "timed_out")
    await asyncio.sleep(0.3)  # the thread ends by itself; the pool has to be free for the next test


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
