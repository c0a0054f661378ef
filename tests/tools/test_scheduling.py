import json
from datetime import timedelta

import pytest

from calls import database
from calls.domain import slots
from calls.models import Booking, OutgoingEmail, Weekday
from calls.tools import registry
from calls.tools.registry import ToolContext
from tests.factories import RANG_AT, make_call, make_line
from tests.factories_trade import (
    TUESDAY_AT_NINE,
    make_area,
    make_booking,
    make_customer,
    make_hours,
    make_open_business,
    make_service,
    make_technician,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

ROBERT = {"name": "Robert Miller", "address": "12 Elm Street", "address_confirmed": True, "postal_code": "12207"}


class Shop:
    def __init__(self, **fields):
        self.business = make_open_business(**fields)
        self.line = make_line(business=self.business)
        self.service = make_service(business=self.business, name="Drain cleaning")
        self.technician = make_technician(business=self.business, name="Ann Lee")
        self.call = make_call(line=self.line)

    def slot(self, starts_at=TUESDAY_AT_NINE):
        return slots.slot_id(service=self.service, starts_at=starts_at)

    def booked(self, starts_at=TUESDAY_AT_NINE, number="+15550100001", **fields):
        customer = make_customer(business=self.business, number=number)
        standing = {"service": self.service, "technician": self.technician, "customer": customer}
        return make_booking(starts_at=starts_at, **standing | fields)


async def make(function=Shop, **fields):
    return await database.run(function, **fields)


async def ask(shop, tool, *, call=None, **arguments):
    return await registry.run(ToolContext((call or shop.call).pk, RANG_AT), tool, json.dumps(arguments))


async def rows():
    return await database.run(lambda: list(Booking.objects.values_list("reference", "status", "starts_at")))


def told(booking, when="Tuesday the 24th at nine"):
    return {
        "reference": booking.reference,
        "spelled": ", ".join(booking.reference),
        "service": "Drain cleaning",
        "when": when,
        "address": "12 Elm Street",
        "technician": "Ann Lee",
    }


async def test_openings_are_named_with_today_and_words_for_each():
    shop = await make()

    answer = await ask(shop, "find_slots", service="drain cleaning", day="tuesday", after="13:00", postal_code="12207")

    assert answer.status == "ok"
    assert answer.result == {
        "today": "Friday the 20th of November 2026",
        "service": "Drain cleaning",
        "slots": [
            {"slot": f"2026-11-24T18:00Z/{shop.service.pk}", "when": "Tuesday the 24th at one"},
            {"slot": f"2026-11-24T18:30Z/{shop.service.pk}", "when": "Tuesday the 24th at one thirty"},
            {"slot": f"2026-11-24T20:00Z/{shop.service.pk}", "when": "Tuesday the 24th at three"},
        ],
        "next": "Offer these, with weekday and date. Call book_appointment with the slot that is chosen.",
    }


async def test_a_closed_day_is_said_and_the_next_openings_are_named():
    answer = await ask(await make(), "find_slots", service="drain", day="tomorrow", part_of_day="morning")

    assert answer.result["asked"] == "Saturday the 21st: The business is closed that day."
    assert [slot["when"] for slot in answer.result["slots"]] == [
        "Monday the 23rd at eight",
        "Monday the 23rd at ten",
        "Tuesday the 24th at eight",
    ]
    assert answer.result["next"].startswith("Say why not that day, then offer these instead")


async def test_a_day_too_far_ahead_has_nothing_to_offer():
    answer = await ask(await make(), "find_slots", service="drain", day="2027-11-20")

    assert answer.result["slots"] == []
    assert answer.result["next"] == "Nothing is free. Offer another day, or to take a message."


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"service": "roofing", "day": "today"}, "That is not offered. The services are: Drain cleaning."),
        (
            {"service": "drain", "day": "whenever"},
            "The day must be soonest, today, tomorrow, a weekday, next and a weekday, or a date as 2026-11-24.",
        ),
        ({"service": "drain", "day": "2026-11-19"}, "Thursday, November 19 is over. Ask for a day from today on."),
        (
            {"service": "drain", "day": "today", "postal_code": "1220"},
            "A ZIP code has five digits. Ask for it again, digit by digit.",
        ),
        (
            {"service": "drain", "day": "today", "after": "17:00", "before": "09:00"},
            "No time lies in what was asked for. Ask again from when until when.",
        ),
    ],
)
async def test_a_question_that_cannot_be_answered_says_what_to_ask(arguments, error):
    answer = await ask(await make(), "find_slots", **arguments)

    assert (answer.status, answer.result) == ("refused", {"error": error})


@pytest.mark.parametrize(
    "argument", [{"after": "5 pm"}, {"part_of_day": "night"}, {"after": "24:00"}, {"day": "x" * 21}]
)
async def test_arguments_that_do_not_fit_are_refused(argument):
    answer = await ask(await make(), "find_slots", **{"service": "drain", "day": "today"} | argument)

    assert answer.status == "refused"
    assert answer.result["error"].startswith(f"{next(iter(argument))}: ")


