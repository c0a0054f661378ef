"""The caller hangs up: in the greeting, in an answer, while a tool runs. What was begun is closed, once."""

import sqlite3
import threading

import pytest
from django.db import connection

from calls.emulators.phone import Faults
from calls.models import Call, Message
from tests.journeys.conftest import RATE, plain, story

LONG = "Our plumbers are on the road from eight until six, and on Saturday from eight until noon."


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("stop", Call.EndReason.CALLER_HANGUP),
        ("close", Call.EndReason.CALLER_HANGUP),
        ("reset", Call.EndReason.STREAM_LOST),
    ],
)
def test_hang_up_in_the_greeting(town, how, reason):
    call = town.ring(
        story(f"""
        - agent: {{text: "{LONG}"}}
        """),
        faults=Faults(hang_up_on_first_audio=True, hang_up_after_audio_ms=500, hang_up_how=how),
    )

    [turn] = call.row.turns.all()
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, reason)
    assert (turn.role, turn.interrupted) == ("agent", True)
    assert LONG.startswith(turn.text.strip())
    assert 0 < turn.heard_ms < 500 + 40 * RATE
    assert call.kinds.count("ended") == 1


def test_hang_up_before_the_stream_says_anything(town):
    call = town.ring(
        story("""
        - agent: {text: "How can I help?", think_ms: 3000}
        """),
        faults=Faults(hang_up_after_ms=600),
    )

    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.CALLER_HANGUP)
    assert call.turns == []
    assert call.row.first_audio_ms is None


def test_hang_up_in_an_answer(town):
    call = town.ring(
        story(f"""
        - agent: {{text: "How can I help?"}}
        - say: {{text: "When are you open?"}}
        - wait_ms: 2500
        - hang_up: true
        - agent: {{text: "{LONG}"}}
        """)
    )

    answer = call.row.turns.last()
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.CALLER_HANGUP)
    assert call.turns[:2] == [("agent", "How can I help?"), ("caller", "When are you open?")]
    assert (answer.role, answer.interrupted) == ("agent", True)
    assert plain(answer.text + answer.unheard) == plain(LONG)
    assert answer.unheard != ""


def test_last_words_are_written_down_although_their_transcript_comes_after_the_hang_up(town):
    call = town.ring(
        story("""
        - agent: {text: "How can I help?"}
        - say: {text: "I call you back later."}
        - hang_up: true
        """)
    )

    assert call.turns == [("agent", "How can I help?"), ("caller", "I call you back later.")]


class LockedDatabase:
    """Another program writes to the database from the caller's first words until a moment after the hang-up."""

    def __init__(self):
        self._may_end = threading.Event()
        self._is_held = threading.Event()
        self._holding = threading.Thread(target=self._hold)

    def on_event(self, kind, detail):
        if kind == "say":
            self._holding.start()
            self._is_held.wait(5)
        elif kind == "hang-up":
            threading.Timer(0.3, self._may_end.set).start()

    def _hold(self):
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=5)
        other.execute("BEGIN IMMEDIATE")
        self._is_held.set()
        self._may_end.wait(10)
        other.execute("ROLLBACK")
        other.close()


def test_hang_up_while_a_tool_runs_keeps_what_the_tool_did(town):
    lock = LockedDatabase()

    call = town.ring(
        story("""
        - agent: {text: "How can I help?"}
        - say: {text: "Take a message."}
        - wait_ms: 2500
        - hang_up: true
        - agent: {tool: take_message, arguments: {caller_name: Robert Miller, text: The kitchen tap is dripping.}}
        """),
        on_event=lock.on_event,
    )

    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.CALLER_HANGUP)
    assert call.tools == [("take_message", "ok")]
    assert call.row.tool_calls.get().duration_ms > 0
    assert [message.text for message in Message.objects.all()] == ["The kitchen tap is dripping."]
    assert [tool.result for tool in call.session.tools] == [None]
