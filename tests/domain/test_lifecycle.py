"""From the ring to the end, in whatever order and how often Twilio tells it."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from calls import database
from calls.domain import lifecycle, streams
from calls.domain.decisions import Answer, Busy, HandOver, HangUp, Thanks, Voicemail
from calls.models import Call, CallEvent, Stream
from tests import factories
from tests.domain.legs import leg, new_leg

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT
PERSON, DEFAULT = "+15550108000", "+15550107000"
Status, Reason = Call.Status, Call.EndReason
RANG = ("webhook", {"direction": "inbound"})


def later(**delta):
    return NOW + timedelta(**delta)


def receive(caller, *, obstacle="", default_number=DEFAULT, findings=(), now=NOW):
    return lifecycle.receive_call(
        leg=caller, obstacle=obstacle, default_number=default_number, findings=findings, now=now
    )


def fall_back(caller, *, failed_address="voice", error_code="11200", now=NOW):
    return lifecycle.fall_back(
        leg=caller, error_code=error_code, failed_address=failed_address, default_number=DEFAULT, now=now
    )


def leave(caller, *, default_number=DEFAULT, now=NOW):
    return lifecycle.leave_stream(leg=caller, default_number=default_number, now=now)


def finish_dial(caller, result, *, now=NOW):
    return lifecycle.finish_dial(leg=caller, result=result, seconds=None, now=now)


def change(call, call_status, sequence=None, *, findings=(), now=NOW):
    return lifecycle.change_status(
        call_sid=call.call_sid, call_status=call_status, sequence=sequence, seconds=None, findings=findings, now=now
    )


def keep(call, *, recording_sid="RE1", url="https://h/RE1", seconds=7, status="", now=NOW):
    return lifecycle.keep_recording(
        call_sid=call.call_sid, recording_sid=recording_sid, url=url, seconds=seconds, status=status, now=now
    )


def row(caller):
    return Call.objects.get(call_sid=caller.call_sid)


def events(call):
    return list(CallEvent.objects.filter(call=call).order_by("pk").values_list("kind", "detail"))


def state(call):
    call = row(call)
    return (call.status, call.end_reason)


# The ring


def test_a_call_to_a_line_of_ours_is_answered_by_its_agent():
    line = factories.make_line()
    caller = new_leg(to_number=line.number)

    decision = receive(caller)

    call = row(caller)
    assert decision == Answer(call_sid=caller.call_sid, nonce=call.token_nonce)
    assert len(call.token_nonce) == 32
    assert (call.business, call.agent, call.line) == (line.business, line.agent, line)
    assert (call.direction, call.from_number, call.to_number) == ("inbound", caller.from_number, line.number)
    assert (call.account_sid, call.status, call.end_reason) == (caller.account_sid, "ringing", "")
    assert (call.rang_at, call.token_issued_at, call.token_used_at) == (NOW, NOW, None)
    assert events(call) == [("webhook", {"direction": "inbound"})]


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_fifty_rings_of_one_call_in_eight_threads_are_one_call_with_one_answer():
    line = await database.run(factories.make_line)
    caller = new_leg(to_number=line.number)

    decisions = await asyncio.gather(*(database.run(receive, caller) for _ in range(50)))

    call = await database.run(row, caller)
    assert decisions == [Answer(call_sid=caller.call_sid, nonce=call.token_nonce)] * 50
    assert await database.run(events, call) == [("webhook", {"direction": "inbound"})]


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_the_statuses_of_one_call_in_eight_threads_end_it_once():
    call = await database.run(factories.make_call, status=Status.QUEUED, direction="outbound")
    told = [("initiated", 0), ("ringing", 1), ("in-progress", 2), ("completed", 3)] * 8

    await asyncio.gather(*(database.run(change, call, *status) for status in told))

    ended = await database.run(row, call)
    assert (ended.status, ended.end_reason, ended.status_sequence) == ("ended", "caller_hangup", 3)
    assert len(await database.run(events, call)) == 4


def test_each_call_has_a_nonce_of_its_own():
    line = factories.make_line()

    nonces = {receive(new_leg(to_number=line.number)).nonce for _ in range(20)}

    assert len(nonces) == 20


def test_a_repeated_ring_is_the_same_call_with_the_same_answer():
    line = factories.make_line()
    caller = new_leg(to_number=line.number)

    decisions = [receive(caller, now=later(seconds=second)) for second in range(3)]

    assert decisions == [decisions[0]] * 3
    assert row(caller).rang_at == NOW
    assert events(row(caller)) == [("webhook", {"direction": "inbound"})]


def test_a_repeated_ring_changes_nothing_of_a_call_that_goes_on():
    call = factories.make_call(token_nonce="9c32", status=Status.STREAMING)

    assert receive(leg(call)) == Answer(call_sid=call.call_sid, nonce="9c32")
    assert state(call) == ("streaming", "")


def test_a_call_of_ours_belongs_to_the_business_that_calls():
    line = factories.make_line()
    factories.make_line(number="+15550101111")
    caller = new_leg(from_number=line.number, to_number="+15550101111", is_outbound=True)

    assert isinstance(receive(caller), Answer)

    call = row(caller)
    assert (call.direction, call.business, call.agent, call.line) == ("outbound", line.business, line.agent, line)


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RINGING])
def test_a_call_of_ours_that_was_written_before_it_rang_is_answered(status):
    line = factories.make_line()
    call = factories.make_call(
        line=line, status=status, direction="outbound", from_number=line.number, to_number="+15550100001"
    )

    decision = receive(leg(call))

    assert decision == Answer(call_sid=call.call_sid, nonce=row(call).token_nonce)
    assert row(call).status == "ringing"


def test_an_anonymous_caller_is_answered_like_any_other():
    line = factories.make_line()

    for number in ("anonymous", "+266696687", ""):
        caller = new_leg(to_number=line.number, from_number=number)
        assert isinstance(receive(caller), Answer)
        assert row(caller).from_number == number


def test_findings_are_noted_once():
    line = factories.make_line()
    caller = new_leg(to_number=line.number)

    for _ in range(2):
        receive(caller, findings=["webhook_by_get"])

    assert events(row(caller)) == [("webhook_by_get", {}), ("webhook", {"direction": "inbound"})]


# No agent can answer


@pytest.mark.parametrize(
    ("obstacle", "reason"),
    [
        (lifecycle.NO_OPENAI_KEY, Reason.UPSTREAM_UNAVAILABLE),
        (lifecycle.NO_WEBSOCKETS, Reason.INTERNAL_ERROR),
    ],
)
def test_a_call_that_no_agent_can_answer_goes_to_a_person_at_once(obstacle, reason):
    line = factories.make_line()
    caller = new_leg(to_number=line.number)

    decision = receive(caller, obstacle=obstacle)

    assert decision == HandOver(number=PERSON, business="Cedar Plumbing")
    call = row(caller)
    assert (call.status, call.end_reason, call.handover_number) == ("handed_over", reason, PERSON)
    assert (call.handed_over_at, call.token_nonce) == (NOW, "")
    assert events(call) == [RANG, ("no_stream", {"because": obstacle}), ("handover", {})]


def test_what_openai_refused_other_calls_for_is_said_on_this_one():
    caller, other = new_leg(to_number=factories.make_line().number), new_leg(to_number=factories.make_line().number)
    asked = {"default_number": DEFAULT, "findings": (), "now": NOW}
    lifecycle.receive_call(leg=caller, obstacle=lifecycle.OPENAI_REFUSES, refusal="quota", **asked)
    lifecycle.receive_call(leg=other, obstacle="", refused_models={""}, **asked)

    because = {"because": "openai_refuses"}
    assert events(row(caller))[1] == ("no_stream", because | {"cause": "quota"})
    assert events(row(other))[1] == ("no_stream", because | {"cause": "model"})


def test_a_line_without_agent_goes_to_a_person_at_once():
    line = factories.make_line(without_agent=True)
    caller = new_leg(to_number=line.number)

    assert receive(caller) == HandOver(number=PERSON, business="Cedar Plumbing")
    assert state(caller) == ("handed_over", "upstream_unavailable")
    assert events(row(caller)) == [RANG, ("no_stream", {"because": "no_agent"}), ("handover", {})]


def test_an_unknown_number_goes_to_the_person_of_the_setting():
    caller = new_leg(to_number="+15550105555")

    assert receive(caller) == HandOver(number=DEFAULT)
    assert (row(caller).business, row(caller).line, row(caller).to_number) == (None, None, "+15550105555")


def test_without_any_person_the_voicemail_answers():
    caller = new_leg(to_number="+15550105555")

    assert receive(caller, default_number="") == Voicemail()
    assert state(caller) == ("handed_over", "upstream_unavailable")


def test_a_repeated_ring_is_handed_over_to_the_same_person_though_the_business_has_another_by_now():
    line = factories.make_line(without_agent=True)
    caller = new_leg(to_number=line.number)
    first = receive(caller)
    line.business.handover_number = "+15550103333"
    line.business.save()

    assert receive(caller, now=later(seconds=2)) == first
    assert row(caller).handed_over_at == NOW


def test_a_repeated_ring_that_went_to_voicemail_goes_there_again():
    caller = new_leg(to_number="+15550105555")
    receive(caller, default_number="")

    assert receive(caller, default_number=DEFAULT) == Voicemail()


def test_the_person_sees_our_line_when_the_caller_hides_the_number():
    line = factories.make_line(without_agent=True)

    decision = receive(new_leg(to_number=line.number, from_number="anonymous"))

    assert decision == HandOver(number=PERSON, caller_id=line.number, business="Cedar Plumbing")


# A hand-over that comes back


def test_a_leg_that_comes_back_goes_to_voicemail_and_never_to_a_second_agent():
    line = factories.make_line()
    first = new_leg(to_number=line.number)
    receive(first)
    leave(leg(row(first)), now=later(seconds=1))
    second = new_leg(to_number=line.number, forwarded_from=PERSON)

    decision = receive(second, now=later(seconds=5))

    assert decision == Voicemail(business="Cedar Plumbing")
    assert state(second) == ("handed_over", "")
    assert row(second).token_nonce == ""
    assert events(row(second)) == [RANG, ("forwarding_loop", {"first_call": first.call_sid}), ("voicemail", {})]


def test_a_line_without_agent_whose_person_forwards_to_it_rings_that_person_once():
    line = factories.make_line(without_agent=True)

    decisions = [receive(new_leg(to_number=line.number), now=later(seconds=second)) for second in range(4)]

    assert [type(decision) for decision in decisions] == [HandOver, Voicemail, Voicemail, Voicemail]


def test_a_caller_who_rings_again_after_the_hand_over_has_the_agent_again():
    line = factories.make_line()
    first = new_leg(to_number=line.number)
    receive(first)
    leave(leg(row(first)))
    finish_dial(leg(row(first)), "busy")

    assert isinstance(receive(new_leg(to_number=line.number), now=later(seconds=20)), Answer)


def test_a_leg_that_comes_back_while_it_is_announced_stays_refused_however_often_twilio_asks():
    line = factories.make_line()
    announced = {"handover_is_announced": True, "end_reason": Reason.TRANSFERRED, "from_number": "+15550100009"}
    factories.make_call(line=line, status=Status.HANDED_OVER, handover_number=PERSON, handed_over_at=NOW, **announced)
    second = new_leg(to_number=line.number, from_number="+15550100009")

    assert [receive(second) for _ in range(3)] == [Busy()] * 3
    assert state(second) == ("ended", "busy")


def hidden_caller_at_a_person(line):
    """Their call is being dialed to a person just now, showing our line."""
    hidden = new_leg(to_number=line.number, from_number="anonymous")
    assert isinstance(receive(hidden, obstacle=lifecycle.OPENAI_REFUSES), HandOver)


def our_callback(line):
    return new_leg(from_number=line.number, to_number="+15550100002", is_outbound=True, call_status="in-progress")


def test_a_callback_of_ours_has_the_agent_while_a_hidden_caller_is_put_through():
    line = factories.make_line()
    hidden_caller_at_a_person(line)

    assert isinstance(receive(our_callback(line), now=later(seconds=30)), Answer)


def test_a_callback_of_ours_that_falls_back_meanwhile_reaches_a_person():
    line = factories.make_line()
    hidden_caller_at_a_person(line)

    assert isinstance(fall_back(our_callback(line), now=later(seconds=30)), HandOver)


# The fallback address


def test_a_failed_document_leads_to_a_person_before_idempotency_is_considered():
    line = factories.make_line()
    caller = new_leg(to_number=line.number)
    receive(caller)

    decision = fall_back(caller, now=later(seconds=15))

    assert decision == HandOver(number=PERSON, business="Cedar Plumbing")
    assert state(caller) == ("handed_over", "internal_error")
    assert events(row(caller))[1:] == [("fallback", {"error_code": "11200", "address": "voice"}), ("handover", {})]


def test_the_fallback_makes_the_row_of_a_call_whose_first_webhook_failed():
    line = factories.make_line()
    caller = new_leg(to_number=line.number)

    assert fall_back(caller) == HandOver(number=PERSON, business="Cedar Plumbing")
    assert (row(caller).business, row(caller).from_number) == (line.business, caller.from_number)


def test_a_repeated_fallback_is_the_same():
    line = factories.make_line()
    caller = new_leg(to_number=line.number)

    assert [fall_back(caller), fall_back(caller, now=later(seconds=3))] == [
        HandOver(number=PERSON, business="Cedar Plumbing")
    ] * 2
    assert len(events(row(caller))) == 2


def test_the_fallback_of_a_dial_that_is_over_is_the_voicemail():
    call = factories.make_call(status=Status.HANDED_OVER, handover_number=PERSON, handed_over_at=NOW)

    assert fall_back(leg(call), failed_address="dial-done") == Voicemail(business="Cedar Plumbing")


def test_a_person_who_did_not_answer_is_not_dialed_again_by_the_fallback():
    call = factories.make_call(
        status=Status.HANDED_OVER, handover_number=PERSON, handed_over_at=NOW, handover_result="busy"
    )

    assert fall_back(leg(call), failed_address="other") == Voicemail(business="Cedar Plumbing")


def test_the_fallback_of_a_recording_is_a_last_word():
    assert fall_back(leg(factories.make_call()), failed_address="recording") == Thanks()


@pytest.mark.parametrize("reason", [Reason.AGENT_HANGUP, Reason.SILENCE])
def test_the_fallback_after_a_normal_end_hangs_up(reason):
    call = factories.make_ended_call(end_reason=reason)

    assert fall_back(leg(call), failed_address="after") == HangUp()
    assert state(call) == ("ended", reason)


def test_the_fallback_of_a_leg_that_comes_back_is_the_voicemail():
    first = factories.make_call(status=Status.HANDED_OVER, handover_number=PERSON, handed_over_at=NOW)
    second = new_leg(to_number=first.to_number)

    assert fall_back(second) == Voicemail(business="Cedar Plumbing")
    assert events(row(second))[1:] == [("forwarding_loop", {"first_call": first.call_sid}), ("voicemail", {})]


# The end of the stream


@pytest.mark.parametrize("reason", [Reason.AGENT_HANGUP, Reason.SILENCE])
def test_after_a_normal_end_the_call_is_hung_up(reason):
    call = factories.make_ended_call(end_reason=reason)

    assert leave(leg(call)) == HangUp()
    assert state(call) == ("ended", reason)


def test_who_has_talked_for_the_longest_time_allowed_gets_a_person():
    call = factories.make_call(status=Status.HANDED_OVER, end_reason=Reason.MAX_DURATION)

    assert leave(leg(call)) == HandOver(number=PERSON, business="Cedar Plumbing")
    assert state(call) == ("handed_over", "max_duration")


@pytest.mark.parametrize("status", [Status.RINGING, Status.STREAMING])
def test_after_a_caller_who_hung_up_the_call_is_over(status):
    call = factories.make_call(status=status)

    assert leave(leg(call, call_status="completed"), now=later(seconds=9)) == HangUp()
    assert state(call) == ("ended", "caller_hangup")
    assert row(call).ended_at == later(seconds=9)


def test_a_caller_who_is_still_there_though_the_stream_said_otherwise_gets_a_person():
    call = factories.make_ended_call(end_reason=Reason.CALLER_HANGUP)

    assert leave(leg(call)) == HandOver(number=PERSON, business="Cedar Plumbing")
    assert state(call) == ("ended", "caller_hangup")


@pytest.mark.parametrize(
    "reason",
    [
        Reason.UPSTREAM_UNAVAILABLE,
        Reason.UPSTREAM_LOST,
        Reason.STREAM_LOST,
        Reason.AUTH_FAILED,
        Reason.OVERLOADED,
        Reason.DRAINING,
        Reason.SERVER_RESTART,
        Reason.INTERNAL_ERROR,
    ],
)
def test_after_any_other_end_a_person_is_dialed(reason):
    """As the relay leaves the row: handed over, the number not yet known."""
    call = factories.make_call(status=Status.HANDED_OVER, end_reason=reason, handed_over_at=NOW)

    assert leave(leg(call), now=later(seconds=1)) == HandOver(number=PERSON, business="Cedar Plumbing")
    assert state(call) == ("handed_over", reason)
    assert (row(call).handover_number, row(call).handed_over_at) == (PERSON, later(seconds=1))


def test_a_stream_that_was_refused_says_so():
    call = factories.make_call(status=Status.RINGING)
    streams.note_refusal(call_sid=call.call_sid, why="expired token", now=later(seconds=1))

    assert leave(leg(call)) == HandOver(number=PERSON, business="Cedar Plumbing")
    assert state(call) == ("handed_over", "auth_failed")


def test_a_forged_stream_beside_the_true_one_says_nothing_of_the_call():
    call = factories.make_call(status=Status.STREAMING, token_used_at=later(seconds=1))
    streams.note_refusal(call_sid=call.call_sid, why="token already used", now=later(seconds=2))
    leave(leg(call))

    assert state(call) == ("handed_over", "stream_lost")


@pytest.mark.parametrize("status", [Status.RINGING, Status.STREAMING])
def test_a_stream_that_never_came_or_was_lost_leads_to_a_person(status):
    call = factories.make_call(status=status)

    assert leave(leg(call)) == HandOver(number=PERSON, business="Cedar Plumbing")
    assert state(call) == ("handed_over", "stream_lost")


def test_without_a_person_the_end_of_the_stream_leads_to_voicemail():
    line = factories.make_line(business=factories.make_business(handover_number=""))
    call = factories.make_call(line=line)

    assert leave(leg(call), default_number="") == Voicemail(business="Cedar Plumbing")
    assert state(call) == ("handed_over", "stream_lost")


def test_a_repeated_end_of_the_stream_has_the_same_answer():
    call = factories.make_call()

    first = leave(leg(call))

    assert leave(leg(call), now=later(seconds=2)) == first
    assert (row(call).handed_over_at, len(events(call))) == (NOW, 1)


def test_after_a_dial_that_is_over_the_person_is_not_dialed_again():
    call = factories.make_call(end_reason=Reason.STREAM_LOST, handover_number=PERSON, handover_result="no-answer")
    done = factories.make_call(end_reason=Reason.STREAM_LOST, handover_number=PERSON, handover_result="completed")

    assert leave(leg(call)) == Voicemail(business="Cedar Plumbing")
    assert leave(leg(done)) == HangUp()


def test_the_end_of_an_unknown_call_still_leads_to_a_person():
    line = factories.make_line()
    caller = new_leg(to_number=line.number, call_status="in-progress")

    assert leave(caller) == HandOver(number=PERSON, business="Cedar Plumbing")
    assert state(caller) == ("handed_over", "stream_lost")


def test_the_end_of_an_unknown_call_that_is_over_leaves_no_row():
    assert leave(new_leg(call_status="completed")) == HangUp()
    assert Call.objects.count() == 0


# The dial to a person


def handed_over(**fields):
    standing = {"status": Status.HANDED_OVER, "handover_number": PERSON, "handed_over_at": NOW}
    return factories.make_call(**standing | fields)


@pytest.mark.parametrize("result", ["completed", "answered"])
def test_a_person_who_was_reached_ends_the_call(result):
    call = handed_over(end_reason=Reason.UPSTREAM_LOST)

    assert finish_dial(leg(call), result, now=later(seconds=40)) == HangUp()
    assert state(call) == ("ended", "upstream_lost")
    call = row(call)
    assert (call.handover_result, call.ended_at, call.outcome) == (result, later(seconds=40), "transferred")


def test_a_person_who_was_reached_is_the_reason_if_there_is_no_other():
    call = handed_over()

    finish_dial(leg(call), "completed")

    assert state(call) == ("ended", "transferred")


def test_what_weighs_more_than_a_transfer_stays_the_outcome():
    call = handed_over()
    call.business.emergencies.create(call=call, raised_by="tool", kind="gas", raised_at=NOW)

    finish_dial(leg(call), "completed")

    assert row(call).outcome == "emergency"


@pytest.mark.parametrize("result", ["busy", "no-answer", "failed", "canceled", "", "something-new"])
def test_a_person_who_was_not_reached_leads_to_voicemail(result):
    call = handed_over(end_reason=Reason.STREAM_LOST)

    assert finish_dial(leg(call), result) == Voicemail(business="Cedar Plumbing")
    assert state(call) == ("handed_over", "stream_lost")
    assert row(call).handover_result == (result or "unknown")


def test_the_first_report_of_a_dial_stands():
    call = handed_over()
    finish_dial(leg(call), "busy")

    assert finish_dial(leg(call), "completed") == Voicemail(business="Cedar Plumbing")
    assert row(call).handover_result == "busy"
    assert events(call) == [("dial_done", {"result": "busy", "seconds": None}), ("voicemail", {})]


def test_a_caller_who_hangs_up_while_the_person_is_rung_ends_the_call():
    call = handed_over(end_reason=Reason.STREAM_LOST)

    finish_dial(leg(call, call_status="completed"), "canceled", now=later(seconds=8))

    assert state(call) == ("ended", "stream_lost")
    assert row(call).ended_at == later(seconds=8)


def test_a_dial_of_an_unknown_call_leads_to_voicemail():
    caller = new_leg(call_status="in-progress")

    assert finish_dial(caller, "no-answer") == Voicemail()


# Status callbacks


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_statuses_end_the_same_in_every_order(order):
    names = ["initiated", "ringing", "in-progress", "completed"]
    call = factories.make_call(status=Status.QUEUED, direction="outbound")

    for number in order:
        change(call, names[number], number, now=NOW)

    call = row(call)
    assert (call.status, call.end_reason, call.status_sequence) == ("ended", "caller_hangup", 3)
    assert call.ended_at == NOW


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_statuses_never_move_a_live_call_back(order):
    names = ["initiated", "ringing", "in-progress"]
    call = factories.make_call(status=Status.STREAMING)

    for number in order:
        change(call, names[number], number)

    assert state(call) == ("streaming", "")


def test_a_call_of_ours_rings_when_twilio_says_so():
    call = factories.make_call(status=Status.QUEUED, direction="outbound")

    change(call, "ringing", 1)

    assert state(call) == ("ringing", "")


def test_an_older_status_does_not_count():
    call = factories.make_call(status=Status.QUEUED, direction="outbound", status_sequence=5)

    change(call, "ringing", 1)

    assert (row(call).status, row(call).status_sequence) == ("queued", 5)


def test_a_status_without_number_counts():
    call = factories.make_call(status=Status.QUEUED, direction="outbound")

    change(call, "ringing")
    assert state(call) == ("ringing", "")
    change(call, "completed")
    assert state(call) == ("ended", "caller_hangup")


def test_a_call_that_is_over_ends_once():
    call = factories.make_call()

    change(call, "completed", 0, now=later(seconds=30))
    change(call, "completed", 0, now=later(seconds=60))

    assert state(call) == ("ended", "caller_hangup")
    assert row(call).ended_at == later(seconds=30)
    assert events(call) == [("call_status", {"status": "completed", "sequence": 0})]


@pytest.mark.parametrize("reason", [Reason.AGENT_HANGUP, Reason.UPSTREAM_LOST, Reason.VOICEMAIL])
def test_a_reason_that_was_given_before_stands(reason):
    call = factories.make_call(status=Status.HANDED_OVER, end_reason=reason)

    change(call, "completed", 0)

    assert state(call) == ("ended", reason)


@pytest.mark.parametrize(
    ("direction", "call_status", "reason"),
    [
        ("inbound", "completed", "caller_hangup"),
        ("inbound", "canceled", "caller_hangup"),
        ("outbound", "canceled", "failed"),
        ("outbound", "busy", "busy"),
        ("outbound", "no-answer", "no_answer"),
        ("outbound", "failed", "failed"),
    ],
)
def test_a_call_ends_with_the_reason_that_twilio_gives(direction, call_status, reason):
    call = factories.make_call(status=Status.RINGING, direction=direction)

    change(call, call_status, 2)

    assert state(call) == ("ended", reason)


def test_a_call_that_was_handed_over_after_its_end_ends_when_twilio_says_so():
    """Else its hand-over would seem open, and hold the caller's next call back."""
    call = factories.make_ended_call()
    leave(leg(call), now=later(seconds=100))

    change(call, "completed", 0, now=later(seconds=130))

    assert row(call).ended_at == later(seconds=130)


