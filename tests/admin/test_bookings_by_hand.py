"""Bookings made and moved on a page: the openings first, then a choice; what does not fit is told in words."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry

from calls.models import Booking, Customer, OutgoingEmail, Technician
from tests import factories, factories_trade
from tests.admin.pages import address, buttons, said, text_of, words

AT_NINE = "2026-11-24T14:00"
RIGHTS = ("calls.view_booking", "calls.add_booking", "calls.change_booking", "calls.view_customer")
ALL_RIGHTS = (*RIGHTS, "calls.view_whole_numbers")


class Desk:
    """Somebody at the admin of a business that is open, with Dan to send."""

    def __init__(self, client, *rights):
        client.force_login(factories.make_staff(*rights))
        self.client = client
        self.business = factories_trade.make_open_business()
        self.service = factories_trade.make_service(business=self.business, name="Drain cleaning")
        self.dan = factories_trade.make_technician(business=self.business, name="Dan", email="dan@example.com")

    def form(self, **changed):
        return {
            "number": "(518) 555-0123",
            "name": "Jo Miller",
            "service": self.service.pk,
            "address": "12 Elm Street, Albany",
            "postal_code": "12207",
            **changed,
        }

    def look(self, **changed):
        return self.client.post(address("booking", "add"), self.form(**changed) | {"look": ""})

    def book(self, **changed):
        return self.client.post(address("booking", "add"), self.form(**{"opening": AT_NINE} | changed) | {"book": ""})

    def refusals(self, **changed):
        """What is refused of a booking, field by field; nothing is booked."""
        answer = self.book(**changed)
        assert (answer.status_code, Booking.objects.count()) == (200, 0)
        return {name: list(found) for name, found in answer.context["form"].errors.items()}

    def why_not(self, on, at):
        [sentence] = self.refusals(opening="other", on=on, at=at)["__all__"]
        return sentence

    def customer(self, **fields):
        standing = {"name": "Ann Lee", "number": "+15185550123", "email": "ann@example.com", "postal_code": "12208"}
        return factories_trade.make_customer(business=self.business, **standing | fields)


@pytest.fixture
def desk(client, db, time_machine):
    time_machine.move_to(factories.RANG_AT, tick=False)
    return Desk(client, *ALL_RIGHTS)


def offered(answer):
    return [found[1] for found in answer.context["choices"]]


def test_a_booking_is_made_of_an_opening_and_both_sides_are_told(desk):
    shown = desk.look(day="2026-11-24")
    answer = desk.book(email="jo@example.com", notes="Mind the dog.")

    assert "Tuesday, November 24, 2026 8:00 AM 8:30 AM" in text_of(shown)
    made = Booking.objects.get()
    assert answer.url == address("booking", "change", made.pk)
    assert said(answer) == [
        f"{made} is booked for Tue, Nov 24, 9:00 AM; Dan goes. The customer and the technician are told."
    ]
    assert (made.starts_at, made.technician, made.call, made.booked_at) == (
        factories_trade.TUESDAY_AT_NINE,
        desk.dan,
        None,
        factories.RANG_AT,
    )
    assert (made.address, made.postal_code, made.notes) == ("12 Elm Street, Albany", "12207", "Mind the dog.")
    assert Customer.objects.values("number", "name", "email", "address", "postal_code").get() == {
        "number": "+15185550123",
        "name": "Jo Miller",
        "email": "jo@example.com",
        "address": "12 Elm Street, Albany",
        "postal_code": "12207",
    }
    assert sorted(OutgoingEmail.objects.values_list("to", flat=True)) == ["dan@example.com", "jo@example.com"]
    assert LogEntry.objects.get().change_message == "Booked by hand."


def test_who_cannot_be_told_is_named(desk):
    Technician.objects.update(email="", number="")

    assert said(desk.book()) == [
        f"{Booking.objects.get()} is booked for Tue, Nov 24, 9:00 AM; Dan goes. No address is known of the customer "
        "and the technician: let them know yourself."
    ]


def test_looking_for_openings_books_nothing_and_asks_for_no_more_than_a_service(desk):
    blank = desk.look(number="", name="", address="", postal_code="", day="")

    assert (blank.context["form"].errors, Booking.objects.count()) == ({}, 0)
    assert "Friday, November 20, 2026 12:30 PM 1:00 PM" in text_of(blank), "the soonest day, with two hours' notice"
    assert "Choose" not in text_of(desk.client.get(address("booking", "add")))


def test_a_customer_who_is_known_is_filled_in_before_anything_is_booked(desk):
    ann = desk.customer(address="3 Oak Road, Albany")
    blank = {"name": "", "address": "", "postal_code": ""}

    by_number = desk.look(**blank).context["form"]
    by_name = desk.look(number="", customer=ann.pk, **blank).context["form"]

    for form in (by_number, by_name):
        assert [form[name].value() for name in ("name", "address", "postal_code", "email")] == [
            "Ann Lee",
            "3 Oak Road, Albany",
            "12208",
            "ann@example.com",
        ]


def test_nothing_that_is_known_of_a_customer_is_changed_by_a_booking(desk):
    ann = desk.customer(email="", address="3 Oak Road")

    desk.book(number="", customer=ann.pk, name="", email="new@example.com")

    made = Booking.objects.select_related("customer").get()
    assert (made.customer, made.address) == (ann, "12 Elm Street, Albany")
    assert (made.customer.name, made.customer.address, made.customer.email) == (
        "Ann Lee",
        "3 Oak Road",
        "new@example.com",
    )


def test_letters_go_to_another_address_for_this_booking_alone(desk):
    ann = desk.customer()

    desk.book(number="", customer=ann.pk, name="", email="tenant@example.com")

    assert (Booking.objects.get().email, Customer.objects.get().email) == ("tenant@example.com", "ann@example.com")
    page = text_of(desk.client.get(address("booking", "change", Booking.objects.get().pk)))
    assert "Letters go to: tenant@example.com" in page


def test_the_same_form_posted_twice_is_one_booking(desk):
    factories_trade.make_technician(business=desk.business, name="Eve")

    desk.book()
    desk.book()

    assert Booking.objects.count() == OutgoingEmail.objects.count() == 1


@pytest.mark.parametrize(
    ("on", "at", "sentence"),
    [
        ("2026-11-19", "09:00", "That time is over."),
        ("0001-01-01", "00:00", "That time is over."),
        ("2026-11-20", "11:30", "That is too soon. Bookings need 2 h of notice."),
        ("2026-12-21", "09:00", "Bookings are made at most 30 days ahead."),
        ("9999-12-31", "23:30", "Bookings are made at most 30 days ahead."),
        ("2026-11-22", "09:00", "Cedar Plumbing is closed on Sunday, November 22, 2026."),
        ("2026-11-24", "09:10", "Bookings begin every 30 minutes of the day, not at 9:10 AM."),
        (
            "2026-11-24",
            "16:30",
            "Cedar Plumbing is open from 8:00 AM to 5:00 PM on Tuesday, November 24, 2026: 60 minutes from 4:30 PM on "
            "do not fit in.",
        ),
        ("2026-11-25", "09:00", "Nobody who does this work is at work at 9:00 AM on Wednesday, November 25, 2026."),
        (
            "2026-11-24",
            "09:00",
            "Everybody who does this work is taken then. Free: Tuesday, November 24, 2026, 10:30 AM; Tuesday, November "
            "24, 2026, 12:30 PM; Tuesday, November 24, 2026, 2:30 PM.",
        ),
    ],
)
def test_a_time_that_does_not_fit_is_explained(desk, on, at, sentence):
    factories_trade.make_time_off(technician=desk.dan, starts_at=datetime(2026, 11, 25, 5, tzinfo=UTC))
    other = factories_trade.make_booking(technician=desk.dan)

    answer = desk.book(opening="other", on=on, at=at)

    assert answer.context["form"].non_field_errors() == [sentence]
    assert "Nothing is booked yet." in text_of(answer)
    assert Booking.objects.get() == other


def test_a_time_that_the_clock_jumps_over_is_none(desk, time_machine):
    time_machine.move_to(datetime(2027, 3, 1, 12, tzinfo=UTC), tick=False)
    desk.client.force_login(factories.make_staff(*ALL_RIGHTS))

    assert desk.why_not("2027-03-14", "02:30") == "The clock jumps over 2:30 AM on Sunday, March 14, 2027."


def test_a_typed_time_that_fits_is_booked(desk):
    desk.book(opening="", on="2026-11-24", at="09:00")

    assert Booking.objects.get().starts_at == factories_trade.TUESDAY_AT_NINE


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"service": ""}, {"service": ["This field is required."]}),
        ({"number": ""}, {"number": ["Say for whom it is."]}),
        ({"number": "911"}, {"number": ["That is not a telephone number that can be called."]}),
        ({"name": ""}, {"name": ["Enter the name of the new customer."]}),
        ({"address": ""}, {"address": ["Enter where the work is."]}),
        ({"postal_code": "1220"}, {"postal_code": ["1220 is not a ZIP code. It has five digits, for example 12207."]}),
        (
            {"postal_code": "", "address": "12 Elm Street"},
            {"postal_code": ["Enter the postal code: without it nobody knows whether the address is served."]},
        ),
        ({"email": "jo at home"}, {"email": ["Enter a valid email address."]}),
        ({"opening": ""}, {"__all__": ["Choose an opening, or enter the day and the time."]}),
        ({"opening": "nonsense"}, {"__all__": ["Choose an opening, or enter the day and the time."]}),
        ({"opening": "other", "on": "2026-11-24"}, {"__all__": ["Choose an opening, or enter the day and the time."]}),
        ({"at": "10:00"}, {"__all__": ["Choose an opening or enter another time, not both."]}),
    ],
)
def test_what_is_missing_or_wrong_is_said_beside_it(desk, changed, refused):
    assert desk.refusals(**changed) == refused


def test_openings_before_an_address_is_known_are_those_of_whoever_goes_anywhere(desk):
    desk.dan.areas.add(factories_trade.make_area(business=desk.business))

    assert offered(desk.look(address="", postal_code="", day="2026-11-24"))[0] == "8:00 AM"


def test_a_place_that_is_not_served_is_said_with_the_nearest_that_is(desk):
    factories_trade.make_area(business=desk.business, value="12180")

    assert desk.refusals() == {
        "postal_code": ["12207 is not served. The nearest code that is served is 12180."],
    }


def test_a_service_that_nobody_knows_is_said_before_and_after(desk):
    desk.service.skills.set([factories_trade.make_skill(business=desk.business)])

    assert "No technician does this work at that place." in text_of(desk.look())
    assert desk.refusals() == {"__all__": ["No technician does this work at that place."]}


def test_the_number_of_somebody_else_is_not_given_another_name(desk):
    ann = desk.customer()

    assert desk.refusals(name="Jo Miller") == {
        "name": ["This is the number of Ann Lee. Names are mended on the customer's page."]
    }
    assert desk.refusals(customer=ann.pk, number="+15185550999", name="") == {
        "number": ["That is not the number of Ann Lee. Choose a customer or enter a number."]
    }


def test_a_customer_of_another_business_is_refused(desk):
    stranger = factories_trade.make_customer(name="Al", business=factories.make_business(name="Oak Roofing"))

    assert desk.refusals(customer=stranger.pk, number="", name="") == {
        "customer": ["Al is a customer of Oak Roofing, not of Cedar Plumbing."]
    }


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-11-22", "Cedar Plumbing is closed on Sunday, November 22, 2026."),
        ("2026-11-19", "Thursday, November 19, 2026 is over."),
        ("0001-01-01", "Monday, January 1, 1 is over."),
        ("9999-12-31", "Bookings are made at most 30 days ahead."),
        ("2026-11-20", "It is too late for Friday, November 20, 2026. Bookings need 7 h 30 min of notice."),
        ("2026-11-24", "Nobody who does this work is free on Tuesday, November 24, 2026."),
    ],
)
def test_a_day_without_openings_says_why_and_the_next_one_is_shown(desk, day, why):
    desk.business.notice_minutes = 450
    desk.business.save()
    factories_trade.make_time_off(technician=desk.dan, starts_at=datetime(2026, 11, 24, 5, tzinfo=UTC))

    answer = desk.look(day=day)

    assert why in text_of(answer)
    assert offered(answer)[0] == "8:00 AM"


def test_a_month_without_openings_says_so(desk):
    factories_trade.make_time_off(
        technician=desk.dan, starts_at=factories.RANG_AT, ends_at=factories.RANG_AT + timedelta(days=60)
    )

    assert "Nothing is free in the next 30 days." in text_of(desk.look())


def test_without_the_right_to_whole_numbers_a_customer_is_chosen_and_none_is_looked_up(client, db, time_machine):
    time_machine.move_to(factories.RANG_AT, tick=False)
    desk = Desk(client, *RIGHTS)
    ann = desk.customer()

    guessed = desk.look(name="")
    answer = desk.book(customer=ann.pk, name="")

    assert guessed.context["form"]["name"].value() == ""
    assert 'name="number"' not in guessed.content.decode()
    assert Booking.objects.get().customer == ann
    assert "5550123" not in answer.content.decode()


@pytest.mark.parametrize("missing", ["calls.add_booking", "calls.view_customer"])
def test_who_may_not_add_bookings_or_see_customers_has_no_page(client, db, missing):
    desk = Desk(client, *(right for right in ALL_RIGHTS if right != missing))

    assert client.get(address("booking", "add")).status_code == 403
    assert desk.book().status_code == 403
    assert address("booking", "add") not in client.get(address("booking")).content.decode()


def test_the_page_is_reached_from_the_list_the_day_and_the_customer(desk):
    ann = desk.customer()
    add = address("booking", "add")

    day = desk.client.get(address("booking", "day"), {"on": "2026-11-24"}).content.decode()
    assert f'href="{add}"' in desk.client.get(address("booking")).content.decode()
    assert f'href="{add}?day=2026-11-24"' in day
    assert f'href="{add}?customer={ann.pk}"' in desk.client.get(address("customer", "change", ann.pk)).content.decode()
    form = desk.client.get(add, {"customer": ann.pk, "day": "2026-11-24"}).context["form"]
    assert (form["customer"].value(), form["email"].value()) == (ann.pk, "ann@example.com")
    assert desk.client.get(add, {"customer": "x", "day": "x"}).status_code == 200


# Moving one


@pytest.fixture
def booking(desk):
    customer = desk.customer()
    return factories_trade.make_booking(
        service=desk.service, technician=desk.dan, customer=customer, reference="K7FCM4", status="confirmed"
    )


def move(desk, booking, **data):
    return desk.client.post(address("booking", "move", booking.pk), data)


def test_a_booking_is_moved_to_an_opening_and_both_sides_are_told(desk, booking):
    page = desk.client.get(address("booking", "move", booking.pk))
    answer = move(desk, booking, opening="2026-11-24T16:00", move="")

    assert "Drain cleaning for Ann Lee, now Tue, Nov 24, 9:00 AM, Dan goes" in text_of(page)
    assert answer.url == address("booking", "change", booking.pk)
    assert said(answer) == [
        "K7FCM4 Drain cleaning is moved to Tue, Nov 24, 11:00 AM; Dan goes. The customer and the technician are told."
    ]
    booking.refresh_from_db()
    assert (booking.starts_at, booking.status) == (factories_trade.TUESDAY_AT_NINE + timedelta(hours=2), "booked")
    assert sorted(OutgoingEmail.objects.values_list("to", flat=True)) == ["ann@example.com", "dan@example.com"]
    assert LogEntry.objects.get().change_message == "Moved to Tue, Nov 24, 11:00 AM."


def test_what_the_booking_takes_itself_is_free_for_it(desk, booking):
    answer = move(desk, booking, look="", day="2026-11-24")

    assert offered(answer)[:5] == ["8:00 AM", "8:30 AM", "9:00 AM", "9:30 AM", "10:00 AM"]
    assert said(move(desk, booking, opening="2026-11-24T14:30", move=""))[0].startswith(
        "K7FCM4 Drain cleaning is moved to Tue, Nov 24, 9:30 AM"
    )


def test_where_it_stands_it_stays_and_nobody_is_told(desk, booking):
    answer = move(desk, booking, opening=AT_NINE, move="")

    assert said(answer) == ["K7FCM4 Drain cleaning is on Tue, Nov 24, 9:00 AM already."]
    assert OutgoingEmail.objects.count() == 0


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "Choose an opening, or enter the day and the time."),
        (
            {"opening": "other", "on": "2026-11-22", "at": "09:00"},
            "Cedar Plumbing is closed on Sunday, November 22, 2026.",
        ),
        ({"opening": "2026-11-19T14:00"}, "That time is over."),
        ({"opening": "0001-01-01T00:00"}, "That time is over."),
        ({"opening": "9999-12-31T23:59"}, "Bookings are made at most 30 days ahead."),
        (
            {"opening": "2026-11-25T14:00"},
            "Everybody who does this work is taken then. Free: Wednesday, November 25, 2026, 10:30 AM; Wednesday, "
            "November 25, 2026, 12:30 PM; Wednesday, November 25, 2026, 2:30 PM.",
        ),
    ],
)
def test_a_booking_that_cannot_move_stays_and_the_page_says_why(desk, booking, data, sentence):
    factories_trade.make_booking(
        technician=desk.dan, service=desk.service, starts_at=factories_trade.TUESDAY_AT_NINE + timedelta(days=1)
    )

    answer = move(desk, booking, **data, move="")

    assert answer.context["form"].non_field_errors() == [sentence]
    booking.refresh_from_db()
    assert (booking.starts_at, booking.status) == (factories_trade.TUESDAY_AT_NINE, "confirmed")


def test_nobody_left_who_does_it_is_said(desk, booking):
    Technician.objects.update(is_active=False)

    answer = move(desk, booking, opening="2026-11-24T16:00", move="")

    assert answer.context["form"].non_field_errors() == ["No technician does this work at that place."]


def test_what_is_over_has_no_page_to_move_it(desk, booking):
    Booking.objects.update(status="done")

    answer = desk.client.get(address("booking", "move", booking.pk))

    assert said(answer) == ["K7FCM4 Drain cleaning is done: it stays where it is."]
    assert "Move it" not in buttons(desk.client.get(address("booking", "change", booking.pk)))


def test_a_reader_moves_nothing(client, desk, booking):
    client.force_login(factories.make_staff("calls.view_booking"))

    assert move(desk, booking, opening="2026-11-24T16:00", move="").status_code == 403
    assert client.get(address("booking", "move", booking.pk + 1)).status_code == 404


def test_no_page_by_hand_holds_inline_script_or_style(desk, booking):
    pages = [desk.look(), desk.book(opening=""), desk.client.get(address("booking", "move", booking.pk))]

    for page in pages:
        text = page.content.decode()
        assert words(text) and "<style" not in text and " style=" not in text and " onclick=" not in text
