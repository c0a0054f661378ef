"""The rules, in the order in which they are asked: the first that finds something names the cause of a call.

What kept the agent away comes first, then what broke the call, then what a caller noticed in a call that went on. A
rule says only what the rows show.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta

from calls.domain import capacity, explanation_openai, lifecycle
from calls.domain.explanation_causes import Cause
from calls.domain.explanation_facts import Facts
from calls.domain.explanation_openai import Found, slowest_step
from calls.domain.explanation_words import NOTICED_MS, opening, opening_wait, span, told
from calls.models import Call, ToolCall

Reason = Call.EndReason
Rule = Callable[[Facts], Found | None]

WEBHOOK_LIMIT_MS = 1300
SLOW_TOOL_MS = 4000
LOST_SOUND_MS = 1500
FORGOTTEN = timedelta(hours=2)

_CODE = re.compile(r"\b(11\d{3}|12\d{3}|31\d{3})\b")
HANDSHAKE: Mapping[str, str] = {
    "31901": "the connection to the socket timed out",
    "31902": "the connection to the socket was refused",
    "31910": "the certificate of the socket's address is not valid",
    "31920": "the socket did not answer with an upgrade",
    "31921": "the socket was closed with an error before the stream began",
    "31922": "the address of the socket does not begin with wss://",
    "31923": "the address of the socket is malformed",
    "31924": "the socket broke the WebSocket protocol",
    "31941": "the stream asks for a track that there is not",
}
PROTOCOL: Mapping[str, str] = {
    "31924": "a frame broke the WebSocket protocol",
    "31931": "more than ten minutes of sound were waiting to be played",
    "31950": "a message was malformed",
    "31951": "a message was invalid",
}
_DATABASE = {"TimeoutError", "OperationalError", "InterfaceError"}
_RANG = ("webhook", "no_stream", "over_limit", "rings_a_person_first", "forwarding_loop", "fallback")


def codes(facts: Facts) -> list[str]:
    """The codes in what Twilio said of the stream."""
    return [found.group() for error in facts.stream_errors if (found := _CODE.search(error))]


# What kept the agent away


def blocked(facts: Facts) -> Found | None:
    if facts.end_reason != Reason.BLOCKED:
        return None
    return Cause.BLOCKED_NUMBER, "The caller heard a short sentence and the end because the number is blocked."


def loop(facts: Facts) -> Found | None:
    if not facts.has("forwarding_loop"):
        return None
    return Cause.FORWARDING_LOOP, told("This was a hand-over of ours that was forwarded back to this line", facts)


def not_reached(facts: Facts) -> Found | None:
    why = {
        Reason.BUSY: "the line was busy",
        Reason.NO_ANSWER: "nobody answered",
        Reason.FAILED: "the call could not be placed",
        Reason.MACHINE: "a machine picked up",
    }.get(Reason(facts.end_reason) if facts.end_reason else Reason.OPERATOR)
    if why is None:
        return None
    if facts.is_outbound:
        return Cause.NOT_REACHED, f"Nobody was reached because {why}."
    return Cause.CALL_FAILED, f"Twilio reports that the call came to nothing: {why}."


def without_database(facts: Facts) -> Found | None:
    """The ring was answered without records, as it has to be when the database does not answer."""
    if noted := facts.first("answered_without_records"):
        why = "failed" if noted.text("because") not in _DATABASE else "did not answer in time"
        return Cause.DATABASE_AWAY, told(
            f"No agent answered the caller because the database {why} when the telephone rang", facts
        )
    refused = facts.first("stream_not_admitted")
    if refused and refused.text("because") in _DATABASE:
        why = "the database did not answer when Twilio opened the stream"
        return Cause.DATABASE_AWAY, told(f"{opening(facts)} because {why}", facts)
    ring = facts.first("twiml")
    if ring and ring.number("took_ms") > WEBHOOK_LIMIT_MS and not facts.has_stream:
        why = f"the database took {span(ring.number('took_ms'))} when the telephone rang"
        return Cause.DATABASE_AWAY, told(f"No agent answered the caller because {why}", facts)
    is_unwritten = not facts.is_outbound and not facts.has(*_RANG) and facts.has("dial_done", "voicemail", "recording")
    if is_unwritten:
        why = "the ring could not be written down: the database did not answer then"
        return Cause.DATABASE_AWAY, told(f"No agent answered the caller because {why}", facts)
    return None


def obstacle(facts: Facts) -> Found | None:
    event = facts.first("no_stream")
    if event is None:
        return None
    match event.text("because"):
        case lifecycle.NO_OPENAI_KEY:
            cause, why = explanation_openai.REASONS["no_key"]
        case lifecycle.NO_AGENT:
            cause, why = Cause.NO_AGENT, "no agent is entered for the number that was called"
        case lifecycle.NO_WEBSOCKETS:
            cause, why = Cause.WRONG_SERVER, "the server that answered cannot carry WebSockets (WSGI)"
        case lifecycle.DRAINING:
            cause, why = Cause.DRAINING, "the server was shutting down and took no new calls"
        case lifecycle.OPENAI_REFUSES:
            cause, why = explanation_openai.not_tried(event)
        case _:
            return None
    return cause, told(f"No agent answered the caller because {why}", facts)


def over_limit(facts: Facts) -> Found | None:
    event = facts.first("over_limit")
    if event is None:
        return None
    limit = event.text("limit")
    why = {
        capacity.ALL: "as many calls as are allowed at once were going on",
        capacity.BUSINESS: "as many calls of the business as are allowed at once were going on",
        capacity.CALLER: "this number had as many calls going on as one caller may have",
        capacity.MINUTES: "the business's minutes of the day were used up",
        capacity.CALLER_MINUTES: "this number's minutes of the day were used up",
        capacity.BUDGET: "the business's budget of the day was used up",
    }.get(limit, "a limit was reached")
    is_money = limit in (capacity.MINUTES, capacity.CALLER_MINUTES, capacity.BUDGET)
    return Cause.BUDGET if is_money else Cause.CAPACITY, told(f"No agent answered the caller because {why}", facts)


# What broke the call


def server_died(facts: Facts) -> Found | None:
    """A stream that this server has never seen end."""
    is_lost = facts.has_stream and not facts.is_stream_closed and not facts.has("ended")
    if facts.end_reason != Reason.SERVER_RESTART and not (is_lost and facts.is_over):
        return None
    last = facts.events[-1].at_ms if facts.events else 0
    known = max(
        [turn.started_ms for turn in facts.turns] + [e.at_ms for e in facts.all("first_audio", "answer")] or [last]
    )
    why = "the server that carried the call was gone; what it was about to write down is missing"
    return Cause.SERVER_DIED, told(f"The call broke off some time after {span(known)} because {why}", facts)


def broken(facts: Facts) -> Found | None:
    refused = facts.first("stream_not_admitted")
    if refused:
        why = f"the stream could not be admitted ({refused.text('because')})"
        return Cause.INTERNAL_ERROR, told(f"{opening(facts)} because {why}", facts)
    fallback = facts.first("fallback")
    if facts.end_reason != Reason.INTERNAL_ERROR or (fallback and fallback.text("error_code")):
        return None
    return Cause.INTERNAL_ERROR, told("The agent was gone in mid-call because of an error of this software", facts)


def webhook_failed(facts: Facts) -> Found | None:
    event = facts.first("fallback")
    if event is None:
        return None
    code, address = event.text("error_code"), event.text("address") or "voice"
    if not code:
        why = f"an error of this software in the webhook {address}"
        return Cause.INTERNAL_ERROR, told(f"No agent answered the caller because of {why}", facts)
    why = f"Twilio could not use the answer of the webhook {address} (error {code})"
    return Cause.WEBHOOK_FAILED, told(f"The call took its way of last resort because {why}", facts)


def refused_stream(facts: Facts) -> Found | None:
    event = facts.first(lifecycle.REFUSED)
    if event is None or facts.has_stream:
        return None
    why = f"the server refused Twilio's media stream: {event.text('why') or 'it was not authentic'}"
    return Cause.STREAM_REFUSED, told(f"{opening(facts)} because {why}", facts)


def never_started(facts: Facts) -> Found | None:
    if not facts.was_promised or facts.has_stream or not facts.is_over:
        return None
    if found := codes(facts):
        why = HANDSHAKE.get(found[0], "Twilio could not use the socket")
        why = f"Twilio could not open the media stream: {why} (error {found[0]})"
    elif facts.stream_errors:
        why = "Twilio could not open the media stream, and gave no code for it"
    elif facts.end_reason in (Reason.STREAM_LOST, Reason.AUTH_FAILED):
        why = "the media stream ended before it had begun; Twilio did not say why"
    else:
        return _gone_before_the_stream(facts)
    return Cause.STREAM_NEVER_STARTED, told(f"{opening(facts)} because {why}", facts)


def _gone_before_the_stream(facts: Facts) -> Found | None:
    answered = facts.first("twiml") or facts.first("webhook")
    waited = (facts.ended_ms or 0) - (answered.at_ms if answered else 0)
    if waited < NOTICED_MS:
        return Cause.HUNG_UP_EARLY, "The caller hung up before Twilio had opened the media stream."
    why = "Twilio never opened the media stream, and did not say why"
    return Cause.STREAM_NEVER_STARTED, f"The caller heard nothing for {span(waited)} and hung up because {why}."


def wrong_stream(facts: Facts) -> Found | None:
    event = facts.first("wrong_stream_format")
    if event is None:
        return None
    why = f"Twilio sent sound as {event.text('encoding') or 'something unknown'}, which cannot be used"
    return Cause.WRONG_AUDIO_FORMAT, told(f"{opening(facts)} because {why}", facts)


def lost_stream(facts: Facts) -> Found | None:
    ended = facts.last("ended")
    if Reason.STREAM_LOST not in (facts.end_reason, ended.text("reason") if ended else ""):
        return None
    if quiet := facts.first("no_media"):
        why = "Twilio had sent no sound for 30 s, although the stream was open"
        return Cause.NO_SOUND_FROM_TWILIO, told(
            f"The call was ended {span(quiet.at_ms)} after the ring because {why}", facts
        )
    at = f" {span(ended.at_ms)} after the ring" if ended else ""
    blamed = next((code for code in codes(facts) if code in PROTOCOL), "")
    if blamed:
        why = f"{PROTOCOL[blamed]} (Twilio's error {blamed})"
        return Cause.STREAM_PROTOCOL, told(f"The media stream ended{at} because {why}", facts)
    said = f", says Twilio (error {codes(facts)[0]})" if codes(facts) else ""
    why = f"the connection to Twilio was cut without a word{said}: the caller's line, Twilio or the network"
    return Cause.STREAM_CUT, told(f"The call broke off{at} because {why}", facts)


def draining(facts: Facts) -> Found | None:
    if facts.end_reason != Reason.DRAINING:
        return None
    return Cause.DRAINING, told("The agent had to end the call because the server was shutting down", facts)


# What a caller noticed in a call that went on


def thrown_away(facts: Facts) -> Found | None:
    blamed = next((code for code in codes(facts) if code in PROTOCOL), "")
    if not blamed:
        return None
    why = f"Twilio threw away what the server sent: {PROTOCOL[blamed]} (warning {blamed})"
    return Cause.STREAM_PROTOCOL, told(f"Part of the agent's sound may be missing because {why}", facts)


def tool_failed(facts: Facts) -> Found | None:
    failed = next((tool for tool in facts.tools if tool.status == ToolCall.Status.FAILED), None)
    if failed is None:
        return None
    why = f"the tool {failed.name} broke"
    return Cause.TOOL_FAILED, told(f"The caller did not get what was asked for because {why}", facts)


def tool_slow(facts: Facts) -> Found | None:
    slow = [t for t in facts.tools if t.status == ToolCall.Status.TIMED_OUT or (t.duration_ms or 0) >= SLOW_TOOL_MS]
    if not slow:
        return None
    longest = max(slow, key=lambda tool: tool.duration_ms or 0)
    why = f"the tool {longest.name} took {span(longest.duration_ms or 0)}"
    if longest.status == ToolCall.Status.TIMED_OUT:
        why = f"the tool {longest.name} had not answered after {span(longest.duration_ms or 0)}"
    return Cause.TOOL_SLOW, told(f"The caller had to wait because {why}", facts)


def not_transferred(facts: Facts) -> Found | None:
    if facts.reached_a_person or not facts.has("voicemail", "handover"):
        return None
    if not facts.has_handover_number:
        return Cause.NOT_TRANSFERRED, told("The caller wanted a person, and no number of one is known", facts)
    if not facts.handover_result:
        return None
    why = {
        "busy": "the line was busy",
        "no-answer": "nobody answered",
        "not_accepted": "nobody pressed 1, as a voicemail would not",
        "failed": "the number could not be dialed",
        "canceled": "the caller hung up first",
    }.get(facts.handover_result, f"Twilio says {facts.handover_result}")
    return Cause.NOT_TRANSFERRED, told(f"The caller was put through to a person, and {why}", facts)


def too_long(facts: Facts) -> Found | None:
    if facts.end_reason != Reason.MAX_DURATION and not facts.has("limit_reached"):
        return None
    return Cause.MAX_LENGTH, told("The agent ended the call because its longest time was reached", facts)


def silent(facts: Facts) -> Found | None:
    if facts.end_reason != Reason.SILENCE:
        return None
    return Cause.SILENT_CALLER, "The agent asked twice and then said goodbye because nothing was heard of the caller."


def hung_up(facts: Facts) -> Found | None:
    """The caller hung up: in silence, or without a word."""
    if facts.end_reason != Reason.CALLER_HANGUP or not facts.has_stream or facts.has("handover", "voicemail"):
        return None
    wait = opening_wait(facts)
    if not facts.has("first_audio") and wait and wait[1] - wait[0] >= NOTICED_MS:
        why = slowest_step(facts, until_ms=wait[1])[1]
        return Cause.HUNG_UP_IN_SILENCE, f"{opening(facts)}, and hung up, because {why}."
    if not facts.caller_acted and not facts.is_outbound:
        heard = "during the greeting" if any(t.interrupted for t in facts.turns) else "without a word"
        return Cause.HUNG_UP_EARLY, f"The caller hung up {heard}."
    return None


def waited_at_the_end(facts: Facts) -> Found | None:
    """The caller hung up while an answer was awaited."""
    filler, spoke = facts.last("filler"), facts.last("answer", "first_audio")
    if facts.end_reason != Reason.CALLER_HANGUP or filler is None or (spoke and spoke.at_ms > filler.at_ms):
        return None
    ended = facts.last("ended")
    if ended is None or ended.at_ms - filler.at_ms < NOTICED_MS / 2:
        return None
    why = "the model had not answered yet"
    return Cause.SLOW_ANSWERS, f"The caller had been asked for a moment and hung up waiting because {why}."


def sound_lost(facts: Facts) -> Found | None:
    ended = facts.last("ended")
    if ended is None or ended.number("padded_ms") < LOST_SOUND_MS:
        return None
    lost = span(ended.number("padded_ms"))
    return Cause.SOUND_LOST, told(
        f"The agent did not hear {lost} of what the caller may have said because no sound came", facts
    )


def misset(facts: Facts) -> Found | None:
    why = {
        "webhook_by_get": "Twilio asks by GET instead of POST",
        "webhook_at_stream_address": "the number's voice field holds the address of the stream",
    }
    event = facts.first(*why)
    if event is None:
        return None
    return Cause.WEBHOOK_MISSET, told(f"The caller noticed nothing, but {why[event.kind]}", facts)


def unexplained(facts: Facts) -> Found | None:
    failed = {
        Reason.UPSTREAM_UNAVAILABLE,
        Reason.UPSTREAM_LOST,
        Reason.STREAM_LOST,
        Reason.AUTH_FAILED,
        Reason.OVERLOADED,
    }
    if facts.end_reason not in failed:
        return None
    why = Reason(facts.end_reason).label.lower()
    return Cause.UNEXPLAINED, told(f"The call ended because {why}; the events do not say more", facts)


RULES: tuple[Rule, ...] = (
    blocked,
    loop,
    without_database,
    obstacle,
    over_limit,
    refused_stream,
    broken,
    server_died,
    webhook_failed,
    never_started,
    wrong_stream,
    explanation_openai.wrong_format,
    explanation_openai.gave_no_service,
    lost_stream,
    draining,
    not_reached,
    hung_up,
    not_transferred,
    too_long,
    silent,
    explanation_openai.came_back,
    tool_failed,
    tool_slow,
    explanation_openai.failed_once,
    explanation_openai.ready_late,
    waited_at_the_end,
    explanation_openai.slow_answers,
    thrown_away,
    sound_lost,
    misset,
    unexplained,
)
