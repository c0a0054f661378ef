"""One leg of a call as Twilio's webhooks describe it, and the requests made on its behalf."""

import asyncio
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal
from urllib.parse import quote

from calls.emulators.phone_http import Answer, Client, Failure, Road, Signer
from calls.emulators.phone_line import Line
from calls.emulators.phone_options import SURELY_FINISHED_MS, Callee, Faults, Voicemail
from calls.emulators.phone_result import Exchange

API_VERSION = "2010-04-01"
HEADERS = {"User-Agent": "TwilioProxy/1.1", "Accept": "*/*", "X-Home-Region": "us1"}
PARTIES = ("From", "To", "Caller", "Called")

Direction = Literal["inbound", "outbound-dial", "outbound-api"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """What is entered for the telephone number in Twilio's console."""

    voice: str = "/twilio/voice"
    fallback: str = "/twilio/fallback"
    status: str = "/twilio/status"
    bin: str = ""  # the text of a TwiML Bin that stands in the field of the fallback instead of an address of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """All that the legs of one call share."""

    road: Road
    signer: Signer
    account_sid: str
    number: Number
    faults: Faults
    callee: Callee
    voicemail: Voicemail
    webhook_seconds: float
    patience_ms: int
    scripted: bool
    surely_finished_ms: int = SURELY_FINISHED_MS


@dataclass(slots=True, kw_only=True)
class Leg:
    """The numbers and the state of one leg; sends its requests and keeps their record."""

    setup: Setup
    line: Line
    group: asyncio.TaskGroup
    from_number: str
    to_number: str
    direction: Direction = "inbound"
    parent_sid: str = ""
    forwarded_from: str = ""
    hops: int = 0
    answered_ms: float | None = None
    errands: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def call_sid(self) -> str:
        return self.line.result.call_sid

    @property
    def status(self) -> str:
        return self.line.result.status

    def answer(self) -> None:
        """An answering verb was reached; until then the caller hears it ring."""
        if self.answered_ms is None:
            self.answered_ms = self.line.now_ms
            self.line.result.status = "in-progress"

    def fields(self) -> dict[str, str]:
        """What every request of the leg carries; blank values stay, because they are signed."""
        numbers = dict(zip(PARTIES, (self.from_number, self.to_number) * 2, strict=True))
        fields = {
            "CallSid": self.call_sid,
            "AccountSid": self.setup.account_sid,
            "ApiVersion": API_VERSION,
            "Direction": self.direction,
            "CallStatus": self.status,
            **numbers,
        }
        for party, number in numbers.items():
            place = ("LOS ANGELES", "CA", "90001", "US") if number.startswith("+1") else ("", "", "", "")
            # Twilio knows where an own number was bought only by country.
            city, state, code, country = place if party in {"From", "Caller"} else ("", "", "", place[3])
            fields |= {
                f"{party}City": city,
                f"{party}State": state,
                f"{party}Zip": code,
                f"{party}Country": country,
            }
        if self.direction == "inbound":
            fields |= {"StirVerstat": "TN-Validation-Passed-A", "CallToken": _call_token(self.call_sid)}
        if self.parent_sid:
            fields["ParentCallSid"] = self.parent_sid
        if self.forwarded_from:
            fields["ForwardedFrom"] = self.forwarded_from
        return fields | dict(self.setup.faults.extra_fields)

    async def request(
        self, purpose: str, method: str, url: str, extra: Mapping[str, str], *, token: str | None = None
    ) -> Answer:
        """Send one signed request and log it; raises Failure."""
        fields = self.fields() | dict(extra)
        client = Client(self.setup.road, self.setup.signer, self.setup.webhook_seconds)
        headers = HEADERS | {"I-Twilio-Idempotency-Token": token or str(uuid.uuid4())}
        at_ms, began = self.line.now_ms, time.monotonic()
        answer: Answer | None = None
        try:
            answer = await client.send(method, url, fields, headers, sign=self.setup.faults.signature)
            return answer
        except Failure as failure:
            answer = failure.answer
            raise
        finally:
            self._log(purpose, method, url, fields, answer, at_ms, (time.monotonic() - began) * 1000)

    def errand(self, purpose: str, method: str, url: str, extra: Mapping[str, str]) -> None:
        """Post a status callback beside the call; its failure is noted and changes nothing."""
        self.errands.append(self.group.create_task(self._run_errand(purpose, method, url, dict(extra))))

    async def _run_errand(self, purpose: str, method: str, url: str, extra: Mapping[str, str]) -> None:
        try:
            await self.request(purpose, method, url, extra)
        except Failure as failure:
            self.line.blame(f"{failure} ({purpose})")

    def _log(
        self,
        purpose: str,
        method: str,
        url: str,
        fields: dict[str, str],
        answer: Answer | None,
        at_ms: float,
        took_ms: float,
    ) -> None:
        status, kind, body = (answer.status, answer.content_type, answer.text) if answer else (0, "", "")
        exchange = Exchange(purpose, method, url, fields, status, kind, body, at_ms, took_ms)
        self.line.result.http.append(exchange)
        self.line.tell("webhook", f"{method} {url} → {status or 'no answer'}")

    def report_stream(self, callback: tuple[str, str], stream_sid: str, name: str, event: str, error: str) -> None:
        """Post the stream's own status callback."""
        method, url = callback
        if not url:
            return
        extra = {
            "StreamSid": stream_sid,
            "StreamName": name or stream_sid,
            "StreamEvent": event,
            "Timestamp": nanosecond_timestamp(),
        }
        if error:
            extra["StreamError"] = error
        self.errand(event, method, url, extra)

    def completed_fields(self) -> dict[str, str]:
        """What the number's status callback adds at the end."""
        since = self.answered_ms
        seconds = 0 if since is None else max(1, round((self.line.now_ms - since) / 1000))
        return {
            "Timestamp": format_datetime(datetime.now(UTC)),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": "0",
            "CallDuration": str(seconds),
            "Duration": str(-(-seconds // 60)),
            "SipResponseCode": "200",
        }


def nanosecond_timestamp() -> str:
    """ISO 8601 with nine digits, as captured."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def new_sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


def _call_token(call_sid: str) -> str:
    return quote(json.dumps({"parentCallInfoToken": call_sid[::-1], "identityHeaderTokens": []}))
