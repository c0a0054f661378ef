"""Whatever callers ask for, in whatever order, on days when the clock jumps: nobody is ever in two places."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from calls.domain import appointments, diary, slots
from calls.domain.booking import SlotTaken, TooManyBookings, Wanted, book_appointment
from calls.models import Booking, TakenTime, Weekday
from tests.factories import make_business, make_call, make_line
from tests.factories_trade import make_hours, make_service, make_technician

CALLERS = 3
JUMPS = [
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("America/Havana", date(2027, 11, 7)),
    ("Africa/Cairo", date(2026, 4, 24)),
    ("Australia/Lord_Howe", date(2027, 4, 4)),
    ("Australia/Lord_Howe", date(2027, 10, 3)),
]
REFUSALS = (
    SlotTaken,
    TooManyBookings,
    slots.NotOffered,
    appointments.NotYours,
    appointments.WhichOne,
    appointments.OtherService,
    appointments.NobodyElse,
)
STEPS = st.tuples(
    st.sampled_from(["book", "book", "book", "move", "cancel", "assign"]),
    st.integers(0, CALLERS - 1),
    st.integers(0, 20),  # quarters of an hour, from one before midnight on
    st.booleans(),
)


class Town:
    """A business that never closes, on the morning before a day on which its clock jumps."""

    def __init__(self, zone, day, buffer):
        self.zone = ZoneInfo(zone)
        self.business = make_business(
            time_zone=zone, notice_minutes=0, buffer_minutes=buffer, slot_step_minutes=15, horizon_days=5
        )
        make_hours(business=self.business, weekdays=Weekday, starts_at=time(0), ends_at=time(23, 59))
        self.services = [make_service(business=self.business, duration_minutes=minutes) for minutes in (30, 95)]
        for _ in range(2):
            make_technician(business=self.business)
        line = make_line(business=self.business)
        midnight = datetime.combine(day, time(0), tzinfo=UTC) - self.zone.utcoffset(datetime.combine(day, time(0)))
        self.begins, self.now = midnight - timedelta(minutes=15), midnight - timedelta(hours=12)
        self.calls = [self.call(line, f"+1555017{caller:04}") for caller in range(CALLERS)]

    def call(self, line, number):
        return make_call(line=line, from_number=number, rang_at=self.now)

    def do(self, what, caller, unit, is_long):
        call_id = self.calls[caller].pk
        starts_at = self.begins + timedelta(minutes=15 * unit)
        slot = slots.slot_id(service=self.services[is_long], starts_at=starts_at)
        facts = appointments.Facts()
        if what == "book":
            wanted = Wanted(name="Robert Miller", address="12 Elm Street", postal_code="12207")
            book_appointment(call_id=call_id, slot=slot, wanted=wanted, now=self.now)
        elif what == "move":
            appointments.reschedule(call_id=call_id, facts=facts, slot=slot, now=self.now)
        elif what == "cancel":
            appointments.cancel_own(call_id=call_id, facts=facts, now=self.now)
        else:
            for booking in appointments.appointments(call_id=call_id, facts=facts, now=self.now)[:1]:
                appointments.reassign(booking=booking, now=self.now)


class BookingProperties(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(
        jump=st.sampled_from(JUMPS), buffer=st.sampled_from([0, 15, 20]), steps=st.lists(STEPS, min_size=4, max_size=14)
    )
    def test_nobody_is_in_two_places_and_every_time_is_one_that_the_clock_shows(self, jump, buffer, steps):
        town = Town(*jump, buffer)
        for step in steps:
            try:
                town.do(*step)
            except REFUSALS:
                continue

        booked = list(Booking.objects.filter(status="booked").order_by("technician", "starts_at"))
        for one, two in zip(booked, booked[1:], strict=False):
            is_apart = two.starts_at >= one.ends_at + timedelta(minutes=buffer)
            assert one.technician_id != two.technician_id or is_apart
        for booking in booked:
            local = booking.starts_at.astimezone(town.zone)
            assert (local.fold, local.minute % 15) == (0, 0)
            assert booking.ends_at - booking.starts_at == timedelta(minutes=booking.service.duration_minutes)
        taken = {
            (booking.pk, booking.technician_id, unit)
            for booking in booked
            for unit in diary.units(booking.starts_at, booking.ends_at + timedelta(minutes=buffer))
        }
        assert set(TakenTime.objects.values_list("booking", "technician", "starts_at")) == taken

    @settings(max_examples=15, deadline=None)
    @given(jump=st.sampled_from(JUMPS), steps=st.lists(STEPS, max_size=6), is_long=st.booleans())
    def test_whatever_is_offered_can_be_booked(self, jump, steps, is_long):
        town = Town(*jump, 15)
        for step in steps:
            try:
                town.do(*step)
            except REFUSALS:
                continue
        service = town.services[is_long]

        found = slots.find(service=service, wish=slots.Wish(day=jump[1].isoformat()), place=slots.Place(), now=town.now)

        assert len(found.openings) == 3
        call = town.call(town.calls[0].line, "+15550170099")
        wanted = Wanted(name="Ann Lee", address="1 Elm Street", postal_code="12207")
        slot = slots.slot_id(service=service, starts_at=found.openings[-1])
        made = book_appointment(call_id=call.pk, slot=slot, wanted=wanted, now=town.now)
        assert made.starts_at == found.openings[-1]
