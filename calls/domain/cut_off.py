"""The calls of servers that are dead: nobody is left who could write how they ended, so whoever lives does.

Once: the conditional update of the stream's row settles who. Twilio's webhooks may tell of the same call before and
after, in any order; it is handed over and ended as always, only the reason is the true one.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from calls.domain import history, lifecycle, streams, summaries
from calls.domain.outside import NotPlaced, PlacedCall, Unclear
from calls.domain.progress import advance, end
from calls.models import Call, Server, Stream, ToolCall

Status, Reason, Ending = Call.Status, Call.EndReason, Server.Ending

CUT_OFF = "server_gone"
UNKNOWN_TO_TWILIO = "20404"
OVER = {"completed", "busy", "no-answer", "failed", "canceled"}
# What Twilio's webhooks could say of a call whose server was gone.
GUESSED = {"", Reason.STREAM_LOST, Reason.CALLER_HANGUP}

NO_STREAM_AFTER = timedelta(seconds=30)  # Twilio opens a stream at once, or not at all
NO_ANSWER_AFTER = timedelta(hours=1)
NO_WORD_AFTER = timedelta(hours=4)  # Twilio lets no call take longer, and no dial to a person
UNTOLD_SINCE = timedelta(days=1)
STRAY_AFTER = timedelta(minutes=2)  # the records of an end wait half a minute for the database
MOST = 50


def close_streams(*, is_asked: bool, now: datetime) -> list[str]:
    """Close what the dead have left open; the CallSids. `is_asked`: Twilio can be asked how the calls went on."""
    left = Stream.objects.filter(ended_at=None, call__server__ended_at__isnull=False)
    if is_asked:
        # Who only fell silent may still carry its calls: those are closed when Twilio says that they are over.
        left = left.exclude(call__server__ending=Ending.SILENT, call__status=Status.STREAMING)
    rows = left.order_by("pk").values_list("pk", "call_id")[:MOST]
    return [sid for stream_id, call_id in rows if (sid := _close(stream_id, call_id, is_asked=is_asked, now=now))]


def close_strays(*, instance: str, carried: Collection[str], now: datetime) -> list[str]:
    """Close what this living server has open in the rows and carries no more: the database was away for so long that
    its end could not be written. `carried` are the StreamSids of its calls; gives the CallSids."""
    open_here = Stream.objects.filter(ended_at=None, call__server__instance=instance, started_at__lt=now - STRAY_AFTER)
    closed = []
    for stream in open_here.exclude(stream_sid__in=carried).select_related("call")[:MOST]:
        reason = Reason.INTERNAL_ERROR
        streams.finish_stream(
            call_id=stream.call_id, stream_sid=stream.stream_sid, reason=reason, now=now, first_audio_ms=None
        )
        call = stream.call
        call.refresh_from_db()
        if call.status == Status.HANDED_OVER and not call.handover_number:
            end(call, reason=reason, now=now)  # Twilio has asked for nothing that could follow
        if not call.summary:
            _conclude(call, now=now)
        closed.append(call.call_sid)
    return closed


def conclude_left(*, now: datetime) -> int:
    """Sum up the calls that ended in time, but whose server did not live to do so; how many."""
    ended = Call.objects.filter(server__ended_at__isnull=False, summary="", streaming_at__gt=now - UNTOLD_SINCE)
    left = list(ended.exclude(status=Status.STREAMING).exclude(streams__ended_at=None).order_by("pk")[:MOST])
    for call in left:
        _conclude(call, now=now)
    return len(left)


def unsettled() -> list[str]:
    """The CallSids of calls of ended servers of which nobody knows yet how they ended; the oldest first."""
    return list(_left().order_by("rang_at").values_list("call_sid", flat=True)[:MOST])


def settle(*, call_sid: str, look_up: Callable[..., PlacedCall], now: datetime) -> bool:
    """Ask Twilio how a call has ended, and write that down. False while it goes on, or while nobody can tell."""
    try:
        found = look_up(call_sid=call_sid)
    except (NotPlaced, Unclear) as error:
        known = _left().filter(call_sid=call_sid)
        if not (isinstance(error, NotPlaced) and error.code == UNKNOWN_TO_TWILIO):
            known = known.filter(_is_older_than(now - NO_ANSWER_AFTER))
        return _give_up(known, now=now) > 0
    if found.status not in OVER:
        return False
    with transaction.atomic():
        call = _locked(call_sid)
        if call is None or call.status == Status.ENDED:
            return False
        at = max(found.ended_at or now, call.rang_at)
        was_cut_off = _cut_off(call, at=at)
        lifecycle.change_status(
            call_sid=call_sid, call_status=found.status, sequence=None, seconds=None, findings=(), now=at
        )
        if was_cut_off:
            _conclude(call, now=now)
    return True


def settle_untold(*, now: datetime) -> int:
    """Where Twilio cannot be asked: end the calls of ended servers of which no word can come any more; how many."""
    never_streamed = Q(status__in=[Status.RINGING, Status.QUEUED], handed_over_at=None)
    waiting = never_streamed & Q(rang_at__lt=now - NO_STREAM_AFTER)
    return _give_up(_left().filter(waiting | _is_older_than(now - NO_WORD_AFTER)), now=now)


def _is_older_than(moment: datetime) -> Q:
    """Rung before, and not with a person since."""
    return Q(rang_at__lt=moment) & (Q(handed_over_at=None) | Q(handed_over_at__lt=moment))


def _left() -> QuerySet[Call]:
    return Call.objects.filter(server__ended_at__isnull=False).exclude(status=Status.ENDED)


@transaction.atomic
def _close(stream_id: int, call_id: int, *, is_asked: bool, now: datetime) -> str:
    """The CallSid; blank when another server was faster."""
    call = _rows().get(pk=call_id)
    if call.server is None:
        return ""
    at = min(max(call.server.heartbeat_at, call.streaming_at or call.rang_at), now)
    if not _cut_off(call, at=at):
        return ""
    if call.status == Status.STREAMING and is_asked:
        call.handed_over_at = at
        advance(call, Status.HANDED_OVER)
        call.save()
    elif call.status == Status.STREAMING:
        end(call, reason=Reason.SERVER_RESTART, now=at)
    if not call.summary:
        _conclude(call, now=now)
    return call.call_sid


def _cut_off(call: Call, *, at: datetime) -> bool:
    """Close the streams that nobody has ended: the reason is the server, whatever was guessed. False for none."""
    if not Stream.objects.filter(call=call, ended_at=None).update(ended_at=at):
        return False
    if _had_ended(call):
        return False
    if call.end_reason in GUESSED:
        call.end_reason = Reason.SERVER_RESTART
        call.save(update_fields=["end_reason"])
    at_ms = round((at - call.rang_at).total_seconds() * 1000)
    history.record_event(call_id=call.pk, kind=CUT_OFF, at_ms=at_ms)
    return True


def _had_ended(call: Call) -> bool:
    """Whether the call was over while its server lived: only the stream's row was never closed."""
    lived_until = call.server and call.server.heartbeat_at
    return bool(lived_until and call.ended_at and call.ended_at < lived_until)