async def test_a_slot_is_booked_and_its_reference_spelled():
    shop = await make()

    answer = await ask(shop, "book_appointment", slot=shop.slot(), **ROBERT)

    made = await database.run(Booking.objects.get)
    assert answer.result == {
        "booked": True,
        **told(made),
        "next": "Say that it is booked, with weekday, date and time, and spell the reference. No e-mail is sent.",
    }


async def test_the_same_slot_twice_is_answered_alike():
    shop = await make()

    first, second = [await ask(shop, "book_appointment", slot=shop.slot(), **ROBERT) for _ in range(2)]

    assert first == second
    assert len(await rows()) == 1


def make_saturday_shop():
    shop = Shop()
    make_hours(business=shop.business, weekdays=(Weekday.SATURDAY,))
    make_area(business=shop.business, travel_fee="0.00")
    shop.service.weekend_percent = 25
    shop.service.save()
    return shop


async def test_a_time_that_costs_more_is_offered_and_booked_with_its_price():
    shop = await make(make_saturday_shop)

    found = await ask(shop, "find_slots", service="drain", day="saturday", after="15:00", postal_code="12207")
    booked = await ask(shop, "book_appointment", slot=found.result["slots"][0]["slot"], **ROBERT)
    moved = await ask(shop, "reschedule_appointment", slot=found.result["slots"][1]["slot"])

    assert found.result["slots"][0] == {
        "slot": f"2026-11-21T20:00Z/{shop.service.pk}",
        "when": "Saturday the 21st at three",
        "surcharge": "Weekend surcharge, 25%",
        "price": "150 dollars",
    }
    assert "Say of each that costs more what it costs then." in found.result["next"]
    assert (booked.result["price"], moved.result["price"]) == ("150 dollars", "150 dollars")
    assert "with weekday, date and time and the price" in booked.result["next"]
    assert moved.result["next"] == "Say the new weekday, date and time and what it costs then."


async def test_who_comes_second_is_offered_other_times_in_the_same_answer():
    shop = await make()
    await database.run(shop.booked, number="+15550100002")

    answer = await ask(shop, "book_appointment", slot=shop.slot(), **ROBERT)

    assert answer.result == {
        "booked": False,
        "reason": "That time has just been taken.",
        "slots": [
            {"slot": shop.slot(TUESDAY_AT_NINE + timedelta(minutes=90)), "when": "Tuesday the 24th at ten thirty"},
            {"slot": shop.slot(TUESDAY_AT_NINE + timedelta(minutes=210)), "when": "Tuesday the 24th at twelve thirty"},
            {"slot": shop.slot(TUESDAY_AT_NINE + timedelta(minutes=330)), "when": "Tuesday the 24th at two thirty"},
        ],
        "next": "Say so, and offer these instead.",
    }


async def test_a_confirmation_goes_to_an_address_that_was_read_back():
    shop = await make()
    wanted = ROBERT | {"email": "r@example.com"}

    refused = await ask(shop, "book_appointment", slot=shop.slot(), **wanted)
    answer = await ask(shop, "book_appointment", slot=shop.slot(), email_confirmed=True, **wanted)

    assert refused.result == {
        "error": "Read the e-mail address back letter by letter. After a yes call this with email_confirmed true."
    }
    assert answer.result["next"].endswith("A confirmation is on its way by e-mail.")
    assert (await database.run(OutgoingEmail.objects.get, purpose="booking")).to == "r@example.com"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        (
            {"address_confirmed": False},
            "Read the address back. After a yes call this again with address_confirmed true.",
        ),
        ({"name": "  "}, "Ask for the caller's name and the address."),
        ({"slot": "tomorrow at nine"}, "That is no slot. Call find_slots and use a slot exactly as it names it."),
        ({"postal_code": ""}, "Ask for the postal code of the address."),
        (
            {"number": "911"},
            "That is not a telephone number that can be called. Ask for it again, digit by digit.",
        ),
        (
            {"email": "robert at home", "email_confirmed": True},
            "That is not an e-mail address. Ask for it again, letter by letter.",
        ),
    ],
)
async def test_what_is_missing_for_a_booking_is_asked_for(changed, error):
    shop = await make()

    answer = await ask(shop, "book_appointment", **{"slot": shop.slot(), **ROBERT} | changed)

    assert (answer.status, answer.result) == ("refused", {"error": error})
    assert await rows() == []


@pytest.mark.parametrize("field", ["name", "address", "town"])
@pytest.mark.parametrize(
    "value", ["http://evil.example", "<b>", "me@evil.example", "two\nlines", "nul\0", "half \ud800"]
)
async def test_no_link_gets_into_a_confirmation(field, value):
    shop = await make()

    answer = await ask(shop, "book_appointment", **{"slot": shop.slot(), **ROBERT, field: value})

    assert answer.status == "refused"
    assert answer.result["error"].startswith(f"{field}: ")


