"""A quote is the book's price kept as rows, and it leaves the house a few times only."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from calls.domain import quotes
from calls.domain.area import UnknownPlace
from calls.domain.quotes import NoEmail, NoQuote, Wanted
from calls.domain.services import UnknownService
from calls.models import Call, OutgoingEmail, Quote
from tests.factories import RANG_AT, make_call, make_line
from tests.factories_trade import make_area, make_customer, make_hours, make_service

pytestmark = pytest.mark.django_db


@pytest.fixture
def call():
    """To a business in New York, open on weekdays from eight to five, that cleans drains."""
    call = make_call()
    call.business.tax_percent = Decimal("8")
    call.business.address = "1 Cedar Street, Albany"
    call.business.save()
    make_hours(business=call.business)
    make_area(business=call.business, value="12207", travel_fee="15.00")
    make_service(
        business=call.business,
        name="Drain cleaning",
        price="100.00",
        after_hours_percent=50,
        weekend_percent=25,
        emergency_percent=100,
        not_included="Parts",
    )
    return call


def quote(call, now=RANG_AT, **wanted):
    return quotes.quote_price(call_id=call.pk, wanted=Wanted(**{"service": "Drain cleaning"} | wanted), now=now)


def lines(row):
    return [(line.text, str(line.amount)) for line in row.lines.all()]


def send(call, address="robert@example.com", reference="", now=RANG_AT):
    return quotes.email_quote(call_id=call.pk, reference=reference, address=address, now=now)[1]


def test_a_quote_keeps_its_lines_and_its_total(call):
    row = quote(call, postal_code="12207-1234", local_time="2026-11-24T09:00")

    assert lines(row) == [("Drain cleaning", "100.00"), ("Travel to 12207", "15.00"), ("Tax, 8%", "9.20")]
    assert (row.total, row.total_to, row.wanted_at) == (
        Decimal("124.20"),
        None,
        datetime(2026, 11, 24, 14, 0, tzinfo=UTC),
    )
    assert (row.call, row.business, row.quoted_at, row.not_included) == (call, call.business, RANG_AT, "Parts.")


@pytest.mark.parametrize(
    ("local_time", "surcharge"),
    [
        ("2026-11-24T08:00", []),
        ("2026-11-24T16:59", []),
        ("2026-11-24T17:00", ["After-hours surcharge, 50%"]),
        ("2026-11-24T03:00", ["After-hours surcharge, 50%"]),
        ("2026-11-28T09:00", ["After-hours surcharge, 50%"]),
    ],
)
def test_surcharges_go_by_the_clock_and_the_hours_of_the_business(call, local_time, surcharge):
    row = quote(call, local_time=local_time)

    assert [text for text, _ in lines(row) if "surcharge" in text] == surcharge


def test_a_weekend_within_opening_hours_has_the_surcharge_of_the_weekend(call):
    make_hours(business=call.business, weekdays=[5])

    assert lines(quote(call, local_time="2026-11-28T09:00"))[1] == ("Weekend surcharge, 25%", "25.00")


def test_without_opening_hours_nothing_is_after_hours(call):
    call.business.opening_hours.all().delete()

    assert [text for text, _ in lines(quote(call, local_time="2026-11-24T03:00"))] == ["Drain cleaning", "Tax, 8%"]


def test_an_emergency_without_a_time_is_now(call):
    row = quote(call, is_emergency=True, now=datetime(2026, 11, 20, 23, 30, 7, tzinfo=UTC))

    assert row.wanted_at == datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert [text for text, _ in lines(row)] == [
        "Drain cleaning",
        "After-hours surcharge, 50%",
        "Emergency surcharge, 100%",
        "Tax, 8%",
    ]


def test_what_was_not_said_is_not_in_the_price_and_the_quote_says_so(call):
    assert quote(call).not_included == (
        "Parts. The travel fee, which depends on the postal code. "
        "The surcharge for a visit outside of opening hours or on a weekend."
    )


def test_words_for_a_place_that_no_entry_holds_do_not_reach_the_quote(call):
    call.business.areas.all().delete()

    assert [text for text, _ in lines(quote(call, town="Free of charge"))] == ["Drain cleaning", "Tax, 8%"]


def test_the_same_price_for_the_same_is_one_quote(call):
    first = quote(call, postal_code="12207")

    assert quote(call, postal_code="1 2 2 0 7", now=RANG_AT + timedelta(minutes=1)) == first
    assert quote(call) != first
    assert Quote.objects.count() == 2


def test_a_new_price_in_the_book_is_a_new_quote(call):
    first = quote(call)
    call.business.services.update(price="130.00")

    assert (quote(call) != first, quote(call).lines.first().amount) == (True, Decimal(130))


def test_the_call_is_one_that_was_quoted(call):
    quote(call)

    assert Call.objects.get().outcome == Call.Outcome.QUOTED


def test_a_booking_stays_the_outcome_of_its_call(call):
    Call.objects.update(outcome=Call.Outcome.BOOKED)
    quote(call)

    assert Call.objects.get().outcome == Call.Outcome.BOOKED


def test_a_quote_is_that_of_the_customer_who_calls(call):
    customer = make_customer(business=call.business, number=call.from_number)
    make_customer(number=call.from_number)

    assert quote(call).customer == customer


@pytest.mark.parametrize(
    ("wanted", "error", "text"),
    [
        ({"service": "Roofing"}, UnknownService, "That is not offered. The services are: Drain cleaning."),
        ({"postal_code": "12208"}, NoQuote, "1 2 2 0 8 is not served. The nearest code that is served is 1 2 2 0 7. "),
        ({"postal_code": "1220"}, UnknownPlace, "A ZIP code has five digits. Ask for it again, digit by digit."),
        ({"local_time": "2026-02-30T09:00"}, NoQuote, "local_time wants year, month, day, hour and minute, as "),
        ({"local_time": "0000-01-01T00:00"}, NoQuote, "local_time wants year, month, day, hour and minute, as "),
        ({"local_time": "9999-12-31T23:59"}, NoQuote, "local_time wants year, month, day, hour and minute, as "),
        ({"local_time": "2029-11-24T09:00"}, NoQuote, "That is too far ahead to name a price. "),
        ({"local_time": "0001-01-01T00:00"}, NoQuote, "That is in the past. Today is Friday, 2026-11-20, 10:04."),
        ({"local_time": "2026-11-20T08:00"}, NoQuote, "That is in the past. Today is Friday, 2026-11-20, 10:04."),
        ({"local_time": "2027-03-14T02:30"}, NoQuote, "The clock jumps over that time. Ask for another. "),
    ],
)
def test_what_has_no_price_says_what_to_do(call, wanted, error, text):
    with pytest.raises(error) as refused:
        quote(call, **wanted)

    assert str(refused.value).startswith(text)
    assert not Quote.objects.exists()


def test_a_mistyped_price_is_nobodys_quote(call):
    call.business.services.update(price="9999999.99")

    with pytest.raises(NoQuote, match=r"^The price cannot be worked out\. "):
        quote(call)


def test_a_call_without_a_business_has_no_prices(call):
    Call.objects.update(business=None)

    with pytest.raises(NoQuote, match=r"^No prices are known\. "):
        quote(call)


def test_a_call_has_only_so_many_quotes(call):
    for minute in range(quotes.MOST_QUOTES_A_CALL):
        quote(call, local_time=f"2026-11-24T09:{minute:02}")

    with pytest.raises(NoQuote, match=r"^Many prices have been worked out in this call already\. "):
        quote(call, local_time="2026-11-24T10:00")
    assert quote(call, local_time="2026-11-24T09:05").wanted_at.minute == 5


def test_a_letter_says_what_the_quote_says(call):
    row = quote(call, postal_code="12207", local_time="2026-11-24T19:00")
    email = send(call)

    assert (email.to, email.purpose, email.call, email.status) == ("robert@example.com", "quote", call, "queued")
    assert email.subject == f"Cedar Plumbing: quote {row.reference}"
    assert (
        email.body
        == f"""\
