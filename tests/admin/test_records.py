"""Quotes, callbacks, emergencies and letters: what is shown of them, and what a person does with them."""

from datetime import timedelta

import pytest

from calls.models import (
    Callback,
    CallbackAttempt,
    Emergency,
    EmergencyAlert,
    OutgoingEmail,
    OutgoingMessage,
    Quote,
    QuoteLine,
)
from tests import factories, factories_trade
from tests.admin.pages import address, buttons, cells, do, in_list, said, text_of

NOW = factories.RANG_AT
RECORDS = ("quote", "callback", "emergency", "outgoingemail", "outgoingmessage")


@pytest.fixture
def call(db, time_machine):
    time_machine.move_to(NOW, tick=False)
    return factories.make_ended_call()


@pytest.fixture
def reader(client, call):
    client.force_login(factories.make_staff(*(f"calls.view_{name}" for name in RECORDS)))
    return client


@pytest.fixture
def worker(client, call):
    permissions = [f"calls.{verb}_{name}" for verb in ("view", "change") for name in RECORDS]
    client.force_login(factories.make_staff(*permissions))
    return client


def make_quote(call):
    service = factories_trade.make_service(business=call.business, name="Drain cleaning")
    standing = {"business": call.business, "call": call, "service": service, "reference": "K7FCM4"}
    quote = Quote.objects.create(**standing, total="129.60", quoted_at=NOW, not_included="Parts.")
    QuoteLine.objects.create(quote=quote, position=1, text="Drain cleaning", amount="120.00")
    QuoteLine.objects.create(quote=quote, position=2, text="Tax, 8%", amount="9.60")
    return quote


def make_email(call, **fields):
    standing = {"business": call.business, "call": call, "purpose": "quote", "key": "quote:K7FCM4:x"}
    texts = {"to": "jo@example.com", "subject": "Your quote", "body": "Ring 555-010-0001."}
    return OutgoingEmail.objects.create(**standing | texts | {"written_at": NOW, "due_at": NOW} | fields)


def make_text(call, **fields):
    standing = {"business": call.business, "call": call, "purpose": "emergency", "key": "text"}
    texts = {"to": "+12125550123", "body": "Ring 212-555-0188.", "written_at": NOW, "due_at": NOW}
    return OutgoingMessage.objects.create(**standing | texts | fields)


def make_callback(call, **fields):
    standing = {"business": call.business, "call": call, "number": "+12125550123", "caller_name": "Jo"}
    words = {"reason": "Ring 212-555-0123.", "consent": "Yes, on 212-555-0123.", "asked_at": NOW}
    return Callback.objects.create(**standing | words | {"due_at": NOW + timedelta(days=1)} | fields)


def make_emergency(call, **fields):
    standing = {"business": call.business, "call": call, "raised_by": "tool", "kind": "other"}
    words = {"description": "Ring 212-555-0123.", "address": "12 Elm Street", "number": "+12125550123"}
    return Emergency.objects.create(**standing | words | {"raised_at": NOW} | fields)


def test_a_quote_shows_its_lines_its_total_and_its_letters(reader, call):
    quote = make_quote(call)
    make_email(call, status="failed")

    assert cells(reader.get(address("quote"))) == [
        ["Nov 20, 10:04 AM", "Drain cleaning K7FCM4", "A caller", "$129.60", "Open call"]
    ]
    page = text_of(reader.get(address("quote", "change", quote.pk)))
    assert "Drain cleaning $120.00 Tax, 8% $9.60 Total $129.60" in page
    assert "jo@example.com Given up" in page


def test_a_quote_is_sent_again_or_the_reason_is_said_why_not(worker, call):
    quote = make_quote(call)
    assert do(worker, "quote", quote, "send_again") == [
        "K7FCM4 Drain cleaning has not been e-mailed: no address is known for it."
    ]

    page = address("quote", "change", quote.pk)
    assert buttons(worker.get(page)) == []

    make_email(call, status="sent")
    assert buttons(worker.get(page)) == ["Send again"]
    assert do(worker, "quote", quote, "send_again")[-1] == "K7FCM4 Drain cleaning: put in the outbox."
    assert OutgoingEmail.objects.filter(status="queued").count() == 1
    assert buttons(worker.get(page)) == []


def test_a_callback_shows_whom_about_what_and_what_was_tried(reader, call):
    callback = make_callback(call, status="failed", attempts=1)
    CallbackAttempt.objects.create(callback=callback, number=1, began_at=NOW, result="busy")

    assert cells(reader.get(address("callback"))) == [
        [
            "Sat, Nov 21, 10:04 AM",
            "Jo •••23",
            "Ring •••23.",
            "Given up: a person has to call tried once",
            "Open call",
        ]
    ]
    page = reader.get(address("callback", "change", callback.pk))
    assert "Fri, Nov 20, 10:04 AM busy" in text_of(page)
    assert "Yes, on •••23." in text_of(page)
    assert "5550123" not in page.content.decode().replace("-", "")


