"""The REST calls we need: place, redirect, end and look up a call, send and look up a text message; and what an account
says of itself: its numbers and where their calls lead, who may be rung on trial, which text messages did not arrive.

Each has a time limit, and what goes wrong is one of four things that call for different steps afterwards:

    Failed
    ├── NotSent     Twilio was not reached: nothing was done
    ├── Refused     Twilio has answered no, with its code: nothing was done
    │   ├── TooMany     too many requests: the same one may be made later
    │   └── Over        the call has ended, or never was
    └── Unclear     no answer that can be trusted: it may have been done or not

Creating is not idempotent at Twilio, so nothing here tries twice.
https://www.twilio.com/docs/voice/api/call-resource
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

TIME_LIMIT_SECONDS = 8.0  # for the connection, and again for the answer
LONGEST_TWIML = 4000
LONGEST_BODY = 1600
NEWEST = 50

MOST_NUMBERS = 1000
MOST_MESSAGES = 200
UNDELIVERED = {"undelivered", "failed"}

TOO_MANY, NOT_FOUND, NOT_IN_PROGRESS, BAD_KEY = 20429, 20404, 21220, 20003
NOT_ACTIVE = 20005
EVENTS = ["initiated", "ringing", "answered", "completed"]


class Failed(Exception):
    """Twilio did not do what it was asked for. `code` is Twilio's own, 0 where it gave none."""

    def __init__(self, text: str, *, code: int = 0, status: int = 0) -> None:
        super().__init__(text)
        self.code = code
        self.status = status


class NotSent(Failed):
    """The request never reached Twilio."""


class Unclear(Failed):
    """Whether it was done can only be looked up."""


class Refused(Failed):
    """Twilio has answered no."""


class TooMany(Refused):
    """The same request may be made again later."""


class Over(Refused):
    """The call has ended, or never was."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A call as Twilio lists it."""

    call_sid: str
    status: str
    created_at: datetime | None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """`status` is active, suspended or closed."""

    status: str
    is_trial: bool


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the account and the fields of its voice configuration, as they stand at Twilio; "" is empty.

    While `application_sid` or `trunk_sid` is set, Twilio asks none of the addresses.
    """

    sid: str
    number: str
    voice_url: str = ""
    voice_method: str = ""
    fallback_url: str = ""
    fallback_method: str = ""
    status_url: str = ""
    status_method: str = ""
    application_sid: str = ""
    trunk_sid: str = ""
    takes_calls: bool = True


class Client:
    """Twilio's REST interface for one account; `base_url` may be that of an emulator.

    `seconds` may pass for the connection, and again for the answer.
    """

    def __init__(
        self, *, account_sid: str, auth_token: str, base_url: str = "", seconds: float = TIME_LIMIT_SECONDS
    ) -> None:
        from twilio.http.http_client import TwilioHttpClient  # noqa: PLC0415 - the package takes half a second to load
        from twilio.rest import Client as TwilioClient  # noqa: PLC0415

        http = TwilioHttpClient(timeout=seconds)
        self._client = TwilioClient(account_sid, auth_token, http_client=http)
        if base_url:
            self._client.api.base_url = base_url.rstrip("/")
        self._http = http

    def close(self) -> None:
        """Let go of the connections; one that is in use ends with its answer."""
        if self._http.session:
            self._http.session.close()

    def place_call(
        self,
        *,
        to: str,
        shown: str,
        url: str,
        status_url: str,
        ring_seconds: int,
        fallback_url: str = "",
        machine_url: str = "",
    ) -> str:
        """Ring `to`, showing our number; Twilio asks `url` what to do when it is answered. Returns the CallSid.

        With `machine_url` Twilio listens beside the call whether a machine has picked up, and tells it there.
        """
        more: dict[str, Any] = {"fallback_url": fallback_url} if fallback_url else {}
        if machine_url:
            more |= {
                "machine_detection": "DetectMessageEnd",
                "async_amd": "true",  # else the callee hears nothing until the verdict, some seconds
                "async_amd_status_callback": machine_url,
            }
        with _typed():
            call = self._client.calls.create(
                to=to,
                from_=shown,
                url=url,
                status_callback=status_url,
                status_callback_event=EVENTS,
                timeout=ring_seconds,
                **more,
            )
        return call.sid

    def redirect_call(self, call_sid: str, *, twiml: str) -> None:
        """Let a live call go on with another document; what it was doing ends. Raises Over when it is not live."""
        if len(twiml) > LONGEST_TWIML:
            raise ValueError(f"Twilio takes {LONGEST_TWIML} characters of TwiML, not {len(twiml)}")
        with _typed():
            self._client.calls(call_sid).update(twiml=twiml)

    def end_call(self, call_sid: str) -> None:
        """Hang up, or stop it ringing. Raises Over when there is nothing to end."""
        with _typed():
            self._client.calls(call_sid).update(status="completed")

    def fetch_call(self, call_sid: str) -> Placed:
        with _typed():
            return _placed(self._client.calls(call_sid).fetch())

    def calls_to(self, *, to: str, shown: str) -> list[Placed]:
        """The newest calls from our number to another, newest first; also those that have not begun yet.

        Not by StartTime: a call that is still queued has none, and that is the one that must not be overlooked.
        """
        with _typed():
            return [_placed(call) for call in self._client.calls.list(to=to, from_=shown, limit=NEWEST)]

    def send_message(self, *, to: str, sender: str, body: str, status_url: str) -> str:
        """Send a text message; its MessageSid."""
        with _typed():
            message = self._client.messages.create(
                to=to, from_=sender, body=body[:LONGEST_BODY], status_callback=status_url
            )
        return message.sid

    def find_message(self, *, to: str, sender: str, body: str, since: datetime) -> str | None:
        """The MessageSid of a message that left `since` then with these words; None when none has."""
        with _typed():
            found = self._client.messages.list(to=to, from_=sender, date_sent_after=since, limit=NEWEST)
        return next((message.sid for message in found if message.body == body[:LONGEST_BODY]), None)

    def account(self) -> Account:
        with _typed():
            found = self._client.api.accounts(self._client.account_sid).fetch()
        return Account(status=found.status or "", is_trial=found.type == "Trial")

    def numbers(self, number: str = "") -> list[Number]:
        """All numbers of the account, or the one in E.164."""
        wanted = {"phone_number": number} if number else {}
        with _looked_up():
            return [_number(one) for one in self._client.incoming_phone_numbers.list(**wanted, limit=MOST_NUMBERS)]

    def configure_number(self, sid: str, fields: Mapping[str, str]) -> Number:
        """Set these fields of Number, and no other; the number as it then stands at Twilio."""
        with _typed():
            return _number(self._client.incoming_phone_numbers(sid).update(**{_NAMES[n]: v for n, v in fields.items()}))

    def verified_numbers(self) -> set[str]:
        """Whom a trial account may ring and write to."""
        with _looked_up():
            return {one.phone_number or "" for one in self._client.outgoing_caller_ids.list(limit=MOST_NUMBERS)}

    def undelivered(self, *, sender: str, since: datetime) -> Counter[int]:
        """How many text messages of the newest since then did not arrive, by Twilio's code of the reason."""
        with _looked_up():
            found = self._client.messages.list(from_=sender, date_sent_after=since, limit=MOST_MESSAGES)
        return Counter(message.error_code or 0 for message in found if message.status in UNDELIVERED)


