"""What REST is asked with and what it answers: the forms, read strictly, and the JSON, in the vendor's shape."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from calls.emulators.phone_leg import API_VERSION, new_sid
from calls.emulators.twilio_call import Order, Record

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
LONGEST_TWIML = 4000
LONGEST_BODY = 1600
RING_SECONDS = 60
EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
CALL_FIELDS = frozenset(
    {
        "To",
        "From",
        "Url",
        "Method",
        "Twiml",
        "FallbackUrl",
        "FallbackMethod",
        "StatusCallback",
        "StatusCallbackMethod",
        "StatusCallbackEvent",
        "Timeout",
        "TimeLimit",
        "SendDigits",
        "CallerId",
        "MachineDetection",
        "MachineDetectionTimeout",
        "AsyncAmd",
        "AsyncAmdStatusCallback",
        "AsyncAmdStatusCallbackMethod",
    }
)
CHANGE_FIELDS = frozenset({"Url", "Method", "Twiml", "Status", "StatusCallback", "StatusCallbackMethod", "TimeLimit"})
MESSAGE_FIELDS = frozenset({"To", "From", "Body", "StatusCallback", "MessagingServiceSid"})


class Refused(Exception):
    """An error answer of the vendor."""

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status

    def body(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": str(self),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class Change:
    url: str
    method: str
    twiml: str
    status: str


@dataclass(frozen=True, slots=True)
class SentMessage:
    to: str
    sender: str
    body: str
    status_url: str
    status: str = "queued"
    error_code: int | None = None
    sid: str = field(default_factory=lambda: new_sid("SM"))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def order_of(pairs: Sequence[tuple[str, str]], numbers: Sequence[str] | None) -> Order:
    """The form of POST Calls; raises Refused with the code that the vendor has for it."""
    fields = known(pairs, CALL_FIELDS, repeated={"StatusCallbackEvent"})
    to, sender = fields.get("To", ""), fields.get("From", "")
    if not to:
        raise Refused(21201, "No 'To' number is specified")
    if not sender:
        raise Refused(21213, "'From' phone number is required")
    if not E164.fullmatch(to):
        raise Refused(21211, f"Invalid 'To' Phone Number: {to}")
    if numbers is not None and sender not in numbers:
        raise Refused(21210, f"'From' phone number not verified: {sender}")
    url, twiml = fields.get("Url", ""), fields.get("Twiml", "")
    if url or not twiml:
        _demand_url(url, 21205)
        twiml = ""  # with both, the vendor ignores the document
    _demand_short(twiml)
    if status_url := fields.get("StatusCallback", ""):
        _demand_url(status_url, 21609)
    return Order(
        to=to,
        from_number=sender,
        url=url,
        method=fields.get("Method", "POST"),
        twiml=twiml,
        status_url=status_url,
        status_events=_events(pairs),
        timeout_seconds=_seconds(fields.get("Timeout", str(RING_SECONDS))),
        machine_url=_machine_url(fields),
    )


def call_change(pairs: Sequence[tuple[str, str]]) -> Change:
    """The form of POST Calls/{sid}."""
    fields = known(pairs, CHANGE_FIELDS)
    change = Change(
        fields.get("Url", ""), fields.get("Method", "POST"), fields.get("Twiml", ""), fields.get("Status", "")
    )
    if change.status not in {"", "completed", "canceled"}:
        raise Refused(21218, f"Invalid Status {change.status!r}")
    if change.url:
        _demand_url(change.url, 21205)
    elif not change.twiml and not change.status:
        raise Refused(21205, "Url parameter is required")
    _demand_short(change.twiml)
    return change


def message_order(pairs: Sequence[tuple[str, str]], numbers: Sequence[str] | None) -> SentMessage:
    """The form of POST Messages."""
    fields = known(pairs, MESSAGE_FIELDS)
    to, sender, body = fields.get("To", ""), fields.get("From", ""), fields.get("Body", "")
    if not to:
        raise Refused(21604, "A 'To' phone number is required.")
    if not sender:
        raise Refused(21603, "A 'From' phone number is required.")
    if not E164.fullmatch(to):
        raise Refused(21211, f"Invalid 'To' Phone Number: {to}")
    if numbers is not None and sender not in numbers:
        raise Refused(21606, f"The 'From' phone number provided ({sender}) is not a valid number of this account.")
    if not body:
        raise Refused(21602, "Message body is required.")
    if len(body) > LONGEST_BODY:
        raise Refused(21617, f"The concatenated message body exceeds the {LONGEST_BODY} character limit.")
    return SentMessage(to, sender, body, fields.get("StatusCallback", ""))


def as_call(account_sid: str, record: Record) -> dict[str, Any]:
    uri = f"/{API_VERSION}/Accounts/{account_sid}/Calls/{record.sid}"
    ended, started = record.ended_at, record.started_at
    seconds = str(round((ended - started).total_seconds())) if ended and started else None
    return {
        "sid": record.sid,
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "to": record.order.to,
        "to_formatted": record.order.to,
        "from": record.order.from_number,
        "from_formatted": record.order.from_number,
        "status": record.status,
        "direction": "outbound-api",
        "answered_by": record.answered_by,
        "date_created": _date(record.created_at),
        "date_updated": _date(ended or record.created_at),
        "start_time": _date(started),
        "end_time": _date(ended),
        "duration": seconds,
        "price": None,
        "price_unit": "USD",
        "parent_call_sid": None,
        "phone_number_sid": None,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0",
        "trunk_sid": None,
        "uri": f"{uri}.json",
        "subresource_uris": {"recordings": f"{uri}/Recordings.json"},
    }


def sent_since(message: SentMessage, moment: str) -> bool:
    """`moment` as the vendor's own client writes it, cut to the second; blank is any."""
    try:
        return not moment or message.created_at >= datetime.fromisoformat(moment)
    except ValueError:
        raise Refused(20001, f"Invalid DateSent {moment!r}") from None


