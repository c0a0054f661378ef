"""Blocked callers cost no time of the model; direct ones reach the person at once."""

import pytest
from django.core.exceptions import ValidationError

from calls.domain import lifecycle, screening
from calls.domain.decisions import Answer, HandOver, HangUp, Refuse, Transfer, Voicemail
from calls.models import Call, CallEvent, ListedNumber
from tests import factories
from tests.domain.legs import leg, new_leg

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT
PERSON = "+15550108000"
LISTED = "+15550100066"
REFUSED = Refuse("We are sorry, your call cannot be connected. Goodbye.")


def put_on_list(line, treatment, number=LISTED):
    return ListedNumber.objects.create(business=line.business, number=number, treatment=treatment)


def ring(line, *, obstacle="", **fields):
    caller = new_leg(**{"to_number": line.number, "from_number": LISTED} | fields)
    return lifecycle.receive_call(leg=caller, obstacle=obstacle, default_number="", findings=[], now=NOW)


def test_a_blocked_caller_hears_a_sentence_and_is_gone():
    line = factories.make_line()
    put_on_list(line, "blocked")

    decision = ring(line)

    call = Call.objects.get()
    assert decision == REFUSED
    assert (call.status, call.end_reason, call.token_nonce) == ("ended", "blocked", "")


def test_whatever_twilio_asks_next_for_a_blocked_caller_stays_a_refusal():
    line = factories.make_line()
    put_on_list(line, "blocked")
    sid = {"call_sid": factories.make_sid()}
    ring(line, **sid)
    again = new_leg(to_number=line.number, from_number=LISTED, **sid)

    repeated = ring(line, **sid)
    fallen_back = lifecycle.fall_back(leg=again, error_code="", failed_address="voice", default_number="", now=NOW)

    assert (repeated, fallen_back) == (REFUSED, HangUp())


def test_a_blocked_caller_is_not_put_through_by_the_fallback_either():
    line = factories.make_line()
    put_on_list(line, "blocked")
    caller = new_leg(to_number=line.number, from_number=LISTED)

    asked = {"error_code": "11200", "failed_address": "voice", "default_number": PERSON}
    decisions = [lifecycle.fall_back(leg=caller, **asked, now=NOW), ring(line, call_sid=caller.call_sid)]

    assert decisions == [REFUSED, REFUSED]
    assert Call.objects.get().end_reason == "blocked"


def test_a_list_is_that_of_one_business():
    put_on_list(factories.make_line(), "blocked")

    assert isinstance(ring(factories.make_line()), Answer)


@pytest.mark.parametrize("caller", ["+15550100067", "anonymous", "+266696687", ""])
def test_who_is_not_on_the_list_is_answered(caller):
    line = factories.make_line()
    put_on_list(line, "blocked")

    assert isinstance(ring(line, from_number=caller), Answer)


def test_somebody_blocked_may_still_be_rung_back_by_us():
    line = factories.make_line()
    put_on_list(line, "blocked", line.number)

    assert isinstance(ring(line, from_number=line.number, to_number=LISTED, is_outbound=True), Answer)


@pytest.mark.parametrize("obstacle", ["", "no_openai_key", "draining"])
def test_a_direct_caller_reaches_the_person_at_once_and_without_a_whisper(obstacle):
    line = factories.make_line()
    put_on_list(line, "direct")

    decision = ring(line, obstacle=obstacle)

    assert decision == Transfer(
        call_sid=Call.objects.get().call_sid, number=PERSON, is_announced=False, is_first=True, seconds=20
    )


def test_a_direct_caller_whom_nobody_answers_has_the_agent():
    line = factories.make_line()
    put_on_list(line, "direct")
    ring(line)

    after = lifecycle.finish_dial(leg=leg(Call.objects.get()), result="no-answer", seconds=None, now=NOW)

    assert isinstance(after, Answer)


def test_a_direct_caller_whom_nobody_answers_on_a_line_without_agent_leaves_a_message():
    line = factories.make_line(without_agent=True)
    put_on_list(line, "direct")
    ring(line)

    after = lifecycle.finish_dial(leg=leg(Call.objects.get()), result="no-answer", seconds=None, now=NOW)

    assert isinstance(after, Voicemail)
    assert CallEvent.objects.get(kind="no_stream").detail == {"because": "no_agent"}


def test_a_direct_caller_to_whom_a_person_has_spoken_has_been_transferred():
    line = factories.make_line()
    put_on_list(line, "direct")
    ring(line)

    after = lifecycle.finish_dial(leg=leg(Call.objects.get()), result="completed", seconds=20, is_bridged=True, now=NOW)

    assert (after, Call.objects.get().end_reason) == (HangUp(), "transferred")


def test_the_person_who_rings_is_not_connected_to_themselves():
    line = factories.make_line()
    put_on_list(line, "direct", PERSON)

    assert isinstance(ring(line, from_number=PERSON), Answer)


def test_without_a_person_a_direct_caller_is_treated_as_any_other():
    line = factories.make_line(business=factories.make_business(handover_number=""))
    put_on_list(line, "direct")

    assert isinstance(ring(line), Answer)
    assert isinstance(ring(line, obstacle="no_openai_key"), Voicemail | HandOver)


def test_a_number_is_listed_as_it_is_dialed():
    line = factories.make_line()
    listed = ListedNumber(business=line.business, number="+1 212 555-0123")
    listed.full_clean()

    assert listed.number == "+12125550123"
    with pytest.raises(ValidationError):
        ListedNumber(business=line.business, number="0123").full_clean()


def test_there_is_no_treatment_for_a_call_to_nobodys_number():
    assert screening.treatment_of(call=Call(from_number=LISTED)) == ""
