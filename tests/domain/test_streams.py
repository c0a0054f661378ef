"""Who may open the stream of a call, and what its end leaves in the row."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from calls.domain import costs, lifecycle, streams, tokens
from calls.models import Call, Stream
from tests.domain.legs import leg
from tests.factories import RANG_AT, make_call, make_line, make_sid, make_stream

NOW = RANG_AT + timedelta(seconds=1)
NONCE = "n" * 22
SECRET = "secret"


def ringing(**fields):
    return make_call(
        **{"status": Call.Status.RINGING, "token_nonce": NONCE, "token_issued_at": RANG_AT, "streaming_at": None}
        | fields
    )


def token_of(call):
    return tokens.mint(secret_key=SECRET, call_sid=call.call_sid, nonce=NONCE)


def admit(call, **fields):
    asked = {
        "call_sid": call.call_sid,
        "account_sid": call.account_sid,
        "stream_sid": make_sid("MZ"),
        "token": token_of(call),
        "secret_key": SECRET,
        "is_token_required": True,
        "now": NOW,
    }
    return streams.admit_stream(**asked | fields)


@pytest.mark.django_db
def test_stream_with_its_token_is_admitted_and_the_call_streams():
    call = ringing()

    admitted = admit(call, stream_sid="MZ1")

    call.refresh_from_db()
    assert (admitted.call_id, admitted.call_sid, admitted.rang_at) == (call.pk, call.call_sid, RANG_AT)
    assert (call.status, call.streaming_at, call.token_used_at) == (Call.Status.STREAMING, NOW, NOW)
    assert [stream.stream_sid for stream in call.streams.all()] == ["MZ1"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"call_sid": "CA-unknown"}, "unknown call"),
        ({"account_sid": "AC" + "9" * 32}, "another account's call"),
        ({"token": ""}, "wrong token"),
        ({"token": "x" * 43}, "wrong token"),
        ({"token": "\ud800"}, "wrong token"),
        ({"now": RANG_AT + timedelta(seconds=61)}, "expired token"),
    ],
)
def test_stream_that_is_not_authentic_is_refused_and_leaves_nothing(asked, why):
    call = ringing()

    with pytest.raises(streams.StreamRefused, match=f"^{why}$"):
        admit(call, **asked)

    call.refresh_from_db()
    assert (call.status, call.token_used_at, Stream.objects.count()) == (Call.Status.RINGING, None, 0)


@pytest.mark.django_db
def test_token_of_another_call_opens_nothing():
    mine, other = ringing(), ringing()

    with pytest.raises(streams.StreamRefused, match="^wrong token$"):
        admit(mine, token=token_of(other))


@pytest.mark.django_db
def test_token_serves_once():
    call = ringing()
    admit(call)

    with pytest.raises(streams.StreamRefused, match="^token already used$"):
        admit(call)


@pytest.mark.django_db
def test_call_without_a_token_of_its_own_is_closed_to_an_empty_one():
    call = ringing(token_nonce="", token_issued_at=None)

    with pytest.raises(streams.StreamRefused, match="^no token was issued for this call$"):
        admit(call, token="")


@pytest.mark.django_db
def test_call_that_has_no_agent_is_not_streamed():
    call = ringing(line=make_line(without_agent=True))

    with pytest.raises(streams.StreamRefused, match="^no agent for this call$"):
        admit(call)


@pytest.mark.django_db
def test_token_may_be_missing_only_where_the_settings_say_so():
    assert admit(ringing(), token="", is_token_required=False).call_id


@pytest.mark.django_db(transaction=True)
def test_of_many_streams_with_one_token_one_is_admitted():
    call = ringing()

    def attempt(_):
        try:
            return admit(call).call_id
        except streams.StreamRefused:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        admitted = [call_id for call_id in pool.map(attempt, range(20)) if call_id]

    assert admitted == [call.pk]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("caller_hangup", Call.Status.ENDED),
        ("agent_hangup", Call.Status.ENDED),
        ("upstream_lost", Call.Status.HANDED_OVER),
        ("internal_error", Call.Status.HANDED_OVER),
        ("max_duration", Call.Status.HANDED_OVER),
    ],
)
def test_end_of_a_stream_decides_whether_somebody_takes_over(reason, status):
    stream = make_stream()

    finish(stream, reason)

    call = Call.objects.get()
    stream.refresh_from_db()
    assert (call.status, call.end_reason, call.first_audio_ms, stream.ended_at) == (status, reason, 640, NOW)
    assert (call.ended_at, call.handed_over_at) == ((NOW, None) if status == "ended" else (None, NOW))


@pytest.mark.django_db
def test_first_reason_stands():
    stream = make_stream()
    finish(stream, "agent_hangup")
    finish(stream, "stream_lost")

    assert Call.objects.get().end_reason == "agent_hangup"


@pytest.mark.django_db
@pytest.mark.parametrize(("reason", "stands"), [("draining", "draining"), ("agent_hangup", "stream_lost")])
def test_a_reason_that_comes_late_replaces_what_the_webhook_has_guessed(reason, stands):
    """Twilio asks what follows as soon as the socket is closed, and the database may take longer than that."""
    stream = make_stream()
    lifecycle.leave_stream(leg=leg(stream.call), default_number="", now=NOW)
    finish(stream, reason)
    finish(stream, "upstream_lost")

    call = Call.objects.get()
    assert (call.status, call.end_reason) == (Call.Status.HANDED_OVER, stands)


def finish(stream, reason):
    streams.finish_stream(
        call_id=stream.call_id, stream_sid=stream.stream_sid, reason=reason, now=NOW, first_audio_ms=640
    )


@pytest.mark.django_db
def test_usage_of_several_streams_adds_up():
    call = make_call()
    for session in ("r", "s"):
        settle(call, session * 90)

    call.refresh_from_db()
    assert (call.input_tokens, call.cached_tokens, call.output_tokens) == (18, 8, 4)
    assert (call.model, call.realtime_session_id) == ("m", "s" * 64)


def settle(call, session="sess_1"):
    streams.settle_stream(
        call_id=call.pk, realtime_session_id=session, model="m", input_tokens=9, cached_tokens=4, output_tokens=2
    )


@pytest.mark.django_db
def test_usage_that_could_not_be_written_whole_is_counted_once_when_it_is_written_again(monkeypatch):
    def locked(**asked):
        raise OperationalError("database is locked")

    call = make_call()
    with monkeypatch.context() as broken:
        broken.setattr(costs, "settle_cost", locked)
        with pytest.raises(OperationalError):
            settle(call, session="")

    settle(call, session="")

    call.refresh_from_db()
    assert (call.input_tokens, call.cached_tokens, call.output_tokens) == (9, 4, 2)


@pytest.mark.django_db
def test_usage_of_one_session_is_counted_once_though_nobody_heard_that_it_was_written():
    call = make_call()

    for _ in range(2):
        settle(call)

    call.refresh_from_db()
    assert (call.input_tokens, call.cached_tokens, call.output_tokens) == (9, 4, 2)
