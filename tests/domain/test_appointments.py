from datetime import timedelta

import pytest

from calls.domain import appointments, slots
from calls.domain.appointments import Facts
from calls.domain.booking import SlotTaken
from calls.models import Booking, Call, CallEvent, Emergency, OutgoingEmail, OutgoingMessage, TakenTime
from tests.factories import RANG_AT, make_business, make_call, make_line
from tests.factories_trade import (
    TUESDAY_AT_NINE,
    make_area,
    make_booking,
    make_customer,
    make_open_business,
    make_service,
    make_skill,
    make_technician,
    make_time_off,
)

pytestmark = pytest.mark.django_db

AT_ELEVEN = TUESDAY_AT_NINE + timedelta(hours=2)
NOBODY = Facts()


class Diary:
    """A business with one technician, and a customer who has booked and calls again."""

    def __init__(self, **customer):
        self.business = make_open_business()
        self.line = make_line(business=self.business)
        self.service = make_service(business=self.business)
        self.technician = make_technician(business=self.business)
        self.customer = make_customer(business=self.business, **{"number": "+15550100001"} | customer)
        self.booking = self.booked()
        self.call = make_call(line=self.line)

    def booked(self, starts_at=TUESDAY_AT_NINE, **fields):
        standing = {"service": self.service, "technician": self.technician, "customer": self.customer}
        return make_booking(starts_at=starts_at, **standing | fields)

    def stranger(self, number="+15550100666"):
        return make_call(line=self.line, from_number=number)

    def slot(self, starts_at=AT_ELEVEN, service=None):
        return slots.slot_id(service=service or self.service, starts_at=starts_at)

    def move(self, *, call=None, facts=NOBODY, starts_at=AT_ELEVEN, service=None, now=RANG_AT):
        slot = self.slot(starts_at, service)
        return appointments.reschedule(call_id=(call or self.call).pk, facts=facts, slot=slot, now=now)

    def cancel(self, *, call=None, facts=NOBODY, now=RANG_AT):
        return appointments.cancel_own(call_id=(call or self.call).pk, facts=facts, now=now)

    def assign(self, *, call=None, facts=NOBODY, now=RANG_AT):
        """Of whoever is sent, who has taken that day off."""
        if not self.technician.time_off.exists():
            make_time_off(technician=self.technician)
        return appointments.assign_technician(call_id=(call or self.call).pk, facts=facts, now=now).booking

    def own(self, *, call=None, facts=NOBODY, now=RANG_AT):
        return appointments.appointments(call_id=(call or self.call).pk, facts=facts, now=now)

    def taken(self):
        return list(TakenTime.objects.order_by("starts_at").values_list("booking", "technician", "starts_at"))

    def units(self, booking, technician, starts_at):
        return [(booking.pk, technician.pk, starts_at + timedelta(minutes=5 * unit)) for unit in range(15)]


def to_customers():
    return list(OutgoingEmail.objects.filter(purpose="booking").order_by("pk"))


def test_the_number_that_calls_hears_of_its_own_open_bookings_only():
    diary = Diary()
    later = diary.booked(AT_ELEVEN)
    diary.booked(AT_ELEVEN + timedelta(hours=2), status=Booking.Status.CANCELLED)
    diary.booked(RANG_AT - timedelta(hours=2))
    diary.booked(AT_ELEVEN + timedelta(days=1), customer=make_customer(business=diary.business))
    make_booking(customer=make_customer(number="+15550100001"))

    assert diary.own() == [diary.booking, later]


def test_an_anonymous_caller_has_no_bookings():
    diary = Diary(number="anonymous")

    assert diary.own(call=diary.stranger("anonymous")) == []


def test_a_business_that_rings_its_customer_back_knows_the_number_it_dials():
    diary = Diary()
    call = make_call(
        line=diary.line, direction=Call.Direction.OUTBOUND, from_number=diary.line.number, to_number="+15550100001"
    )

    assert diary.own(call=call) == [diary.booking]