def as_message(account_sid: str, message: SentMessage) -> dict[str, Any]:
    return {
        "sid": message.sid,
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "to": message.to,
        "from": message.sender,
        "body": message.body,
        "status": message.status,
        "direction": "outbound-api",
        "num_segments": "1",
        "num_media": "0",
        "error_code": message.error_code,
        "error_message": f"Error {message.error_code}" if message.error_code else None,
        "date_created": _date(message.created_at),
        "date_updated": _date(message.created_at),
        "date_sent": None if message.status == "queued" else _date(message.created_at),
        "price": None,
        "price_unit": None,
        "messaging_service_sid": None,
        "uri": f"/{API_VERSION}/Accounts/{account_sid}/Messages/{message.sid}.json",
        "subresource_uris": {},
    }


_RESOURCES = {
    "calls": "Calls",
    "messages": "Messages",
    "incoming_phone_numbers": "IncomingPhoneNumbers",
    "outgoing_caller_ids": "OutgoingCallerIds",
}


def as_page(account_sid: str, name: str, rows: Sequence[Mapping[str, Any]], size: int) -> dict[str, Any]:
    uri = f"/{API_VERSION}/Accounts/{account_sid}/{_RESOURCES[name]}.json?PageSize={size}&Page=0"
    return {
        name: list(rows),
        "page": 0,
        "page_size": size,
        "start": 0,
        "end": max(0, len(rows) - 1),
        "uri": uri,
        "first_page_uri": uri,
        "next_page_uri": None,
        "previous_page_uri": None,
    }


def known(pairs: Sequence[tuple[str, str]], names: frozenset[str], repeated: set[str] | None = None) -> dict[str, str]:
    """The fields of a form; raises Refused for one that the vendor does not have, or that is there twice."""
    seen: dict[str, str] = {}
    for name, value in pairs:
        if name not in names:
            raise Refused(20001, f"unknown parameter {name}")
        if name in seen and name not in (repeated or set()):
            raise Refused(20001, f"{name} is given twice")
        seen[name] = value
    return seen


def _events(pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    events = tuple(value for name, value in pairs if name == "StatusCallbackEvent")
    if unknown := set(events) - EVENTS:
        raise Refused(21626, f"Invalid StatusCallbackEvent {min(unknown)!r}")
    return events or ("completed",)


def _machine_url(fields: Mapping[str, str]) -> str:
    kind, url = fields.get("MachineDetection", ""), fields.get("AsyncAmdStatusCallback", "")
    if kind not in {"", "Enable", "DetectMessageEnd"}:
        raise Refused(21240, f"Invalid MachineDetection {kind!r}")
    if url and (not kind or fields.get("AsyncAmd") != "true"):
        raise Refused(21240, "AsyncAmdStatusCallback needs MachineDetection and AsyncAmd=true")
    if url:
        _demand_url(url, 21609)
    return url


def _demand_url(url: str, code: int) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise Refused(code, f"Url is not a valid URL: {url}" if url else "Url parameter is required")


def _demand_short(twiml: str) -> None:
    if len(twiml) > LONGEST_TWIML:
        raise Refused(20001, f"Twiml has more than {LONGEST_TWIML} characters")


def _seconds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 600:
        raise Refused(20001, f"Invalid Timeout {text!r}")
    return int(text)


def _date(moment: datetime | None) -> str | None:
    return format_datetime(moment) if moment else None
