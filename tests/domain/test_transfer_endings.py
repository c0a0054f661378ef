"""Every way in which a transfer ends: reason, outcome and next action say what happened, in whatever order it is told.

The agent's part is summed up at some moment in between; at which one changes nothing.
"""

from datetime import timedelta

import pytest

from calls.domain import emergencies, lifecycle, summaries, transfer
from calls.models import Call, KnownAnswer, OutgoingEmail
from tests import factories
from tests.domain.legs import leg, new_leg

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT
CALL_BACK = "Call back: nobody could take the call."
LISTEN = "Listen to the voicemail, and call back."
REFUSALS = ["busy", "no-answer", "failed", "completed"]  # completed: a voicemail has picked up, or another key


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def row(call):
    return Call.objects.select_related("business", "agent").get(pk=call.pk)


# What is told, as steps of a story.


def after(call, call_status="in-progress"):
    lifecycle.leave_stream(leg=leg(call, call_status=call_status), default_number="", now=later(1))


def after_the_end(call):
    after(call, "completed")


def press_1(call):
    transfer.announce(call_sid=call.call_sid, digits="1", now=later(5))


def dialed(result, *, is_bridged=None, call_status="in-progress", obstacle=""):
    def step(call):
        told = {"seconds": None, "is_bridged": is_bridged, "obstacle": obstacle, "now": later(20)}
        lifecycle.finish_dial(leg=leg(call, call_status=call_status), result=result, **told)

    return step


def over(call):
    told = {"call_status": "completed", "sequence": 3, "seconds": 60, "findings": []}
    lifecycle.change_status(call_sid=call.call_sid, now=later(60), **told)


def recorded(status=""):
    def step(call):
        told = {"recording_sid": "RE1", "url": "https://api.twilio.com/RE1", "seconds": 7, "status": status}
        lifecycle.keep_recording(call_sid=call.call_sid, now=later(50), **told)

    return step


def nothing_recorded(call):
    told = {"recording_sid": "", "url": "", "seconds": 0, "status": ""}
    lifecycle.keep_recording(call_sid=call.call_sid, now=later(50), **told)


def sum_up(call):
    summaries.conclude_call(call_id=call.pk, model_text='{"summary": "An invoice."}', now=later(2))


BRIDGED, GONE = {"is_bridged": True}, {"call_status": "completed"}
TRANSFERRED = ("transferred", "transferred", "")
HUNG_UP = ("caller_hangup", "answered", CALL_BACK)
LEFT_A_MESSAGE = ("voicemail", "message", LISTEN)

ENDINGS = {
    "accepted": ([after, press_1, dialed("completed", **BRIDGED), over], TRANSFERRED),
    "accepted, the status first": ([after, press_1, over, dialed("completed", **BRIDGED, **GONE)], TRANSFERRED),
    "accepted, the result never told": ([after, press_1, over], TRANSFERRED),
    "accepted, but the caller was gone": (
        [after, press_1, dialed("completed", is_bridged=False, **GONE), over],
        HUNG_UP,
    ),
    "accepted, but gone, the status first": (
        [after, press_1, over, dialed("completed", is_bridged=False, **GONE)],
        HUNG_UP,
    ),
    "hung up in the goodbye": ([over], HUNG_UP),
    "hung up in the goodbye, asked after it": ([after_the_end, over], HUNG_UP),
    "hung up while it rang": ([after, dialed("canceled", **GONE), over], HUNG_UP),
    "hung up while it rang, the status first": ([after, over, dialed("canceled", **GONE)], HUNG_UP),
    "hung up while it rang, the result never told": ([after, over], HUNG_UP),
}
for refusal in REFUSALS:
    ENDINGS[f"{refusal}, hung up"] = ([after, dialed(refusal), over], HUNG_UP)
    ENDINGS[f"{refusal}, message"] = ([after, dialed(refusal), recorded(), over], LEFT_A_MESSAGE)
BUSY = [after, dialed("busy")]
ENDINGS |= {
    "told twice": ([*BUSY, dialed("busy"), over, over], HUNG_UP),
    "nothing said": ([*BUSY, nothing_recorded, over], HUNG_UP),
    "message, the status first": ([*BUSY, over, recorded(), recorded("completed")], LEFT_A_MESSAGE),
    "message, only its file told": ([*BUSY, recorded("completed"), over], LEFT_A_MESSAGE),
    "message, its file first": ([*BUSY, recorded("completed"), over, recorded()], LEFT_A_MESSAGE),
}