@transaction.atomic
def _conclude(call: Call, *, now: datetime) -> None:
    # What a tool of that moment has done, a person has to find out.
    ToolCall.objects.filter(call=call, status=ToolCall.Status.RUNNING).update(status=ToolCall.Status.TIMED_OUT)
    summaries.conclude_call(call_id=call.pk, model_text="", now=now)


def _give_up(calls: Iterable[Call], *, now: datetime) -> int:
    """End calls of whose end nobody knows more than that it lies behind us; how many."""
    ended = 0
    for call_sid in [call.call_sid for call in calls][:MOST]:
        with transaction.atomic():
            call = _locked(call_sid)
            if call is None or call.status == Status.ENDED or call.server is None:
                continue
            at = _last_known(call, call.server, now=now)
            was_cut_off = _cut_off(call, at=at)
            end(call, reason=Reason.SERVER_RESTART, now=at)
            if was_cut_off:
                _conclude(call, now=now)
            ended += 1
    return ended


def _last_known(call: Call, server: Server, *, now: datetime) -> datetime:
    """When a call is over of whose end nothing is known: with its server, or with the person who took over; but a
    server that lived on for days has not talked for days."""
    told = max(moment for moment in (call.rang_at, call.streaming_at, call.handed_over_at) if moment)
    longest = NO_WORD_AFTER if call.streaming_at or call.handed_over_at else NO_STREAM_AFTER
    return min(max(server.heartbeat_at, told), told + longest, now)


def _locked(call_sid: str) -> Call | None:
    return _rows().filter(call_sid=call_sid).first()


def _rows() -> QuerySet[Call]:
    return Call.objects.select_for_update(of=("self",), no_key=True).select_related("server")
