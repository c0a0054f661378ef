"""One emergency a call, the safety sentence first, and who may take it."""

from datetime import timedelta

import pytest

from calls.domain import emergencies, outside
from calls.models import Emergency, OutgoingEmail, OutgoingMessage, Technician
from tests import factories

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT


@pytest.fixture
def business():
    return factories.make_business(email="owner@example.com")


@pytest.fixture
def call(business):
    return factories.make_call(line=factories.make_line(business=business))


def report(call, **changes):
    standing = {"kind": "gas", "description": "Smells of gas in the kitchen.", "now": NOW}
    return emergencies.report(call_id=call.pk, **standing | changes)


def make_on_call(business, rank, number, **fields):
    technician = Technician.objects.create(business=business, name=f"Mike {rank}", number=number)
    return business.rota.create(technician=technician, rank=rank, **fields).technician


def numbers(emergency, now=NOW):
    return [number for _, number in emergencies.people_to_ring(emergency=emergency, now=now)]


@pytest.mark.parametrize("kind", ["gas", "fire", "carbon_monoxide"])
def test_in_the_worst_dangers_everybody_leaves_before_they_call(kind):
    sentence = emergencies.safety_sentence(kind=kind, emergency_number="911")

    assert sentence.startswith("Please get everybody out now and stay out. ")
    assert sentence.endswith("call 9 1 1.")


@pytest.mark.parametrize("kind", list(emergencies.KINDS))
def test_every_kind_has_a_sentence_with_the_number_of_the_country(kind):
    assert "call 1 1 2" in emergencies.safety_sentence(kind=kind, emergency_number="112")


def test_water_near_electricity_is_not_touched():
    assert emergencies.safety_sentence(kind="water_near_electricity", emergency_number="911").startswith(
        "Please keep away from the water, touch nothing electrical and leave the area now."
    )


def test_an_emergency_is_raised_with_all_that_is_known(call):
    emergency = report(call)

    assert (emergency.kind, emergency.status, emergency.raised_by) == ("gas", "open", "tool")
    assert (emergency.number, emergency.raised_at) == (call.from_number, NOW)
    call.refresh_from_db()
    assert call.outcome == "emergency"
    assert [event.kind for event in call.events.all()] == ["emergency"]
    assert [(e.to, e.subject) for e in OutgoingEmail.objects.all()] == [("owner@example.com", "Emergency: a gas smell")]


def test_a_second_report_completes_the_first(call):
    first = report(call)
    second = report(call, kind="fire", description="Now it burns.", address="12 Elm St", now=NOW + timedelta(seconds=9))

    assert (second.pk, Emergency.objects.count()) == (first.pk, 1)
    assert (second.kind, second.description, second.address) == ("fire", "Now it burns.", "12 Elm St")
    assert (second.number, second.raised_at) == (call.from_number, NOW)


def test_words_of_a_second_danger_are_added_and_told_to_whoever_goes(call):
    report(call, kind="water", description="The basement is flooding.")
    known = [emergencies.raise_by_words(call_id=call.pk, kind=kind, text="x", now=NOW) for kind in ("water", "sewage")]
    worse = emergencies.raise_by_words(call_id=call.pk, kind="gas", text="Now I smell gas!", now=NOW)
    again = emergencies.raise_by_words(call_id=call.pk, kind="gas", text="I still smell gas!", now=NOW)

    assert (known, again, Emergency.objects.count()) == ([None, None], None, 1)
    assert (worse.kind, worse.description) == ("gas", "The basement is flooding. Now I smell gas!")
    assert OutgoingEmail.objects.filter(subject="More is known of the emergency: a gas smell").count() == 1


def test_what_is_left_out_of_a_second_report_stays(call):
    report(call, address="12 Elm St", number="+15550109999")
    again = report(call, description="")

    assert (again.address, again.number) == ("12 Elm St", "+15550109999")
    assert again.description == "Smells of gas in the kitchen."


def test_in_a_call_of_ours_the_caller_is_whom_we_have_rung(call):
    ours = factories.make_call(
        line=call.line, direction="outbound", from_number=call.line.number, to_number="+15550100002"
    )

    assert report(ours).number == "+15550100002"


def test_a_hidden_number_is_none(call):
    call.from_number = "anonymous"
    call.save()

    assert report(call).number == ""


def rung_for(emergency, *people):
    for position, person in enumerate(people, 1):
        emergency.alerts.create(technician=person, number=person.number, position=position, rang_at=NOW)


def test_everybody_who_was_rung_and_the_business_hear_what_is_learned_later(business, call):
    mike, ann, not_rung = (make_on_call(business, rank, f"+1555010700{rank}") for rank in (1, 2, 3))
    Technician.objects.filter(pk=mike.pk).update(email="mike@example.com")
    rung_for(report(call), mike, ann, mike)
    OutgoingEmail.objects.all().delete()

    report(call, address="12 Elm St")

    about = f"a gas smell. Smells of gas in the kitchen. 12 Elm St. Caller: {call.from_number}."
    assert sorted(OutgoingMessage.objects.values_list("to", "body")) == [
        (person.number, f"EMERGENCY, Cedar Plumbing, more is known: {about}") for person in (mike, ann)
    ]
    assert sorted(OutgoingEmail.objects.values_list("to", "subject", "body")) == [
        (to, "More is known of the emergency: a gas smell", f"{about}\n")
        for to in ("mike@example.com", "owner@example.com")
    ]
    assert not OutgoingMessage.objects.filter(to=not_rung.number).exists()


