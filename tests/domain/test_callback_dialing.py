"""Each attempt is dialed at most once, nobody is rung too often or at night, and no promise is forgotten."""

from datetime import timedelta

import pytest

from calls.domain import callback_dialing
from calls.domain.outside import NotPlaced, Unclear
from calls.models import Call, Callback, CallbackAttempt, EmergencyAlert, OutgoingEmail, PhoneLine
from tests import factories
from tests.domain.telephones import Listed, Telephone

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT
NUMBER = "+15550100001"


def later(**delta):
    return NOW + timedelta(**delta)


@pytest.fixture
def line():
    return factories.make_line(business=factories.make_business(email="owner@example.com"))


@pytest.fixture
def telephone():
    return Telephone()


def promise(line, *, number=NUMBER, **fields):
    standing = {"business": line.business, "call": factories.make_ended_call(line=line), "number": number}
    words = {"reason": "a quote", "consent": "Yes.", "asked_at": NOW, "due_at": NOW}
    return Callback.objects.create(**standing | words | fields)


@pytest.fixture
def callback(line):
    return promise(line)


def ring(telephone, now=NOW, most=1):
    due = callback_dialing.due_callbacks(now=now, most=most)
    steps = [callback_dialing.ring(callback_id=pk, telephone=telephone, now=now) for pk in due]
    return [step.done for step in steps if step]


def state(callback):
    callback.refresh_from_db()
    return (callback.status, callback.attempts)


def attempts(callback):
    return list(callback.dialings.values_list("number", "call_sid", "result"))


def finish(callback, status, now=NOW, *, streamed=False, answered_by=""):
    """As Twilio tells it of the newest attempt."""
    attempt = callback.dialings.order_by("-number").first()
    call_sid = attempt.call_sid or "CA9"
    if streamed:
        callback_dialing.pick_up(attempt_id=attempt.pk, call_sid=call_sid)
        Call.objects.filter(call_sid=call_sid).update(status="streaming", streaming_at=now)
    if answered_by:
        callback_dialing.note_machine(attempt_id=attempt.pk, call_sid=call_sid, answered_by=answered_by)
    callback_dialing.note_status(attempt_id=attempt.pk, call_sid=call_sid, call_status=status, now=now)
    if status in callback_dialing.OVER:
        Call.objects.filter(call_sid=call_sid).update(status="ended", ended_at=now)


def test_a_task_that_comes_too_late_or_twice_dials_nothing(callback, telephone):
    def again(now):
        return callback_dialing.ring(callback_id=callback.pk, telephone=telephone, now=now)

    assert again(later(seconds=-1)) is None
    assert ring(telephone) == ["rung"]
    assert again(NOW) is None
    finish(callback, "busy")
    assert again(NOW) is None
    assert (telephone.numbers, again(later(minutes=15)).done) == ([NUMBER], "rung")


def test_a_due_promise_is_dialed_and_its_attempt_known(callback, telephone, line):
    assert ring(telephone) == ["rung"]

    [attempt] = callback.dialings.all()
    assert telephone.rung == [("callback", attempt.pk, NUMBER, line.number)]
    assert (attempt.number, attempt.began_at, attempt.call_sid) == (1, NOW, "CA" + "1".zfill(32))
    assert state(callback) == ("dialing", 1)


def test_what_is_dialed_or_not_due_is_left_alone(callback, telephone, line):
    promise(line, number="+15550100002", due_at=later(minutes=1))
    ring(telephone)

    assert (ring(telephone), telephone.numbers) == ([], [NUMBER])


def test_the_attempt_is_committed_before_anybody_is_asked_to_dial(callback, telephone):
    seen = []
    telephone.does = [True]
    ring_callback = telephone.ring_callback

    def look(**asked):
        seen.append((state(callback), attempts(callback)))
        return ring_callback(**asked)

    telephone.ring_callback = look
    ring(telephone)

    assert seen == [(("dialing", 1), [(1, "", "")])]


def test_a_conversation_keeps_the_promise(callback, telephone):
    ring(telephone)
    finish(callback, "completed", streamed=True, answered_by="human")

    assert (state(callback), attempts(callback)[0][2]) == (("done", 1), "talked")


