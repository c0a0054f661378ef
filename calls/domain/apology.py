"""What a caller is told when the database cannot be asked: from the form, and from what this process remembers."""

from collections import OrderedDict
from datetime import datetime

from calls.domain.decisions import Decision, HandOver, HangUp, Refuse, Thanks, Voicemail
from calls.domain.handover import OPEN_FOR, dialable, is_same_number
from calls.domain.screening import WORDS_FOR_BLOCKED
from calls.domain.snapshot import Snapshot

MAX_REMEMBERED = 1000


class Apology:
    """Decides without records, and remembers whom it sent to a person, so that a forwarded leg is not sent again."""

    def __init__(self) -> None:
        self._sent: OrderedDict[str, tuple[set[str], datetime]] = OrderedDict()

    def decide(
        self,
        *,
        failed_address: str,
        call_sid: str,
        from_number: str,
        to_number: str,
        forwarded_from: str,
        is_outbound: bool = False,
        is_over: bool,
        snapshot: Snapshot,
        default_number: str,
        now: datetime,
    ) -> Decision:
        if failed_address == "recording":
            return Thanks()
        if is_over:
            return HangUp()
        ours, other = (from_number, to_number) if is_outbound else (to_number, from_number)
        line = snapshot.line(ours)
        if not is_outbound and dialable(from_number) in line.blocked:
            return Refuse(WORDS_FOR_BLOCKED)
        business = line.business
        number = snapshot.person(called=ours, default_number=default_number)
        is_ours = is_same_number(number, to_number)
        is_back = any(is_same_number(number, text) for text in (from_number, forwarded_from))
        if not number or is_ours or is_back or failed_address == "dial-done":
            return Voicemail(business=business)
        if self._was_sent(call_sid=call_sid, caller=other, now=now):
            return Voicemail(business=business)
        shown = dialable(ours) if is_outbound or not dialable(other) else ""
        self._remember(call_sid=call_sid, shown={other, shown or other}, now=now)
        return HandOver(number=number, caller_id=shown, business=business)

    def _was_sent(self, *, call_sid: str, caller: str, now: datetime) -> bool:
        """Whether another call that shows this caller's number was sent to a person a moment ago."""
        return any(
            sid != call_sid and caller in shown and now - at <= OPEN_FOR for sid, (shown, at) in self._sent.items()
        )

    def _remember(self, *, call_sid: str, shown: set[str], now: datetime) -> None:
        self._sent[call_sid] = shown, now
        while len(self._sent) > MAX_REMEMBERED:
            self._sent.popitem(last=False)
