"""Sending somebody of one's own choice: objections are overruled, a taken hour never is."""

from datetime import timedelta

import pytest

from calls.domain import dispatch
from calls.models import Booking, OutgoingEmail, OutgoingMessage, TakenTime
from tests import factories, factories_trade


@pytest.fixture
def business(db):
    return factories_trade.make_open_business()


@pytest.fixture
def booking(business):
    drains = factories_trade.make_skill(business=business, name="drains")
    service = factories_trade.make_service(business=business, skills=[drains], name="Drain cleaning")
    dan = factories_trade.make_technician(business=business, skills=[drains], name="Dan")
    return factories_trade.make_booking(service=service, technician=dan)


def told_of(booking):
    return {
        one.technician.name: (list(one.objections), one.is_taken, one.is_sent_now)
        for one in dispatch.candidates(booking=booking)
    }


def test_everybody_is_named_with_what_speaks_against_them(business, booking):
    [drains] = booking.service.skills.all()
    far = factories_trade.make_area(business=business, value="14201")
    factories_trade.make_technician(business=business, name="Ann", skills=[drains])
    factories_trade.make_technician(business=business, name="Far", skills=[drains], areas=[far])
    away = factories_trade.make_technician(business=business, name="Off", skills=[drains])
    factories_trade.make_time_off(technician=away)
    busy = factories_trade.make_technician(business=business, name="Ben")
    earlier = booking.starts_at - timedelta(minutes=70)
    factories_trade.make_booking(technician=busy, service=booking.service, starts_at=earlier)
    factories_trade.make_technician(business=business, name="Gone", is_active=False)

    assert told_of(booking) == {
        "Ann": ([], False, False),
        "Dan": ([], False, True),
        "Far": (["Does not go there."], False, False),
        "Off": (["Does not work then."], False, False),
        "Ben": (["Does not know drains."], True, False),
    }


def test_whoever_is_sent_takes_the_time_and_both_are_told(business, booking):
    before = booking.technician
    ann = factories_trade.make_technician(business=business, name="Ann")

    dispatch.send(booking=booking, technician=ann, now=factories.RANG_AT)

    booking.refresh_from_db()
    assert booking.technician == ann
    assert set(TakenTime.objects.values_list("technician", flat=True)) == {ann.pk}
    assert sorted(OutgoingMessage.objects.values_list("to", flat=True)) == sorted([before.number, ann.number])
    assert OutgoingEmail.objects.count() == 2


def test_the_same_technician_again_changes_nothing(booking):
    dispatch.send(booking=booking, technician=booking.technician, now=factories.RANG_AT)

    assert OutgoingMessage.objects.count() == 0


def test_nobody_is_sent_to_two_places_at_once(business, booking):
    busy = factories_trade.make_technician(business=business, name="Ben")
    factories_trade.make_booking(technician=busy, service=booking.service, starts_at=booking.starts_at)

    with pytest.raises(dispatch.Taken):
        dispatch.send(booking=booking, technician=busy, now=factories.RANG_AT)

    assert Booking.objects.get(pk=booking.pk).technician.name == "Dan"
    assert OutgoingMessage.objects.count() == 0


def test_nobody_is_sent_to_what_is_over(business, booking):
    Booking.objects.filter(pk=booking.pk).update(status=Booking.Status.DONE)
    ann = factories_trade.make_technician(business=business)

    with pytest.raises(dispatch.NotOpen):
        dispatch.send(booking=booking, technician=ann, now=factories.RANG_AT)
