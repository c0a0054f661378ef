"""Somebody has taken the emergency: whoever is still being rung is left alone, and who picks up late is told so."""

from datetime import timedelta

import pytest

from calls.domain import by_hand, emergencies, escalation, outside
from calls.domain.decisions import Connect
from calls.models import Emergency, EmergencyAlert, Technician
from tests import factories
from tests.domain.telephones import Telephone

NOW = factories.RANG_AT
FIRST, SECOND = "+15550107001", "+15550107002"
TAKEN = Connect(words="Thank you. Somebody else has taken this emergency already. Goodbye.")


def later(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def emergency(db):
    line = factories.make_line()
    for rank, number in enumerate((FIRST, SECOND), 1):
        technician = Technician.objects.create(business=line.business, name=f"Mike {rank}", number=number)
        line.business.rota.create(technician=technician, rank=rank)
    call = factories.make_call(line=line)
    return emergencies.report(call_id=call.pk, kind="water", description="A burst pipe.", now=NOW)


@pytest.fixture
def telephone():
    return Telephone()


@pytest.fixture
def rung(emergency, telephone):
    """Both of the rota: the first is still being rung when a minute has passed."""
    return [
        escalation.escalate(emergency_id=emergency.pk, telephone=telephone, now=later(seconds)) for seconds in (0, 60)
    ]


def stop(emergency, telephone):
    return escalation.stop_ringing(emergency_id=emergency.pk, telephone=telephone)


def hear(alert, digits="", call_sid="CA7"):
    return escalation.answer_alert(alert_id=alert.pk, call_sid=call_sid, digits=digits, now=later(61))


def report_status(alert, call_status):
    sid = EmergencyAlert.objects.get(pk=alert.pk).call_sid or "CA9"
    return escalation.note_alert_status(alert_id=alert.pk, call_sid=sid, call_status=call_status, now=later(62))


def results(emergency):
    return list(emergency.alerts.values_list("number", "result"))


def status(emergency):
    return Emergency.objects.get(pk=emergency.pk).status


def sid(number):
    return "CA" + f"{number:032}"


TAKES = {
    "the second presses 1": lambda emergency, rung: hear(rung[1], "1"),
    "in the admin": lambda emergency, rung: by_hand.take_emergency(emergency=emergency, now=later(61)),
    "it is closed": lambda emergency, rung: by_hand.close_emergency(emergency=emergency, now=later(61)),
}


@pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)
def test_the_other_rings_are_ended_as_soon_as_it_is_committed(
    emergency, rung, telephone, take, django_capture_on_commit_callbacks
):
    asked = []
    outside.configure(stop_ringing=lambda pk: asked.append((pk, status(emergency))))
    with django_capture_on_commit_callbacks(execute=True):
        take(emergency, rung)
        assert asked == []
    assert asked == [(emergency.pk, status(emergency))]
    accepted = list(emergency.alerts.filter(result="accepted").values_list("call_sid", flat=True))

    ended = stop(emergency, telephone)

    assert sorted([*telephone.ended, *accepted]) == [sid(1), sid(2)]
    assert ended == len(telephone.ended)
    assert set(results(emergency)) <= {(FIRST, "not_needed"), (SECOND, "accepted"), (SECOND, "not_needed")}


def test_who_has_pressed_1_is_not_hung_up_on(emergency, rung, telephone):
    hear(rung[1], "1")

    assert (stop(emergency, telephone), telephone.ended) == (1, [sid(1)])
    assert results(emergency) == [(FIRST, "not_needed"), (SECOND, "accepted")]


def test_while_nobody_has_taken_it_no_ring_is_ended(emergency, rung, telephone):
    assert (stop(emergency, telephone), telephone.ended) == (0, [])
    Emergency.objects.update(status="unanswered")

    assert (stop(emergency, telephone), telephone.ended) == (0, [])


def test_rings_that_are_over_are_left_alone(emergency, rung, telephone):
    report_status(rung[0], "busy")
    hear(rung[1], "1")

    assert (stop(emergency, telephone), telephone.ended) == (0, [])
    assert results(emergency) == [(FIRST, "busy"), (SECOND, "accepted")]


def test_a_ring_that_cannot_be_ended_rings_on_and_whoever_picks_up_is_told(emergency, rung, telephone):
    telephone.can_end = False
    hear(rung[1], "1")

    assert (stop(emergency, telephone), telephone.ended) == (0, [sid(1)])
    assert results(emergency)[0] == (FIRST, "")
    assert hear(rung[0]) == TAKEN
    assert hear(rung[0], "1") == TAKEN
    assert results(emergency) == [(FIRST, "too_late"), (SECOND, "accepted")]
    assert report_status(rung[0], "completed") is None
    assert Emergency.objects.get().accepted_by.number == SECOND


def test_two_who_press_1_at_the_same_moment_are_not_both_told_that_it_is_theirs(emergency, rung, monkeypatch):
    """The other was faster after this one's row had been read."""
    monkeypatch.setattr(escalation.emergencies, "accept", lambda **asked: False)

    assert hear(rung[0], "1") == TAKEN
    assert results(emergency)[0] == (FIRST, "too_late")


def test_whoever_has_it_and_presses_again_hears_the_number_again(emergency, rung):
    first = hear(rung[0], "1")

    assert hear(rung[0], "1") == first
    assert first.words.startswith("Thank you. It is yours now.")


def test_a_ring_that_was_being_placed_when_it_was_taken_is_ended_at_once(emergency, telephone):
    """The row names no call yet when the other rings are ended."""
    place = telephone.ring_alert

    def placed_late(**asked):
        by_hand.take_emergency(emergency=emergency, now=NOW)
        assert stop(emergency, telephone) == 0
        return place(**asked)

    telephone.ring_alert = placed_late
    escalation.escalate(emergency_id=emergency.pk, telephone=telephone, now=NOW)

    assert (telephone.ended, results(emergency)) == ([sid(1)], [(FIRST, "not_needed")])


@pytest.mark.parametrize(
    ("call_status", "is_asked"),
    [("initiated", True), ("ringing", True), ("in-progress", False), ("completed", False), ("busy", False)],
)
def test_a_ring_that_nobody_knew_of_is_ended_when_twilio_tells_of_it(
    emergency, rung, call_status, is_asked, django_capture_on_commit_callbacks
):
    """Twilio had not answered when it was asked to ring. Who has picked up is told by what they hear."""
    EmergencyAlert.objects.filter(pk=rung[0].pk).update(call_sid="", result="unclear")
    by_hand.take_emergency(emergency=emergency, now=later(61))
    asked = []
    outside.configure(stop_ringing=asked.append)

    with django_capture_on_commit_callbacks(execute=True):
        assert report_status(rung[0], call_status) is None

    assert asked == ([emergency.pk] if is_asked else [])
    assert EmergencyAlert.objects.get(pk=rung[0].pk).call_sid == "CA9"


def test_it_is_taken_in_the_admin_once(emergency):
    by_hand.take_emergency(emergency=emergency, now=later(5))
    with pytest.raises(by_hand.Changed):
        by_hand.take_emergency(emergency=emergency, now=later(6))

    emergency.refresh_from_db()
    assert (emergency.status, emergency.accepted_by, emergency.accepted_at) == ("accepted", None, later(5))
