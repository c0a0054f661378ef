"""What is promised to callers who want to be rung back, and what they then hear first."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from calls.domain import callbacks, persona
from calls.domain.callbacks import NotPossible, When
from calls.domain.dialing_rules import Forbidden
from calls.models import Callback, CallbackAttempt
from tests import factories

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT  # Friday, four past ten in New York
NEW_YORK = ZoneInfo("America/New_York")
ASAP = When()


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK)


def request(call, *, when=ASAP, now=NOW, **changes):
    standing = {"number": "", "reason": "a quote", "consent": "Yes, please do.", "caller_name": "Robert Miller"}
    return callbacks.request_callback(call_id=call.pk, when=when, now=now, **standing | changes).callback


def test_a_promise_keeps_the_words_of_consent_and_the_number_that_calls():
    call = factories.make_call()

    callback = request(call)

    assert (callback.number, callback.reason, callback.consent) == (call.from_number, "a quote", "Yes, please do.")
    assert (callback.status, callback.asked_at, callback.due_at) == ("due", NOW, NOW)
    call.refresh_from_db()
    assert call.outcome == "callback"


def test_the_same_number_asked_again_is_the_same_promise_changed():
    call = factories.make_call()
    request(call)
    request(call, when=When(in_minutes=90), reason="the invoice")

    callback = Callback.objects.get()
    assert (callback.due_at, callback.reason) == (NOW + timedelta(minutes=90), "the invoice")


def test_who_calls_again_has_one_callback_which_is_changed():
    first = factories.make_call()
    request(first)
    later = [factories.make_call(line=first.line, from_number=first.from_number) for _ in range(2)]
    for minutes, call in enumerate(later, 30):
        request(call, when=When(in_minutes=minutes), reason="the invoice", caller_name="", consent="Sure.")

    callback = Callback.objects.get()
    assert (callback.due_at, callback.reason, callback.caller_name) == (
        NOW + timedelta(minutes=31),
        "the invoice",
        "Robert Miller",
    )
    assert (callback.call, callback.consent) == (later[-1], "Sure."), (
        "the consent is kept with the call it was given in"
    )
    later[-1].refresh_from_db()
    assert later[-1].outcome == "callback"


def test_another_number_that_they_gave_in_an_earlier_call_is_known_by_the_number_that_calls():
    first = factories.make_call()
    request(first, number="+15184871231")
    request(factories.make_call(line=first.line, from_number=first.from_number), number="+15184871231")

    assert Callback.objects.count() == 1


def test_whose_telephone_is_to_ring_may_change_it_wherever_it_was_asked_for():
    office = factories.make_call()
    request(office, number="+15184871231")
    mobile = factories.make_call(line=office.line, from_number="+15184871231")
    request(mobile, reason="the invoice")

    assert Callback.objects.get().reason == "the invoice"


def test_what_was_promised_in_our_call_may_be_changed_by_whom_we_rang(ours):
    request(ours, number="+15184871231")
    again = factories.make_call(line=ours.line, from_number=ours.to_number)
    request(again, number="+15184871231", reason="the invoice")

    assert Callback.objects.get(status="due").reason == "the invoice"


def test_nobody_changes_the_callback_of_a_number_that_is_only_said():
    first = factories.make_call()
    request(first)
    stranger = factories.make_call(line=first.line, from_number="+15184871231")
    request(stranger, number=first.from_number, when=When(in_minutes=600))

    assert sorted(Callback.objects.values_list("call", "due_at")) == [
        (first.pk, NOW),
        (stranger.pk, NOW + timedelta(minutes=600)),
    ]


def test_a_worker_that_has_claimed_what_is_changed_does_not_dial_it():
    call = factories.make_call()
    request(call)
    Callback.objects.update(claimed_until=NOW + timedelta(minutes=2))

    assert request(call, when=When(in_minutes=60)).claimed_until is None


@pytest.mark.parametrize("status", ["dialing", "done", "failed", "cancelled"])
def test_what_is_over_or_rings_already_is_not_changed(status):
    call = factories.make_call()
    request(call)
    Callback.objects.update(status=status)
    request(call)

    assert sorted(Callback.objects.values_list("status", flat=True)) == sorted([status, "due"])


def test_a_caller_cancels_what_they_wait_for_and_nothing_else():
    first = factories.make_call()
    request(first)
    request(first, number="+15184871231")
    others = request(factories.make_call(line=first.line, from_number="+15184871239"))
    again = factories.make_call(line=first.line, from_number=first.from_number)

    for _ in range(2):
        callbacks.cancel_callbacks(call_id=again.pk, now=NOW)

    assert list(Callback.objects.filter(status="due")) == [others]
    assert list(again.events.values_list("kind", flat=True)) == ["callback_cancelled"]


@pytest.mark.parametrize("from_number", ["+15184871239", "anonymous"])
def test_who_waits_for_nothing_cancels_nothing(from_number):
    first = factories.make_call()
    request(first)

    with pytest.raises(callbacks.NonePromised):
        callbacks.cancel_callbacks(call_id=factories.make_call(line=first.line, from_number=from_number).pk, now=NOW)
    assert Callback.objects.get().status == "due"


def test_an_agent_knows_of_the_callback_of_the_number_that_calls():
    first = factories.make_call()
    request(first, when=When(day="tuesday", clock="14:30"))
    again = factories.make_call(line=first.line, from_number=first.from_number)
    other = factories.make_call(line=first.line, from_number="+15184871239")

    told = "Callback promised: Tuesday the 24th at two thirty, about: a quote\n"
    assert persona.persona_for(call=again, now=NOW).instructions.endswith(told)
    assert "Callback promised" not in persona.persona_for(call=other, now=NOW).instructions


def test_a_call_promises_three_callbacks_at_most():
    call = factories.make_call()
    for number in ("+15184871231", "+15184871232", "+15184871233"):
        request(call, number=number)

    with pytest.raises(NotPossible, match="Several callbacks"):
        request(call, number="+15184871234")
    assert request(call, number="+15184871233", reason="again").reason == "again"


@pytest.mark.parametrize(
    ("when", "due"),
    [
        (When(), NOW),
        (When(in_minutes=30), NOW + timedelta(minutes=30)),
        (When(day="today"), NOW),
        (When(clock="14:30"), at(20, 14, 30)),
        (When(day="tomorrow"), at(21, 9)),
        (When(day="tomorrow", clock="06:00"), at(21, 8)),
        (When(day="Tuesday", clock="17:15"), at(24, 17, 15)),
        (When(day="friday", clock="16:00"), at(20, 16)),
        (When(day="2026-11-30", clock="12:00"), at(30, 12)),
        (When(clock="23:00"), at(21, 8)),
    ],
)
def test_the_time_is_the_callers_as_far_as_somebody_is_awake(when, due):
    assert request(factories.make_call(), when=when).due_at == due


def test_it_has_to_be_day_for_the_person_who_is_rung_too():
    """Ten in New York is seven in Los Angeles: they are rung at eight there."""
    assert request(factories.make_call(from_number="+13105551234")).due_at == at(20, 11)


@pytest.mark.parametrize(
    ("when", "why"),
    [
        (When(clock="09:00"), "has passed; it is Friday 10:04 now"),
        (When(day="2026-11-01"), "has passed"),
        (When(day="2027-11-01"), "for the next 30 days only"),
        (When(day="someday"), "'someday' is no day"),
        (When(clock="25:00"), "'25:00' is no time of day"),
        (When(clock="noon"), "'noon' is no time of day"),
    ],
)
def test_a_time_that_cannot_be_promised_is_mended(when, why):
    with pytest.raises(NotPossible, match=why):
        request(factories.make_call(), when=when)
    assert Callback.objects.count() == 0


def test_a_time_that_the_clock_jumps_over_is_the_time_after_the_jump():
    """At two in the morning of March 8, 2026 the clocks of New York show three."""
    now = datetime(2026, 3, 7, 15, tzinfo=UTC)

    due = callbacks.due_time(
        when=When(day="2026-03-08", clock="02:30"),
        business=factories.make_business(),
        number="+15550100001",
        now=now,
    )

    assert due == datetime(2026, 3, 8, 8, tzinfo=NEW_YORK)


def test_a_hidden_number_has_to_be_asked_for():
    with pytest.raises(NotPossible, match="The caller's number is hidden"):
        request(factories.make_call(from_number="anonymous"))


@pytest.mark.parametrize("number", ["911", "+1 900 555 1234", "+44 20 7183 8750", "+870 773 123456"])
def test_a_number_that_is_not_dialed_is_not_promised(number):
    with pytest.raises(Forbidden):
        request(factories.make_call(), number=number)
    assert Callback.objects.count() == 0


def test_a_number_of_a_country_that_the_owner_names_is_promised():
    business = factories.make_business(callback_countries="CA")
    call = factories.make_call(line=factories.make_line(business=business))

    assert request(call, number="+14164870123").number == "+14164870123"


def test_a_call_of_nobodys_line_promises_nothing():
    with pytest.raises(NotPossible, match="Nobody can be rung back from here"):
        request(factories.make_call(business=None))


# Our call


@pytest.fixture
def ours():
    """A call of ours that keeps a promise."""
    promise = request(factories.make_call())
    line = promise.call.line
    call = factories.make_call(line=line, direction="outbound", from_number=line.number, to_number=promise.number)
    CallbackAttempt.objects.create(callback=promise, number=1, began_at=NOW, call_sid=call.call_sid)
    Callback.objects.filter(pk=promise.pk).update(status=Callback.Status.DIALING)
    return call


def test_our_call_says_first_who_calls_and_that_no_person_is_speaking(ours):
    who = persona.persona_for(call=ours, now=NOW)

    assert who.greeting == (
        "Hello, Robert Miller. This is Cortana, the automated assistant of Cedar Plumbing, calling back as you asked. "
        "Is this a good moment?"
    )
    assert f"Caller: {ours.to_number}\n" in who.instructions
    assert f"begin with: {who.greeting}\n" in who.instructions
    assert "they asked to be called back; their name is Robert Miller. It is about: a quote." in who.instructions


def test_in_our_call_another_time_is_promised_to_whom_we_have_rung(ours):
    again = request(ours, when=When(in_minutes=60))

    assert (again.number, again.due_at) == (ours.to_number, NOW + timedelta(minutes=60))


def test_a_recorded_call_of_ours_asks_for_consent_first(ours):
    ours.agent.records_calls = True

    assert persona.persona_for(call=ours, now=NOW).greeting.startswith("This call is being recorded. Hello, ")


def test_a_call_that_comes_in_is_no_callback():
    call = factories.make_call()

    assert callbacks.callback_of(call=call) is None
    assert "called back" not in persona.persona_for(call=call, now=NOW).instructions


def test_a_machine_is_told_who_called_and_not_why(ours):
    words = callbacks.message_of(callback=callbacks.callback_of(call=ours), shown="+15550109999")

    number = "5 5 5, 0 1 0, 9 9 9 9"
    assert words == (
        "Hello, this is the automated assistant of Cedar Plumbing, calling back as you asked. "
        f"You can reach us at {number}. Again: {number}. Goodbye."
    )
