"""More of what an agent says, in the tone of speech models, beside the list that the patterns were first made for.

When these lists were written, the patterns of then noticed 2 of 56 claims, and 5 of 42 that are none.
"""

import pytest

from calls.domain import review, summaries
from calls.models import Turn
from tests.factories import RANG_AT, make_call, make_turn

CLAIMS = {
    "a booking": [
        "I've got you booked in for Tuesday the 24th at nine.",
        "I've confirmed your appointment.",
        "You're all set for Tuesday at nine.",
        "Okay, I have you down for tomorrow at two.",
        "Great news, I've gone ahead and scheduled that for you.",
        "Perfect, your appointment is set for Monday at eight.",
        "I've reserved that slot for you.",
        "That's booked for you now.",
        "I have put you on the calendar for Thursday.",
        "Your visit is all confirmed for Friday afternoon.",
        "We'll see you on Tuesday at nine.",
        "Our technician will be there on Tuesday at nine.",
        "Robert will come by tomorrow between eight and ten.",
        "I just booked the nine o'clock for you.",
        "Your booking is confirmed, the reference is A C D.",
        "All done, you've been scheduled for Wednesday.",
        "You're on the schedule for Monday morning.",
        "I've made the appointment for you.",
        "The appointment's booked, anything else I can do?",
    ],
    "a moved booking": [
        "I've moved your appointment to Thursday.",
        "Your visit has been rescheduled to Friday at ten.",
        "Okay, I have changed your appointment to two o'clock.",
        "It's been moved to Monday.",
        "I've switched you over to Wednesday morning.",
    ],
    "a cancelled booking": [
        "I've cancelled your appointment.",
        "Your booking has been canceled.",
        "Alright, that visit is now cancelled.",
        "I have taken you off the schedule.",
    ],
    "a quote by e-mail": [
        "The quote has just been sent.",
        "I've just emailed that estimate over to you.",
        "You should have the quote in your inbox now.",
        "The quote was emailed to you a moment ago.",
        "I'm sending you the quote right now.",
    ],
    "an e-mail": ["I sent it to your email address."],
    "a callback": [
        "I'll call you back.",
        "Somebody will ring you tomorrow.",
        "One of our plumbers will give you a call this afternoon.",
        "Someone from the office will be in touch shortly.",
        "I've arranged a callback for four o'clock.",
        "I've scheduled a callback for tomorrow morning.",
        "We will get back to you by the end of the day.",
        "The owner will reach out to you today.",
        "I'll have someone call you in an hour.",
        "You can expect a call from us tomorrow.",
    ],
    "a message": [
        "I've passed your message on to the owner.",
        "I have taken down your message.",
        "I've left a note for the team.",
        "Your message has been sent to the office.",
        "I'll make sure the owner gets your message.",
        "I've let them know about it.",
    ],
    "somebody on the way": [
        "A technician is on the way.",
        "I've dispatched a plumber to your address.",
        "Somebody is heading over to you right now.",
        "I'm sending someone out right away.",
        "Help is on its way.",
        "I've sent a technician to you.",
    ],
}
# Written before the patterns were widened for the lists above, and tried on them once, afterwards.
AFTERWARDS_CLAIMS = [
    "Alright, you are booked in for Monday at ten.",
    "I've put in an appointment for you on Friday.",
    "Your appointment has now been scheduled.",
    "We've got you scheduled for Thursday at three.",
    "I have locked in the two o'clock slot.",
    "Okay, so I've rescheduled you for Monday.",
    "I went ahead and cancelled that for you.",
    "I've e-mailed it to you.",
    "The estimate is on its way to your inbox.",
    "A manager will call you within the hour.",
    "They'll phone you tomorrow.",
    "I've asked the owner to call you.",
    "I've written down your message for Robert.",
    "I've forwarded that to our team.",
    "A plumber is already on his way to you.",
    "I've got someone coming out to you now.",
    "You'll hear from us this evening.",
    "Consider it booked.",
    "You have been moved to Wednesday.",
    "Your nine o'clock appointment is confirmed.",
]
# Of a third hand; 20 of 26 were noticed before the patterns were widened once more.
OTHERS_CLAIMS = [
    "You're all set for Tuesday at nine.",
    "I have you down for Tuesday at nine.",
    "I've got you booked in for Tuesday.",
    "Great, that's booked.",
    "Your appointment is set for Tuesday the 24th.",
    "Booked! See you Tuesday.",
    "I've put you on the schedule for Tuesday at nine.",
    "We've reserved Tuesday at nine for you.",
    "Your visit on Tuesday at nine is confirmed.",
    "I've confirmed your appointment.",
    "I've gone ahead and booked you in for nine.",
    "I've sent it to your e-mail.",
    "I've emailed that over to you.",
    "I just sent the quote to bob@example.com.",
    "You should have the quote in your inbox.",
    "The quote has just been sent.",
    "I've sent you an email with the quote.",
    "We'll call you back tomorrow at nine.",
    "I'll call you back.",
    "We'll give you a call back tomorrow.",
    "Expect a call from us at nine.",
    "Someone from our team will call you back shortly.",
    "One of our plumbers will call you.",
    "You'll hear from us tomorrow.",
    "I've scheduled a callback for nine.",
    "Somebody is going to call you back.",
]
# A reader's, none of which was noticed, and a list written before the patterns were widened for them: 15 of 20 were.
EVERYDAY_CLAIMS = [
    "Mike will be at your place on Thursday at nine.",
    "All booked!",
    "The quote's on its way.",
    "You'll hear back from us today.",
    "We'll have someone out there at nine tomorrow.",
    "The on-call technician has been notified.",
    "I've alerted our on-call technician.",
    "You're on the calendar for Friday at two.",
    "I've put you down for Monday morning.",
    "Your appointment is confirmed.",
    "That's all set, Dan will see you tomorrow at ten.",
    "Somebody will come by this afternoon around four.",
    "We've got you scheduled for next Tuesday.",
    "Our plumber will be there at eight on Wednesday.",
    "I just emailed you the estimate.",
    "You should have the quote in your inbox by now.",
    "I've sent the price over to you.",
    "Someone will ring you back within the hour.",
    "We'll give you a call tomorrow morning.",
    "A colleague is going to phone you this evening.",
    "I've passed your message on to the owner.",
    "I've let our team know about the leak.",
    "The emergency technician is on his way.",
    "I've paged the technician on duty.",
    "Help is on the way.",
    "Your appointment has been moved to Thursday.",
    "I've cancelled that visit for you.",
]
# With them; the fourth was taken for a claim.
EVERYDAY_NOTHING = [
    "Would you like me to book Friday at two?",
    "I can have someone there on Monday, if that suits you.",
    "Shall I email you the quote?",
    "The technician will call you if he's running late.",
    "Once you confirm, I'll book it.",
    "We could be there tomorrow at nine.",
    "Do you want us to call you back?",
    "If it gets worse, call 911.",
    "I haven't booked anything yet.",
    "What day works for you?",
    "A technician usually arrives within the window you choose.",
    "I'm afraid I couldn't send the quote.",
    "Our office is open on Saturday at nine.",
    "The quote would be two hundred dollars.",
    "I can alert our on-call technician if you like.",
    "Someone can call you back this afternoon; shall I arrange that?",
    "Bookings are made at most thirty days ahead.",
    "Nobody is on the way yet.",
    "Let me check whether Thursday is free.",
    "When you get the e-mail, just reply to it.",
]
AFTERWARDS_NOTHING = [
    "You can't expect a call before Monday.",
    "Is somebody going to call you back?",
    "Shall I have booked Tuesday by then?",
    "We don't see you on the calendar.",
    "May I have your address so I can book it?",
    "I'd need an e-mail address before the quote can be sent.",
    "Do you still want somebody to call you back?",
    "That slot has just been taken by somebody else.",
    "I can't cancel an appointment of another number.",
    "Booking it takes just a second.",
    "Let me check whether your appointment is confirmed.",
    "You haven't been booked for anything.",
    "Someone may be able to call you.",
    "Is somebody on the way already?",
    "You could leave a message and we would pass it on.",
    "It might be moved to Thursday.",
    "Nothing has been cancelled.",
    "We send quotes by e-mail.",
    "Our plumbers come Monday to Friday.",
    "Would Tuesday work, or shall we see you Wednesday?",
    "To get you scheduled I need your name.",
    "I'm not sure someone will call you today.",
    "When did you book the appointment?",
    "You'll have to confirm before it's booked.",
]
NOTHING = [
    # Offers
    "I can book you in for Tuesday at nine.",
    "Would you like me to confirm your appointment?",
    "I could have someone call you back tomorrow.",
    "Let me get you booked in.",
    "Shall I send the quote to your e-mail address?",
    "I'd be happy to schedule that for you.",
    "If you like, I'll have somebody call you back.",
    "I can take a message and pass it on to the owner.",
    "We can send somebody out on Tuesday.",
    "I'll need your address to book the visit.",
    "Someone can call you back if you leave your number.",
    # Questions
    "Are you all set for Tuesday at nine?",
    "Have you already been booked with somebody else?",
    "Is that appointment confirmed?",
    "Do you want me to cancel your appointment?",
    "Should I move your appointment to Thursday?",
    "Did you get the quote that was sent to you?",
    "Which of the appointments would you like cancelled?",
    "Would you like a call back?",
    # Conditions
    "Once you confirm the address, your appointment is booked.",
    "If nobody accepts, someone will call you back.",
    "As soon as I have your name, you're all set for nine.",
    "After you say yes, the quote will be sent.",
    "Before I've booked anything, let me read that back.",
    "When the appointment is confirmed, you will get an e-mail.",
    "Unless you say otherwise, it will be cancelled.",
    # Negations
    "I haven't booked anything yet.",
    "Your appointment is not confirmed yet.",
    "I'm sorry, I couldn't move your appointment.",
    "You're not booked yet.",
    "No one is on the way yet.",
    "I can't promise that someone will call you back today.",
    "The quote hasn't been sent.",
    "I was not able to cancel it.",
    "Nobody will call you unless you ask for it.",
    # Talk
    "Drain cleaning is two hundred and forty-nine dollars.",
    "We're open Monday to Friday from eight to five.",
    "The next opening is Tuesday the 24th at nine.",
    "We cancel visits free of charge up to a day before.",
    "You can call us back at any time.",
    "Please call 911 from outside the house.",
    "One moment, I'm looking that up.",
]

