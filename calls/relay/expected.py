"""The streams that this process has told Twilio to open a moment ago: they go first at the door.

Everything else that says `start` is looked up in one thread of its own. It may be genuine, where another process has
answered the webhook; but a thousand strangers must not stand before a caller in the pool of the webhooks.
"""

import hmac
import time
from collections import OrderedDict

KEPT_SECONDS = 60.0
COMING_SECONDS = 3.0  # Twilio opens a stream as soon as it has read of it
MOST = 1000

_tokens: OrderedDict[str, tuple[str, float]] = OrderedDict()


def expect(call_sid: str, token: str) -> None:
    """A stream of this call will bring this token."""
    _tokens[call_sid] = token, time.monotonic()
    _tokens.move_to_end(call_sid)
    while len(_tokens) > MOST:
        _tokens.popitem(last=False)


def arrived(call_sid: str) -> None:
    """Its stream is here: one more is nobody's that was announced."""
    _tokens.pop(call_sid, None)


def coming() -> int:
    """How many streams were announced just now and are not here yet."""
    since = time.monotonic() - COMING_SECONDS
    return sum(at >= since for _, at in [*_tokens.values()])


def is_expected(call_sid: str, token: str) -> bool:
    """Says nothing about the right to get in: that is for the row of the call to know."""
    known, at = _tokens.get(call_sid, ("", 0.0))
    return (
        bool(known)
        and time.monotonic() - at <= KEPT_SECONDS
        and hmac.compare_digest(known.encode(), token.encode("utf-8", "surrogatepass"))
    )
