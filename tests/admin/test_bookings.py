"""Bookings in the admin: the list, what can be done with one, and who may do it."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry

from calls.models import Booking, OutgoingEmail, TakenTime, Technician
from tests import factories, factories_trade
from tests.admin.pages import address, buttons, cells, do, in_list, said, text_of

DEEDS = [
    "Confirm",
    "Send the confirmation again",
    "Mark as done",
    "Move it",
    "Send somebody else",
    "Cancel the booking",
]


@pytest.fixture
def booking(db):
    business = factories_trade.make_open_business()
    service = factories_trade.make_service(business=business, name="Drain cleaning")
    dan = factories_trade.make_technician(business=business, name="Dan")
    customer = factories_trade.make_customer(business=business, number="+12125550123", email="jo@example.com")
    return factories_trade.make_booking(
        service=service, technician=dan, customer=customer, notes="Ring 212-555-0123 before.", reference="K7FCM4"
    )


@pytest.fixture
def reader(client, db):
    client.force_login(factories.make_staff("calls.view_booking"))
    return client


@pytest.fixture
def dispatcher(client, db, time_machine):
    """At a time when the booking is still to come: nobody is told of what is over."""
    time_machine.move_to(factories.RANG_AT, tick=False)
    client.force_login(factories.make_staff("calls.view_booking", "calls.change_booking"))
    return client


def test_a_row_tells_when_what_for_whom_who_goes_and_the_state(owner, booking, time_machine):
    time_machine.move_to(factories.RANG_AT, tick=False)
    owner.force_login(factories.make_superuser())

    assert cells(owner.get(address("booking"))) == [
        ["Tue, Nov 24, 9:00 AM", "Drain cleaning K7FCM4", "Robert Miller 12 Elm Street", "Dan", "Booked", "–"]
    ]


def test_a_page_without_the_right_shows_neither_number_nor_buttons(reader, booking):
    page = reader.get(address("booking", "change", booking.pk))

    assert buttons(page) == []
    assert "Telephone: •••23" in text_of(page)
    assert "Ring •••23 before." in text_of(page)
    assert "5550123" not in page.content.decode()


@pytest.mark.parametrize(
    ("status", "offered"),
    [("booked", DEEDS), ("confirmed", DEEDS[1:]), ("done", []), ("cancelled", [])],
)
def test_buttons_fit_the_state(dispatcher, booking, status, offered):
    Booking.objects.update(status=status)

    assert buttons(dispatcher.get(address("booking", "change", booking.pk))) == offered


def test_a_booking_is_confirmed_and_done_from_its_page_and_that_is_written_down(dispatcher, booking):
    assert do(dispatcher, "booking", booking, "confirm") == ["K7FCM4 Drain cleaning: confirmed."]
    assert do(dispatcher, "booking", booking, "done")[-1] == "K7FCM4 Drain cleaning: marked as done."
    assert Booking.objects.get().status == "done"
    assert sorted(LogEntry.objects.values_list("change_message", flat=True)) == ["Confirmed", "Marked as done"]


def test_what_does_not_fit_is_refused_in_a_sentence(dispatcher, booking):
    Booking.objects.update(status="done")

    assert do(dispatcher, "booking", booking, "confirm") == [
        "K7FCM4 Drain cleaning: “Confirm” does not fit, it is done."
    ]


def test_cancelling_asks_first_then_frees_the_time_and_tells_both_sides(dispatcher, booking):
    question = dispatcher.get(address("booking", "do", booking.pk, "cancel"))
    assert "Cancel? The time becomes free" in text_of(question)
    assert (Booking.objects.get().status, TakenTime.objects.exists()) == ("booked", True)

    assert do(dispatcher, "booking", booking, "cancel") == ["K7FCM4 Drain cleaning: cancelled."]

    assert (Booking.objects.get().status, TakenTime.objects.exists()) == ("cancelled", False)
    assert set(OutgoingEmail.objects.values_list("to", flat=True)) == {booking.technician.email, "jo@example.com"}


def test_cancelling_in_the_list_asks_first_and_says_what_did_not_fit(dispatcher, booking):
    other = factories_trade.make_booking(
        technician=booking.technician, starts_at=booking.starts_at + timedelta(days=1), status="done"
    )

    question = in_list(dispatcher, "booking", "cancel", booking, other)
    assert "Cancel?" in text_of(question)
    assert Booking.objects.filter(status="cancelled").count() == 0

    answered = in_list(dispatcher, "booking", "cancel", booking, other, sure="yes")
    assert said(answered) == [f"{other}: “Cancel the booking” does not fit, it is done.", "1: cancelled."]
    assert Booking.objects.get(status="cancelled") == booking


def test_several_are_confirmed_in_the_list(dispatcher, booking):
    other = factories_trade.make_booking(technician=booking.technician, starts_at=booking.starts_at + timedelta(days=1))

    assert said(in_list(dispatcher, "booking", "confirm", booking, other)) == ["2: confirmed."]
    assert set(Booking.objects.values_list("status", flat=True)) == {"confirmed"}


@pytest.mark.parametrize("name", ["confirm", "done", "cancel"])
def test_a_reader_changes_nothing(reader, booking, name):
    page = reader.post(address("booking", "do", booking.pk, name))
    in_list(reader, "booking", name, booking, sure="yes")

    assert page.status_code == 403
    assert reader.post(address("booking", "reassign", booking.pk), {"technician": "1"}).status_code == 403
    assert Booking.objects.get().status == "booked"


def test_nothing_is_typed_into_a_booking_or_deleted(owner, booking):
    assert owner.post(address("booking", "change", booking.pk), {"status": "done"}).status_code == 403
    assert owner.post(address("booking", "delete", booking.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("path", ["confirm", "nonsense"])
def test_what_only_a_button_does_or_nothing_does_has_no_page(dispatcher, booking, path):
    assert (
        dispatcher.get(address("booking", "do", booking.pk, path)).status_code
        == {"confirm": 403, "nonsense": 404}[path]
    )


def test_the_confirmation_is_sent_again_where_there_is_whom_to_send_it_to(dispatcher, booking):
    assert do(dispatcher, "booking", booking, "send_confirmation") == [f"{booking}: confirmed by e-mail again."]

    letter = OutgoingEmail.objects.get()
    assert (letter.to, letter.call, letter.subject[:22], "UID:K7FCM4@booking" in letter.calendar) == (
        "jo@example.com",
        None,
        "Your appointment with ",
        True,
    )
    booking.customer.email = ""
    booking.customer.save()
    assert "Send the confirmation again" not in buttons(dispatcher.get(address("booking", "change", booking.pk)))
    assert do(dispatcher, "booking", booking, "send_confirmation")[-1] == (
        f"{booking}: “Send the confirmation again” does not fit, it is booked."
    )


def test_who_goes_is_chosen_among_everybody_with_what_speaks_against_them(dispatcher, booking):
    ann = factories_trade.make_technician(business=booking.business, name="Ann")
    busy = factories_trade.make_technician(business=booking.business, name="Ben")
    factories_trade.make_booking(technician=busy, starts_at=booking.starts_at)
    page = address("booking", "reassign", booking.pk)

    asked = text_of(dispatcher.get(page))
    taken = said(dispatcher.post(page, {"technician": busy.pk}))
    nobody = said(dispatcher.post(page, {"technician": "x"}))
    sent = said(dispatcher.post(page, {"technician": ann.pk}))

    assert "Robert Miller, Tue, Nov 24, 9:00 AM" in asked
    assert "Ann Free Dan Goes now Ben Has another booking then" in asked
    assert taken == ["Ben has another booking then. Choose somebody else."]
    assert nobody == ["Choose who goes."]
    assert sent == ["Ann goes to K7FCM4 Drain cleaning. Ann and Dan are told."]
    assert Booking.objects.get(pk=booking.pk).technician == ann


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Ann", "Dan is told. Nobody else could be: let them know yourself."),
        ("Dan", "Ann is told. Nobody else could be: let them know yourself."),
    ],
)
def test_who_could_not_be_told_is_not_said_to_be_told(dispatcher, booking, name, told):
    ann = factories_trade.make_technician(business=booking.business, name="Ann")
    Technician.objects.filter(name=name).update(number="", email="")

    answer = dispatcher.post(address("booking", "reassign", booking.pk), {"technician": ann.pk})

    assert said(answer) == [f"Ann goes to K7FCM4 Drain cleaning. {told}"]


def test_nobody_is_sent_to_a_booking_that_is_over(dispatcher, booking):
    Booking.objects.update(status="cancelled")

    answer = dispatcher.get(address("booking", "reassign", booking.pk))

    assert said(answer) == ["K7FCM4 Drain cleaning is cancelled: nobody is sent to it."]


@pytest.mark.parametrize(("when", "found"), [("coming", 1), ("over", 0)])
def test_what_is_still_to_come_is_picked(reader, booking, when, found, time_machine):
    time_machine.move_to(factories.RANG_AT, tick=False)
    reader.force_login(factories.make_staff("calls.view_booking"))

    assert len(cells(reader.get(address("booking"), {"when": when}))) == found


@pytest.mark.parametrize("lookup", ["customer__number", "notes__contains", "call__from_number"])
def test_a_number_cannot_be_filtered_for_without_the_right(reader, booking, lookup):
    assert reader.get(address("booking"), {lookup: "+1212"}).status_code == 400
    assert cells(reader.get(address("booking"), {"q": "0123"})) == []
    assert len(cells(reader.get(address("booking"), {"q": "miller"}))) == 1
