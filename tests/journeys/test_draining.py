"""SIGTERM in the middle of a call: the call goes on to its end, then the server goes."""

import threading
import time

from calls.models import Call
from tests.journeys.conftest import RATE, running_station, story, town_of

TALK = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open?"}
- agent: {text: "From eight until six."}
- say: {text: "Thank you."}
- agent: {text: "Goodbye, and thank you for calling.", tool: end_call}
"""


def test_call_in_progress_is_finished_before_the_server_ends(django_db_setup, line, tmp_path):
    stopped = threading.Event()

    def stop(kind, detail):
        if kind == "first-audio" and not stopped.is_set():
            stopped.set()
            station.server.end()

    with running_station(tmp_path, RATE) as station, town_of(station) as town:
        call = town.ring(story(TALK), on_event=stop)
        began = time.monotonic()
        code = station.server.wait(10)
        seconds = time.monotonic() - began

    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.AGENT_HANGUP)
    assert [role for role, _ in call.turns] == ["agent", "caller", "agent", "caller", "agent"]
    assert call.requests == ["voice", "action"]
    assert call.heard.verbs == ["Connect", "Hangup"]
    assert (code, seconds < 3) == (0, True)
