"""What the domain is told of a call by a request for TwiML, and what it decides; the views turn that into TwiML."""

from dataclasses import dataclass
from typing import Protocol


class Leg(Protocol):
    """What every request for TwiML says of its call (twilio.webhook.IncomingCall)."""

    @property
    def call_sid(self) -> str: ...
    @property
    def account_sid(self) -> str: ...
    @property
    def from_number(self) -> str: ...
    @property
    def to_number(self) -> str: ...
    @property
    def forwarded_from(self) -> str: ...
    @property
    def is_outbound(self) -> bool: ...
    @property
    def call_status(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The agent answers: open a stream, with a token made of the nonce."""

    call_sid: str
    nonce: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """A person's telephone rings because no agent can help. A blank `caller_id` shows the caller's own number."""

    number: str
    caller_id: str = ""
    business: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A person's telephone rings because the caller wants it, or because it always rings first.

    `is_announced`: who picks up hears what it is about and must press 1. `is_first`: the call has not been answered
    yet, and the caller goes on hearing it ring.
    """

    call_sid: str
    number: str
    caller_id: str = ""
    is_announced: bool = True
    is_first: bool = False
    seconds: int = 20


@dataclass(frozen=True, slots=True)
class Announce:
    """To whoever was rung: the words, then a key is waited for."""

    words: str


@dataclass(frozen=True, slots=True)
class Connect:
    """To whoever has pressed 1: the words, then the two are connected, or nothing more where nobody waits."""

    words: str


@dataclass(frozen=True, slots=True)
class Busy:
    """The call is refused before it is answered: it is our own dial that was forwarded back."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The caller is blocked: the words, then the end."""

    words: str


@dataclass(frozen=True, slots=True)
class Voicemail:
    business: str = ""


@dataclass(frozen=True, slots=True)
class Thanks:
    """The message was recorded: a last word, then the end."""


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


Whisper = Announce | Connect | HangUp
Decision = Answer | HandOver | Transfer | Busy | Refuse | Voicemail | Thanks | HangUp