@pytest.mark.parametrize(
    "facts",
    [
        {"postal_code": "12207"},
        {"postal_code": "1 2 2 0 7 - 1 2 3 4"},
        {"name": "robert MILLER"},
        {"name": "Somebody Else", "postal_code": "12207"},
    ],
)
def test_two_facts_open_a_booking_to_another_number(facts):
    diary = Diary()
    spelled = " ".join(diary.booking.reference.lower())

    assert diary.own(call=diary.stranger(), facts=Facts(reference=spelled, **facts)) == [diary.booking]


@pytest.mark.parametrize(
    "facts",
    [{}, {"postal_code": "12208"}, {"postal_code": "elm"}, {"name": "Robert"}, {"name": "", "postal_code": " "}],
)
def test_one_fact_alone_opens_nothing(facts):
    diary = Diary()
    stranger, known = diary.stranger(), Facts(reference=diary.booking.reference, **facts)

    for ask in (diary.own, diary.move, diary.cancel, diary.assign):
        with pytest.raises(appointments.NotYours):
            ask(call=stranger, facts=known)
    diary.booking.refresh_from_db()
    assert (diary.booking.status, diary.booking.starts_at) == (Booking.Status.BOOKED, TUESDAY_AT_NINE)


def test_nothing_is_known_of_a_customer_without_name_and_postal_code():
    diary = Diary(name="", postal_code="")

    with pytest.raises(appointments.NotYours):
        diary.own(call=diary.stranger(), facts=Facts(reference=diary.booking.reference))


def test_the_reference_of_another_business_opens_nothing():
    diary = Diary()
    foreign = make_booking(customer=make_customer(business=make_business(), number="+15550100001"))

    with pytest.raises(appointments.NotYours):
        diary.own(facts=Facts(reference=foreign.reference, postal_code="12207"))


def test_a_booking_moves_with_the_time_that_it_takes():
    diary = Diary()

    moved = diary.move()

    assert (moved.pk, moved.technician) == (diary.booking.pk, diary.technician)
    assert (moved.starts_at, moved.ends_at) == (AT_ELEVEN, AT_ELEVEN + timedelta(hours=1))
    assert diary.taken() == diary.units(moved, diary.technician, AT_ELEVEN)
    diary.call.refresh_from_db()
    assert diary.call.outcome == Call.Outcome.BOOKED
    assert list(CallEvent.objects.values_list("kind", "detail")) == [("booking_moved", {"reference": moved.reference})]


def test_a_booking_can_move_by_half_an_hour_over_its_own_time():
    diary = Diary()
    start = TUESDAY_AT_NINE + timedelta(minutes=30)

    assert diary.taken() == diary.units(diary.booking, diary.technician, TUESDAY_AT_NINE)
    diary.move(starts_at=start)
    assert diary.taken() == diary.units(diary.booking, diary.technician, start)


def test_moving_to_the_same_slot_again_changes_nothing():
    diary = Diary(email="r@example.com")

    diary.move()
    diary.move(now=RANG_AT + timedelta(minutes=1))

    assert CallEvent.objects.count() == 1
    assert [letter.to for letter in to_customers()] == ["r@example.com"]


def test_a_booking_that_cannot_move_stays_and_the_caller_hears_of_the_next_openings():
    diary = Diary(email="r@example.com")
    other = diary.booked(AT_ELEVEN, customer=make_customer(business=diary.business))

    with pytest.raises(SlotTaken) as refusal:
        diary.move()

    assert refusal.value.openings == [
        AT_ELEVEN + timedelta(minutes=90),
        AT_ELEVEN + timedelta(minutes=210),
        TUESDAY_AT_NINE + timedelta(hours=23),
    ]
    diary.booking.refresh_from_db()
    assert diary.booking.starts_at == TUESDAY_AT_NINE
    expected = diary.units(diary.booking, diary.technician, TUESDAY_AT_NINE)
    assert diary.taken() == expected + diary.units(other, diary.technician, AT_ELEVEN)
    assert OutgoingEmail.objects.count() == 0


def test_a_booking_moves_to_another_technician_when_its_own_is_not_free():
    diary = Diary()
    other = make_technician(business=diary.business)
    make_time_off(technician=diary.technician, starts_at=AT_ELEVEN)

    assert diary.move().technician == other


