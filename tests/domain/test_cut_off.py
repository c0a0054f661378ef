"""What becomes of the calls of a server that died: closed once, with the true reason, and never of one that lives."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from calls.domain import cut_off, lifecycle, outbox, streams
from calls.domain.decisions import HandOver, HangUp
from calls.domain.outside import NotPlaced, Unclear
from calls.models import Call, OutgoingEmail, Server, ToolCall
from tests import factories, factories_trade
from tests.domain.legs import leg

pytestmark = pytest.mark.django_db
RANG_AT = factories.RANG_AT
DIED_AT = RANG_AT + timedelta(seconds=20)
NOW = RANG_AT + timedelta(seconds=50)
RESTART = Call.EndReason.SERVER_RESTART
NEXT = "Call back: our server ended in the middle of the call."
WHY = "Our server ended in the middle of the call."


@dataclass
class Found:
    """A call as Twilio's REST interface shows it."""

    status: str
    ended_at: datetime | None = None
    call_sid: str = ""
    created_at: datetime | None = None


def says(answer):
    def look_up(*, call_sid):
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look_up


def dead_server(**fields):
    return factories.make_server(**{"heartbeat_at": DIED_AT, "ended_at": DIED_AT, "ending": "gone"} | fields)


def cut_call(*, server=None, **fields):
    """A call that was streaming when its server died, of a business that is told."""
    call = factories.make_call(server=server or dead_server(), **fields)
    call.business.email = "owner@example.com"
    call.business.save()
    factories.make_stream(call=call)
    factories.make_turn(call=call)
    return call


def test_a_call_that_was_over_while_its_server_lived_keeps_its_reason():
    over = RANG_AT + timedelta(seconds=10)
    call = cut_call(status="ended", end_reason="caller_hangup", ended_at=over)

    assert cut_off.close_streams(is_asked=False, now=NOW) == []
    assert state(call) == ("ended", "caller_hangup")
    assert not call.streams.filter(ended_at=None).exists()
    assert not call.events.filter(kind=cut_off.CUT_OFF).exists()


def state(call):
    call.refresh_from_db()
    return call.status, call.end_reason


def close(*, is_asked=False, now=NOW):
    return cut_off.close_streams(is_asked=is_asked, now=now)


def settle(call, answer, now=NOW):
    return cut_off.settle(call_sid=call.call_sid, look_up=says(answer), now=now)


def letters():
    return [letter.key.partition("-")[2].partition("-")[2] for letter in OutgoingEmail.objects.order_by("pk")]


def test_a_call_of_a_dead_server_is_closed_when_it_died():
    call = cut_call()

    assert close() == [call.call_sid]

    assert state(call) == ("ended", RESTART)
    assert (call.ended_at, call.streams.get().ended_at) == (DIED_AT, DIED_AT)
    assert (call.next_action, call.needs_review, call.review_reason) == (NEXT, True, WHY)
    assert [event.kind for event in call.events.all()] == ["server_gone"]


def test_what_was_said_and_done_stays():
    call = cut_call()
    booking = factories_trade.make_booking(call=call, business=call.business)
    factories.make_tool_call(call=call, name="book_appointment")
    factories.make_tool_call(call=call, name="email_quote", status=ToolCall.Status.RUNNING, result=None)

    close()

    call.refresh_from_db()
    assert [turn.text for turn in call.turns.all()] == ["My kitchen tap is dripping."]
    assert (call.outcome, list(call.bookings.all())) == ("booked", [booking])
    assert [tool.status for tool in call.tool_calls.all()] == ["ok", "timed_out"]
    assert call.review_reason == f"{WHY} “email quote” gave no answer in time."


def test_a_call_is_closed_once_whoever_looks_and_the_owner_is_written_once():
    call = cut_call()

    assert [close(), close()] == [[call.call_sid], []]
    assert (call.events.count(), letters()) == (1, ["cut-off"])


def test_two_servers_that_found_it_open_at_once_close_it_once():
    """The second one has looked before the first one wrote."""
    call = cut_call()
    stream = call.streams.get()

    closed = [cut_off._close(stream.pk, call.pk, is_asked=False, now=NOW) for _ in range(2)]

    assert closed == [call.call_sid, ""]
    assert (call.events.count(), letters()) == (1, ["cut-off"])


@pytest.mark.parametrize("server", [{"ended_at": None, "ending": ""}, None], ids=["a living neighbor's", "nobody's"])
def test_other_calls_are_never_touched(server):
    carrier = factories.make_server(**server) if server else None
    call = factories.make_call(server=carrier)
    factories.make_stream(call=call)

    close(now=RANG_AT + timedelta(days=2))
    cut_off.settle_untold(now=RANG_AT + timedelta(days=2))

    assert cut_off.unsettled() == []
    assert state(call) == ("streaming", "")
    assert call.streams.get().ended_at is None


