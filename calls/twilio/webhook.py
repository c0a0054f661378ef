"""The forms that Twilio posts, as values. Every field but CallSid may be missing.

https://www.twilio.com/docs/voice/twiml#request-parameters
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_SID = 64
MAX_TEXT = 500

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Malformed(ValueError):
    """The form is not one of Twilio's voice forms."""


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """The form of every request for TwiML; the other forms of a call carry the same fields and more."""

    call_sid: str
    account_sid: str
    from_number: str
    to_number: str
    forwarded_from: str
    is_outbound: bool
    call_status: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What Twilio adds when it asks the fallback address: what failed, and the last part of the address that failed."""

    error_code: str
    address: str


@dataclass(frozen=True, slots=True)
class DialOutcome:
    """`is_bridged`: whether the two have spoken; None where Twilio does not say."""

    result: str
    seconds: int | None
    is_bridged: bool | None = None

    @property
    def has_spoken(self) -> bool:
        """Whether the caller and the person dialed have talked, as far as Twilio says."""
        return self.result == "completed" and self.is_bridged is not False and bool(self.seconds)


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody we rang has picked up (no digits) or pressed keys."""

    call_sid: str
    digits: str


@dataclass(frozen=True, slots=True)
class MachineDetection:
    call_sid: str
    answered_by: str


@dataclass(frozen=True, slots=True)
class MessageStatus:
    message_sid: str
    status: str
    error_code: str


@dataclass(frozen=True, slots=True)
class StatusChange:
    call_sid: str
    call_status: str
    sequence: int | None
    seconds: int | None


@dataclass(frozen=True, slots=True)
class StreamStatus:
    call_sid: str
    stream_sid: str
    event: str
    error: str


@dataclass(frozen=True, slots=True)
class Recording:
    """From the action of `<Record>` (no status then) or from the recording's status callback."""

    call_sid: str
    recording_sid: str
    url: str
    seconds: int | None
    status: str


def incoming_call(form: Mapping[str, str]) -> IncomingCall:
    return IncomingCall(
        call_sid=_call_sid(form),
        account_sid=_text(form, "AccountSid", MAX_SID),
        from_number=_text(form, "From", MAX_SID),
        to_number=_text(form, "To", MAX_SID) or _text(form, "Called", MAX_SID),
        forwarded_from=_text(form, "ForwardedFrom", MAX_SID),
        is_outbound=_text(form, "Direction").startswith("outbound"),
        call_status=_text(form, "CallStatus").lower(),
    )


def failure(form: Mapping[str, str]) -> Failure | None:
    """What failed, if this request goes to a fallback address; only those carry ErrorCode or ErrorUrl."""
    code, url = _text(form, "ErrorCode", MAX_SID), form.get("ErrorUrl", "")
    if not code and not url:
        return None
    return Failure(error_code=code, address=_last_part(url))


def dial_outcome(form: Mapping[str, str]) -> DialOutcome:
    return DialOutcome(
        result=_text(form, "DialCallStatus", 20).lower(),
        seconds=_count(form, "DialCallDuration"),
        is_bridged={"true": True, "false": False}.get(_text(form, "DialBridged", 5).lower()),
    )


def pressed(form: Mapping[str, str]) -> Pressed:
    return Pressed(call_sid=_call_sid(form), digits=_text(form, "Digits", 20))


def machine_detection(form: Mapping[str, str]) -> MachineDetection:
    return MachineDetection(call_sid=_call_sid(form), answered_by=_text(form, "AnsweredBy", 30).lower())


def message_status(form: Mapping[str, str]) -> MessageStatus:
    """A text message has no CallSid; its own Sid stands in MessageSid, and in SmsSid of old."""
    message_sid = _text(form, "MessageSid", MAX_SID) or _text(form, "SmsSid", MAX_SID)
    if not message_sid:
        raise Malformed("a MessageSid is missing")
    return MessageStatus(
        message_sid=message_sid,
        status=_text(form, "MessageStatus", 20).lower(),
        error_code=_text(form, "ErrorCode", 10),
    )


def row_id(query: Mapping[str, str], name: str) -> int | None:
    """The row that an address of ours names in its query."""
    return _count(query, name)


def status_change(form: Mapping[str, str]) -> StatusChange:
    return StatusChange(
        call_sid=_call_sid(form),
        call_status=_text(form, "CallStatus").lower(),
        sequence=_count(form, "SequenceNumber"),
        seconds=_count(form, "CallDuration"),
    )


def stream_status(form: Mapping[str, str]) -> StreamStatus:
    return StreamStatus(
        call_sid=_call_sid(form),
        stream_sid=_text(form, "StreamSid", MAX_SID),
        event=_text(form, "StreamEvent", 20).lower(),
        error=_text(form, "StreamError"),
    )


def recording(form: Mapping[str, str]) -> Recording:
    url = _text(form, "RecordingUrl", MAX_TEXT + 1)
    return Recording(
        call_sid=_call_sid(form),
        recording_sid=_text(form, "RecordingSid", MAX_SID),
        url=url if url.startswith(("https://", "http://")) and len(url) <= MAX_TEXT else "",
        seconds=_count(form, "RecordingDuration"),
        status=_text(form, "RecordingStatus", 20).lower(),
    )


def _call_sid(form: Mapping[str, str]) -> str:
    call_sid = form.get("CallSid", "")
    if not call_sid or len(call_sid) > MAX_SID or _CONTROL.search(call_sid):
        raise Malformed("a CallSid of 1 to 64 printable characters is missing")
    return call_sid


def _text(form: Mapping[str, str], name: str, limit: int = MAX_TEXT) -> str:
    return _CONTROL.sub("", form.get(name, "")).strip()[:limit]


def _count(form: Mapping[str, str], name: str) -> int | None:
    """A count as Twilio writes it; None for a missing one and for the -1 of a length that is not known yet."""
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None


def _last_part(url: str) -> str:
    try:
        return _CONTROL.sub("", urlsplit(url).path.rstrip("/").rpartition("/")[2])[:MAX_SID]
    except ValueError:
        return ""
