"""Rules about the course of a call that had an agent: what broke it, and what a caller noticed where it went on."""

from collections.abc import Mapping

from calls.domain.explanation_causes import ABOUT, Cause
from calls.domain.explanation_facts import Facts
from calls.domain.explanation_openai import SLOW_FIRST_MS, Found, slowest_step
from calls.domain.explanation_words import NOTICED_MS, opening, opening_wait, slow_stream_ms, span, told
from calls.models import Call, ToolCall

Reason = Call.EndReason

SLOW_TOOL_MS = 4000
LOST_SOUND_MS = 1500

PROTOCOL: Mapping[str, str] = {
    "31924": "a frame broke the WebSocket protocol",
    "31931": "more than ten minutes of sound were waiting to be played",
    "31950": "a message was malformed",
    "31951": "a message was invalid",
}


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
    return Found(Cause.SERVER_DIED, told(f"The call broke off some time after {span(known)} because {why}", facts))


def lost_stream(facts: Facts) -> Found | None:
    ended = facts.last("ended")
    if Reason.STREAM_LOST not in (facts.end_reason, ended.text("reason") if ended else ""):
        return None
    if quiet := facts.first("no_media"):
        why = "Twilio had sent no sound for 30 s, although the stream was open"
        return Found(
            Cause.NO_SOUND_FROM_TWILIO,
            told(f"The call was ended {span(quiet.at_ms)} after the ring because {why}", facts),
        )
    at = f" {span(ended.at_ms)} after the ring" if ended else ""
    blamed = next((code for code in facts.stream_codes if code in PROTOCOL), "")
    if blamed:
        why = f"{PROTOCOL[blamed]} (Twilio's error {blamed})"
        return Found(Cause.STREAM_PROTOCOL, told(f"The media stream ended{at} because {why}", facts))
    said = f", says Twilio (error {facts.stream_codes[0]})" if facts.stream_codes else ""
    why = f"the connection to Twilio was cut without a word{said}: the caller's line, Twilio or the network"
    return Found(Cause.STREAM_CUT, told(f"The call broke off{at} because {why}", facts))


def draining(facts: Facts) -> Found | None:
    if facts.end_reason != Reason.DRAINING:
        return None
    return Found(Cause.DRAINING, told("The agent had to end the call because the server was shutting down", facts))


def thrown_away(facts: Facts) -> Found | None:
    blamed = next((code for code in facts.stream_codes if code in PROTOCOL), "")
    if not blamed:
        return None
    why = f"Twilio threw away what the server sent: {PROTOCOL[blamed]} (warning {blamed})"
    return Found(Cause.STREAM_PROTOCOL, told(f"Part of the agent's sound may be missing because {why}", facts))


def tool_failed(facts: Facts) -> Found | None:
    failed = next((tool for tool in facts.tools if tool.status == ToolCall.Status.FAILED), None)
    if failed is None:
        return None
    why = f"the tool {failed.name} broke"
    return Found(Cause.TOOL_FAILED, told(f"The caller did not get what was asked for because {why}", facts))


def tool_slow(facts: Facts) -> Found | None:
    slow = [t for t in facts.tools if t.status == ToolCall.Status.TIMED_OUT or (t.duration_ms or 0) >= SLOW_TOOL_MS]
    if not slow:
        return None
    longest = max(slow, key=lambda tool: tool.duration_ms or 0)
    why = f"the tool {longest.name} took {span(longest.duration_ms or 0)}"
    if longest.status == ToolCall.Status.TIMED_OUT:
        why = f"the tool {longest.name} had not answered after {span(longest.duration_ms or 0)}"
    return Found(Cause.TOOL_SLOW, told(f"The caller had to wait because {why}", facts))


def stream_slow(facts: Facts) -> Found | None:
    waited = slow_stream_ms(facts)
    if waited < SLOW_FIRST_MS:
        return None
    why = f"Twilio's media stream took {span(waited)} to open"
    return Found(Cause.STREAM_SLOW, told(f"{opening(facts)} because {why}", facts))