pytestmark = pytest.mark.django_db


def claims_in(text):
    call = make_call()
    make_turn(call=call, role=Turn.Role.AGENT, text=text)
    return review.unbacked_claims(call=call)


def test_lists_are_long_enough_to_mean_something():
    assert sum(len(texts) for texts in CLAIMS.values()) >= 30
    assert len(NOTHING) >= 30


@pytest.mark.parametrize(("what", "text"), [(what, text) for what, texts in CLAIMS.items() for text in texts])
def test_claim_without_its_row_is_noticed_for_what_it_is(what, text):
    assert claims_in(text) == [what]


@pytest.mark.parametrize("text", [*NOTHING, *AFTERWARDS_NOTHING, *EVERYDAY_NOTHING])
def test_offer_question_condition_and_negation_claim_nothing(text):
    assert claims_in(text) == []


@pytest.mark.parametrize("text", [*AFTERWARDS_CLAIMS, *OTHERS_CLAIMS, *EVERYDAY_CLAIMS])
def test_claim_is_noticed_in_other_words(text):
    assert len(claims_in(text)) == 1


@pytest.mark.parametrize("claim", [*CLAIMS["a booking"], "Done. You're booked for Tuesday at nine."])
def test_whole_call_that_ends_in_a_claimed_booking_is_flagged(claim):
    """Faults, O22: all of 20 scripts."""
    call = make_call()
    make_turn(call=call, role=Turn.Role.AGENT, text="Thanks for calling. How can I help you today?")
    make_turn(call=call, text="My drain is blocked, can somebody come on Tuesday?")
    make_turn(call=call, role=Turn.Role.AGENT, text="Sure. Shall I book Tuesday at nine for you?")
    make_turn(call=call, text="Yes, please.")
    make_turn(call=call, role=Turn.Role.AGENT, text=f"{claim} Is there anything else?")
    make_turn(call=call, text="No, goodbye.")

    summaries.conclude_call(call_id=call.pk, model_text="", now=RANG_AT)

    call.refresh_from_db()
    assert (call.needs_review, call.review_reason) == (True, "The agent spoke of a booking, but there is none.")
