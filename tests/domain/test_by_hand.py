"""What a person changes by hand holds only on the state that they saw."""

from datetime import timedelta

import pytest

from calls.domain import by_hand, outbox
from calls.models import Booking, Callback, Emergency, OutgoingEmail, Quote
from tests import factories, factories_trade

NOW = factories.RANG_AT


def make_callback(**fields):
    standing = {
        "business": factories.make_business(),
        "number": "+15185550001",
        "reason": "A second estimate.",
        "consent": "Yes, call me.",
        "asked_at": NOW,
        "due_at": NOW + timedelta(days=1),
    }
    return Callback.objects.create(**standing | fields)


def make_quote(**fields):
    service = factories_trade.make_service()
    standing = {"business": service.business, "service": service, "total": "120.00", "quoted_at": NOW}
    return Quote.objects.create(**standing | fields)


def write_letter(quote, key="first", now=NOW, **changed):
    email = outbox.write_email(
        business_id=quote.business_id,
        call_id=None,
        purpose="quote",
        key=f"quote:{quote.reference}:{key}",
        to="jo@example.com",
        subject="Your quote",
        body="Total: $120.00",
        html="<p>Total: $120.00</p>",
        now=now,
    )
    OutgoingEmail.objects.filter(pk=email.pk).update(**changed)
    return email


def test_a_booking_is_confirmed_once_and_done_once(db):
    booking = factories_trade.make_booking()

    by_hand.confirm_booking(booking=booking, now=NOW)
    with pytest.raises(by_hand.Changed):
        by_hand.confirm_booking(booking=booking, now=NOW)
    by_hand.finish_booking(booking=booking)
    with pytest.raises(by_hand.Changed):
        by_hand.finish_booking(booking=booking)

    assert Booking.objects.get().status == Booking.Status.DONE


@pytest.mark.parametrize("status", ["due", "failed"])
def test_a_callback_that_is_owed_is_due_at_once(db, status):
    by_hand.ring_now(callback=make_callback(status=status), now=NOW)

    callback = Callback.objects.get()
    assert (callback.status, callback.due_at, callback.claimed_until) == ("due", NOW, None)


@pytest.mark.parametrize(
    "fields",
    [{"status": "dialing"}, {"status": "done"}, {"status": "due", "claimed_until": NOW + timedelta(minutes=1)}],
)
def test_a_callback_that_a_worker_has_in_hand_or_that_is_over_is_left_alone(db, fields):
    callback = make_callback(**fields)

    with pytest.raises(by_hand.Changed):
        by_hand.ring_now(callback=callback, now=NOW)
    with pytest.raises(by_hand.Changed):
        by_hand.close_callback(callback=callback, is_reached=True, now=NOW)

    callback.refresh_from_db()
    assert (callback.status, callback.due_at) == (fields["status"], NOW + timedelta(days=1))


@pytest.mark.parametrize(("is_reached", "status"), [(True, "done"), (False, "cancelled")])
def test_a_callback_is_closed_as_reached_or_dropped(db, is_reached, status):
    by_hand.close_callback(callback=make_callback(), is_reached=is_reached, now=NOW)

    assert Callback.objects.get().status == status


def test_an_emergency_is_closed_once(db):
    business = factories.make_business()
    emergency = Emergency.objects.create(business=business, raised_by="tool", kind="water", raised_at=NOW)

    by_hand.close_emergency(emergency=emergency, now=NOW)
    with pytest.raises(by_hand.Changed):
        by_hand.close_emergency(emergency=emergency, now=NOW)

    assert Emergency.objects.get().status == Emergency.Status.CLOSED


def test_a_letter_that_was_sent_leaves_once_more_as_a_copy(db):
    quote = make_quote()
    write_letter(quote, status="sent")
    later = NOW + timedelta(hours=1)

    by_hand.send_quote_again(quote=quote, now=later)

    copy, first = by_hand.letters_of(quote=quote)
    assert (copy.to, copy.subject, copy.body, copy.html) == (first.to, first.subject, first.body, first.html)
    assert (copy.status, copy.due_at, first.status) == ("queued", later, "sent")


def test_a_letter_that_was_given_up_is_tried_again_and_not_copied(db):
    quote = make_quote()
    write_letter(quote, status="failed", attempts=6, error="no such user")

    by_hand.send_quote_again(quote=quote, now=NOW)

    [letter] = by_hand.letters_of(quote=quote)
    assert (letter.status, letter.attempts, letter.error) == ("queued", 0, "")


def test_without_a_letter_or_with_one_on_its_way_nothing_leaves(db):
    quote = make_quote()

    with pytest.raises(by_hand.NotSent) as never:
        by_hand.send_quote_again(quote=quote, now=NOW)
    write_letter(quote)
    with pytest.raises(by_hand.NotSent) as queued:
        by_hand.send_quote_again(quote=quote, now=NOW)

    assert str(never.value) == f"{quote} has not been e-mailed: no address is known for it."
    assert str(queued.value) == f"{quote} is in the outbox already and leaves by itself."
    assert OutgoingEmail.objects.count() == 1