def server_slow(facts: Facts) -> Found | None:
    """Sound that the model had sent stayed here: no fault of the model's."""
    longest = max((event.number("our_ms") for event in facts.all("sound_out")), default=0)
    if longest < NOTICED_MS:
        return None
    why = f"the agent's sound took {span(longest)} to leave the server"
    return Found(Cause.SERVER_SLOW, told(f"The caller had to wait because {why}", facts))


def not_transferred(facts: Facts) -> Found | None:
    if facts.reached_a_person or not facts.has("voicemail", "handover"):
        return None
    if not facts.has_handover_number:
        return Found(Cause.NOT_TRANSFERRED, told("The caller wanted a person, and no number of one is known", facts))
    if not facts.handover_result:
        return None
    why = {
        "busy": "the line was busy",
        "no-answer": "nobody answered",
        "not_accepted": "nobody pressed 1, as a voicemail would not",
        "failed": "the number could not be dialed",
        "canceled": "the caller hung up first",
    }.get(facts.handover_result, f"Twilio says {facts.handover_result}")
    return Found(Cause.NOT_TRANSFERRED, told(f"The caller was put through to a person, and {why}", facts))


def too_long(facts: Facts) -> Found | None:
    if facts.end_reason != Reason.MAX_DURATION and not facts.has("limit_reached"):
        return None
    return Found(
        Cause.MAX_LENGTH,
        told("The agent ended the call because its longest time, MAX_CALL_MINUTES, was reached", facts),
    )


def silent(facts: Facts) -> Found | None:
    if facts.end_reason != Reason.SILENCE:
        return None
    return Found(
        Cause.SILENT_CALLER, "The agent asked twice and then said goodbye because nothing was heard of the caller."
    )


def hung_up_in_silence(facts: Facts) -> Found | None:
    wait = opening_wait(facts)
    if not _left(facts) or facts.has("first_audio") or wait is None or wait[1] - wait[0] < NOTICED_MS:
        return None
    cause, why = slowest_step(facts, until_ms=wait[1])
    return Found(Cause.HUNG_UP_IN_SILENCE, f"{opening(facts)}, and hung up, because {why}.", ABOUT[cause].party)


def hung_up_early(facts: Facts) -> Found | None:
    """The caller hung up without a word, and not for having waited: that is asked before."""
    if not _left(facts) or facts.caller_acted or facts.is_outbound:
        return None
    heard = "during the greeting" if any(t.interrupted for t in facts.turns) else "without a word"
    return Found(Cause.HUNG_UP_EARLY, f"The caller hung up {heard}.")


def _left(facts: Facts) -> bool:
    """The caller hung up on the agent."""
    return facts.end_reason == Reason.CALLER_HANGUP and facts.has_stream and not facts.has("handover", "voicemail")


def waited_at_the_end(facts: Facts) -> Found | None:
    """The caller hung up while an answer was awaited."""
    filler, spoke = facts.last("filler"), facts.last("answer", "first_audio")
    if facts.end_reason != Reason.CALLER_HANGUP or filler is None or (spoke and spoke.at_ms > filler.at_ms):
        return None
    ended = facts.last("ended")
    if ended is None or ended.at_ms - filler.at_ms < NOTICED_MS / 2:
        return None
    why = "the model had not answered yet"
    return Found(Cause.SLOW_ANSWERS, f"The caller had been asked for a moment and hung up waiting because {why}.")


def sound_lost(facts: Facts) -> Found | None:
    ended = facts.last("ended")
    if ended is None or ended.number("lost_ms") < LOST_SOUND_MS:
        return None
    lost = span(ended.number("lost_ms"))
    return Found(
        Cause.SOUND_LOST,
        told(f"The agent did not hear {lost} of what the caller may have said because no sound came", facts),
    )


def misset(facts: Facts) -> Found | None:
    why = {
        "webhook_by_get": "Twilio asks by GET instead of POST",
        "webhook_at_stream_address": "the number's voice field holds the address of the stream",
    }
    event = facts.first(*why)
    if event is None:
        return None
    return Found(Cause.WEBHOOK_MISSET, told(f"The caller noticed nothing, but {why[event.kind]}", facts))


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
    return Found(Cause.UNEXPLAINED, told(f"The call ended because {why}; the events do not say more", facts))