@pytest.mark.parametrize("learned", [{"address": "12 Elm St"}, {"number": "+15550109999"}, {"kind": "fire"}])
def test_address_number_and_kind_are_worth_a_letter(call, learned):
    report(call)
    report(call, **learned)
    report(call, **learned)

    assert OutgoingEmail.objects.count() == 2


def test_other_words_for_the_same_are_not(call):
    report(call)
    report(call, description="It still smells.")

    assert OutgoingEmail.objects.count() == 1


def test_so_many_letters_leave_and_no_more_however_often_the_address_changes(call):
    for house in range(20):
        emergency = report(call, address=f"{house} Elm St")

    assert (emergency.address, OutgoingEmail.objects.count()) == ("19 Elm St", 1 + emergencies.MOST_UPDATES)


def test_of_a_closed_emergency_nobody_hears_any_more(call):
    emergencies.close(emergency_id=report(call).pk, now=NOW)
    sent = OutgoingEmail.objects.count()
    report(call, address="12 Elm St")

    assert OutgoingEmail.objects.count() == sent


def test_words_raise_one_and_the_agent_completes_it(call):
    emergencies.raise_by_words(call_id=call.pk, kind="water", text="There's water everywhere", now=NOW)
    emergency = report(call, kind="water", description="A burst pipe.")
    emergencies.raise_by_words(call_id=call.pk, kind="sewage", text="It smells like a sewer", now=NOW)

    emergency = Emergency.objects.get()
    assert (emergency.raised_by, emergency.kind, emergency.description) == ("words", "water", "A burst pipe.")


def test_a_call_of_nobodys_line_can_ring_nobody():
    call = factories.make_call(business=None)

    with pytest.raises(emergencies.NoBusiness):
        report(call)


def test_somebody_is_rung_as_soon_as_the_row_is_committed(call, django_capture_on_commit_callbacks):
    rung = []
    outside.configure(escalate=rung.append)
    with django_capture_on_commit_callbacks(execute=True):
        emergency = report(call)
        assert rung == []

    assert rung == [emergency.pk]


def test_an_emergency_that_was_taken_rings_nobody_again(call, django_capture_on_commit_callbacks):
    emergency = report(call)
    emergencies.accept(emergency_id=emergency.pk, technician=None, now=NOW)
    with django_capture_on_commit_callbacks() as waiting:
        assert report(call).status == "accepted"

    assert waiting == []


def test_the_rota_is_rung_by_rank_on_its_days(business, call):
    make_on_call(business, 2, "+15550107002")
    make_on_call(business, 1, "+15550107001")
    make_on_call(business, 1, "+15550107009", ends_on=NOW.date() - timedelta(days=1))
    make_on_call(business, 1, "+15550107008", starts_on=NOW.date() + timedelta(days=1))
    make_on_call(business, 3, "+15550107003", starts_on=NOW.date(), ends_on=NOW.date())
    make_on_call(business, 4, "")
    make_on_call(business, 5, call.from_number)
    left = make_on_call(business, 6, "+15550107006")
    left.is_active = False
    left.save()

    assert numbers(report(call)) == ["+15550107001", "+15550107002", "+15550107003"]


def test_the_day_of_the_rota_is_that_of_the_business(business, call):
    """Two in the morning in London is still yesterday evening in New York."""
    make_on_call(business, 1, "+15550107001", starts_on=NOW.date(), ends_on=NOW.date())
    late = NOW.replace(hour=2) + timedelta(days=1)

    assert numbers(report(call), now=late) == ["+15550107001"]


def test_without_a_rota_the_hand_over_number_is_rung(call):
    assert numbers(report(call)) == ["+15550108000"]


def test_the_caller_is_not_rung_about_their_own_emergency(business, call):
    """The owner reports one from the telephone that is the hand-over number."""
    call.from_number = business.handover_number
    call.save()

    assert numbers(report(call)) == []


def test_without_anybody_there_is_nobody_to_ring():
    call = factories.make_call(line=factories.make_line(business=factories.make_business(handover_number="")))

    assert numbers(report(call)) == []


def test_an_emergency_is_taken_once(business, call):
    emergency = report(call)
    mike, ann = (make_on_call(business, rank, f"+1555010700{rank}") for rank in (1, 2))

    taken = [emergencies.accept(emergency_id=emergency.pk, technician=who, now=NOW) for who in (mike, ann)]

    emergency.refresh_from_db()
    assert (taken, emergency.accepted_by, emergency.status) == ([True, False], mike, "accepted")
