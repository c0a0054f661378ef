"""What the domain needs of the world outside, said once when the process starts.

Who is dialed when a business names nobody stands in the settings, and an emergency is rung, and its other rings ended,
without waiting for the worker: a tool can know none of it, so the entry floor lends it here. Until then nobody is
dialed and nothing is rung.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class NotPlaced(Exception):
    """The call was surely not placed. `is_permanent` when trying again cannot help."""

    def __init__(self, code: str, text: str = "", *, is_permanent: bool = False) -> None:
        super().__init__(text or code)
        self.code = code
        self.is_permanent = is_permanent


class Unclear(Exception):
    """No answer came: the call may have been placed or not, and only a look can tell."""


class Telephone(Protocol):
    """Rings people. Each function raises NotPlaced or Unclear."""

    def ring_callback(self, *, attempt_id: int, number: str, shown: str) -> str:
        """Place the call of an attempt; its CallSid."""

    def ring_alert(self, *, alert_id: int, number: str, shown: str) -> str:
        """Ring a person about an emergency; its CallSid."""

    def calls_to(self, *, number: str, shown: str) -> list["PlacedCall"]:
        """The newest calls from one number of ours to a number, newest first."""

    def end_ring(self, *, call_sid: str, words: str) -> bool:
        """Stop a telephone that rings; who has picked up hears the words instead, and is hung up on. Never raises:
        False when it could not be done."""

    def status_of(self, *, call_sid: str) -> str:
        """Twilio's word for how a call stands: queued, ringing, in-progress, completed, busy, no-answer, failed…"""

    def look_up(self, *, call_sid: str) -> "PlacedCall":
        """How a call stands at Twilio; NotPlaced where Twilio knows of none."""


class PlacedCall(Protocol):
    @property
    def call_sid(self) -> str: ...
    @property
    def created_at(self) -> datetime | None: ...
    @property
    def status(self) -> str: ...
    @property
    def ended_at(self) -> datetime | None: ...


def _nobody() -> str:
    return ""


def _no_page(call_id: int) -> str:
    return ""


def _later(emergency_id: int) -> None:
    """The worker rings, since nobody in this process can."""


def _rings_on(emergency_id: int) -> None:
    """Whoever picks up is told that it is taken."""


_default_number: Callable[[], str] = _nobody
_page_of_call: Callable[[int], str] = _no_page
_escalate: Callable[[int], None] = _later
_stop_ringing: Callable[[int], None] = _rings_on


def configure(
    *,
    default_number: Callable[[], str] = _nobody,
    page_of_call: Callable[[int], str] = _no_page,
    escalate: Callable[[int], None] = _later,
    stop_ringing: Callable[[int], None] = _rings_on,
) -> None:
    """Lend the domain the number of the settings, the pages of calls, and the ways to ring and end rings at once."""
    global _default_number, _page_of_call, _escalate, _stop_ringing
    _default_number, _page_of_call, _escalate, _stop_ringing = default_number, page_of_call, escalate, stop_ringing


def default_number() -> str:
    """The telephone that rings when a business names none; blank when the settings name none either."""
    return _default_number()


def page_of_call(call_id: int) -> str:
    """The address at which the staff sees a call; blank when this server has no address that people could open."""
    return _page_of_call(call_id)


def escalate_at_once(emergency_id: int) -> None:
    """Ask for an emergency to be rung now, in another thread; returns immediately."""
    _escalate(emergency_id)


def stop_ringing_at_once(emergency_id: int) -> None:
    """Ask for the rings of an emergency that somebody has taken to be ended now; returns immediately."""
    _stop_ringing(emergency_id)
