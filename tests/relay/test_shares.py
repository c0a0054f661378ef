"""Our share of an answer: what the model's sound waits in our hands."""

import logging

import pytest

from calls.conversation.messages import RecordEvent
from calls.logs import CallLogger
from calls.relay.journal import Journal
from calls.relay.outbox import Outbox
from calls.relay.shares import Shares

pytestmark = pytest.mark.asyncio


async def written(*records: RecordEvent, cleared: bool = False) -> list[tuple[str, int, dict]]:
    """What the journal holds of these records when the sound before them leaves 40 ms after they came, at 5.04 s."""
    rows = []

    async def write(entries):
        rows.extend((fields["kind"], fields["at_ms"], dict(fields["detail"])) for _, fields in entries)

    async def send(frame):
        if frame == "end":
            raise ConnectionError

    journal, outbox = Journal(write, CallLogger(logging.getLogger("calls.test"), {})), Outbox(10)
    shares = Shares(journal, outbox, lambda: 5.04)
    for record in records:
        outbox.put("sound", is_sound=True)
        shares.note(record)
    if cleared:
        outbox.clear()
    outbox.put("end")
    with pytest.raises(ConnectionError):
        await outbox.write(send)
    journal.close()
    await journal.run()
    return rows


async def test_the_beginning_of_an_answer_is_followed_to_the_wire():
    answer = RecordEvent("answer", 5000, {"after_speech_ms": 1300})

    assert await written(answer) == [
        ("answer", 5000, {"after_speech_ms": 1300}),
        ("sound_out", 5040, {"of": "answer", "our_ms": 40}),
    ]


async def test_an_answer_that_was_interrupted_before_it_left_has_no_share():
    assert await written(RecordEvent("answer", 5000), cleared=True) == [("answer", 5000, {})]


async def test_other_events_are_written_down_alone():
    assert await written(RecordEvent("barge_in", 5000)) == [("barge_in", 5000, {})]
