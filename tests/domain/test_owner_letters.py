"""The owner can act on the letter alone: who, on which number, about what, when, and where to see it."""

from datetime import timedelta

import pytest

from calls.domain import answers, outside, owner_letters, summaries
from calls.models import Callback, Emergency, OutgoingEmail
from tests.factories import RANG_AT, make_business, make_call, make_line, make_message, make_turn
from tests.factories_trade import make_customer

NOW = RANG_AT + timedelta(minutes=2)

pytestmark = pytest.mark.django_db


@pytest.fixture
def call():
    outside.configure(page_of_call=lambda call_id: f"https://cedar.example/admin/calls/call/{call_id}/")
    business = make_business(email="owner@example.com", time_zone="America/New_York")
    return make_call(line=make_line(business=business))


def letter_of(call):
    summaries.conclude_call(call_id=call.pk, model_text='{"summary": "A tap drips."}', now=NOW)
    return OutgoingEmail.objects.get()


def test_message_is_told_with_everything_that_an_answer_needs(call):
    make_message(call=call, number="+15550100099")

    letter = letter_of(call)

    assert (letter.to, letter.subject) == ("owner@example.com", "A call to Cedar Plumbing needs you: Robert Miller")
    assert letter.body == (
        "Answer the message from Robert Miller.\n"
        "\n"
        "  Caller: Robert Miller\n"
        "  Number: +15550100001\n"
        "  To be reached on: +15550100099\n"
        "  When: Friday the 20th of November 2026 at ten oh four\n"
        "\n"
        "Message from Robert Miller:\n"
        "The kitchen tap is dripping.\n"
        "\n"
        "A tap drips.\n"
        "\n"
        f"The call: https://cedar.example/admin/calls/call/{call.pk}/\n"
        "\n"
        "Cedar Plumbing\n"
    )


def test_page_of_the_letter_says_the_same_and_trusts_no_words(call):
    make_message(call=call, caller_name="<b>Al</b>", text="First.\n<script>x</script>")

    html = letter_of(call).html

    for part in (
        "&lt;b&gt;Al&lt;/b&gt;",
        "First.<br>&lt;script&gt;",
        'href="tel:+15550100001"',
        f'href="https://cedar.example/admin/calls/call/{call.pk}/"',
    ):
        assert part in html
    assert "<script>" not in html


def test_everything_else_that_waits_for_a_person_is_told_too(call):
    answers.answer_question(call_id=call.pk, question="Do you fix boats?", now=NOW)
    Emergency.objects.create(
        business=call.business,
        call=call,
        raised_by="tool",
        kind="gas",
        description="Smell in the cellar",
        address="12 Elm Street",
        raised_at=NOW,
    )
    times = {"asked_at": NOW, "due_at": NOW}
    Callback.objects.create(
        business=call.business, call=call, number="+15550100077", reason="The tap", consent="Yes.", **times
    )
    make_turn(call=call, role="agent", text="You're booked for Tuesday.")

    body = letter_of(call).body

    for line in (
        "Ring the caller now: nobody has accepted the emergency.",
        "Emergency, nobody has accepted yet: gas. Smell in the cellar",
        "  Where: 12 Elm Street",
        "Asked to be called back on +15550100077: The tap",
        "Asked, and not known yet: Do you fix boats?",
        "Please check: The agent spoke of a booking, but there is none.",
    ):
        assert line in body.splitlines()


@pytest.mark.parametrize(
    ("from_number", "customer", "who"),
    [
        ("+15550100001", "Ann Lee", "Ann Lee"),
        ("+15550100001", "", "+15550100001"),
        ("", "", "number unknown"),
    ],
)
def test_caller_without_a_message_is_named_as_far_as_known(call, from_number, customer, who):
    if customer:
        make_customer(business=call.business, number=from_number, name=customer)
    call.from_number, call.next_action = from_number, summaries.NOBODY_ANSWERED
    call.save()

    letter = letter_of(call)

    assert letter.subject == f"A call to Cedar Plumbing needs you: {who}"
    assert (letter.body.count("Number: withheld"), letter.body.count("name unknown")) == (
        int(not from_number),
        int(not customer),
    )


def test_without_a_public_address_the_letter_has_no_link(call):
    outside.configure()
    make_message(call=call)

    letter = letter_of(call)

    assert ("The call:" in letter.body, "Open the call" in letter.html) == (False, False)


def test_same_thing_is_written_once(call):
    make_message(call=call)
    letter_of(call)

    owner_letters.tell_owner(call=call, now=NOW)
    owner_letters.tell_owner(call=call, about="-voicemail", now=NOW)

    assert OutgoingEmail.objects.count() == 2
