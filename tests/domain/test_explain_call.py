"""The command: what is said of a call, in words and for programs."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests import factories
from tests.domain.stories import HANDED_OVER, TAKEN, TALKED, a_call, ended, voicemail

pytestmark = pytest.mark.django_db
SILENT = [*TAKEN, ("line_lost", 8000, {"cause": "timeout"}), ended("upstream_unavailable", 8000), HANDED_OVER]


def told(*arguments):
    out = StringIO()
    call_command("explain_call", *arguments, stdout=out, no_color=True)
    return out.getvalue()


@pytest.fixture
def silent():
    fields = voicemail(call_sid="CA" + "a" * 32)
    return a_call(*SILENT, ("voicemail", 9500), reason="upstream_unavailable", spoke=False, **fields)


def test_a_call_is_explained_in_words(silent):
    assert told(silent.call_sid) == (
        f"{silent.call_sid}, 2026-11-20 15:04:05 UTC\n"
        "OpenAI took the connection and did not answer\n"
        "\n"
        "The caller heard nothing for 7.4 s because OpenAI took the connection and did not answer. The hand-over then "
        "reached your voicemail, and the caller left a message.\n"
        "cause:    openai_hung\n"
        "whose:    OpenAI\n"
        "remedy:   Look at https://status.openai.com; nothing is to be mended here unless it happens again and again.\n"
        "silence:  7.4 s from 0.6 s on: the agent had not spoken yet\n"
    )


def test_a_call_is_explained_for_programs(silent):
    document = json.loads(told(silent.call_sid, "--json"))

    events = document.pop("events")
    assert [event["kind"] for event in events][:3] == ["webhook", "twiml", "upgraded"]
    assert document == {
        "call_sid": silent.call_sid,
        "rang_at": "2026-11-20T15:04:05+00:00",
        "status": "ended",
        "end_reason": "upstream_unavailable",
        "cause": "openai_hung",
        "title": "OpenAI took the connection and did not answer",
        "party": "OpenAI",
        "is_fault": True,
        "said": "The caller heard nothing for 7.4 s because OpenAI took the connection and did not answer. The "
        "hand-over then reached your voicemail, and the caller left a message.",
        "remedy": "Look at https://status.openai.com; nothing is to be mended here unless it happens again and again.",
        "silences": [{"start_ms": 600, "ms": 7400, "because": "the agent had not spoken yet"}],
        "also": [],
        "tool_calls": [],
    }


def test_tools_are_told_by_name_outcome_and_time_and_nothing_of_what_was_said(silent):
    said = {"arguments": {"name": "Robert Miller"}, "result": {"note": "the kitchen tap"}}
    factories.make_tool_call(
        call=silent, name="quote_price", started_ms=9000, status="running", duration_ms=None, **said
    )
    factories.make_tool_call(call=silent, name="take_message", started_ms=4000, duration_ms=120, **said)
    factories.make_tool_call(
        call=silent, name="robert_miller", started_ms=9500, status="refused", duration_ms=3, **said
    )

    text = told(silent.call_sid, "--json")

    assert json.loads(text)["tool_calls"] == [
        {"name": "take_message", "status": "ok", "at_ms": 4000, "ms": 120},
        {"name": "quote_price", "status": "running", "at_ms": 9000, "ms": None},
        {"name": "(unknown)", "status": "refused", "at_ms": 9500, "ms": 3},
    ]
    assert [word for word in ("miller", "tap") if word in text.lower()] == []


def test_neither_words_nor_numbers_of_a_caller_are_printed(silent):
    for text in (told(silent.call_sid), told(silent.call_sid, "--json")):
        assert silent.from_number not in text
        assert silent.to_number not in text
        assert silent.handover_number not in text


def test_the_end_of_a_call_sid_is_enough(silent):
    a_call(*TALKED, call_sid="CA" + "b" * 32)

    assert told("bbb").startswith("CAbbb")


@pytest.mark.parametrize(("asked", "says"), [("CAxyz", "No call CAxyz"), ("", "No call"), ("aa", "More than one call")])
def test_an_unknown_or_doubtful_call_is_said_to_be_one(silent, asked, says):
    a_call(*TALKED, call_sid="CA" + "b" * 30 + "aa")

    with pytest.raises(CommandError, match=says):
        told(asked)