def test_a_caller_who_comes_back_after_that_is_handed_over():
    call = cut_call()
    close()

    decision = lifecycle.leave_stream(leg=leg(call), default_number="", now=NOW)
    lifecycle.finish_dial(leg=leg(call), result="completed", seconds=60, now=NOW + timedelta(seconds=90))

    assert isinstance(decision, HandOver)
    assert state(call) == ("ended", RESTART)
    assert call.ended_at == NOW + timedelta(seconds=90)
    assert (call.next_action, call.needs_review, call.review_reason) == ("", False, "")


def test_a_caller_who_came_back_before_that_stays_with_the_person():
    call = cut_call()
    lifecycle.leave_stream(leg=leg(call), default_number="", now=NOW)

    close(now=NOW + timedelta(seconds=1))

    assert state(call) == ("handed_over", RESTART)
    assert (call.handover_number, call.next_action) == ("+15550108000", "")


def test_a_caller_who_has_given_up_meanwhile_did_not_end_the_call():
    call = cut_call()
    lifecycle.change_status(
        call_sid=call.call_sid, call_status="completed", sequence=4, seconds=30, findings=(), now=NOW
    )

    close(now=NOW + timedelta(seconds=1))

    assert state(call) == ("ended", RESTART)
    assert (call.ended_at, call.next_action) == (NOW, NEXT)
    assert isinstance(
        lifecycle.leave_stream(leg=leg(call, call_status="completed"), default_number="", now=NOW), HangUp
    )


def test_an_end_that_was_written_before_the_death_stands():
    call = cut_call()
    streams.finish_stream(
        call_id=call.pk,
        stream_sid=call.streams.get().stream_sid,
        reason="agent_hangup",
        now=DIED_AT,
        first_audio_ms=None,
    )

    assert close() == []
    assert state(call) == ("ended", Call.EndReason.AGENT_HANGUP)


@pytest.mark.parametrize("reason", ["agent_hangup", "draining"])
def test_a_call_that_ended_in_time_is_summed_up_if_its_server_did_not_live_to_do_so(reason):
    call = cut_call()
    factories.make_message(call=call)
    factories.make_tool_call(call=call, name="take_message", status=ToolCall.Status.RUNNING, result=None)
    stream_sid = call.streams.get().stream_sid
    streams.finish_stream(call_id=call.pk, stream_sid=stream_sid, reason=reason, now=DIED_AT, first_audio_ms=None)

    assert [close(), cut_off.conclude_left(now=NOW), cut_off.conclude_left(now=NOW)] == [[], 1, 0]

    assert state(call)[1] == reason
    assert (call.outcome, call.next_action) == ("message", "Answer the message from Robert Miller.")
    assert call.summary.startswith("The caller began with")
    assert (call.review_reason, letters()) == ("“take message” gave no answer in time.", [""])


def test_a_call_of_a_living_server_sums_itself_up():
    call = factories.make_ended_call(server=factories.make_server())

    assert cut_off.conclude_left(now=NOW) == 0
    assert (call.summary, state(call)) == ("", ("ended", "caller_hangup"))


def test_with_twilio_to_ask_a_call_is_handed_over_until_its_end_is_known():
    call = cut_call()

    assert close(is_asked=True) == [call.call_sid]
    assert (state(call), call.handed_over_at, call.ended_at) == (("handed_over", RESTART), DIED_AT, None)
    assert (cut_off.unsettled(), letters()) == ([call.call_sid], [])

    assert settle(call, Found("completed", DIED_AT + timedelta(seconds=4))) is True
    assert (state(call), call.ended_at) == (("ended", RESTART), DIED_AT + timedelta(seconds=4))
    assert (cut_off.unsettled(), call.next_action, letters()) == ([], NEXT, ["cut-off"])


def test_a_call_that_goes_on_at_twilio_is_left_open():
    call = cut_call()
    close(is_asked=True)

    assert settle(call, Found("in-progress"), now=NOW + timedelta(hours=3)) is False
    assert state(call) == ("handed_over", RESTART)


@pytest.mark.parametrize(
    ("answer", "after", "is_settled"),
    [
        (NotPlaced("20404"), timedelta(), True),
        (NotPlaced("not_sent"), timedelta(minutes=50), False),
        (NotPlaced("not_sent"), timedelta(minutes=70), True),
        (Unclear("timeout"), timedelta(minutes=50), False),
        (Unclear("timeout"), timedelta(minutes=70), True),
    ],
)
def test_twilio_is_asked_again_for_an_hour(answer, after, is_settled):
    call = cut_call()
    close(is_asked=True)

    assert settle(call, answer, now=NOW + after) is is_settled
    assert (state(call)[0] == "ended") is is_settled
    assert call.ended_at == (DIED_AT if is_settled else None)


