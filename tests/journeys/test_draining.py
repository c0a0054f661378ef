"""SIGTERM in the middle of a call: the call goes on to its end, then the server goes. With a second one the caller
hears a last sentence, and reaches a person."""

import time

import pytest

from calls.models import Call
from calls.relay import clips
from tests.journeys.conftest import RATE, running_station, story, town_of
from tests.relay.test_wav import recorded

TALK = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open?"}
- agent: {text: "From eight until six."}
- say: {text: "Thank you."}
- agent: {text: "Goodbye, and thank you for calling.", tool: end_call}
"""


LAST_SENTENCE = (clips.FOLDER / "closing.ulaw").read_bytes()[8000:9600]


class Stopper:
    """Sends SIGTERM when the caller hears the first sound, and again at his first word if that is wanted."""

    def __init__(self, kinds):
        self.kinds = kinds
        self.server = None

    def on_event(self, kind, detail):
        if kind in self.kinds:
            self.kinds = self.kinds - {kind}
            self.server.end()


def test_call_in_progress_is_finished_before_the_server_ends(django_db_setup, line, tmp_path):
    stopper = Stopper({"first-audio"})

    with running_station(tmp_path, RATE) as station, town_of(station) as town:
        stopper.server = station.server
        call = town.ring(story(TALK), on_event=stopper.on_event)
        began = time.monotonic()
        code = station.server.wait(10)
        seconds = time.monotonic() - began

    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.AGENT_HANGUP)
    assert [role for role, _ in call.turns] == ["agent", "caller", "agent", "caller", "agent"]
    assert call.requests == ["voice", "action"]
    assert call.heard.verbs == ["Connect", "Hangup"]
    assert (code, seconds < 3) == (0, True)


def test_second_signal_ends_the_call_with_a_last_sentence_and_a_person(django_db_setup, line, tmp_path):
    stopper = Stopper({"first-audio", "say"})

    with running_station(tmp_path, RATE) as station, town_of(station) as town:
        stopper.server = station.server
        call = town.ring(story(TALK), on_event=stopper.on_event, troubled=True)
        code = station.server.wait(10)

    assert (code, call.row.status, call.row.end_reason) == (0, Call.Status.HANDED_OVER, Call.EndReason.DRAINING)
    assert call.turns[0] == ("agent", "How can I help?")
    assert LAST_SENTENCE in b"".join(piece.payload for piece in call.heard.ear if piece.source == "stream")
    assert call.requests[:2] == ["voice", "action"]  # what follows the person's talk finds no server any more
    assert [piece.source for piece in call.heard.ear].count("callee") == 1


@pytest.mark.proof
def test_a_last_sentence_of_the_owners_own_is_heard_to_its_end(django_db_setup, line, tmp_path):
    """In the world's own time: how long the server waits for it is not faster when calls are."""
    stopper = Stopper({"first-audio", "say"})
    (tmp_path / "data" / "clips").mkdir(parents=True)
    (tmp_path / "data" / "clips" / "closing.wav").write_bytes(recorded(ms=4800))
    folder = {"DATA_DIR": str(tmp_path / "data")}

    with running_station(tmp_path, 1.0, **folder) as station, town_of(station) as town:
        stopper.server = station.server
        call = town.ring(story(TALK), on_event=stopper.on_event, troubled=True)
        code = station.server.wait(10)

    handed_over = next(piece.at_ms for piece in call.heard.ear if piece.source != "stream")
    told = call.event("closing_time").at_ms
    assert (code, call.row.end_reason) == (0, Call.EndReason.DRAINING)
    assert 4800 <= handed_over - told <= 4800 + 2500
