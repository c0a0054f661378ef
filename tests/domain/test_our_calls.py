"""Every call that we dial for a callback has one row, whoever tells of it first and however it ends."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from calls import database
from calls.domain import callback_dialing, lifecycle, summaries
from calls.domain.outside import NotPlaced
from calls.models import Call, Callback, CallbackAttempt
from tests import factories
from tests.domain.legs import new_leg
from tests.domain.telephones import Listed, Telephone

NOW = factories.RANG_AT
NUMBER, SID = "+15550100001", "CA" + "1".zfill(32)


def later(**delta):
    return NOW + timedelta(**delta)


def promise():
    line = factories.make_line()
    standing = {"business": line.business, "call": factories.make_ended_call(line=line), "number": NUMBER}
    words = {"reason": "a quote", "consent": "Yes.", "asked_at": NOW, "due_at": NOW}
    return Callback.objects.create(**standing | words)


@pytest.fixture
def callback(db):
    return promise()


def begun(callback):
    """An attempt whose call is being placed: nobody knows its Sid yet."""
    Callback.objects.filter(pk=callback.pk).update(status="dialing", attempts=1)
    return CallbackAttempt.objects.create(callback=callback, number=1, began_at=NOW)


def ring(callback, telephone=None, now=NOW):
    return callback_dialing.ring(callback_id=callback.pk, telephone=telephone or Telephone(), now=now)


def tell(attempt, call_status, sequence=None, now=NOW):
    """What the view makes of a status callback."""
    callback_dialing.note_status(attempt_id=attempt.pk, call_sid=SID, call_status=call_status, now=now)
    told = {"call_sid": SID, "call_status": call_status, "sequence": sequence, "seconds": None, "findings": []}
    lifecycle.change_status(**told, now=now)


def answer(attempt):
    """What the view makes of the request for TwiML when it is answered."""
    callback_dialing.pick_up(attempt_id=attempt.pk, call_sid=SID)
    ours = attempt.callback.call.line.number
    caller = new_leg(call_sid=SID, from_number=ours, to_number=NUMBER, is_outbound=True, call_status="in-progress")
    lifecycle.receive_call(leg=caller, obstacle="", default_number="", findings=[], now=NOW)


def ours():
    return list(Call.objects.filter(direction="outbound"))


def state():
    [call] = ours()
    return (call.call_sid, call.status, call.end_reason, call.outcome)


def test_a_call_that_was_dialed_stands_in_the_list_before_anybody_picks_up(callback):
    ring(callback)

    [call] = ours()
    line = callback.call.line
    assert (call.call_sid, call.status, call.rang_at, call.streaming_at) == (SID, "queued", NOW, None)
    assert (call.business, call.line, call.agent) == (callback.business, line, line.agent)
    assert (call.from_number, call.to_number, call.other_number) == (line.number, NUMBER, NUMBER)


@pytest.mark.parametrize(
    ("call_status", "reason"),
    [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed"), ("canceled", "failed")],
)
def test_a_call_that_reached_nobody_says_why(callback, call_status, reason):
    ring(callback)
    attempt = callback.dialings.get()
    for number, status in enumerate(("initiated", "ringing", call_status)):
        tell(attempt, status, number, now=later(seconds=20))

    assert state() == (SID, "ended", reason, "none")
    assert ours()[0].ended_at == later(seconds=20)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_whoever_tells_of_it_first_there_is_one_row(callback, order):
    """Twilio's answer to our order, the request for TwiML and two reports, in every order."""
    attempt = begun(callback)
    tellers = [
        lambda: callback_dialing.pick_up(attempt_id=attempt.pk, call_sid=SID),
        lambda: answer(attempt),
        lambda: tell(attempt, "initiated", 0),
        lambda: tell(attempt, "ringing", 1),
    ]
    for index in order:
        tellers[index]()

    [call] = ours()
    assert (call.call_sid, call.status, call.account_sid) == (SID, "ringing", "AC" + "0" * 32)
    assert len(call.token_nonce) == 32
    assert CallbackAttempt.objects.get().call_sid == SID


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_told_of_at_once_in_eight_threads_it_is_one_row():
    attempt = await database.run(lambda: begun(promise()))
    told = [("initiated", 0), ("ringing", 1), ("in-progress", 2)] * 4

    reports = [database.run(tell, attempt, *status) for status in told]
    requests = [database.run(answer, attempt) for _ in range(4)]
    await asyncio.gather(*requests, *reports)

    assert await database.run(lambda: [call.call_sid for call in ours()]) == [SID]


def test_a_call_that_was_never_placed_has_no_row(callback):
    ring(callback, Telephone(does=[NotPlaced("21211", is_permanent=True)]))

    assert ours() == []
    assert callback.dialings.get().result == "not_placed: 21211"


def test_a_call_of_which_no_end_was_told_ends_when_it_is_asked_for(callback):
    ring(callback)

    ring(callback, Telephone(statuses={SID: "no-answer"}), now=later(minutes=15))

    assert state() == (SID, "ended", "no_answer", "none")


def test_a_call_that_was_found_again_has_its_row(callback):
    begun(callback)

    ring(callback, Telephone(listed=[Listed(SID, NOW)], statuses={SID: "busy"}), now=later(minutes=2))

    assert state() == (SID, "ended", "busy", "none")


# A machine


def met(callback, answered_by, *, summed_up):
    """A machine's greeting is taken for a caller's words, until Twilio tells who has picked up."""
    ring(callback)
    attempt = callback.dialings.get()
    answer(attempt)
    [call] = ours()
    Call.objects.filter(pk=call.pk).update(status="streaming", streaming_at=later(seconds=1))
    factories.make_turn(call=call, text="You have reached Robert. Leave a message after the tone.")
    callback_dialing.note_machine(attempt_id=attempt.pk, call_sid=SID, answered_by=answered_by)
    Call.objects.filter(pk=call.pk).update(status="ended", end_reason="caller_hangup")  # as the stream's end looks

    def sum_up():
        summaries.conclude_call(call_id=call.pk, model_text="", now=NOW)

    if summed_up == "before":
        sum_up()
    tell(attempt, "completed", 3)
    if summed_up == "after":
        sum_up()


@pytest.mark.parametrize("summed_up", ["before", "after"])
@pytest.mark.parametrize("answered_by", ["machine_end_beep", "machine_end_silence", "fax"])
def test_a_machine_that_picked_up_is_no_caller_who_hung_up(callback, answered_by, summed_up):
    met(callback, answered_by, summed_up=summed_up)

    assert state() == (SID, "ended", "machine", "none")


@pytest.mark.parametrize("answered_by", ["human", "unknown"])
def test_a_person_who_picked_up_has_hung_up(callback, answered_by):
    met(callback, answered_by, summed_up="after")

    assert state() == (SID, "ended", "caller_hangup", "answered")