_NAMES = {
    "voice_url": "voice_url",
    "voice_method": "voice_method",
    "fallback_url": "voice_fallback_url",
    "fallback_method": "voice_fallback_method",
    "status_url": "status_callback",
    "status_method": "status_callback_method",
    "application_sid": "voice_application_sid",
}


def _number(found: Any) -> Number:
    fields = {name: getattr(found, theirs) or "" for name, theirs in _NAMES.items()}
    capable = found.capabilities if isinstance(found.capabilities, dict) else {}
    takes_calls = bool(capable.get("voice", True))
    return Number(found.sid, found.phone_number, **fields, trunk_sid=found.trunk_sid or "", takes_calls=takes_calls)


def _placed(call: Any) -> Placed:
    return Placed(
        call_sid=call.sid, status=call.status or "", created_at=call.date_created, ended_at=call.end_time or None
    )


@contextmanager
def _typed() -> Iterator[None]:
    """What the twilio and requests packages raise, as one of ours."""
    import requests  # noqa: PLC0415 - part of the twilio package's tree, loaded with it
    from twilio.base.exceptions import TwilioException, TwilioRestException  # noqa: PLC0415

    try:
        yield
    except TwilioRestException as error:
        raise _answered(error.status, error.code or 0, error.msg) from error
    except requests.exceptions.ConnectTimeout as error:
        raise NotSent("Twilio was not reached in time") from error
    except requests.exceptions.ConnectionError as error:
        raise _disconnected(error) from error
    except requests.exceptions.RequestException as error:
        raise Unclear(f"no answer from Twilio ({type(error).__name__})") from error
    except (TwilioException, ValueError) as error:
        raise Unclear(f"an answer that cannot be read ({type(error).__name__})") from error


@contextmanager
def _looked_up() -> Iterator[None]:
    """As _typed; and a list that was refused is told from one that broke off, which the twilio package does not.

    Not where a call or message is searched that may have been made: a search that was refused leaves that unclear.
    """
    try:
        with _typed():
            yield
    except Unclear as error:
        answer = next((part for part in getattr(error.__cause__, "args", ()) if hasattr(part, "status_code")), None)
        if answer is None:
            raise
        raise _answered(answer.status_code, *_code_and_text(answer.text)) from error


def _code_and_text(body: str) -> tuple[int, str]:
    try:
        fields = json.loads(body)
    except ValueError:
        fields = {}
    found = fields if isinstance(fields, dict) else {}
    code, text = found.get("code"), found.get("message")
    return code if isinstance(code, int) else 0, text if isinstance(text, str) else "no reason given"


_BY_CODE: Mapping[int, type[Refused]] = {TOO_MANY: TooMany, NOT_FOUND: Over, NOT_IN_PROGRESS: Over}


def _answered(status: int, code: int, text: str) -> Failed:
    text = f"Twilio answered {status}, code {code}: {text}"[:300]
    if status >= 500:
        return Unclear(text, code=code, status=status)
    kind = TooMany if status == 429 else _BY_CODE.get(code, Refused)
    return kind(text, code=code, status=status)


def _disconnected(error: Exception) -> Failed:
    """A connection that was never made has carried nothing; one that broke may have."""
    from requests.exceptions import ProxyError, SSLError  # noqa: PLC0415
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError  # noqa: PLC0415

    cause = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(error, ProxyError | SSLError) or isinstance(cause, NewConnectionError | ConnectTimeoutError):
        return NotSent(f"Twilio was not reached ({type(cause or error).__name__})")
    return Unclear("the connection to Twilio broke before its answer")