def test_a_callee_who_was_connected_to_a_person_was_served_too(callback, telephone):
    ring(telephone)
    sid = callback.dialings.get().call_sid
    Call.objects.filter(call_sid=sid).update(outcome="transferred")
    finish(callback, "completed")

    assert state(callback) == ("done", 1)


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled", "completed"])
def test_who_is_not_reached_is_rung_again_later(callback, telephone, status):
    ring(telephone)
    finish(callback, status, later(minutes=1))

    assert (state(callback), attempts(callback)[0][2]) == (("due", 1), status)
    assert callback.due_at == later(minutes=16)
    assert ring(telephone, later(minutes=15)) == []


def test_a_report_that_comes_twice_counts_once(callback, telephone):
    ring(telephone)
    finish(callback, "busy")
    finish(callback, "completed", later(minutes=3), streamed=True)

    assert (state(callback), callback.due_at) == (("due", 1), later(minutes=15))


def test_progress_of_a_call_is_no_end(callback, telephone):
    ring(telephone)
    for status in ("initiated", "ringing", "in-progress"):
        finish(callback, status)

    assert state(callback) == ("dialing", 1)


def test_intervals_grow_and_in_the_end_a_person_has_to_call(line, telephone):
    callback = promise(line)
    now, waited = NOW, []
    for _ in range(4):
        assert ring(telephone, now) in (["rung"], ["put_off"])
        while state(callback)[0] == "due":  # too often today, or night: put off until it may be rung
            now = callback.due_at
            ring(telephone, now)
        finish(callback, "no-answer", now)
        waited.append(Callback.objects.get().due_at - now)
        now = Callback.objects.get().due_at

    assert waited[:3] == [timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4)]
    assert state(callback) == ("failed", 4)
    [letter] = OutgoingEmail.objects.all()
    assert letter.subject == "A caller is still waiting to be rung back"
    assert "Rung 4 times without reaching anybody." in letter.body


def test_a_person_may_have_it_rung_once_more_after_it_was_given_up(callback, telephone):
    Callback.objects.update(status="due", attempts=4)
    for number in range(1, 5):
        CallbackAttempt.objects.create(
            callback=callback, number=number, began_at=later(days=-number - 1), result="busy", ended_at=NOW
        )

    assert ring(telephone) == ["rung"]
    finish(callback, "busy")
    assert state(callback) == ("failed", 5)


# Machines


def test_a_machine_hears_a_message_once_and_the_promise_stays(callback, telephone, line):
    ring(telephone)
    attempt = callback.dialings.get()

    def heard(by, which=attempt):
        return callback_dialing.note_machine(attempt_id=which.pk, call_sid=which.call_sid, answered_by=by)

    words = heard("machine_end_beep")
    assert words.startswith("Hello, this is the automated assistant of Cedar Plumbing, calling back as you asked.")
    assert heard("machine_end_beep") is None, "a repeated verdict leaves no second message"
    finish(callback, "completed", streamed=True)
    assert (state(callback), attempts(callback)[0][2]) == (("due", 1), "left_message")

    second = CallbackAttempt.objects.create(callback=callback, number=2, began_at=NOW)
    assert heard("machine_end_beep", second) == "", "the second time it is only hung up on"


@pytest.mark.parametrize(("answered_by", "words"), [("human", None), ("unknown", None), ("", None), ("fax", "")])
def test_who_is_no_answering_machine_hears_no_message(callback, telephone, answered_by, words):
    ring(telephone)

    attempt = callback.dialings.get()
    assert callback_dialing.note_machine(attempt_id=attempt.pk, call_sid="CA1", answered_by=answered_by) == words


# What speaks against it


@pytest.mark.parametrize("number", ["+19005551234", "+447911123456", "+8821300000", "911", "+18005551234"])
def test_a_number_that_got_in_by_another_way_is_never_dialed(line, telephone, number):
    callback = promise(line, number=number)

    assert (ring(telephone), telephone.rung, state(callback)) == (["given_up"], [], ("failed", 0))


