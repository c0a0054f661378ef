"""The say/do check: what the agent claimed to have done, held against the rows that would have to be there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from calls.models import Booking, Call, OutgoingEmail, Turn

_WE = r"(?:i|we)(?:'ve| have)?"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the agent, and what it claims to be there."""

    what: str
    pattern: re.Pattern[str]


def _claim(what: str, *patterns: str) -> Claim:
    return Claim(what, re.compile("|".join(patterns), re.IGNORECASE))


BOOKING = _claim(
    "a booking",
    r"\byou(?:'re| are) (?:now |all )?(?:booked|scheduled|set for|down for)\b",
    rf"\b{_WE} (?:just |now )?(?:booked|scheduled) (?:you|it|that|the|your)\b",
    r"\b(?:appointment|visit|it) (?:is|has been) (?:now )?(?:booked|confirmed|scheduled)\b",
)
QUOTE = _claim(
    "a quote by e-mail",
    rf"\b{_WE} (?:just |now )?(?:e-?mailed|sent) (?:you )?(?:the|your|a|that) quote\b",
    r"\bquote (?:is on its way|has been (?:sent|e-?mailed)|is in your inbox)\b",
)
CALLBACK = _claim(
    "a callback",
    r"\b(?:we|someone|somebody|he|she|they|a \w+)(?:'ll| will) (?:call|ring|phone) you back\b",
    r"\byou(?:'ll| will) (?:get|receive) a call back\b",
)


def unbacked_claims(*, call: Call) -> list[str]:
    """What the agent claimed in a call and no row bears out, in words for the owner."""
    said = [turn.text for turn in call.turns.all() if turn.role == Turn.Role.AGENT and turn.text]
    backed = {
        BOOKING: call.bookings.exists() or _has_open_booking(call),
        QUOTE: OutgoingEmail.objects.filter(call=call, purpose="quote").exists(),
        CALLBACK: call.callbacks.exists() or call.messages.exists() or hasattr(call, "emergency"),
    }
    return [claim.what for claim, is_backed in backed.items() if not is_backed and _is_said(claim, said)]


def _has_open_booking(call: Call) -> bool:
    """A returning caller is told of a booking that an earlier call has made, or that this one has moved."""
    is_open = (Booking.Status.BOOKED, Booking.Status.CONFIRMED)
    mine = Booking.objects.filter(business=call.business_id, customer__number=call.other_number, status__in=is_open)
    return bool(call.other_number) and mine.exists()


def _is_said(claim: Claim, texts: Iterable[str]) -> bool:
    return any(claim.pattern.search(_plain(text)) for text in texts)


def _plain(text: str) -> str:
    return text.replace("’", "'")