def make_call(**fields):
    """As the relay leaves the row when the goodbye has been heard."""
    business = factories.make_business(email="owner@example.com")
    standing = {"status": "handed_over", "end_reason": "transferred", "handed_over_at": NOW}
    call = factories.make_call(line=factories.make_line(business=business), **standing | fields)
    factories.make_turn(call=call, text="I want to speak to a person.")
    return call


def tell(call, steps, summed_up_at):
    for step in [*steps[:summed_up_at], sum_up, *steps[summed_up_at:]]:
        step(call)
    ended = row(call)
    assert ended.status == "ended"
    return (ended.end_reason, ended.outcome, ended.next_action)


def moments(endings):
    return [
        pytest.param(steps, expected, moment, id=f"{name} [summed up at {moment}]")
        for name, (steps, expected) in endings.items()
        for moment in (0, 2, len(steps))
    ]


@pytest.mark.parametrize(("steps", "expected", "moment"), moments(ENDINGS))
def test_a_transfer_that_is_announced_ends_as_what_it_was(steps, expected, moment):
    assert tell(make_call(), steps, moment) == expected


COLD = {
    "taken": ([after, dialed("completed"), over], TRANSFERRED),
    "taken, the status first": ([after, over, dialed("completed", **GONE)], TRANSFERRED),
    "not taken, hung up": ([after, dialed("no-answer"), over], HUNG_UP),
    "not taken, the status first": ([after, over, dialed("no-answer", **GONE)], HUNG_UP),
    "not taken, message": ([after, dialed("busy"), recorded(), over], LEFT_A_MESSAGE),
}


@pytest.mark.parametrize(("steps", "expected", "moment"), moments(COLD))
def test_a_transfer_without_announcement_ends_as_twilio_says(steps, expected, moment):
    call = make_call()
    call.agent.warm_transfer = False
    call.agent.save()

    assert tell(call, steps, moment) == expected


NOBODY = {
    "hung up": ([after, over], HUNG_UP),
    "asked twice, hung up": ([after, after, over], HUNG_UP),
    "message": ([after, recorded(), over], LEFT_A_MESSAGE),
}


@pytest.mark.parametrize(("steps", "expected", "moment"), moments(NOBODY))
def test_a_transfer_to_somebody_whose_number_is_gone_by_now_is_none(steps, expected, moment):
    call = make_call()
    call.business.handover_number = ""
    call.business.save()

    assert tell(call, steps, moment) == expected
    assert row(call).handover_result == "no_number"


FAILURES = {
    "reached": ([after, dialed("completed"), over], ("upstream_lost", "transferred", "")),
    "message": ([after, dialed("busy"), recorded(), over], ("upstream_lost", "message", LISTEN)),
    "hung up": ([after, dialed("busy"), over], ("upstream_lost", "answered", CALL_BACK)),
}


@pytest.mark.parametrize(("steps", "expected", "moment"), moments(FAILURES))
def test_a_failure_stays_the_reason_whoever_is_reached_then(steps, expected, moment):
    assert tell(make_call(end_reason="upstream_lost"), steps, moment) == expected


# A person's telephone rang before the agent answered.


def ring_first():
    business = factories.make_business(email="owner@example.com")
    line = factories.make_line(business=business, answers="after_ringing", ring_seconds=15)
    caller = new_leg(to_number=line.number)
    lifecycle.receive_call(leg=caller, obstacle="", default_number="", findings=[], now=NOW)
    return Call.objects.get(call_sid=caller.call_sid)


def talk(reason):
    """The agent has the caller, until it ends for `reason`."""

    def step(call):
        factories.make_turn(call=call)
        status = "handed_over" if reason == "transferred" else "ended"
        at = {"handed_over_at": later(40)} if reason == "transferred" else {"ended_at": later(40)}
        Call.objects.filter(pk=call.pk).update(status=status, end_reason=reason, streaming_at=later(16), **at)

    return step


AGENT = dialed("no-answer")
AFTER_RINGING = {
    "taken": ([press_1, dialed("completed", **BRIDGED), over], TRANSFERRED),
    "hung up while it rang": ([dialed("no-answer", **GONE), over], ("caller_hangup", "hung_up", "")),
    "back to the agent": ([AGENT, talk("agent_hangup"), sum_up, over], ("agent_hangup", "answered", "")),
    "back to the agent, then transferred": (
        [AGENT, talk("transferred"), sum_up, after, press_1, dialed("completed", **BRIDGED), over],
        TRANSFERRED,
    ),
    "back to the agent, then refused, message": (
        [AGENT, talk("transferred"), sum_up, after, dialed("busy"), recorded(), over],
        LEFT_A_MESSAGE,
    ),
    "no agent either, message": (
        [dialed("no-answer", obstacle="no_openai_key"), recorded(), over],
        ("upstream_unavailable", "message", LISTEN),
    ),
    "no agent either, hung up": (
        [dialed("no-answer", obstacle="no_openai_key"), over],
        ("upstream_unavailable", "none", CALL_BACK),
    ),
}


