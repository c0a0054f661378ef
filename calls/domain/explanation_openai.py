"""Rules about OpenAI's side: what kept a session from being there, ended it, or made the caller wait for an answer."""

from collections.abc import Mapping
from statistics import median
from typing import NamedTuple

from calls.domain.explanation_causes import Cause, Party
from calls.domain.explanation_facts import Facts, Happened
from calls.domain.explanation_words import opening, slow_stream_ms, span, told
from calls.models import Call

Reason = Call.EndReason


class Found(NamedTuple):
    """A cause, and what the caller experienced and why; whose it is where the rows show more than the cause does."""

    cause: Cause
    said: str
    party: Party | None = None


SLOW_FIRST_MS = 3000
SLOW_ANSWER_MS = 5000
SLOW_MEDIAN_MS = 3000
FIRST_CLOSE_CODE = 1000  # below are HTTP's, of a line that was never open

REASONS: Mapping[str, tuple[Cause, str]] = {
    "no_key": (Cause.NO_KEY, "there is no OpenAI key"),
    "bad_key": (Cause.BAD_KEY, "OpenAI does not know the key (401)"),
    "forbidden": (Cause.KEY_NOT_ALLOWED, "the key, or a proxy on the way, does not allow it (403)"),
    "account": (Cause.ACCOUNT_CLOSED, "the OpenAI account is deactivated"),
    "quota": (Cause.QUOTA, "the OpenAI account has no credit left"),
    "model": (Cause.MODEL_UNKNOWN, "the model does not exist for this key"),
    "beta": (Cause.BETA_SHAPE, "something on the way asks OpenAI for the retired beta protocol"),
    "bad_address": (Cause.BAD_ADDRESS, "OPENAI_REALTIME_URL is no WebSocket address"),
    "not_realtime": (Cause.BAD_ADDRESS, "what answers at OPENAI_REALTIME_URL does not speak Realtime"),
    "tls": (Cause.OPENAI_UNREACHABLE, "OpenAI's certificate could not be checked"),
    "rate_limit": (Cause.RATE_LIMIT, "OpenAI answered that there are too many requests (429)"),
    "server_error": (Cause.OPENAI_ERROR, "OpenAI answered with a fault of its own"),
    "dns": (Cause.OPENAI_UNREACHABLE, "OpenAI's name could not be looked up"),
    "unreachable": (Cause.OPENAI_UNREACHABLE, "the connection to OpenAI was refused"),
    "timeout": (Cause.OPENAI_UNREACHABLE, "OpenAI's socket did not open within 3 s"),
    "network": (Cause.OPENAI_UNREACHABLE, "the network to OpenAI failed"),
    "cut": (Cause.OPENAI_CLOSED, "the line to OpenAI was cut"),
    "restarting": (Cause.OPENAI_CLOSED, "OpenAI was restarting, or full"),
    "closed": (Cause.OPENAI_CLOSED, "OpenAI closed the session"),
    "expired": (Cause.OPENAI_CLOSED, "OpenAI ended the session because its hour was over"),
    "bad_session": (Cause.SESSION_REFUSED, "OpenAI refused the session's settings"),
    "request": (Cause.OPENAI_ERROR, "OpenAI refused a request"),
}
"""By the words of `calls.realtime.reasons`."""
_TAKEN = (Cause.OPENAI_HUNG, "OpenAI took the connection and did not answer")
"""A timeout of a connection that was there."""


def not_tried(event: Happened) -> tuple[Cause, str]:
    """Of a call that got no agent because of what other calls had found out."""
    return REASONS.get(event.text("cause"), (Cause.OPENAI_REFUSED, "OpenAI had refused the calls before it"))


def wrong_format(facts: Facts) -> Found | None:
    if not facts.has("format_mismatch") and not (_is_upstream(facts) and facts.has("wrong_session_format")):
        return None
    agreed = "" if facts.has("format_mismatch") else ", and agreed on no other"
    why = f"OpenAI's side spoke a sound that a telephone cannot play{agreed}: none of it was played"
    return Found(Cause.WRONG_AUDIO_FORMAT, told(f"{_lead(facts)} because {why}", facts))


def gave_no_service(facts: Facts) -> Found | None:
    """The call ended, or went to a person, for want of OpenAI."""
    if not _is_upstream(facts):
        return None
    cause, why = _upstream(facts)
    return Found(cause, told(f"{_lead(facts)} because {why}", facts))


def _is_upstream(facts: Facts) -> bool:
    ended = facts.last("ended")
    reasons = {facts.end_reason, ended.text("reason") if ended else ""}
    return bool(reasons & {Reason.UPSTREAM_LOST, Reason.UPSTREAM_UNAVAILABLE})


