"""Rules about the way to the agent: what kept a caller from ever reaching one."""

from collections.abc import Mapping

from calls.domain import capacity, explanation_openai, lifecycle
from calls.domain.explanation_causes import Cause, Party
from calls.domain.explanation_facts import Facts
from calls.domain.explanation_openai import Found
from calls.domain.explanation_words import NOTICED_MS, opening, span, told
from calls.models import Call

Reason = Call.EndReason

WEBHOOK_LIMIT_MS = 1300
"""What a webhook waits for the database; past that it is answered without."""

HANDSHAKE: Mapping[str, tuple[str, Party]] = {
    "31901": ("the connection to the socket timed out", Party.SERVER),
    "31902": ("the connection to the socket was refused", Party.SERVER),
    "31910": ("the certificate of the socket's address is not valid", Party.CONFIGURATION),
    "31920": ("the socket did not answer with an upgrade", Party.CONFIGURATION),
    "31921": ("the socket was closed with an error before the stream began", Party.SERVER),
    "31922": ("the address of the socket does not begin with wss://", Party.CONFIGURATION),
    "31923": ("the address of the socket is malformed", Party.CONFIGURATION),
    "31924": ("the socket broke the WebSocket protocol", Party.SERVER),
    "31941": ("the stream asks for a track that there is not", Party.CONFIGURATION),
}
"""Twilio's errors about opening a stream, and where each is to be looked for."""

_DATABASE = {"TimeoutError", "OperationalError", "InterfaceError"}
_RANG = ("webhook", "no_stream", "over_limit", "rings_a_person_first", "forwarding_loop", "fallback")


def blocked(facts: Facts) -> Found | None:
    if facts.end_reason != Reason.BLOCKED:
        return None
    return Found(Cause.BLOCKED_NUMBER, "The caller heard a short sentence and the end because the number is blocked.")


def loop(facts: Facts) -> Found | None:
    if not facts.has("forwarding_loop"):
        return None
    return Found(
        Cause.FORWARDING_LOOP, told("This was a hand-over of ours that was forwarded back to this line", facts)
    )


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
        return Found(Cause.NOT_REACHED, f"Nobody was reached because {why}.")
    return Found(Cause.CALL_FAILED, f"Twilio reports that the call came to nothing: {why}.")


def without_database(facts: Facts) -> Found | None:
    """The ring was answered without records, as it has to be when the database does not answer."""
    if noted := facts.first("answered_without_records"):
        why = "failed" if noted.text("because") not in _DATABASE else "did not answer in time"
        return Found(
            Cause.DATABASE_AWAY,
            told(f"No agent answered the caller because the database {why} when the telephone rang", facts),
        )
    refused = facts.first("stream_not_admitted")
    if refused and refused.text("because") in _DATABASE:
        why = "the database did not answer when Twilio opened the stream"
        return Found(Cause.DATABASE_AWAY, told(f"{opening(facts)} because {why}", facts))
    ring = facts.first("twiml")
    if ring and ring.number("took_ms") > WEBHOOK_LIMIT_MS and not facts.has_stream:
        why = f"the database took {span(ring.number('took_ms'))} when the telephone rang"
        return Found(Cause.DATABASE_AWAY, told(f"No agent answered the caller because {why}", facts))
    is_unwritten = not facts.is_outbound and not facts.has(*_RANG) and facts.has("dial_done", "voicemail", "recording")
    if is_unwritten:
        why = "the ring could not be written down: the database did not answer then"
        return Found(Cause.DATABASE_AWAY, told(f"No agent answered the caller because {why}", facts))
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
    return Found(cause, told(f"No agent answered the caller because {why}", facts))


def over_limit(facts: Facts) -> Found | None:
    event = facts.first("over_limit")
    if event is None:
        return None
    limit = event.text("limit")
    why = {
        capacity.ALL: "as many calls were going on as CALLS_AT_ONCE allows",
        capacity.BUSINESS: "as many calls were going on as the business's “calls at once” allows",
        capacity.CALLER: "this number had as many calls going on as CALLS_PER_CALLER allows",
        capacity.MINUTES: "the business's “minutes a day” were used up",
        capacity.CALLER_MINUTES: "this number's minutes of the day, CALLER_MINUTES_A_DAY, were used up",
        capacity.BUDGET: "the business's “budget of a day” was used up",
    }.get(limit, "a limit was reached")
    is_money = limit in (capacity.MINUTES, capacity.CALLER_MINUTES, capacity.BUDGET)
    return Found(
        Cause.BUDGET if is_money else Cause.CAPACITY, told(f"No agent answered the caller because {why}", facts)
    )