@pytest.mark.parametrize(("steps", "expected"), AFTER_RINGING.values(), ids=AFTER_RINGING)
def test_a_line_that_rings_a_person_first_ends_as_what_it_was(steps, expected):
    call = ring_first()
    for step in steps:
        step(call)

    ended = row(call)
    assert (ended.status, ended.end_reason, ended.outcome, ended.next_action) == ("ended", *expected)


def test_while_the_caller_speaks_to_the_voicemail_no_reason_is_given_yet():
    call = make_call()
    for step in (after, dialed("busy")):
        step(call)

    assert (row(call).status, row(call).end_reason, row(call).next_action) == ("handed_over", "", CALL_BACK)


def test_a_person_who_has_talked_is_not_followed_by_a_voicemail_when_twilio_cannot_tell_us():
    """The address that takes the result of the dial did not answer; Twilio asks the fallback."""
    call = make_call()
    for step in (after, press_1):
        step(call)
    told = {"error_code": "11200", "failed_address": "dial-done", "default_number": ""}

    decision = lifecycle.fall_back(leg=leg(call), now=later(40), **told)

    assert type(decision).__name__ == "HangUp"
    assert (row(call).end_reason, row(call).status) == ("transferred", "ended")


# What the owner is told


def letters():
    """What each letter asks for, in its first line."""
    return [letter.body.splitlines()[0] for letter in OutgoingEmail.objects.order_by("pk")]


@pytest.mark.parametrize("moment", [0, 2, 3])
def test_the_owner_is_told_once_of_a_caller_whom_nobody_took(moment):
    tell(make_call(), [after, dialed("busy"), over], moment)

    assert letters() == [CALL_BACK]


@pytest.mark.parametrize("moment", [0, 1, 4])
def test_the_owner_is_told_of_a_voicemail(moment):
    """Summed up while the caller spoke to it, the first letter could not know."""
    tell(make_call(), [after, dialed("busy"), recorded(), over], moment)

    assert letters() == [LISTEN]


def test_a_letter_that_left_before_does_not_stand_in_for_the_one_about_the_dial():
    call = make_call()
    KnownAnswer.objects.create(business=call.business, call=call, question="Do you fix boats?")
    tell(call, [after, dialed("busy"), over], 0)

    assert letters() == [
        "Answer the question that the agent could not answer.",
        CALL_BACK,
    ]


def test_a_voicemail_at_a_number_of_no_business_is_to_be_listened_to():
    call = make_call(business=None)

    assert tell(call, [after, dialed("busy"), recorded(), over], 0)[2] == LISTEN


def test_of_a_transfer_that_was_accepted_nobody_is_told():
    tell(make_call(), [after, press_1, dialed("completed", **BRIDGED), over], 0)

    assert letters() == []


def test_a_caller_whom_no_agent_answered_is_told_of_too():
    line = factories.make_line(business=factories.make_business(email="owner@example.com"), without_agent=True)
    caller = new_leg(to_number=line.number)
    lifecycle.receive_call(leg=caller, obstacle="", default_number="", findings=[], now=NOW)
    call = Call.objects.get(call_sid=caller.call_sid)
    for step in (dialed("busy"), over):
        step(call)

    assert letters() == [CALL_BACK]


def test_a_test_call_of_the_doctor_writes_to_nobody():
    tell(make_call(call_sid="CAd0c70f" + "0" * 26), [after, dialed("busy"), over], 0)

    assert letters() == []


@pytest.mark.parametrize("summed_up", ["before", "after"])
def test_once_an_emergency_is_accepted_the_call_no_longer_asks_for_somebody(summed_up):
    """The key is pressed when the caller has hung up already."""
    call = make_call(status="ended", end_reason="caller_hangup")
    emergency = emergencies.report(call_id=call.pk, kind="gas", description="Gas.", now=NOW)
    if summed_up == "before":
        sum_up(call)
        assert row(call).next_action == "Ring the caller now: nobody has accepted the emergency."
    assert emergencies.accept(emergency_id=emergency.pk, technician=None, now=later(90))
    if summed_up == "after":
        sum_up(call)

    assert (row(call).outcome, row(call).next_action) == ("emergency", "")