def _lead(facts: Facts) -> str:
    if facts.has("answer") or (facts.has("first_audio") and facts.caller_acted):
        return "The agent could not go on with the conversation"
    if facts.has("first_audio"):
        return "After the greeting the caller waited, and the agent could not go on,"
    return opening(facts)


def _upstream(facts: Facts) -> tuple[Cause, str]:
    failed = facts.last("openai_error", "response_failed")
    if failed and (named := REASONS.get(failed.text("cause"))) and failed.text("cause") != "request":
        return named
    if failed and failed.kind == "openai_error" and not facts.has("session_ready"):
        refused = ", ".join(filter(None, [failed.text("code"), failed.text("param")]))
        return Cause.SESSION_REFUSED, f"{REASONS['bad_session'][1]} ({refused or 'without a code'})"
    lost, opened = facts.last("line_lost"), facts.last("line_opened")
    gave_up, resumed = facts.last("gave_up_waiting"), facts.last("session_resumed", "session_ready")
    is_open = opened is not None and (lost is None or lost.at_ms < opened.at_ms)
    if lost and not is_open:
        cause, why = _how_lost(facts, lost)
        times = len(facts.all("line_lost"))
        if opened and times > 1 and cause in (Cause.OPENAI_CLOSED, Cause.OPENAI_ERROR):
            why = f"{why}, {times} times"
        if opened and not resumed and cause is Cause.OPENAI_CLOSED:
            why = f"{why}, before the session was there"
        if opened and resumed and cause is not Cause.OPENAI_CLOSED:
            return Cause.OPENAI_CLOSED, f"the line to OpenAI was lost, and no other was to be had: {why}"
        return cause, why
    if gave_up is None:
        return Cause.UNEXPLAINED, "OpenAI was not available; the events do not say why"
    return _gave_up(facts, gave_up)


def _how_lost(facts: Facts, lost: Happened) -> tuple[Cause, str]:
    """By the reason of a line that was lost, or could not be opened."""
    cause, why = _named(facts, lost) or (Cause.OPENAI_CLOSED, "the line to OpenAI was lost")
    code = lost.number("code")
    was_closed = code >= FIRST_CLOSE_CODE and lost.text("cause") in ("closed", "server_error", "restarting")
    return (Cause.OPENAI_CLOSED, f"OpenAI closed the line with code {code}") if was_closed else (cause, why)


def _named(facts: Facts, failed: Happened) -> tuple[Cause, str] | None:
    """By the reason of a try to connect, or of a line's end. A time that ran out is OpenAI's only once it has taken the
    connection: a firewall that drops packets looks just the same before."""
    is_theirs = failed.text("cause") == "timeout" and _was_taken(facts, failed.at_ms)
    return _TAKEN if is_theirs else REASONS.get(failed.text("cause"))


def _was_taken(facts: Facts, until_ms: int) -> bool:
    """Whether the other side had taken the connection of the last try that began until then."""
    began, taken = (
        max((event.at_ms for event in facts.all(kind) if event.at_ms <= until_ms), default=-1)
        for kind in ("line_connecting", "line_taken")
    )
    return taken >= max(began, 0)


def _gave_up(facts: Facts, gave_up: Happened) -> tuple[Cause, str]:
    waited = span(gave_up.number("waited_ms"))
    opened, ready = facts.last("line_opened"), facts.last("session_resumed", "session_ready")
    tried = facts.last("line_retried")
    if opened is None:
        if tried and (named := _named(facts, tried)):
            return named[0], f"{named[1]}, also when it was tried again; after {waited} the wait was ended"
        if _was_taken(facts, gave_up.at_ms):
            return Cause.OPENAI_HUNG, f"OpenAI took the connection and had not opened its socket after {waited}"
        return Cause.OPENAI_UNREACHABLE, f"OpenAI's socket had not opened after {waited}"
    if ready is None or ready.at_ms < opened.at_ms:
        return Cause.OPENAI_HUNG, f"OpenAI opened its socket and had not confirmed the session after {waited}"
    return Cause.OPENAI_SILENT, f"the model was connected and had not spoken after {waited}"


def came_back(facts: Facts) -> Found | None:
    """A session was lost in mid-call, and the conversation went on in another."""
    lost = facts.first("line_lost")
    back = next((e for e in facts.all("session_resumed", "session_ready") if lost and e.at_ms >= lost.at_ms), None)
    if lost is None or back is None:
        return None
    why = _how_lost(facts, lost)[1]
    took = span(back.at_ms - lost.at_ms)
    if back.kind == "session_ready":
        said = f"The agent was late because {why}; another session was there {took} later"
    else:
        said = (
            f"The agent fell silent for a moment because {why}; the conversation went on {took} later in a new session"
        )
    return Found(Cause.OPENAI_CLOSED, told(said, facts))


