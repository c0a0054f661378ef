"""A call that Twilio sends back to the voice webhook goes on; a request that is played back changes nothing."""

from datetime import timedelta
from decimal import Decimal

import pytest

from calls.domain import costs, lifecycle, streams
from calls.domain.decisions import Answer, HandOver
from calls.models import Call, CallEvent, Stream
from tests.domain.legs import leg, new_leg
from tests.domain.test_lifecycle import NOW, change, receive, row, state
from tests.factories import make_line, make_sid, make_turn

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(seconds=20)


def stream_of(caller, *, is_over=True):
    """The call's stream was let in, and is over."""
    call = row(caller)
    Call.objects.filter(pk=call.pk).update(status=Call.Status.STREAMING, token_used_at=NOW, streaming_at=NOW)
    made = Stream.objects.create(call=call, stream_sid=make_sid("MZ"), started_at=NOW)
    if is_over:
        streams.finish_stream(
            call_id=call.pk, stream_sid=made.stream_sid, reason="caller_hangup", now=NOW, first_audio_ms=None
        )
    return call


@pytest.fixture
def caller():
    caller = new_leg(to_number=make_line().number)
    receive(caller)
    return caller


def again(caller, **fields):
    return receive(leg(row(caller), **fields), now=LATER)


def test_it_rings_again_with_a_token_of_its_own(caller):
    nonce = stream_of(caller).token_nonce

    decision = again(caller)

    call = row(caller)
    assert decision == Answer(call_sid=call.call_sid, nonce=call.token_nonce)
    assert (call.token_nonce != nonce, call.token_issued_at, call.token_used_at) == (True, LATER, None)
    assert (state(caller), call.ended_at) == (("ringing", ""), None)
    assert again(caller) == decision


def test_what_it_costs_from_then_on_counts_though_the_stream_before_is_settled(caller):
    call = stream_of(caller)
    Call.objects.filter(pk=call.pk).update(model_cost="0.01", telephone_cost="0.02")
    again(caller)
    Call.objects.filter(pk=call.pk).update(status=Call.Status.STREAMING, streaming_at=LATER)

    spent = costs.spent(business=call.business, since=NOW, now=LATER + timedelta(minutes=30))

    assert spent > Decimal(1)


def test_while_its_stream_is_open_nothing_changes(caller):
    nonce = stream_of(caller, is_over=False).token_nonce

    assert again(caller) == Answer(call_sid=caller.call_sid, nonce=nonce)
    assert state(caller) == ("streaming", "")


def test_a_request_that_is_played_back_after_the_end_changes_nothing(caller):
    nonce = stream_of(caller).token_nonce
    change(row(caller), "completed")

    assert again(caller) == Answer(call_sid=caller.call_sid, nonce=nonce)
    assert state(caller) == ("ended", "caller_hangup")


def test_a_repeated_ring_is_no_return(caller):
    nonce = stream_of(caller).token_nonce

    assert again(caller, call_status="ringing") == Answer(call_sid=caller.call_sid, nonce=nonce)


def test_a_server_that_shuts_down_meanwhile_hands_it_over(caller):
    stream_of(caller)

    decision = lifecycle.receive_call(
        leg=leg(row(caller)), obstacle="draining", default_number="+15550107000", findings=(), now=LATER
    )

    assert isinstance(decision, HandOver)
    assert state(caller) == ("handed_over", "draining")


def test_what_sends_it_back_for_ever_is_not_followed(caller):
    for _ in range(5):
        stream_of(caller)
        last = again(caller)

    assert last.nonce != ""
    assert CallEvent.objects.filter(kind="came_back").count() == 4


def test_the_new_stream_knows_what_was_said(caller):
    make_turn(call=stream_of(caller), item_id="item_1", role="caller", text="When are you open?", position=7)
    again(caller)

    call = row(caller)
    admitted = streams.admit_stream(
        call_sid=call.call_sid,
        account_sid=call.account_sid,
        stream_sid="MZ2",
        token="",
        secret_key="x",
        is_token_required=False,
        now=LATER,
    )

    assert [(kind, fields["text"], fields["position"]) for kind, fields in admitted.past] == [
        ("turn", "When are you open?", 7)
    ]
    assert admitted.kept_greeting == b""
