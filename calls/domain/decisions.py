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
    """A person's telephone rings. A blank `caller_id` shows the caller's own number."""

    number: str
    caller_id: str = ""
    business: str = ""
    apologize: bool = True


@dataclass(frozen=True, slots=True)
class Voicemail:
    business: str = ""


@dataclass(frozen=True, slots=True)
class Thanks:
    """The message was recorded: a last word, then the end."""


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


Decision = Answer | HandOver | Voicemail | Thanks | HangUp