def test_a_booking_keeps_its_technician_though_another_is_nearer():
    diary = Diary()
    make_technician(business=diary.business, home_postal_code="12207")

    assert diary.move().technician == diary.technician


def test_a_booking_does_not_move_to_a_time_that_was_never_offered():
    diary = Diary()

    with pytest.raises(slots.NotOffered):
        diary.move(starts_at=TUESDAY_AT_NINE - timedelta(hours=6))


def test_a_booking_does_not_move_to_another_service():
    diary = Diary()

    with pytest.raises(appointments.OtherService):
        diary.move(service=make_service(business=diary.business))


def test_who_has_two_bookings_is_asked_which():
    diary = Diary()
    later = diary.booked(AT_ELEVEN)

    for ask in (diary.move, diary.cancel, diary.assign):
        with pytest.raises(appointments.WhichOne) as question:
            ask()
        assert question.value.bookings == [diary.booking, later]

    assert diary.cancel(facts=Facts(reference=later.reference)) == later


@pytest.mark.parametrize("status", [Booking.Status.DONE, Booking.Status.CANCELLED])
def test_what_is_over_cannot_be_moved(status):
    diary = Diary()
    Booking.objects.update(status=status)

    with pytest.raises(appointments.NotYours):
        diary.move(facts=Facts(reference=diary.booking.reference))


def test_what_has_begun_cannot_be_cancelled():
    diary = Diary()

    with pytest.raises(appointments.NotYours):
        diary.cancel(now=TUESDAY_AT_NINE)


def test_cancelling_gives_the_time_back_and_tells_the_customer():
    diary = Diary(email="r@example.com")

    cancelled = diary.cancel()

    assert cancelled.status == Booking.Status.CANCELLED
    assert diary.taken() == []
    [letter] = to_customers()
    assert letter.subject == (
        "Your appointment with Cedar Plumbing is cancelled: Tuesday the 24th of November 2026 at nine"
    )
    assert "METHOD:CANCEL\r\n" in letter.calendar
    assert letter.html != ""


@pytest.mark.parametrize("has_reference", [True, False])
def test_cancelling_twice_is_cancelling_once(has_reference):
    diary = Diary(email="r@example.com")
    facts = Facts(reference=diary.booking.reference) if has_reference else NOBODY

    assert diary.cancel(facts=facts) == diary.cancel(facts=facts) == diary.booking
    assert len(to_customers()) == CallEvent.objects.count() == 1


def test_a_time_that_was_given_back_can_be_booked_again():
    diary = Diary()
    other = diary.booked(AT_ELEVEN, customer=make_customer(business=diary.business, number="+15550100777"))
    diary.cancel()

    appointments.move(booking=other, starts_at=TUESDAY_AT_NINE, now=RANG_AT)

    assert diary.taken() == diary.units(other, diary.technician, TUESDAY_AT_NINE)


def test_a_staff_member_cannot_cancel_what_was_done_in_the_meantime():
    diary = Diary()
    Booking.objects.update(status=Booking.Status.DONE)

    with pytest.raises(appointments.NotYours):
        appointments.cancel(booking=diary.booking, now=RANG_AT)


def test_each_letter_of_a_booking_replaces_the_one_before_in_a_calendar():
    diary = Diary(email="r@example.com")
    diary.move(now=RANG_AT)
    diary.move(starts_at=TUESDAY_AT_NINE, now=RANG_AT + timedelta(minutes=1))
    diary.move(now=RANG_AT + timedelta(minutes=2))

    sequences = [int(letter.calendar.split("SEQUENCE:")[1].split()[0]) for letter in to_customers()]
    day = 24 * 60 * 60
    assert sequences == [day, day + 60, day + 120]


def test_a_call_moves_only_so_often_and_each_move_is_told():
    diary = Diary(email="r@example.com")
    for minute in range(3):
        diary.move(starts_at=AT_ELEVEN + timedelta(minutes=30 * minute), now=RANG_AT + timedelta(minutes=minute))

    with pytest.raises(appointments.TooManyMoves):
        diary.move(starts_at=TUESDAY_AT_NINE)
    assert diary.move(starts_at=AT_ELEVEN + timedelta(hours=1)) == diary.booking, "where it stands it may stay"
    assert diary.move(call=make_call(line=diary.line), now=RANG_AT + timedelta(hours=1)).starts_at == AT_ELEVEN
    assert len(to_customers()) == 4