def test_the_status_of_an_unknown_call_is_not_stored():
    assert change(Call(call_sid="CA404"), "completed", 0) is False
    assert Call.objects.count() == 0


def test_findings_of_a_status_callback_are_noted():
    call = factories.make_call()

    change(call, "in-progress", 1, findings=["webhook_by_get"])

    assert events(call)[0] == ("webhook_by_get", {})


def test_an_event_tells_how_long_after_the_ring_it_happened():
    call = factories.make_call()

    change(call, "completed", 0, now=later(milliseconds=83_512))

    assert CallEvent.objects.get(call=call).at_ms == 83_512


# What Twilio says of a stream


def note(call, event, error="", stream_sid="MZ1"):
    return lifecycle.note_stream_status(
        call_sid=call.call_sid, stream_sid=stream_sid, event=event, error=error, now=NOW
    )


def test_what_twilio_says_of_a_stream_is_kept_once():
    call = factories.make_call()
    for event in ("stream-started", "stream-started", "stream-stopped"):
        assert note(call, event) is True

    assert events(call) == [
        ("twilio_stream_started", {"stream_sid": "MZ1"}),
        ("twilio_stream_stopped", {"stream_sid": "MZ1"}),
    ]


def test_an_error_is_kept_with_its_stream():
    call = factories.make_call()
    stream, other = factories.make_stream(call=call), factories.make_stream(call=call)

    note(call, "stream-error", "31921 closed", stream.stream_sid)

    errors = [Stream.objects.get(pk=pk).error for pk in (stream.pk, other.pk)]
    assert errors == ["31921 closed", ""]
    assert events(call) == [("twilio_stream_error", {"stream_sid": stream.stream_sid, "error": "31921 closed"})]


