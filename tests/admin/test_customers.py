"""Customers: what they called for before, and what is kept from those who may not see whole numbers."""

import re
from datetime import timedelta

import pytest

from calls.models import Call, Callback, Customer, Quote
from tests import factories, factories_trade
from tests.admin.pages import address, cells, text_of, words

NUMBER = "+12125550123"
ALL = ("customer", "booking", "quote", "callback", "message", "call")


@pytest.fixture
def customer(db, time_machine):
    time_machine.move_to(factories.RANG_AT, tick=False)
    customer = factories_trade.make_customer(number=NUMBER, notes="Also 212-555-0124.")
    line = factories.make_line(business=customer.business)
    call = factories.make_ended_call(line=line, from_number=NUMBER, summary="Rang from 212-555-0123.", outcome="booked")
    factories.make_ended_call(
        line=line,
        direction=Call.Direction.OUTBOUND,
        from_number=line.number,
        to_number=NUMBER,
        outcome="answered",
        rang_at=factories.RANG_AT - timedelta(days=1),
    )
    factories.make_ended_call(line=line, from_number="+12125550199", summary="Somebody else.")
    factories.make_message(call=call, text="Ring 212-555-0123.")
    service = factories_trade.make_service(business=customer.business, name="Drain cleaning")
    factories_trade.make_booking(customer=customer, service=service, reference="K7FCM4")
    standing = {"business": customer.business, "service": service, "quoted_at": factories.RANG_AT}
    Quote.objects.create(**standing, customer=customer, total="129.60", reference="ACDEFH")
    words_of_callback = {"reason": "An estimate.", "consent": "Yes.", "asked_at": factories.RANG_AT}
    Callback.objects.create(
        **words_of_callback, business=customer.business, number=NUMBER, due_at=factories.RANG_AT, status="done"
    )
    return customer


def history(response):
    """Each section of the history: its title and its rows."""
    page = response.content.decode()
    sections = re.findall(r'<section class="past-section.*?<h3>(.*?)</h3>(.*?)</section>', page, re.DOTALL)
    return {title: [words(row) for row in re.findall(r"<li>(.*?)</li>", rows, re.DOTALL)] for title, rows in sections}


def test_the_page_tells_all_that_a_customer_called_for(customer, owner):
    assert history(owner.get(address("customer", "change", customer.pk))) == {
        "Bookings": ["Tue, Nov 24, 9:00 AM Drain cleaning K7FCM4 Booked"],
        "Quotes": ["Fri, Nov 20, 10:04 AM Drain cleaning ACDEFH $129.60"],
        "Callbacks": ["Fri, Nov 20, 10:04 AM An estimate. Done"],
        "Messages": ["Fri, Nov 20, 10:04 AM Ring 212-555-0123. Open"],
        "Calls": [
            "Fri, Nov 20, 10:04 AM Rang from 212-555-0123. Booked",
            "Thu, Nov 19, 10:04 AM The caller hung up Answered",
        ],
    }


def test_a_reader_sees_only_what_they_may_open_and_no_number(client, customer):
    client.force_login(factories.make_staff("calls.view_customer", "calls.view_message"))

    page = client.get(address("customer", "change", customer.pk))

    assert history(page) == {"Messages": ["Fri, Nov 20, 10:04 AM Ring •••23. Open"]}
    assert "Telephone: •••23" in text_of(page)
    assert "Also •••24." in text_of(page)
    assert re.findall(r"555-?012\d", page.content.decode()) == []


def test_who_may_not_see_numbers_changes_the_rest_and_leaves_them(client, customer):
    client.force_login(factories.make_staff("calls.view_customer", "calls.change_customer", "calls.add_customer"))
    data = {"name": "Bob", "address": "3 Oak Lane", "number": "+12125550188", "notes": "x"}

    client.post(address("customer", "change", customer.pk), data)

    customer.refresh_from_db()
    assert (customer.name, customer.address, customer.number) == ("Bob", "3 Oak Lane", NUMBER)
    assert customer.notes == "Also 212-555-0124."
    assert client.get(address("customer", "add")).status_code == 403


def test_the_owner_corrects_a_number_and_a_wrong_one_is_refused(owner, customer):
    data = {"name": "Bob", "address": "", "postal_code": "12207-1234", "email": "", "notes": ""}

    wrong = owner.post(address("customer", "change", customer.pk), data | {"number": "555"})
    owner.post(address("customer", "change", customer.pk), data | {"number": "+1 212 555 0188"})

    customer.refresh_from_db()
    assert wrong.context["adminform"].form.errors == {
        "number": ["Begin with + and the country code, for example +1 555 010 9999. 555 alone cannot be dialed."]
    }
    assert (customer.number, customer.postal_code) == ("+12125550188", "12207")


def test_the_list_is_found_by_name_and_by_number_only_with_the_right(client, customer):
    client.force_login(factories.make_staff("calls.view_customer"))
    by_number, by_name = (cells(client.get(address("customer"), {"q": asked})) for asked in ("0123", "miller"))
    client.force_login(factories.make_superuser())
    whole = cells(client.get(address("customer"), {"q": "0123"}))

    assert (by_number, len(by_name), len(whole)) == ([], 1, 1)
    assert by_name[0][:3] == ["Robert Miller", "•••23", "12 Elm Street 12207"]


def test_a_customer_is_never_deleted(owner, customer):
    assert owner.post(address("customer", "delete", customer.pk), {"post": "yes"}).status_code == 403
    assert Customer.objects.count() == 1
