from datetime import UTC, datetime, timedelta

import pytest

from calls.domain import diary
from calls.models import Booking, TakenTime
from tests.factories_trade import TUESDAY_AT_NINE, make_booking, make_customer, make_technician


def at(minute, second=0):
    return datetime(2026, 11, 24, 14, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("starts_at", "until", "minutes"),
    [
        (at(0), at(15), [0, 5, 10]),
        (at(7), at(15), [5, 10]),
        (at(5), at(11), [5, 10]),
        (at(5, 30), at(10, 1), [5, 10]),
        (at(5), at(5), []),
    ],
)
def test_every_unit_that_a_time_touches_is_taken(starts_at, until, minutes):
    assert list(diary.units(starts_at, until)) == [at(minute) for minute in minutes]


@pytest.mark.django_db
def test_time_that_cannot_be_taken_leaves_everything_as_it_was():
    technician = make_technician()
    customer = make_customer(business=technician.business)
    make_booking(technician=technician, customer=customer)
    moving = make_booking(technician=technician, customer=customer, starts_at=TUESDAY_AT_NINE + timedelta(hours=2))
    before = sorted(TakenTime.objects.values_list("booking", "starts_at"))
    moving.starts_at, moving.ends_at = TUESDAY_AT_NINE, TUESDAY_AT_NINE + timedelta(hours=1)

    with pytest.raises(diary.NotFree):
        diary.take(booking=moving)

    assert sorted(TakenTime.objects.values_list("booking", "starts_at")) == before


@pytest.mark.django_db
def test_what_is_taken_is_told_by_technician():
    booking = make_booking()
    other = make_technician(business=booking.business)

    def taken(starts_at, until):
        ids = [booking.technician_id, other.pk]
        return diary.taken(technician_ids=ids, starts_at=starts_at, until=until)

    assert taken(at(10), at(20)) == {booking.technician_id: {at(10), at(15)}, other.pk: set()}
    diary.release(booking=booking)
    assert taken(at(0), at(55)) == {booking.technician_id: set(), other.pk: set()}
    assert Booking.objects.count() == 1
