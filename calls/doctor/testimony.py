"""What the server has written down of the test call: the reason why its caller heard no agent."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from django.db import DatabaseError

from calls.doctor.aside import in_database
from calls.doctor.causes import Cause
from calls.doctor.refusals import CORRECT, of_code
from calls.domain import capacity
from calls.models import CallEvent
from calls.realtime.reasons import RULES, Reason

T = TypeVar("T")
PATIENCE_SECONDS = 1.0
_BETWEEN_SECONDS = 0.1
_LAST = {"ended", "no_stream", "over_limit"}
_ASK_OPENAI = "Type: python manage.py doctor --only openai"
_FORMAT = Cause(
    "OpenAI speaks or hears another format than the audio/pcmu of the telephone",
    "Ask for audio/pcmu both ways (calls/realtime/session.py), with a Realtime model.",
)
_IN_ENV = "Wait, or raise {} in .env, and restart the server."
_IN_ADMIN = "Wait, or raise “{}” of the business: admin, Businesses."
LIMITS = {
    capacity.ALL: Cause("CALLS_AT_ONCE calls are being answered already", _IN_ENV.format("CALLS_AT_ONCE")),
    capacity.BUSINESS: Cause(
        "the business has as many calls as its “calls at once” allows", _IN_ADMIN.format("calls at once")
    ),
    capacity.CALLER: Cause(
        "the caller has as many calls at once as CALLS_PER_CALLER allows", _IN_ENV.format("CALLS_PER_CALLER")
    ),
    capacity.MINUTES: Cause(
        "the business has used up its “minutes a day” for today", _IN_ADMIN.format("minutes a day")
    ),
    capacity.CALLER_MINUTES: Cause(
        "the caller has used up CALLER_MINUTES_A_DAY for today", _IN_ENV.format("CALLER_MINUTES_A_DAY")
    ),
    capacity.BUDGET: Cause(
        "the business has used up its “budget of a day” for today", _IN_ADMIN.format("budget of a day")
    ),
}
_ANOTHER_LIMIT = Cause("a limit is reached", "Wait, or raise it: admin, Businesses, or docs/configuration.md.")
_NO_STREAM = {
    "no_openai_key": Cause("the server has no OPENAI_API_KEY", "Set it in the server's environment, and restart it."),
    "no_agent": Cause("the line has no agent", "Choose an agent: admin, Phone lines."),
    "openai_refuses": Cause("OpenAI has refused the calls before this one", _ASK_OPENAI),
    "no_websockets": Cause("the server cannot carry a stream: no ASGI", "Start it with: python manage.py serve"),
    "draining": Cause("the server is being stopped, and takes no new calls", "Wait for its restart, then try again."),
}
_CODES: Mapping[str, str] = {
    Reason.NO_KEY: "no_key",
    Reason.BAD_KEY: "invalid_api_key",
    Reason.ACCOUNT: "account_deactivated",
    Reason.QUOTA: "quota",
    Reason.MODEL: "model",
    Reason.BETA: "beta_api_shape_disabled",
    Reason.RATE_LIMIT: "rate",
    Reason.SERVER_ERROR: "server_error",
    Reason.EXPIRED: "session_expired",
}


async def of_call(call_sid: str) -> Cause | None:
    """The cause that the call's own events name; None when they name none, or the call is not in this database."""
    cause, _ = await _told(call_sid, lambda events: next(filter(None, map(_cause_in, events)), None))
    return cause


async def was_never_the_model(call_sid: str) -> bool:
    """Whether the call's own events tell of sound of ours alone: of a clip, or of a kept greeting. False when they do
    not tell."""
    model, events = await _told(call_sid, lambda events: next(filter(_is_model, events), None))
    return model is None and any(event.kind in {"filler", "first_audio"} for event in events)


async def _told(call_sid: str, find: Callable[[list[CallEvent]], T | None]) -> tuple[T | None, list[CallEvent]]:
    """What `find` finds among the call's events, and these events.

    They are written beside the call, by another process: those of its last moment come a little after its caller heard
    the end, and nothing but the rows themselves tells when. So they are looked at again for PATIENCE_SECONDS.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            events = await in_database(_events, call_sid)
        except DatabaseError:
            return None, []
        found = find(events)
        is_complete = not events or any(event.kind in _LAST for event in events)
        if found is not None or is_complete or time.monotonic() > until:
            return found, events
        await asyncio.sleep(_BETWEEN_SECONDS)


def _is_model(event: CallEvent) -> bool:
    is_kept = isinstance(event.detail, dict) and bool(event.detail.get("kept"))
    return event.kind == "answer" or (event.kind == "first_audio" and not is_kept)


def _events(call_sid: str) -> list[CallEvent]:
    """The newest first: what was tried again and went well by then is not what ended the call."""
    return list(CallEvent.objects.filter(call__call_sid=call_sid).order_by("-pk"))


def _cause_in(event: CallEvent) -> Cause | None:
    detail = event.detail if isinstance(event.detail, dict) else {}
    match event.kind:
        case "openai_error" | "response_failed":
            code, cause = str(detail.get("code") or ""), str(detail.get("cause") or "")
            known = of_code(code) or of_code(_CODES.get(cause, ""))
            return known or Cause(f"OpenAI refused: {code or 'without a code'}", CORRECT)
        case "line_lost" | "line_retried":
            return _of_line(str(detail.get("cause") or ""))
        case "format_mismatch" | "wrong_session_format":
            return _FORMAT
        case "gave_up_waiting":
            return Cause("OpenAI took the session and never spoke", _ASK_OPENAI)
        case "no_stream":
            return _NO_STREAM.get(str(detail.get("because")))
        case "over_limit":
            return LIMITS.get(str(detail.get("limit")), _ANOTHER_LIMIT)
    return None


def _of_line(reason: str) -> Cause | None:
    if reason not in set(Reason):
        return None
    known = of_code(_CODES.get(Reason(reason), ""))
    return known or Cause(f"the server could not reach OpenAI: {RULES[Reason(reason)].meaning}", _ASK_OPENAI)