def test_a_handshake_that_failed_is_an_event_though_there_is_no_stream():
    call = factories.make_call(status=Status.RINGING)

    note(call, "stream-error", "31920 handshake")

    assert events(call) == [("twilio_stream_error", {"stream_sid": "MZ1", "error": "31920 handshake"})]
    assert Stream.objects.count() == 0


def test_a_stream_of_another_call_is_not_touched():
    call, stream = factories.make_call(), factories.make_stream()

    note(call, "stream-error", "31921 closed", stream.stream_sid)

    assert Stream.objects.get(pk=stream.pk).error == ""


def test_the_stream_of_an_unknown_call_is_not_stored():
    assert note(Call(call_sid="CA404"), "stream-error", "x") is False
    assert CallEvent.objects.count() == 0


# Voicemail


def test_a_voicemail_is_kept_and_ends_the_call():
    call = handed_over()

    assert keep(call, now=later(seconds=50)) is True

    call = row(call)
    assert (call.recording_sid, call.recording_url, call.recording_seconds) == ("RE1", "https://h/RE1", 7)
    assert (call.status, call.end_reason, call.ended_at) == ("ended", "voicemail", later(seconds=50))


def test_a_voicemail_after_a_failure_keeps_the_failure_as_reason():
    call = handed_over(end_reason=Reason.UPSTREAM_LOST)

    keep(call)

    assert state(call) == ("ended", "upstream_lost")