def test_an_hour_counts_from_when_a_call_was_put_through_to_a_person():
    call = cut_call()
    close(is_asked=True)
    led_away_at = NOW + timedelta(minutes=40)
    Call.objects.filter(pk=call.pk).update(status=Call.Status.HANDED_OVER, handed_over_at=led_away_at)

    assert settle(call, Unclear("timeout"), now=NOW + timedelta(minutes=70)) is False
    assert settle(call, Unclear("timeout"), now=led_away_at + timedelta(minutes=70)) is True


def test_a_server_that_only_fell_silent_keeps_its_calls_until_twilio_says_that_they_are_over():
    call = cut_call(server=dead_server(ending=Server.Ending.SILENT))

    assert (close(is_asked=True), state(call)) == ([], ("streaming", ""))
    assert settle(call, Found("in-progress")) is False
    assert state(call) == ("streaming", "")

    assert settle(call, Found("completed", NOW)) is True
    assert (state(call), call.ended_at, call.streams.get().ended_at) == (("ended", RESTART), NOW, NOW)
    assert (call.summary != "", call.next_action) == (True, NEXT)


def test_a_call_that_was_told_of_a_stream_and_never_had_one_is_ended_after_half_a_minute():
    call = factories.make_call(server=dead_server(), status="ringing", streaming_at=None)
    first = factories.make_call(
        server=dead_server(), status="ringing", streaming_at=None, handover_number="+15550108000", handed_over_at=NOW
    )

    before = cut_off.settle_untold(now=RANG_AT + timedelta(seconds=29))
    after = cut_off.settle_untold(now=RANG_AT + timedelta(seconds=31))

    assert (before, after, state(call)) == (0, 1, ("ended", RESTART))
    assert state(first) == ("ringing", "")


def test_a_hand_over_of_which_no_word_comes_is_ended_when_no_call_can_last_that_long():
    call = cut_call(status="handed_over", end_reason="upstream_lost", handed_over_at=DIED_AT)
    call.streams.update(ended_at=DIED_AT)

    seen = [cut_off.settle_untold(now=RANG_AT + timedelta(hours=hours)) for hours in (3.9, 4.1)]

    assert (seen, state(call), call.ended_at) == ([0, 1], ("ended", "upstream_lost"), DIED_AT)


def test_a_person_may_talk_for_hours_after_the_hand_over():
    handed_over_at = RANG_AT + timedelta(hours=1)
    call = cut_call(status="handed_over", end_reason="transferred", handed_over_at=handed_over_at)
    call.streams.update(ended_at=handed_over_at)

    seen = [cut_off.settle_untold(now=RANG_AT + timedelta(hours=hours)) for hours in (4.1, 4.9, 5.1)]

    assert (seen, state(call), call.ended_at) == ([0, 0, 1], ("ended", "transferred"), handed_over_at)


@pytest.mark.parametrize(
    ("fields", "longest"),
    [
        ({"status": "handed_over", "end_reason": "transferred", "handed_over_at": DIED_AT}, timedelta(hours=4)),
        ({"status": "ringing", "streaming_at": None}, timedelta(seconds=30) - (DIED_AT - RANG_AT)),
    ],
    ids=["with a person", "never streamed"],
)
def test_a_call_that_is_settled_late_did_not_last_as_long_as_its_server_lived_on(fields, longest):
    days_later = DIED_AT + timedelta(days=9)
    server = dead_server(heartbeat_at=days_later, ended_at=days_later)
    call = factories.make_call(server=server, **fields)

    assert cut_off.settle_untold(now=days_later + timedelta(minutes=1)) == 1

    call.refresh_from_db()
    assert call.ended_at == DIED_AT + longest


def test_a_drained_call_that_nobody_took_over_is_to_be_called_back():
    call = cut_call(server=None)
    stream_sid = call.streams.get().stream_sid
    streams.finish_stream(call_id=call.pk, stream_sid=stream_sid, reason="draining", now=NOW, first_audio_ms=None)
    lifecycle.leave_stream(leg=leg(call), default_number="", now=NOW)
    call.refresh_from_db()
    before = call.next_action

    lifecycle.change_status(
        call_sid=call.call_sid, call_status="completed", sequence=4, seconds=30, findings=(), now=NOW
    )

    assert (before, state(call)) == ("", ("ended", Call.EndReason.DRAINING))
    assert (call.next_action, call.needs_review, call.review_reason) == (NEXT, True, WHY)


def test_the_letter_waits_in_the_outbox_like_any_other():
    cut_call()
    close()

    assert len(outbox.due_emails(now=NOW, most=5)) == 1