@pytest.mark.parametrize(
    ("answered_by", "in_words"),
    [
        ("human", "A person picked up"),
        ("machine_start", "An answering machine picked up"),
        ("machine_end_beep", "An answering machine picked up"),
        ("fax", "A fax machine picked up"),
        ("unknown", "Somebody picked up; a person or a machine, it cannot be told"),
        ("", ""),
        ("some_new_word", "some new word"),
    ],
)
def test_who_picked_up_is_told_in_plain_words(reader, call, answered_by, in_words):
    callback = make_callback(call, attempts=1)
    tried = {"number": 1, "began_at": NOW, "result": "busy", "call_sid": "CA1"}
    CallbackAttempt.objects.create(callback=callback, **tried, answered_by=answered_by)

    shown = text_of(reader.get(address("callback", "change", callback.pk)))

    assert f"busy {in_words} CA1".replace("  ", " ") in shown


def test_every_call_that_was_dialed_for_a_callback_is_named_with_its_sid_and_leads_to_its_page(reader, call):
    callback = make_callback(call, attempts=3)
    ours = factories.make_ended_call(line=call.line, call_sid="CA1", direction="outbound", end_reason="no_answer")
    tried = {"callback": callback, "began_at": NOW}
    CallbackAttempt.objects.create(**tried, number=1, call_sid="CA1", result="no-answer")
    CallbackAttempt.objects.create(**tried, number=2, call_sid="CA2", result="left_message")
    CallbackAttempt.objects.create(**tried, number=3, result="not_placed: 21211")

    page = reader.get(address("callback", "change", callback.pk))

    assert f'<a href="{address("call", "change", ours.pk)}">CA1</a>' in page.content.decode()
    when = "Fri, Nov 20, 10:04 AM"
    assert f"{when} no-answer CA1 {when} left message CA2 {when} not placed: 21211 –" in text_of(page)


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        ("due", ["Call now", "Mark as done", "Do not call"]),
        ("failed", ["Call now", "Mark as done", "Do not call"]),
        ("dialing", []),
        ("done", []),
    ],
)
def test_a_callback_offers_what_fits(worker, call, status, offered):
    callback = make_callback(call, status=status)

    assert buttons(worker.get(address("callback", "change", callback.pk))) == offered


def test_call_now_makes_it_due_and_one_in_hand_is_left_alone(worker, call):
    callback = make_callback(call, status="failed")
    in_hand = make_callback(call, caller_name="Al", claimed_until=NOW + timedelta(minutes=1))

    answered = said(in_list(worker, "callback", "call_now", callback, in_hand))

    assert sorted(answered) == [
        "1: rung as soon as the rules allow.",
        "Callback for Al has changed meanwhile. Look at it again.",
    ]
    callback.refresh_from_db()
    assert (callback.status, callback.due_at) == ("due", NOW)


@pytest.mark.parametrize(("deed", "status"), [("reached", "done"), ("drop", "cancelled")])
def test_a_callback_is_closed_by_hand(worker, call, deed, status):
    callback = make_callback(call)

    do(worker, "callback", callback, deed)

    assert Callback.objects.get().status == status


def test_an_emergency_shows_in_red_that_nobody_took_it_and_who_was_rung(reader, call):
    emergency = make_emergency(call, status="unanswered")
    dan = factories_trade.make_technician(business=call.business, name="Dan")
    alert = {"emergency": emergency, "rang_at": NOW, "number": "+12125550188"}
    EmergencyAlert.objects.create(**alert, position=1, technician=dan, result="no-answer")
    EmergencyAlert.objects.create(**alert, position=2, call_sid="CA2")

    assert cells(reader.get(address("emergency"))) == [
        ["Nov 20, 10:04 AM", "An emergency 12 Elm Street", "•••23", "Nobody could be reached", "Open call"]
    ]
    page = reader.get(address("emergency", "change", emergency.pk))
    assert '<span class="badge badge-bad">Nobody could be reached</span>' in page.content.decode()
    assert "Nov 20, 10:04 AM Dan no-answer – Nov 20, 10:04 AM •••88 no answer yet CA2" in text_of(page)
    assert "Accepted: By nobody" in text_of(page)


def test_an_emergency_says_who_accepted_and_is_closed_after_a_question(worker, call):
    dan = factories_trade.make_technician(business=call.business, name="Dan")
    emergency = make_emergency(call, status="accepted", accepted_by=dan, accepted_at=NOW)

    page = text_of(worker.get(address("emergency", "change", emergency.pk)))
    question = text_of(worker.get(address("emergency", "do", emergency.pk, "close")))
    do(worker, "emergency", emergency, "close")

    assert "Accepted: Nov 20, 10:04 AM, by Dan" in page
    assert "Close it? Nobody is rung for it any more." in question
    assert Emergency.objects.get().status == "closed"