def test_the_status_callback_of_a_recording_does_not_end_the_call():
    call = handed_over()

    keep(call, status="completed")

    assert state(call) == ("handed_over", "")
    assert row(call).recording_url == "https://h/RE1"


@pytest.mark.parametrize("order", list(itertools.permutations(["", "completed", "completed"])))
def test_action_and_status_callback_may_come_in_any_order_and_twice(order):
    call = handed_over()

    for status in order:
        keep(call, status=status)

    call = row(call)
    assert (call.recording_sid, call.recording_seconds, call.status) == ("RE1", 7, "ended")
    assert CallEvent.objects.filter(call=call).count() == 2


def test_a_length_that_is_not_known_yet_does_not_take_away_a_known_one():
    call = handed_over()

    keep(call, seconds=7)
    keep(call, seconds=None, status="completed")

    assert row(call).recording_seconds == 7


@pytest.mark.parametrize("status", ["absent", "failed", "in-progress"])
def test_a_recording_that_is_not_there_is_only_an_event(status):
    call = handed_over()

    keep(call, status=status)

    assert (row(call).recording_sid, row(call).recording_url) == ("", "")
    assert events(call) == [("recording", {"recording_sid": "RE1", "status": status})]


def test_the_first_recording_of_a_call_stands():
    call = handed_over()

    keep(call)
    keep(call, recording_sid="RE2", url="https://h/RE2")

    assert row(call).recording_url == "https://h/RE1"
    assert [detail["recording_sid"] for _, detail in events(call)] == ["RE1", "RE2"]


def test_the_recording_of_an_unknown_call_is_not_stored():
    assert keep(Call(call_sid="CA404")) is False


def test_a_caller_whom_nobody_took_is_to_be_called_back_and_a_voicemail_to_be_listened_to():
    call = factories.make_call(end_reason=Reason.TRANSFERRED, handover_number=PERSON)
    finish_dial(leg(call), "no-answer")
    assert row(call).next_action == "Call back: nobody could take the call."

    lifecycle.keep_recording(
        call_sid=call.call_sid,
        recording_sid="RE1",
        url="https://api.twilio.com/RE1",
        seconds=7,
        status="",
        now=later(seconds=40),
    )
    assert row(call).next_action == "Listen to the voicemail, and call back."
    [message] = call.messages.all()
    assert (message.number, message.text) == (call.from_number, "Voicemail: the sound is on the page of the call.")