def webhook_failed(facts: Facts) -> Found | None:
    event = facts.first("fallback")
    if event is None:
        return None
    code, address = event.text("error_code"), event.text("address") or "voice"
    if not code:
        why = f"an error of this software in the webhook {address}"
        return Found(Cause.INTERNAL_ERROR, told(f"No agent answered the caller because of {why}", facts))
    why = f"Twilio could not use the answer of the webhook {address} (error {code})"
    return Found(Cause.WEBHOOK_FAILED, told(f"The call took its way of last resort because {why}", facts))


def broken(facts: Facts) -> Found | None:
    refused = facts.first("stream_not_admitted")
    if refused:
        why = f"the stream could not be admitted ({refused.text('because')})"
        return Found(Cause.INTERNAL_ERROR, told(f"{opening(facts)} because {why}", facts))
    fallback = facts.first("fallback")
    if facts.end_reason != Reason.INTERNAL_ERROR or (fallback and fallback.text("error_code")):
        return None
    return Found(
        Cause.INTERNAL_ERROR, told("The agent was gone in mid-call because of an error of this software", facts)
    )


def refused_stream(facts: Facts) -> Found | None:
    event = facts.first(lifecycle.REFUSED)
    if event is None or facts.has_stream:
        return None
    why = f"the server refused Twilio's media stream: {event.text('why') or 'it was not authentic'}"
    return Found(Cause.STREAM_REFUSED, told(f"{opening(facts)} because {why}", facts))


def never_started(facts: Facts) -> Found | None:
    if not facts.was_promised or facts.has_stream or not facts.is_over:
        return None
    party = Party.NOBODY
    if found := facts.stream_codes:
        why, party = HANDSHAKE.get(found[0], ("Twilio could not use the socket", Party.NOBODY))
        why = f"Twilio could not open the media stream: {why} (error {found[0]})"
    elif facts.stream_errors:
        why = "Twilio could not open the media stream, and gave no code for it"
    elif facts.end_reason in (Reason.STREAM_LOST, Reason.AUTH_FAILED):
        why = "the media stream ended before it had begun; Twilio did not say why"
    else:
        return _gone_before_the_stream(facts)
    return Found(Cause.STREAM_NEVER_STARTED, told(f"{opening(facts)} because {why}", facts), party)


def _gone_before_the_stream(facts: Facts) -> Found | None:
    waited = _waited_for_the_stream(facts)
    if waited < NOTICED_MS:
        return None
    why = "Twilio never opened the media stream, and did not say why"
    said = f"The caller heard nothing for {span(waited)} and hung up because {why}."
    return Found(Cause.STREAM_NEVER_STARTED, said, Party.NOBODY)


def hung_up_early(facts: Facts) -> Found | None:
    """The caller was gone before there could be a stream."""
    left = facts.end_reason == Reason.CALLER_HANGUP and facts.was_promised and not facts.has_stream
    if not left or facts.stream_errors or _waited_for_the_stream(facts) >= NOTICED_MS:
        return None
    return Found(Cause.HUNG_UP_EARLY, "The caller hung up before Twilio had opened the media stream.")


def _waited_for_the_stream(facts: Facts) -> int:
    answered = facts.first("twiml") or facts.first("webhook")
    return (facts.ended_ms or 0) - (answered.at_ms if answered else 0)


def wrong_stream(facts: Facts) -> Found | None:
    event = facts.first("wrong_stream_format")
    if event is None:
        return None
    why = f"Twilio sent sound as {event.text('encoding') or 'something unknown'}, which cannot be used"
    return Found(Cause.WRONG_AUDIO_FORMAT, told(f"{opening(facts)} because {why}", facts))
