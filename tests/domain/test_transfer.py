"""The caller wants a person, the person hears why, and only a pressed 1 counts as reached."""

from datetime import timedelta

import pytest

from calls.domain import lifecycle, outside, transfer
from calls.domain.decisions import Announce, Answer, Busy, Connect, HangUp, Transfer, Voicemail
from calls.domain.explanation import Cause, explain
from calls.models import Call, CallEvent, Emergency, OpeningHours, PhoneLine, Technician
from calls.models.call import TEST_CALL_PREFIX
from tests import factories
from tests.domain.legs import leg, new_leg

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT
PERSON = "+15550108000"
SOON = NOW + timedelta(seconds=5)


def ask(call, reason="a burst pipe in the kitchen"):
    transfer.ask_for_person(call_id=call.pk, reason=reason, now=NOW)


def transferred(**fields):
    """As the relay leaves the row when the goodbye has been heard."""
    standing = {"status": "handed_over", "end_reason": "transferred", "transfer_reason": "a burst pipe"}
    return factories.make_call(**standing | fields)


def leave(call, *, default_number=""):
    return lifecycle.leave_stream(leg=leg(call), default_number=default_number, now=NOW)


def finish(call, result="completed", **fields):
    fields = {"seconds": 9, "now": SOON} | fields
    return lifecycle.finish_dial(leg=leg(call), result=result, **fields)


def press(call, digits=""):
    return transfer.announce(call_sid=call.call_sid, digits=digits, now=SOON)


def row(call):
    return Call.objects.get(call_sid=call.call_sid)


# The wish


def test_the_reason_is_kept_for_the_person():
    call = factories.make_call()

    ask(call, "  a burst pipe\n in the kitchen ")

    assert (row(call).transfer_reason, row(call).status) == ("a burst pipe in the kitchen", "streaming")


def test_without_anybody_to_dial_the_wish_is_refused():
    call = factories.make_call(line=factories.make_line(business=factories.make_business(handover_number="")))

    with pytest.raises(transfer.NobodyToDial):
        ask(call)
    assert row(call).transfer_reason == ""


def test_the_number_of_the_settings_is_somebody_too():
    call = factories.make_call(line=factories.make_line(business=factories.make_business(handover_number="")))
    outside.configure(default_number=lambda: "+15550107000")
    try:
        ask(call, "a question")
    finally:
        outside.configure()

    assert row(call).transfer_reason == "a question"


# The dial


@pytest.mark.parametrize("is_warm", [True, False])
def test_a_transfer_dials_the_person_without_an_apology(is_warm):
    call = transferred()
    call.agent.warm_transfer = is_warm
    call.agent.save()

    decision = leave(call)

    assert decision == Transfer(call_sid=call.call_sid, number=PERSON, is_announced=is_warm, seconds=25)
    assert leave(call) == decision


def test_who_has_taken_the_emergency_is_dialed_first():
    call = transferred()
    technician = Technician.objects.create(business=call.business, name="Mike", number="+15550107001")
    Emergency.objects.create(
        business=call.business, call=call, raised_by="tool", kind="water", raised_at=NOW, accepted_by=technician
    )

    assert leave(call).number == "+15550107001"


def test_the_person_hears_what_it_is_about_and_is_connected_by_pressing_1():
    call = transferred()

    assert press(call) == Announce(words="A caller for Cedar Plumbing about a burst pipe. Press 1 to accept.")
    assert row(call).handover_accepted_at is None
    assert press(call, "1") == Connect(words="Connecting you now.")
    assert row(call).handover_accepted_at == SOON


@pytest.mark.parametrize("digits", ["2", "0", "#", "11"])
def test_another_key_declines(digits):
    call = transferred()

    assert press(call, digits) == HangUp()
    assert row(call).handover_accepted_at is None


def test_an_unknown_call_is_not_announced():
    assert transfer.announce(call_sid="CA404", digits="1", now=NOW) == HangUp()


def test_a_person_who_accepted_was_reached():
    call = transferred()
    leave(call)
    press(call, "1")

    assert finish(call, is_bridged=True) == HangUp()
    assert (row(call).status, row(call).end_reason, row(call).outcome) == ("ended", "transferred", "transferred")


@pytest.mark.parametrize(
    ("keys", "is_bridged"),
    [("", None), ("", True), ("", False), ("1", False)],
    ids=["voicemail", "odd", "said", "gone"],
)
def test_a_voicemail_that_picks_up_is_not_a_person(keys, is_bridged):
    """Nobody pressed 1, or the two were never connected: the caller comes back to a voice."""
    call = transferred()
    leave(call)
    if keys:
        press(call, keys)

    assert finish(call, is_bridged=is_bridged) == Voicemail(business="Cedar Plumbing")
    assert (row(call).handover_result, row(call).outcome) == ("not_accepted", "none")


@pytest.mark.parametrize("result", ["busy", "no-answer", "failed"])
def test_a_person_who_is_not_there_leaves_the_caller_a_voice(result):
    call = transferred()
    leave(call)

    assert finish(call, result) == Voicemail(business="Cedar Plumbing")
    assert row(call).handover_result == result


def test_a_cold_transfer_counts_as_twilio_says():
    call = transferred()
    call.agent.warm_transfer = False
    call.agent.save()
    leave(call)

    assert finish(call, "completed", is_bridged=True) == HangUp()


# A person rings first


def first(answers="after_ringing", **fields):
    line = factories.make_line(answers=answers, ring_seconds=15, **fields)
    caller = new_leg(to_number=line.number)
    return line, caller


