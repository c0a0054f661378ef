"""What a caller is told when the database cannot be asked: from the form, and from what this process remembers."""

from collections import OrderedDict
from datetime import datetime

from calls.domain.decisions import Decision, HandOver, HangUp, Thanks, Voicemail
from calls.domain.handover import OPEN_FOR, dialable, is_same_number

MAX_REMEMBERED = 1000


class Apology:
    """Decides without records, and remembers whom it sent to a person, so that a forwarded leg is not sent again."""

    def __init__(self) -> None:
        self._sent: OrderedDict[str, datetime] = OrderedDict()
        self._callers: dict[str, str] = {}

    def decide(
        self,
        *,
        failed_address: str,
        call_sid: str,
        from_number: str,
        to_number: str,
        forwarded_from: str,
        is_over: bool,
        default_number: str,
        now: datetime,
    ) -> Decision:
        if failed_address == "recording":
            return Thanks()
        if is_over:
            return HangUp()
        number = dialable(default_number)
        is_ours = is_same_number(number, to_number)
        is_back = any(is_same_number(number, other) for other in (from_number, forwarded_from))
        if not number or is_ours or is_back or failed_address == "dial-done":
            return Voicemail()
        if self._was_sent(call_sid=call_sid, caller=from_number, now=now):
            return Voicemail()
        self._remember(call_sid=call_sid, caller=from_number, now=now)
        return HandOver(number=number, caller_id="" if dialable(from_number) else dialable(to_number))

    def _was_sent(self, *, call_sid: str, caller: str, now: datetime) -> bool:
        """Whether another call of this caller's was sent to a person a moment ago."""
        return any(
            sid != call_sid and self._callers[sid] == caller and now - at <= OPEN_FOR for sid, at in self._sent.items()
        )

    def _remember(self, *, call_sid: str, caller: str, now: datetime) -> None:
        self._sent[call_sid], self._callers[call_sid] = now, caller
        while len(self._sent) > MAX_REMEMBERED:
            oldest, _ = self._sent.popitem(last=False)
            del self._callers[oldest]
