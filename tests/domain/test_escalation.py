"""People are rung one after the other until somebody presses 1."""

from datetime import timedelta

import pytest

from calls.domain import emergencies, escalation
from calls.domain.decisions import Announce, Connect, HangUp
from calls.domain.outside import NotPlaced, Unclear
from calls.models import Emergency, EmergencyAlert, OutgoingEmail, OutgoingMessage, Technician
from tests import factories
from tests.domain.telephones import Telephone

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT
FIRST, SECOND = "+15550107001", "+15550107002"


def later(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def line():
    return factories.make_line(business=factories.make_business(email="owner@example.com"))


@pytest.fixture
def emergency(line):
    for rank, number in enumerate((FIRST, SECOND), 1):
        technician = Technician.objects.create(
            business=line.business, name=f"Mike {rank}", number=number, email=f"mike{rank}@example.com"
        )
        line.business.rota.create(technician=technician, rank=rank)
    call = factories.make_call(line=line)
    return emergencies.report(call_id=call.pk, kind="water", description="A burst pipe.", address="12 Elm St", now=NOW)


@pytest.fixture
def telephone():
    return Telephone()


def escalate(emergency, telephone, now=NOW):
    return escalation.escalate(emergency_id=emergency.pk, telephone=telephone, now=now)


def hear(alert, digits="", now=NOW):
    return escalation.answer_alert(alert_id=alert.pk, call_sid="CA7", digits=digits, now=now)


def report_status(alert, status, now=NOW):
    return escalation.note_alert_status(alert_id=alert.pk, call_sid="CA7", call_status=status, now=now)


def status(emergency):
    emergency.refresh_from_db()
    return emergency.status


def results(emergency):
    return list(emergency.alerts.values_list("number", "result"))


def test_the_first_of_the_rota_is_rung_with_a_message_and_a_letter_beside_it(emergency, telephone, line):
    alert = escalate(emergency, telephone)

    assert telephone.rung == [("alert", alert.pk, FIRST, line.number)]
    assert EmergencyAlert.objects.get().call_sid == "CA" + "1".zfill(32)
    assert [(m.to, m.body) for m in OutgoingMessage.objects.all()] == [
        (
            FIRST,
            "EMERGENCY, Cedar Plumbing: water that cannot be stopped. A burst pipe. 12 Elm St. "
            "Caller: +15550100001. You are being rung: press 1 to accept.",
        )
    ]
    assert set(OutgoingEmail.objects.values_list("to", flat=True)) == {"owner@example.com", "mike1@example.com"}


def test_nobody_else_is_rung_within_the_minute_whoever_asks(emergency, telephone):
    escalate(emergency, telephone)

    assert [escalate(emergency, telephone, later(second)) for second in (0, 1, 59)] == [None, None, None]
    assert escalation.due_emergencies(now=later(59), most=9) == []
    assert telephone.numbers == [FIRST]


def test_after_a_minute_the_next_is_rung_by_whoever_comes_first(emergency, telephone):
    escalate(emergency, telephone)

    assert escalation.due_emergencies(now=later(60), most=9) == [emergency.pk]
    alert = escalate(emergency, telephone, later(60))

    assert (alert.position, telephone.numbers) == (2, [FIRST, SECOND])
    assert escalation.due_emergencies(now=later(60), most=9) == []


def test_the_person_hears_what_it_is_and_takes_it(emergency, telephone):
    alert = escalate(emergency, telephone)

    assert hear(alert) == Announce(
        words="Emergency for Cedar Plumbing: water that cannot be stopped. A burst pipe. 12 Elm St. Press 1 to accept."
    )
    answer = hear(alert, "1")

    spoken = "5 5 5, 0 1 0, 0 0 0 1"
    assert answer == Connect(
        words=f"Thank you. It is yours now. The address is 12 Elm St. The caller's number is {spoken}. "
        f"Again: 12 Elm St. {spoken}. Goodbye."
    )
    assert (status(emergency), emergency.accepted_by.name, results(emergency)) == (
        "accepted",
        "Mike 1",
        [(FIRST, "accepted")],
    )
    assert report_status(alert, "completed") is None
    assert escalation.due_emergencies(now=later(600), most=9) == []


@pytest.mark.parametrize("ended", ["busy", "no-answer", "failed", "canceled", "completed"])
def test_who_is_not_there_or_a_voicemail_makes_the_next_due_at_once(emergency, telephone, ended):
    alert = escalate(emergency, telephone)
    if ended == "completed":
        hear(alert)

    assert report_status(alert, ended, later(9)) == emergency.pk
    escalate(emergency, telephone, later(9))

    assert results(emergency) == [(FIRST, ended), (SECOND, "")]


def test_who_declines_is_passed_over(emergency, telephone):
    alert = escalate(emergency, telephone)

    assert hear(alert, "2") == HangUp()
    assert report_status(alert, "completed", later(9)) == emergency.pk
    assert results(emergency) == [(FIRST, "declined")]


def test_a_late_report_of_an_earlier_ring_hurries_nobody(emergency, telephone):
    first = escalate(emergency, telephone)
    escalate(emergency, telephone, later(60))

    assert report_status(first, "no-answer", later(61)) is None
    assert escalate(emergency, telephone, later(62)) is None


def test_who_takes_it_before_the_address_is_known_hears_so(emergency, telephone):
    Emergency.objects.update(address="")
    alert = escalate(emergency, telephone)

    spoken = "5 5 5, 0 1 0, 0 0 0 1"
    assert hear(alert, "1").words == (
        f"Thank you. It is yours now. The address is not known yet. The caller's number is {spoken}. "
        f"Again: {spoken}. Goodbye."
    )


def test_progress_is_no_end(emergency, telephone):
    alert = escalate(emergency, telephone)

    assert [report_status(alert, word) for word in ("initiated", "ringing", "in-progress")] == [None] * 3
    assert results(emergency) == [(FIRST, "")]


def test_who_cannot_be_rung_at_all_is_passed_over_at_once(emergency, telephone):
    telephone.does = [NotPlaced("21211", is_permanent=True), True]

    escalate(emergency, telephone)

    assert (telephone.numbers, results(emergency)) == ([SECOND], [(FIRST, "21211"), (SECOND, "")])


@pytest.mark.parametrize("why", ["not_sent", "too_many", "20003"])
def test_a_moment_without_twilio_costs_a_moment_and_no_round(emergency, telephone, why):
    telephone.does = [NotPlaced(why)] * 6
    for second in range(0, 30, 5):
        assert escalate(emergency, telephone, later(second)) is None
        assert escalation.due_emergencies(now=later(second + 4), most=9) == []
    assert (status(emergency), results(emergency)) == ("open", [(FIRST, f"not_placed: {why}")])

    assert escalation.due_emergencies(now=later(30), most=9) == [emergency.pk]
    alert = escalate(emergency, telephone, later(30))

    assert (telephone.numbers, results(emergency), alert.position) == ([FIRST], [(FIRST, "")], 1)
    assert (EmergencyAlert.objects.get().rang_at, OutgoingMessage.objects.count()) == (later(30), 1)
    assert not OutgoingEmail.objects.filter(subject="Nobody can be rung for an emergency").exists()
    for minute in range(1, 5):
        escalate(emergency, telephone, later(30 + 60 * minute))
    assert (telephone.numbers, status(emergency)) == ([FIRST, SECOND, FIRST, SECOND], "unanswered")


def test_while_twilio_is_asked_once_more_the_ring_is_as_little_placed_as_before(emergency):
    held_up = []

    class Away(Telephone):
        def ring_alert(self, **given):
            held_up.append(escalation.is_held_up(emergency=emergency))
            raise NotPlaced("20003")

    for second in (0, 5, 10):
        escalate(emergency, Away(), later(second))
        held_up.append(escalation.is_held_up(emergency=emergency))
    escalate(emergency, Telephone(), later(15))

    assert held_up == [False, True, True, True, True, True]
    assert not escalation.is_held_up(emergency=emergency)


def test_after_a_minute_in_vain_the_next_is_tried_and_the_business_is_told(emergency, telephone):
    telephone.does = [NotPlaced("30001"), NotPlaced("30001")]
    escalate(emergency, telephone)
    escalate(emergency, telephone, later(59))
    escalate(emergency, telephone, later(64))

    assert (telephone.numbers, results(emergency)) == ([SECOND], [(SECOND, "")])
    letter = OutgoingEmail.objects.get(subject="Nobody can be rung for an emergency")
    assert letter.to == "owner@example.com"
    assert EmergencyAlert.objects.get().rang_at == later(64)


@pytest.mark.parametrize(("seconds", "pause"), [(0, 5), (100, 5), (600, 30), (3600, 180), (80_000, 300)])
def test_the_longer_twilio_is_away_the_less_often_it_is_tried(emergency, telephone, seconds, pause):
    telephone.does = [NotPlaced("not_sent")]
    escalate(emergency, telephone, later(seconds))

    emergency.refresh_from_db()
    assert (status(emergency), emergency.claimed_until) == ("open", later(seconds + pause))


def test_without_twilio_for_a_day_an_emergency_is_given_up(emergency, telephone):
    telephone.does = [NotPlaced("not_sent")] * 3
    for second in (0, 86_400, 86_700):
        escalate(emergency, telephone, later(second))

    assert status(emergency) == "unanswered"
    letter = OutgoingEmail.objects.get(subject="Nobody has accepted an emergency")
    assert "Nobody in the on-call rota could be rung. Please call back now." in letter.body


def test_an_old_emergency_is_rung_by_the_first_worker_that_comes(emergency, telephone):
    assert escalate(emergency, telephone, later(200_000)).number == FIRST


def test_whoever_is_no_longer_in_the_rota_is_not_tried_again(emergency, telephone):
    telephone.does = [NotPlaced("not_sent")]
    escalate(emergency, telephone)
    emergency.business.rota.filter(rank=1).delete()
    escalate(emergency, telephone, later(5))

    assert telephone.numbers == [SECOND]


def test_a_ring_of_which_nobody_knows_is_given_its_minute(emergency, telephone):
    telephone.does = [Unclear("no answer")]

    alert = escalate(emergency, telephone)

    assert results(emergency) == [(FIRST, "unclear")]
    assert escalate(emergency, telephone, later(59)) is None
    assert hear(alert, "1").words.startswith("Thank you. It is yours now.")


def test_when_nobody_accepts_everybody_is_rung_again_and_then_the_business_is_told(emergency, telephone):
    for minute in range(5):
        escalate(emergency, telephone, later(60 * minute))

    assert telephone.numbers == [FIRST, SECOND, FIRST, SECOND]
    assert status(emergency) == "unanswered"
    assert OutgoingMessage.objects.count() == 2, "one message a person, however often they are rung"
    assert "Nobody has accepted an emergency" in OutgoingEmail.objects.values_list("subject", flat=True)
    assert escalate(emergency, telephone, later(600)) is None


def test_who_presses_1_late_still_takes_it(emergency, telephone):
    alert = escalate(emergency, telephone)
    for minute in range(1, 5):
        escalate(emergency, telephone, later(60 * minute))

    hear(alert, "1", later(400))

    assert (status(emergency), emergency.accepted_by.name) == ("accepted", "Mike 1")


def test_who_picks_up_after_somebody_else_took_it_is_told_so(emergency, telephone):
    first = escalate(emergency, telephone)
    second = escalate(emergency, telephone, later(60))
    hear(first, "1", later(61))

    assert hear(second) == Connect(words="Thank you. Somebody else has taken this emergency already. Goodbye.")
    assert hear(second, "1") == hear(second)
    assert (status(emergency), emergency.accepted_by.name) == ("accepted", "Mike 1")


def test_a_business_with_nobody_to_ring_is_unanswered_at_once(telephone):
    business = factories.make_business(handover_number="")
    call = factories.make_call(line=factories.make_line(business=business))
    emergency = emergencies.report(call_id=call.pk, kind="gas", description="Gas.", now=NOW)

    assert escalate(emergency, telephone) is None
    assert (status(emergency), telephone.rung) == ("unanswered", [])


def test_a_worker_that_dies_before_it_rings_delays_by_a_minute(emergency, telephone):
    """The claim and the alert are committed, and nobody was asked to ring."""
    Emergency.objects.filter(pk=emergency.pk).update(claimed_until=later(60))
    EmergencyAlert.objects.create(emergency=emergency, number=FIRST, position=1, rang_at=NOW)

    assert escalate(emergency, telephone, later(59)) is None
    assert escalate(emergency, telephone, later(60)).number == SECOND


def test_an_unknown_alert_is_nothing():
    assert escalation.answer_alert(alert_id=404, call_sid="CA1", digits="1", now=NOW) == HangUp()
    assert escalation.note_alert_status(alert_id=404, call_sid="CA1", call_status="busy", now=NOW) is None