def test_nobody_is_rung_in_their_night(line, telephone):
    callback = promise(line, number="+13105551234")

    assert (ring(telephone), telephone.rung) == (["put_off"], [])
    assert (state(callback), callback.due_at) == (("due", 0), later(minutes=55, seconds=55))


def test_nobody_is_rung_in_the_night_of_the_business_though_it_is_day_where_they_are(line, telephone):
    """Four past ten in New York is four past seven in Los Angeles, where the business is."""
    line.business.time_zone = "America/Los_Angeles"
    line.business.save()
    callback = promise(line, number="+12125551234")

    assert (ring(telephone), telephone.rung) == (["put_off"], [])
    assert (state(callback), callback.due_at) == (("due", 0), later(minutes=55, seconds=55))


def test_a_retry_that_falls_into_the_night_waits_for_the_morning(line, telephone):
    """Half past eight in the evening in New York; in a quarter of an hour and then at eight the next morning."""
    evening = later(hours=10, minutes=26)
    callback = promise(line, number="+12125551234", due_at=evening)
    ring(telephone, evening)
    finish(callback, "busy", evening)
    ring(telephone, later(hours=10, minutes=41))
    finish(callback, "busy", later(hours=10, minutes=42))

    assert ring(telephone, later(hours=11, minutes=42)) == ["put_off"]
    assert (state(callback), len(telephone.rung)) == (("due", 2), 2)
    assert callback.due_at == later(hours=21, minutes=55, seconds=55)


def test_a_number_is_rung_three_times_a_day_at_most(line, telephone):
    for day in range(4):
        promise(line, due_at=later(minutes=day))
    for minute in range(30):
        ring(telephone, later(minutes=minute))
        for callback in Callback.objects.filter(status="dialing"):
            finish(callback, "completed", later(minutes=minute), streamed=True)

    assert telephone.numbers == [NUMBER] * 3


def test_two_calls_to_one_number_are_not_placed_at_once(line, telephone):
    promise(line), promise(line)

    assert ring(telephone, most=2) == ["rung", "put_off"]
    assert telephone.numbers == [NUMBER]


@pytest.mark.parametrize(("limit", "placed"), [(0, 0), (2, 2)])
def test_a_business_places_so_many_calls_a_day_and_none_if_it_says_so(line, telephone, limit, placed):
    line.business.callbacks_a_day = limit
    line.business.save()
    for digit in range(4):
        promise(line, number=f"+1555010010{digit}")

    ring(telephone, most=4)

    assert len(telephone.rung) == placed


def test_a_business_without_a_line_tells_a_person(telephone, line):
    callback = promise(line, call=None)
    Call.objects.all().delete()
    PhoneLine.objects.all().delete()

    assert (ring(telephone), state(callback)) == (["given_up"], ("failed", 0))


# What Twilio does not do


def test_a_call_that_was_not_placed_is_tried_again_soon_and_counts_apart(callback, telephone):
    telephone.does = [NotPlaced("too_many"), NotPlaced("not_sent")]

    assert ring(telephone) == ["put_off"]
    assert (state(callback), callback.due_at) == (("due", 1), later(minutes=1))
    assert ring(telephone, later(minutes=1)) == ["put_off"]
    assert ring(telephone, later(minutes=6)) == ["rung"]
    assert [result for _, _, result in attempts(callback)] == ["not_placed: too_many", "not_placed: not_sent", ""]


def test_a_number_that_twilio_refuses_for_good_is_given_up(callback, telephone):
    telephone.does = [NotPlaced("21211", is_permanent=True)]

    assert (ring(telephone), state(callback)) == (["given_up"], ("failed", 1))


def test_calls_that_can_never_be_placed_are_given_up_in_the_end(callback, telephone):
    telephone.does = [NotPlaced("not_sent")] * 9
    now = NOW
    for _ in range(5):
        ring(telephone, now)
        now = Callback.objects.get().due_at

    assert state(callback) == ("failed", 5)


# Doubt


@pytest.fixture
def doubtful(callback, telephone):
    """Twilio did not answer: the call may have been placed or not."""
    telephone.does = [Unclear("no answer in time")]
    assert ring(telephone) == ["unclear"]
    return callback