def failed_once(facts: Facts) -> Found | None:
    """A response failed and was asked for again."""
    failed = next((event for event in facts.all("response_failed") if event.text("status") == "failed"), None)
    if failed is None:
        return None
    cause, why = REASONS.get(failed.text("cause"), (Cause.OPENAI_ERROR, "OpenAI could not make an answer"))
    cause = Cause.OPENAI_ERROR if failed.text("cause") in ("", "request") else cause
    answer = next((event for event in facts.all("answer", "first_audio") if event.at_ms > failed.at_ms), None)
    waited = answer.number("after_speech_ms") or answer.number("after_start_ms") if answer else 0
    waiting = f"waited {span(waited)} for an answer" if waited else "waited for an answer"
    return Found(cause, told(f"The caller {waiting} because {why}; it was asked for again", facts))


def ready_late(facts: Facts) -> Found | None:
    """The first sound came late, and came."""
    started, sound = facts.first("stream_started"), facts.first("first_audio")
    if started is None or sound is None:
        return None
    ready = facts.first("session_ready", "session_resumed")
    is_kept = bool(sound.detail.get("kept"))
    heard = ready if is_kept else sound
    waited = 0 if is_kept else slow_stream_ms(facts)  # before the greeting: told apart
    if heard is None or waited + heard.at_ms - started.at_ms < SLOW_FIRST_MS:
        return None
    filler = facts.first("filler")
    if is_kept and (filler is None or filler.at_ms > heard.at_ms):
        return None  # the greeting was still playing: nobody noticed
    cause, why = slowest_step(facts)
    lead = opening(facts) if not is_kept else "After the greeting the caller had to be asked to wait"
    return Found(cause, told(f"{lead} because {why}", facts))


def slowest_step(facts: Facts, until_ms: int | None = None) -> tuple[Cause, str]:
    """Which step towards the first sound took longest; what has not ended lasts until `until_ms`."""
    started = facts.first("stream_started")
    begin = started.at_ms if started else 0
    opened, ready, sound = facts.first("line_opened"), facts.first("session_ready"), facts.first("first_audio")
    end = until_ms if until_ms is not None else (sound.at_ms if sound else begin)
    opened_ms = opened.at_ms if opened else end
    ready_ms = ready.at_ms if ready else end
    tried = facts.first("line_retried")
    steps = [
        (opened_ms - begin, f"OpenAI's socket took {span(opened_ms - begin)} to open"),
        (ready_ms - opened_ms, f"OpenAI took {span(ready_ms - opened_ms)} to confirm the session"),
        (end - ready_ms, f"the model took {span(end - ready_ms)} to say its first word"),
    ]
    longest, why = max(steps)
    stream = 0 if sound and sound.detail.get("kept") else slow_stream_ms(facts)
    if stream > longest:
        return Cause.STREAM_SLOW, f"Twilio's media stream took {span(stream)} to open"
    if tried and why == steps[0][1]:
        cause, first = _named(facts, tried) or (Cause.OPENAI_SLOW, "")
        return cause, f"{first}, and was reached only when it was tried again: {why}" if first else why
    if opened is None and not _was_taken(facts, end):
        return Cause.OPENAI_UNREACHABLE, why
    return Cause.OPENAI_SLOW, why


def slow_answers(facts: Facts) -> Found | None:
    """The model's answers kept the caller waiting, tools apart."""
    waits = [_without_tools(facts, event) for event in facts.all("answer")]
    asked = facts.first("asked_again")
    longest = max(waits, default=0)
    if asked:
        waited = f", and came after {span(longest)}" if longest >= SLOW_MEDIAN_MS else ""
        why = f"an answer of the model had not begun after 5 s, was asked for once more{waited}"
        return Found(Cause.SLOW_ANSWERS, told(f"The caller had to wait because {why}", facts))
    if longest < SLOW_ANSWER_MS and not (len(waits) > 1 and median(waits) >= SLOW_MEDIAN_MS):
        return None
    why = f"the model took {span(round(median(waits)))} to answer as a rule, and {span(longest)} at worst"
    return Found(Cause.SLOW_ANSWERS, told(f"The caller had to wait for answers because {why}", facts))


def _without_tools(facts: Facts, answer: Happened) -> int:
    waited = answer.number("after_speech_ms")
    since = answer.at_ms - waited
    worked = sum(tool.duration_ms or 0 for tool in facts.tools if since <= tool.started_ms < answer.at_ms)
    return max(waited - worked, 0)