async def test_what_does_not_fit_is_said_without_a_regular_expression():
    shop = await make()

    answer = await ask(shop, "book_appointment", slot=shop.slot(), **ROBERT | {"name": "r@example.com"})

    assert answer.result == {"error": "name: That is not written as it has to be. The caller's first and last name."}


async def test_a_slot_outside_of_hours_is_refused_though_its_name_reads_well():
    shop = await make()

    answer = await ask(shop, "book_appointment", slot=shop.slot(TUESDAY_AT_NINE - timedelta(hours=9)), **ROBERT)

    assert answer.result == {
        "error": "The business does not begin this work at that time. Call find_slots for times that can be booked."
    }


async def test_an_anonymous_caller_is_asked_for_a_number():
    shop = await make()
    call = await make(make_call, line=shop.line, from_number="anonymous")

    answer = await ask(shop, "book_appointment", call=call, slot=shop.slot(), **ROBERT)

    assert answer.result == {"error": "The caller's number is withheld. Ask for a telephone number and read it back."}


async def test_a_caller_hears_of_their_own_appointments():
    shop = await make()
    own = await database.run(shop.booked)
    await database.run(shop.booked, TUESDAY_AT_NINE + timedelta(hours=3), number="+15550100002")

    answer = await ask(shop, "my_appointments")

    assert answer.result == {"appointments": [told(own)], "next": "Say what was asked for, no more."}


async def test_who_has_none_is_asked_for_a_reference():
    answer = await ask(await make(), "my_appointments")

    assert answer.result["appointments"] == []
    assert "ask for its reference" in answer.result["next"]


async def test_another_number_needs_two_facts():
    shop = await make()
    booking = await database.run(shop.booked)
    call = await make(make_call, line=shop.line, from_number="+15550100666")

    refused = await ask(shop, "my_appointments", call=call, reference=booking.reference)
    answer = await ask(shop, "my_appointments", call=call, reference=booking.reference, postal_code="12207")

    assert refused.status == "refused"
    assert answer.result["appointments"] == [told(booking)]


async def test_an_appointment_moves_to_another_slot():
    shop = await make()
    booking = await database.run(shop.booked)
    start = TUESDAY_AT_NINE + timedelta(hours=2)

    answer = await ask(shop, "reschedule_appointment", slot=shop.slot(start))

    assert answer.result == {
        "moved": True,
        **told(booking, "Tuesday the 24th at eleven"),
        "next": "Say the new weekday, date and time.",
    }
    assert await rows() == [(booking.reference, "booked", start)]


async def test_an_appointment_that_cannot_move_is_offered_other_times():
    shop = await make()
    booking = await database.run(shop.booked)
    start = TUESDAY_AT_NINE + timedelta(hours=4)
    await database.run(shop.booked, start, number="+15550100002")

    answer = await ask(shop, "reschedule_appointment", slot=shop.slot(start), reference=booking.reference)

    assert (answer.result["moved"], answer.result["reason"]) == (False, "That time has just been taken.")
    assert [slot["when"] for slot in answer.result["slots"]] == [
        "Tuesday the 24th at two thirty",
        "Wednesday the 25th at eight",
        "Wednesday the 25th at ten",
    ]


async def test_appointments_that_are_moved_to_and_fro_are_left_to_a_person():
    shop = await make()
    await database.run(shop.booked)
    for hours in (1, 2, 3):
        await ask(shop, "reschedule_appointment", slot=shop.slot(TUESDAY_AT_NINE + timedelta(hours=hours)))

    answer = await ask(shop, "reschedule_appointment", slot=shop.slot(TUESDAY_AT_NINE))

    error = "No more appointments can be moved in this call. Offer to take a message."
    assert (answer.status, answer.result) == ("refused", {"error": error})


async def test_who_has_two_is_asked_which_one():
    shop = await make()
    first = await database.run(shop.booked)
    second = await database.run(
        shop.booked, TUESDAY_AT_NINE + timedelta(hours=2), customer=first.customer, number="+15550100002"
    )

    answer = await ask(shop, "cancel_appointment", confirmed=True)

    assert answer.result == {
        "error": "Ask which one is meant, then call this with its reference: "
        f"{first.reference}, Drain cleaning, Tuesday the 24th at nine; "
        f"{second.reference}, Drain cleaning, Tuesday the 24th at eleven."
    }


async def test_an_appointment_is_cancelled_after_a_yes():
    shop = await make()
    booking = await database.run(shop.booked)

    unconfirmed = await ask(shop, "cancel_appointment", confirmed=False)
    assert (unconfirmed.status, await rows()) == ("refused", [(booking.reference, "booked", TUESDAY_AT_NINE)])

    first, second = [await ask(shop, "cancel_appointment", confirmed=True) for _ in range(2)]

    assert (
        first.result
        == second.result
        == {
            "cancelled": True,
            **told(booking),
            "next": "Say that it is cancelled, and offer to find another time.",
        }
    )
    assert await rows() == [(booking.reference, "cancelled", TUESDAY_AT_NINE)]