def test_doubt_is_neither_dialed_again_nor_looked_up_before_its_lease_is_over(doubtful, telephone):
    assert ring(telephone, later(seconds=119)) == []
    assert (telephone.rung, telephone.looked_up, state(doubtful)) == ([], [], ("dialing", 1))


def test_a_call_that_was_placed_after_all_is_found_and_not_dialed_again(doubtful, telephone):
    telephone.listed = [Listed("CA7", later(seconds=1))]
    telephone.statuses = {"CA7": "in-progress"}

    assert ring(telephone, later(minutes=2)) == ["reconciled"]
    assert (attempts(doubtful), state(doubtful), telephone.rung) == ([(1, "CA7", "")], ("dialing", 1), [])


def test_a_call_that_was_placed_and_is_over_is_settled(doubtful, telephone):
    telephone.listed = [Listed("CA7", later(seconds=1))]
    telephone.statuses = {"CA7": "no-answer"}

    assert ring(telephone, later(minutes=2)) == ["reconciled"]
    assert (attempts(doubtful), state(doubtful)) == ([(1, "CA7", "no-answer")], ("due", 1))


def test_a_call_that_was_never_placed_is_dialed_as_the_next_attempt(doubtful, telephone):
    assert ring(telephone, later(minutes=2)) == ["put_off"]
    assert ring(telephone, later(minutes=3)) == ["rung"]
    assert [(number, result) for number, _, result in attempts(doubtful)] == [(1, "not_placed: lost"), (2, "")]


def test_other_calls_to_the_same_number_are_not_taken_for_it(doubtful, telephone, line):
    """An older one, one of another promise, and a ring for an emergency."""
    other = promise(line, status="done")
    CallbackAttempt.objects.create(callback=other, number=1, began_at=NOW, call_sid="CA5")
    emergency = line.business.emergencies.create(raised_by="tool", kind="gas", raised_at=NOW)
    EmergencyAlert.objects.create(emergency=emergency, number=NUMBER, position=1, rang_at=NOW, call_sid="CA6")
    telephone.listed = [Listed("CA6", NOW), Listed("CA5", NOW), Listed("CA4", later(minutes=-1)), Listed("CA3", None)]

    assert ring(telephone, later(minutes=2)) == ["put_off"]
    assert attempts(doubtful) == [(1, "", "not_placed: lost")]


def test_while_twilio_cannot_be_asked_nothing_is_dialed(doubtful, telephone):
    telephone.listed = Unclear("no answer")

    for minute in (2, 4, 6):
        assert ring(telephone, later(minutes=minute)) == ["unclear"]
    assert (telephone.rung, state(doubtful)) == ([], ("dialing", 1))


def test_a_worker_that_dies_before_it_dials_has_dialed_nothing(callback, telephone):
    """The claim alone was written: the lease gives it back."""
    Callback.objects.update(claimed_until=later(minutes=2))

    assert ring(telephone, later(seconds=119)) == []
    assert ring(telephone, later(minutes=2)) == ["rung"]


def test_a_call_whose_end_was_never_reported_is_asked_for(callback, telephone):
    ring(telephone)
    sid = callback.dialings.get().call_sid
    telephone.statuses = {sid: "busy"}

    assert ring(telephone, later(minutes=14)) == []
    assert ring(telephone, later(minutes=15)) == ["reconciled"]
    assert (state(callback), telephone.looked_up) == (("due", 1), [])


def test_a_webhook_that_is_faster_than_the_answer_tells_the_call(doubtful, telephone):
    attempt = doubtful.dialings.get()

    assert callback_dialing.pick_up(attempt_id=attempt.pk, call_sid="CA7") is True
    finish(doubtful, "completed", streamed=True)

    assert (attempts(doubtful), state(doubtful)) == ([(1, "CA7", "talked")], ("done", 1))
    assert callback_dialing.pick_up(attempt_id=404, call_sid="CA7") is False


def test_a_promise_that_was_dropped_meanwhile_is_left_as_it_is(callback, telephone):
    ring(telephone)
    Callback.objects.update(status="cancelled")
    finish(callback, "busy")

    assert state(callback) == ("cancelled", 1)
    assert ring(telephone, later(hours=9)) == []
