"""kill -9 in the middle of a call: what was said before stands in the database."""

import signal
import threading

from tests.journeys.conftest import RATE, running_station, story, town_of

TALK = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open?"}
- agent: {text: "From eight until six."}
- say: {text: "And on Saturdays?"}
- agent: {text: "Until noon."}
"""


def test_server_that_is_killed_loses_the_turn_in_progress_at_most(django_db_setup, line, tmp_path):
    killed = threading.Event()

    def kill(kind, detail):
        if (kind, detail) == ("say", "And on Saturdays?"):
            killed.set()
            station.server.end(signal.SIGKILL)

    with running_station(tmp_path, RATE) as station, town_of(station) as town:
        # Nobody is left who could write how it ended.
        call = town.ring(story(TALK), on_event=kill, troubled=True, patience_seconds=1)

    assert killed.is_set()
    assert call.turns == [
        ("agent", "How can I help?"),
        ("caller", "When are you open?"),
        ("agent", "From eight until six."),
    ]
    assert [kind for kind in call.kinds if kind in {"stream_started", "first_audio"}] == [
        "stream_started",
        "first_audio",
    ]