def test_the_next_suitable_technician_is_sent_and_both_are_told():
    diary = Diary()
    make_technician(business=diary.business, is_active=False)
    busy = make_technician(business=diary.business)
    diary.booked(customer=make_customer(business=diary.business), technician=busy)
    free = make_technician(business=diary.business)

    assert diary.assign().technician == free

    told = list(OutgoingMessage.objects.order_by("pk").values_list("to", "body"))
    about = (
        f"booking {diary.booking.reference}: {diary.service.name}, Tuesday the 24th of November 2026 at nine, "
        "12 Elm Street."
    )
    assert told == [
        (free.number, f"You are sent to {about}"),
        (diary.technician.number, f"You are no longer sent to {about}"),
    ]
    assert list(OutgoingEmail.objects.order_by("pk").values_list("to", flat=True)) == [
        free.email,
        diary.technician.email,
    ]
    assert diary.units(diary.booking, free, TUESDAY_AT_NINE)[0] in diary.taken()


def test_who_can_go_stays_however_many_calls_ask_for_another():
    diary = Diary()
    for _ in range(3):
        make_technician(business=diary.business)

    for _ in range(4):
        call = make_call(line=diary.line)
        assigned = appointments.assign_technician(call_id=call.pk, facts=NOBODY, now=RANG_AT)
        assert (assigned.booking.technician, assigned.is_another) == (diary.technician, False)
    assert OutgoingMessage.objects.count() == 0

    sent = diary.assign().technician
    assert diary.assign(call=make_call(line=diary.line)).technician == sent != diary.technician
    assert OutgoingMessage.objects.count() == 2


@pytest.mark.parametrize("why", ["off", "left", "does not know it", "does not go there"])
def test_who_cannot_go_is_followed_by_somebody_who_can(why):
    diary = Diary()
    skill = make_skill(business=diary.business)
    other = make_technician(business=diary.business, skills=[skill])
    if why == "off":
        make_time_off(technician=diary.technician)
    if why == "left":
        type(other).objects.filter(pk=diary.technician.pk).update(is_active=False)
    if why == "does not know it":
        diary.service.skills.set([skill])
    if why == "does not go there":
        diary.technician.areas.add(make_area(business=diary.business, value="99999"))

    assigned = appointments.assign_technician(call_id=diary.call.pk, facts=NOBODY, now=RANG_AT)

    assert (assigned.booking.technician, assigned.is_another) == (other, True)


def test_in_an_emergency_somebody_else_is_sent_once_a_call():
    diary = Diary()
    for _ in range(2):
        make_technician(business=diary.business)
    emergency = {"raised_by": "tool", "kind": "gas", "raised_at": RANG_AT}
    Emergency.objects.create(business=diary.business, call=diary.call, **emergency)

    asked = [appointments.assign_technician(call_id=diary.call.pk, facts=NOBODY, now=RANG_AT) for _ in range(2)]

    assert [one.is_another for one in asked] == [True, False]
    assert asked[0].booking == asked[1].booking
    assert OutgoingMessage.objects.count() == 2


def test_a_technician_without_telephone_and_email_is_sent_all_the_same():
    diary = Diary()
    silent = make_technician(business=diary.business, number="", email="")

    assert diary.assign().technician == silent
    assert OutgoingMessage.objects.count() == 1


@pytest.mark.parametrize("why", ["alone", "not able", "not free"])
def test_a_booking_that_nobody_else_can_take_stays(why):
    diary = Diary()
    if why != "alone":
        other = make_technician(business=diary.business)
    if why == "not able":
        diary.service.skills.set([make_skill(business=diary.business)])
    if why == "not free":
        make_booking(service=diary.service, technician=other, customer=make_customer(business=diary.business))

    with pytest.raises(appointments.NobodyElse):
        diary.assign()
    diary.booking.refresh_from_db()
    assert diary.booking.technician == diary.technician
    assert OutgoingMessage.objects.count() == OutgoingEmail.objects.count() == 0