def receive(caller, *, now=NOW, obstacle=""):
    return lifecycle.receive_call(leg=caller, obstacle=obstacle, default_number="", findings=[], now=now)


def ringing_person(caller):
    return Transfer(call_sid=caller.call_sid, number=PERSON, is_announced=True, is_first=True, seconds=15)


def test_the_person_rings_before_the_agent_answers():
    _, caller = first()

    assert receive(caller) == ringing_person(caller)
    assert receive(caller) == ringing_person(caller)
    assert row(caller).status == "ringing"


@pytest.mark.parametrize(("result", "keys"), [("no-answer", ""), ("busy", ""), ("completed", ""), ("completed", "7")])
def test_who_does_not_press_1_leaves_the_call_to_the_agent(result, keys):
    _, caller = first()
    receive(caller)
    call = row(caller)
    if keys:
        press(call, keys)

    decision = finish(call, result, seconds=None)

    assert decision == Answer(call_sid=call.call_sid, nonce=row(call).token_nonce)
    assert finish(call, result, seconds=None) == decision, "a repeated report changes nothing"
    assert receive(caller) == decision
    assert (row(call).status, row(call).end_reason, row(call).handover_number) == ("ringing", "", "")


def test_a_person_who_presses_1_has_the_call():
    _, caller = first()
    receive(caller)
    press(row(caller), "1")

    assert finish(row(caller), is_bridged=True) == HangUp()
    assert (row(caller).status, row(caller).end_reason) == ("ended", "transferred")


def test_an_agent_that_cannot_answer_either_leaves_the_voicemail():
    _, caller = first()
    receive(caller)

    assert finish(row(caller), "no-answer", obstacle="no_openai_key") == Voicemail(business="Cedar Plumbing")


@pytest.mark.parametrize(
    ("met", "reason", "noted", "cause"),
    [
        ({"obstacle": "no_openai_key"}, "upstream_unavailable", {"because": "no_openai_key"}, Cause.NO_KEY),
        ({"obstacle": "draining"}, "draining", {"because": "draining"}, Cause.DRAINING),
        (
            {"obstacle": "openai_refuses", "refusal": "quota"},
            "upstream_unavailable",
            {"because": "openai_refuses", "cause": "quota"},
            Cause.QUOTA,
        ),
        (
            {"refused_models": {""}},
            "upstream_unavailable",
            {"because": "openai_refuses", "cause": "model"},
            Cause.MODEL_UNKNOWN,
        ),
    ],
)
def test_what_kept_the_agent_away_after_the_person_had_rung_is_told(met, reason, noted, cause):
    _, caller = first()
    receive(caller)

    finish(row(caller), "no-answer", **met)
    finish(row(caller), "no-answer", **met)  # a repeated report

    events = CallEvent.objects.filter(call=row(caller))
    assert [event.detail for event in events if event.kind == "no_stream"] == [noted]
    assert (row(caller).end_reason, explain(row(caller)).cause) == (reason, cause)


def test_an_obstacle_that_came_after_the_agent_is_not_the_reason():
    call = transferred(handover_number=PERSON)

    finish(call, "no-answer", obstacle="draining")
    finish(row(call), "no-answer", obstacle="draining")

    assert row(call).end_reason == ""


def test_a_caller_who_hangs_up_while_the_person_rings_has_ended_the_call():
    _, caller = first()
    receive(caller)

    lifecycle.change_status(
        call_sid=caller.call_sid, call_status="completed", sequence=0, seconds=0, findings=[], now=SOON
    )

    assert (row(caller).status, row(caller).end_reason) == ("ended", "caller_hangup")


def test_a_transfer_after_the_person_has_rung_rings_the_person_again():
    _, caller = first()
    receive(caller)
    finish(row(caller), "no-answer")
    call = row(caller)
    call.end_reason, call.status, call.handed_over_at = "transferred", "handed_over", SOON
    call.save()

    assert leave(call) == Transfer(call_sid=call.call_sid, number=PERSON, is_announced=True, seconds=25)


def test_the_dial_that_the_persons_telephone_forwards_back_is_refused_at_once():
    """Else our own voicemail would record the announcement, and the caller would wait for it."""
    line, caller = first()
    receive(caller)
    back = new_leg(to_number=line.number, from_number=caller.from_number, forwarded_from=PERSON)

    assert receive(back, now=SOON) == Busy()
    assert (row(back).status, row(back).end_reason) == ("ended", "busy")


def test_without_a_person_the_agent_answers_at_once():
    business = factories.make_business(handover_number="")
    _, caller = first(business=business)

    assert isinstance(receive(caller), Answer)


@pytest.mark.parametrize(("hour", "rings"), [("09:00", True), ("11:00", False)])
def test_inside_opening_hours_the_person_rings_and_outside_the_agent_answers(hour, rings):
    """It is Friday, four minutes past ten in New York."""
    line, caller = first(answers="outside_hours")
    OpeningHours.objects.create(business=line.business, weekday=4, starts_at=hour, ends_at="17:00")

    assert isinstance(receive(caller), Transfer if rings else Answer)


def test_a_call_of_the_doctor_is_answered_by_the_agent_that_it_asks_for():
    line, _ = first()

    assert isinstance(receive(new_leg(to_number=line.number, call_sid=f"{TEST_CALL_PREFIX}{'0' * 26}")), Answer)


def test_a_call_of_ours_never_rings_a_person_first():
    line, _ = first()
    ours = new_leg(from_number=line.number, to_number="+15550101111", is_outbound=True)

    assert isinstance(receive(ours), Answer)
    assert PhoneLine.objects.get(pk=line.pk).answers == "after_ringing"