@pytest.mark.parametrize("status", ["open", "unanswered"])
def test_a_person_takes_an_emergency_that_nobody_has_accepted(worker, call, status):
    emergency = make_emergency(call, status=status)

    assert buttons(worker.get(address("emergency", "change", emergency.pk))) == ["I take it", "It is seen to"]
    assert do(worker, "emergency", emergency, "take") == [f"{emergency}: yours now, nobody else is rung for it."]

    emergency.refresh_from_db()
    assert (emergency.status, emergency.accepted_at) == ("accepted", NOW)
    page = worker.get(address("emergency", "change", emergency.pk))
    assert "Accepted: Nov 20, 10:04 AM, by a person" in text_of(page)
    assert buttons(page) == ["It is seen to"]


def test_an_emergency_that_was_accepted_meanwhile_is_not_taken_from_whoever_has_it(worker, call):
    dan = factories_trade.make_technician(business=call.business, name="Dan")
    emergency = make_emergency(call, status="accepted", accepted_by=dan)

    do(worker, "emergency", emergency, "take")

    assert Emergency.objects.get().accepted_by == dan


def test_a_letter_that_failed_shows_why_in_the_list_and_on_its_page(reader, call):
    email = make_email(call, status="failed", attempts=6, error="550 no such user")
    text = make_text(call, status="failed", error="The number has opted out", error_code="21610")

    assert cells(reader.get(address("outgoingemail"))) == [
        ["Nov 20, 10:04 AM", "jo@example.com Your quote", "Quote", "Given up 550 no such user", "Open call"]
    ]
    assert cells(reader.get(address("outgoingmessage"))) == [
        [
            "Nov 20, 10:04 AM",
            "•••23 Ring •••88.",
            "Emergency",
            "Given up The number has opted out (Twilio 21610)",
            "Open call",
        ]
    ]
    assert "Given up 550 no such user" in text_of(reader.get(address("outgoingemail", "change", email.pk)))
    assert "To: •••23" in text_of(reader.get(address("outgoingmessage", "change", text.pk)))


def test_a_letter_on_its_way_says_when_it_is_tried_next(reader, call):
    email = make_email(call, attempts=2, due_at=NOW + timedelta(minutes=10), error="timed out")

    page = text_of(reader.get(address("outgoingemail", "change", email.pk)))

    assert "Tries: 2, next Nov 20, 10:14 AM" in page
    assert "Queued timed out" in page


@pytest.mark.parametrize(("model", "make"), [("outgoingemail", make_email), ("outgoingmessage", make_text)])
def test_a_letter_that_was_given_up_is_tried_again(worker, call, model, make):
    letter = make(call, status="failed", attempts=6, error="refused")

    assert buttons(worker.get(address(model, "change", letter.pk))) == ["Try again"]
    assert do(worker, model, letter, "try_again") == [f"{letter}: tried again."]

    letter.refresh_from_db()
    assert (letter.status, letter.attempts, letter.due_at, letter.error) == ("queued", 0, NOW, "")
    assert buttons(worker.get(address(model, "change", letter.pk))) == []


@pytest.mark.parametrize(("model", "make"), [("outgoingemail", make_email), ("outgoingmessage", make_text)])
def test_a_letter_that_was_sent_is_sent_once_more_as_it_was(worker, call, model, make):
    letter = make(call, status="sent")

    assert buttons(worker.get(address(model, "change", letter.pk))) == ["Send again"]
    for _ in range(2):
        assert do(worker, model, letter, "send_copy")[-1] == f"{letter}: put in the outbox once more."

    [copy] = type(letter).objects.exclude(pk=letter.pk)
    assert (copy.to, copy.body, copy.status, copy.call, copy.due_at) == (letter.to, letter.body, "queued", None, NOW)


@pytest.mark.parametrize(
    ("model", "make", "deed"),
    [
        ("quote", make_quote, "send_again"),
        ("callback", make_callback, "call_now"),
        ("emergency", make_emergency, "close"),
        ("outgoingemail", make_email, "try_again"),
        ("outgoingmessage", make_text, "try_again"),
    ],
)
def test_a_reader_sees_and_does_nothing(reader, call, model, make, deed):
    row = make(call)

    assert buttons(reader.get(address(model, "change", row.pk))) == []
    assert reader.post(address(model, "do", row.pk, deed)).status_code == 403
    assert "action" not in reader.get(address(model)).context["cl"].list_display


@pytest.mark.parametrize(
    "lookup",
    ["callback/?number", "callback/?reason__contains", "outgoingmessage/?to", "emergency/?description__contains"],
)
def test_nothing_that_holds_a_number_is_filtered_for_without_the_right(reader, call, lookup):
    assert reader.get(f"/admin/calls/{lookup}=0123").status_code == 400


def test_a_reader_without_the_right_finds_callbacks_by_name_alone(reader, call):
    make_callback(call)

    assert cells(reader.get(address("callback"), {"q": "0123"})) == []
    assert len(cells(reader.get(address("callback"), {"q": "jo"}))) == 1