Cedar Plumbing: quote {row.reference}

Drain cleaning
For Tuesday, November 24, 2026, 7:00 PM

  Drain cleaning: $100.00
  After-hours surcharge, 50%: $50.00
  Travel to 12207: $15.00
  Tax, 8%: $13.20

  Total: $178.20

Not included: Parts.

You asked for this quote on the telephone on November 20, 2026. It holds no appointment. To book, call
{call.to_number} and name quote {row.reference}.

Cedar Plumbing
1 Cedar Street, Albany
"""
    )


def test_a_page_escapes_what_the_owner_has_typed(call):
    call.business.services.update(name="<script>alert(1)</script>", not_included="Parts & permits")
    quote(call, service="script alert 1 script")
    email = send(call)

    assert "<script>" not in email.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in email.html
    assert "Parts &amp; permits" in email.html
    assert "<script>alert(1)</script>\n" in email.body


def test_the_same_quote_to_the_same_address_is_one_letter(call):
    quote(call)

    assert send(call) == send(call, address=" ROBERT@example.com ")
    assert OutgoingEmail.objects.count() == 1


def test_two_letters_a_call_is_the_limit(call):
    quote(call)
    for number in range(50):
        try:
            send(call, address=f"robert{number}@example.com")
        except NoEmail as refusal:
            assert str(refusal).startswith("Two e-mails have been sent in this call")

    assert OutgoingEmail.objects.count() == 2


def test_five_letters_a_number_in_a_day_is_the_limit(call):
    sent = 0
    for number in range(6):
        later = make_call(line=call.line)
        quote(later)
        for name in ("robert", "eve"):
            try:
                send(later, address=f"{name}{number}@example.com")
            except NoEmail as refusal:
                assert str(refusal).startswith("No more quotes can be sent to this caller today.")
            else:
                sent += 1

    assert (sent, OutgoingEmail.objects.count()) == (5, 5)
    tomorrow = make_call(line=call.line)
    quote(tomorrow)
    assert send(tomorrow, now=RANG_AT + timedelta(days=1)).to == "robert@example.com"


def test_letters_of_other_numbers_and_other_kinds_do_not_count(call):
    quote(call)
    make_call(line=call.line, from_number="+15550100002")
    for number in range(9):
        OutgoingEmail.objects.create(
            business=call.business, call=call, purpose="booking", key=f"b{number}", written_at=RANG_AT, due_at=RANG_AT
        )

    assert send(call).purpose == "quote"


def test_an_earlier_quote_of_the_same_number_can_be_sent(call):
    earlier = quote(make_call(line=call.line))

    assert send(call, reference=earlier.reference.lower()).subject.endswith(earlier.reference)


@pytest.mark.parametrize(
    ("number", "strangers_number"),
    [("+15550100002", "+15550100003"), ("", ""), ("anonymous", "anonymous"), ("+266696687", "+266696687")],
)
def test_a_quote_of_somebody_else_is_not_sent(call, number, strangers_number):
    call.from_number = number
    call.save()
    strangers = quote(make_call(line=call.line, from_number=strangers_number))

    for reference in (strangers.reference, "AAAAAA"):
        with pytest.raises(NoEmail, match=r"^There is no quote of that reference for this caller\. "):
            send(call, reference=reference)
    assert not OutgoingEmail.objects.exists()


def test_a_quote_of_another_business_is_not_sent(call):
    other = make_call(line=make_line())
    make_service(business=other.business, name="Drain cleaning")

    with pytest.raises(NoEmail):
        send(call, reference=quote(other).reference)


def test_without_a_quote_there_is_nothing_to_send(call):
    with pytest.raises(NoEmail, match=r"^No price has been worked out in this call yet\. "):
        send(call)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "robert",
        "robert at example dot com",
        "robert@",
        "a@b@example.com",
        "robert@example.com\r\nBcc: all@example.com",
        "robert@example.com, eve@example.com",
        "<robert@example.com>",
        f"{'r' * 300}@example.com",
        "róbert@example.com",
        "robert@exämple.com",
    ],
)
def test_what_is_no_address_is_asked_for_again(call, address):
    quote(call)

    with pytest.raises(NoEmail, match=r"^That (is not an e-mail address|address cannot be written to)\. "):
        send(call, address=address)
    assert not OutgoingEmail.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_limits_are_exact_when_many_ask_at_once(call):
    calls = [make_call(line=call.line) for _ in range(4)]
    for one in calls:
        quote(one)
    attempts = [(one, f"r{number}@example.com") for one in calls for number in range(4)]
    together = threading.Barrier(len(attempts))

    def work(one, address):
        together.wait()
        try:
            send(one, address=address)
        except NoEmail:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=attempt) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert OutgoingEmail.objects.count() == 5
    assert max(OutgoingEmail.objects.filter(call=one).count() for one in calls) == 2
