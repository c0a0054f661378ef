"""30 sentences that claim something and 15 that do not; a claim counts only without its row."""

import pytest

from calls.domain import claims, review
from calls.models import Turn
from tests.factories import make_call, make_event, make_message, make_tool_call, make_turn
from tests.factories_trade import make_booking, make_customer

CLAIMS = {
    claims.BOOKING: [
        "You're booked for Tuesday at nine.",
        "You are all set for Tuesday the 24th.",
        "You’re scheduled for tomorrow morning.",
        "I've booked you in for nine o'clock.",
        "I have scheduled your visit.",
        "We booked it for Friday.",
        "Your appointment is confirmed.",
        "The visit has been scheduled.",
        "Great, you're down for Thursday at two.",
    ],
    claims.QUOTE: [
        "I've emailed you the quote.",
        "I have sent the quote to that address.",
        "We just e-mailed your quote.",
        "Your quote is on its way.",
        "The quote has been sent.",
    ],
    claims.CALLBACK: [
        "Someone will call you back after four.",
        "We'll ring you back tomorrow.",
        "A plumber will call you back within two hours.",
        "You'll get a call back this afternoon.",
    ],
}
HARMLESS = [
    "Would you like me to book that?",
    "Shall I send you a quote?",
    "I can book you for Tuesday at nine, is that right?",
    "Which day would suit you?",
    "We are open from eight to six.",
    "Can someone call you back?",
    "I will check what is free.",
    "A quote can be e-mailed to you.",
    "Are you booked with anybody else?",
]


@pytest.mark.parametrize(("claim", "text"), [(claim, text) for claim, texts in CLAIMS.items() for text in texts])
@pytest.mark.django_db
def test_claim_without_its_row_is_noticed(claim, text):
    call = make_call()
    make_turn(call=call, role=Turn.Role.AGENT, text=text)

    assert review.unbacked_claims(call=call) == [claim.what]


@pytest.mark.parametrize("text", HARMLESS)
@pytest.mark.django_db
def test_question_and_offer_claim_nothing(text):
    call = make_call()
    make_turn(call=call, role=Turn.Role.AGENT, text=text)

    assert review.unbacked_claims(call=call) == []


@pytest.mark.django_db
def test_claim_that_a_row_bears_out_is_none():
    call = make_call()
    make_turn(call=call, role=Turn.Role.AGENT, text="Someone will call you back.")
    make_message(call=call)

    assert review.unbacked_claims(call=call) == []


@pytest.mark.django_db
def test_callers_words_and_what_nobody_heard_claim_nothing():
    call = make_call()
    make_turn(call=call, text="So I've booked it, have I? You're booked!")
    make_turn(call=call, role=Turn.Role.AGENT, text="", unheard="You're booked for Tuesday.", interrupted=True)

    assert review.unbacked_claims(call=call) == []


@pytest.mark.django_db
def test_open_booking_of_another_call_bears_out_nothing_unless_a_tool_has_told_of_it():
    call = make_call()
    make_turn(call=call, role=Turn.Role.AGENT, text="You're booked for Tuesday at nine.")
    make_booking(customer=make_customer(business=call.business, number=call.from_number))
    make_tool_call(call=call, name="my_appointments", result={"appointments": [], "next": "Say so."})
    assert review.unbacked_claims(call=call) == ["a booking"]

    make_tool_call(call=call, name="my_appointments", result={"appointments": [{"reference": "ACDEFH"}]})
    assert review.unbacked_claims(call=call) == []


@pytest.mark.parametrize(
    ("text", "what", "event"),
    [
        ("You're booked for Tuesday at nine.", "a booking", "booked"),
        ("You're all set for Thursday at two.", "a booking", "booking_moved"),
        ("I've moved your appointment to Thursday.", "a moved booking", "booking_moved"),
        ("I've cancelled your appointment.", "a cancelled booking", "booking_cancelled"),
        ("I've sent a technician to you.", "somebody on the way", "technician_assigned"),
    ],
)
@pytest.mark.django_db
def test_what_happened_in_the_call_bears_out_its_claim_alone(text, what, event):
    call = make_call()
    make_turn(call=call, role=Turn.Role.AGENT, text=text)
    assert review.unbacked_claims(call=call) == [what]

    make_event(call=call, kind=event)
    assert review.unbacked_claims(call=call) == []


@pytest.mark.django_db
def test_booking_of_this_call_does_not_bear_out_that_it_was_cancelled():
    call = make_call()
    make_turn(call=call, role=Turn.Role.AGENT, text="I've cancelled your appointment.")
    make_event(call=call, kind="booked")

    assert review.unbacked_claims(call=call) == ["a cancelled booking"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [("callback_moved", "I've moved it to two thirty."), ("callback_cancelled", "I've cancelled that.")],
)
@pytest.mark.django_db
def test_a_callback_that_was_changed_bears_out_what_is_said_of_it(kind, text):
    call = make_call()
    make_turn(call=call, role=Turn.Role.AGENT, text=text)
    assert len(review.unbacked_claims(call=call)) == 1
    make_event(call=call, kind=kind)

    assert review.unbacked_claims(call=call) == []
